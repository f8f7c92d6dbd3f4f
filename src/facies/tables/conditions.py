"""Recognising a disease in the face: who has it, what models say, how good that is, and where they look."""

from __future__ import annotations

from facies.tables.columns import CI, FACE, MODEL, NOTE, PARTICIPANT, TARGET, N, id_column, number
from facies.tables.schema import Column, Table

REGIONS = ("forehead", "glabella", "periorbital", "nose", "malar", "nasolabial", "perioral", "chin", "jawline", "background")
"""Parts of the face; ``glabella`` holds both brows, ``background`` all that is not face: hair, neck, clothes, wall."""

ROLES = ("case", "clinic_control", "public_negative")
"""case: has a target condition; clinic_control: has none and was photographed where the cases were; public_negative: from a public set."""

CONTROL = "control"
"""The diagnosis of people who have none of the target conditions."""

VERDICTS = ("no sign", "suspect", "confounded", "undetermined")
"""What the checks for source confounding come to; undetermined: too few people, or a model that tells nothing."""

CONDITION = Column("target_condition", "text", "the disease, such as acromegaly")
SESSION = id_column("session_id", "the visit", nullable=True)
REPEAT = Column("repeat", "integer", "which of the repeated assignments to folds, from 0", minimum=0)
FOLD = Column("fold", "integer", "the fold that was left out; -1 for a model fitted on all", minimum=-1)
OBSERVED = number("observed", "1 with the condition, 0 without; missing where it is not known", minimum=0, maximum=1)
N_CASES = Column("n_cases", "integer", "of them with the condition", minimum=0)
AGAINST = Column("against", "text", "whom cases are compared with: all, same_source, public, or source=NAME; cases: grades among them")
REGION = Column("region", "category", "part of the face", levels=REGIONS)
RULE = Column("rule", "text", "how the threshold was fixed: youden, sensitivity=0.9, specificity=0.9, cost=5, or none")
METHOD = Column("method", "category", "how regions were scored", levels=("occlusion", "integrated_gradients", "grad_cam"))

DIAGNOSES = Table(
    "diagnoses",
    ("participant_id", "session_id"),
    (
        PARTICIPANT,
        id_column("session_id", "the visit; left out where a person has one", required=False, nullable=True),
        Column("diagnosis", "text", "a target condition of study.toml, or control"),
        number("severity", "how marked the disease is, in grades from 0", required=False, minimum=0),
        Column("reference", "text", "how the diagnosis was made, such as 'IGF-1 and glucose load'", required=False, nullable=True),
        Column("treated_on", "date", "day of the treatment, such as surgery", required=False, nullable=True),
    ),
    "the user",
)  # fmt: skip

CONDITION_PEOPLE = Table(
    "condition_people",
    ("participant_id",),
    (
        PARTICIPANT,
        Column("diagnosis", "text", "a target condition, or control"),
        Column("role", "category", "why the person is in the study", levels=ROLES),
        Column("source", "text", "where the photographs come from"),
        id_column("session_id", "the visit that is learnt from: the first", nullable=True),
        number("severity", "grade of the disease", minimum=0),
        number("weight", "what the person counts in training: 1, or by matching; 0 is left out", minimum=0, nullable=False),
    ),
    "people",
)

CONDITION_SPLITS = Table(
    "condition_splits",
    ("participant_id", "repeat"),
    (PARTICIPANT, REPEAT, Column("fold", "integer", "the fold in which the person is predicted; -1 in no fold", minimum=-1)),
    "people",
)

CONDITION_FACE_SCORES = Table(
    "condition_face_scores",
    ("face_id", "model_id", "target_condition", "repeat"),
    (
        FACE,
        MODEL,
        CONDITION,
        REPEAT,
        FOLD,
        number("score", "log-odds of the condition at the study's own mix of people", nullable=False),
        number("probability", "the same as a probability, calibrated on inner folds", minimum=0, maximum=1, nullable=False),
        Column("warning", "text", "why the number deserves doubt", required=False, nullable=True),
    ),
    "models",
)

CONDITION_SCORES = Table(
    "condition_scores",
    ("participant_id", "session_id", "model_id", "target_condition", "repeat"),
    (
        PARTICIPANT,
        SESSION,
        MODEL,
        CONDITION,
        REPEAT,
        FOLD,
        Column("n_photographs", "integer", "photographs of the session that were averaged, all views", minimum=1),
        number("score", "log-odds at the study's own mix of people, mean over the photographs", nullable=False),
        number("probability", "the same as a probability", minimum=0, maximum=1, nullable=False),
        OBSERVED,
        Column("learnt_from", "boolean", "whether the session is the one that models are fitted on and judged by"),
    ),
    "models",
)

CONDITION_CLASSES = Table(
    "condition_classes",
    ("participant_id", "model_id", "repeat", "diagnosis"),
    (
        PARTICIPANT,
        MODEL,
        REPEAT,
        FOLD,
        Column("diagnosis", "text", "a target condition, or control"),
        number("probability", "of this diagnosis among all, by one model of all", minimum=0, maximum=1, nullable=False),
        Column("observed", "text", "the diagnosis by the reference", nullable=True),
    ),
    "models",
)

OPERATING_POINTS = Table(
    "operating_points",
    ("model_id", "target_condition", "rule", "repeat", "fold"),
    (
        MODEL,
        CONDITION,
        RULE,
        REPEAT,
        FOLD,
        number("threshold", "people whose score is at least this are called positive; fixed on inner folds", nullable=False),
    ),
    "models",
)

CONDITION_METRICS = Table(
    "condition_metrics",
    ("system", "target_condition", "against", "subgroup", "rule", "metric"),
    (
        Column("system", "text", "a model_id, demographics (age, sex, BMI alone), or 'a minus b'"),
        CONDITION,
        AGAINST,
        Column("subgroup", "text", "all, or column=level such as sex=female"),
        RULE,
        Column(
            "metric",
            "text",
            "auc, auc_balanced, pr_auc, sensitivity, specificity, accuracy, majority_class_rate, brier, calibration_slope, "
            "severity_mae, ...",
        ),
        number("value", "the estimate"),
        *CI,
        N,
        N_CASES,
        Column("method", "text", "how the interval was made", nullable=True),
    ),
    "evaluation",
)

ROC_POINTS = Table(
    "roc_points",
    ("model_id", "target_condition", "against", "false_positive_rate"),
    (
        MODEL,
        CONDITION,
        AGAINST,
        number("false_positive_rate", "1 - specificity", minimum=0, maximum=1, nullable=False),
        number("sensitivity", "share of cases called positive there", minimum=0, maximum=1, nullable=False),
        *CI,
    ),
    "evaluation",
)

PREVALENCE_CURVES = Table(
    "prevalence_curves",
    ("model_id", "target_condition", "rule", "prevalence"),
    (
        MODEL,
        CONDITION,
        RULE,
        number("prevalence", "share of people with the condition among those tested", minimum=0, maximum=1, nullable=False),
        Column("asked", "boolean", "whether study.toml gives this prevalence"),
        number("ppv", "share with the condition among those called positive", minimum=0, maximum=1),
        number("ppv_low", "lower end of its interval"),
        number("ppv_high", "upper end of the same"),
        number("npv", "share without among those called negative", minimum=0, maximum=1),
        number("npv_low", "lower end of its interval"),
        number("npv_high", "upper end of the same"),
        number("true_positives", "of 1,000 people tested"),
        number("false_positives", "of 1,000 people tested"),
        number("false_negatives", "of 1,000 people tested"),
        number("true_negatives", "of 1,000 people tested"),
    ),
    "evaluation",
)

DECISION_CURVES = Table(
    "decision_curves",
    ("model_id", "target_condition", "prevalence", "threshold"),
    (
        MODEL,
        CONDITION,
        number("prevalence", "to which probabilities and weights were brought", minimum=0, maximum=1, nullable=False),
        number("threshold", "probability from which one would act", minimum=0, maximum=1, nullable=False),
        number("net_benefit", "of acting on the model"),
        *CI,
        number("treat_all", "net benefit of acting on everybody"),
    ),
    "evaluation",
)

CALIBRATION_CURVES = Table(
    "calibration_curves",
    ("model_id", "target_condition", "bin"),
    (
        MODEL,
        CONDITION,
        Column("bin", "integer", "from the lowest predicted probability", minimum=0),
        number("predicted", "mean predicted probability", minimum=0, maximum=1),
        number("observed", "share with the condition", minimum=0, maximum=1),
        *CI,
        N,
    ),
    "evaluation",
)

CONFUSIONS = Table(
    "confusions",
    ("model_id", "observed", "predicted"),
    (
        MODEL,
        Column("observed", "text", "the diagnosis by the reference"),
        Column("predicted", "text", "the most probable diagnosis"),
        number("n", "participants, mean over the repeats", minimum=0, nullable=False),
        number("share", "of those with this observed diagnosis", minimum=0, maximum=1),
    ),
    "evaluation",
)

CONFOUNDING_PROBES = Table(
    "confounding_probes",
    ("model_id", "target_condition", "probe"),
    (
        MODEL,
        CONDITION,
        Column(
            "probe", "text",
            "background, border, metadata, blurred: what is told without the face, or by a blur; source_of_negatives; model_all, "
            "model_same_source, model_without_source=NAME; demographics, demographics_and_model, model_beyond_demographics. "
            "@same_source: among cases and controls that share a source",
        ),
        number("auc", "of telling cases from others, or sources from each other; model_beyond_demographics: the difference", maximum=1),
        *CI,
        number("p_value", "of chance: by dealing the measures out to other people; of model_beyond_demographics: of no difference"),
        N,
        N_CASES,
        Column(
            "finding", "category", "what this probe alone says; headline: it decides only which AUC is shown first",
            levels=("none", "headline", "suspect", "undetermined", "confounded", "not possible"),
        ),
        NOTE,
    ),
    "confounding",
)  # fmt: skip

CONFOUNDING_VERDICTS = Table(
    "confounding_verdicts",
    ("model_id", "target_condition"),
    (
        MODEL,
        CONDITION,
        Column("verdict", "category", "by the stated rule", levels=VERDICTS),
        Column("reasons", "text", "the findings that led to it", nullable=True),
        Column("headline", "category", "the AUC that the report leads with", levels=("all", "same_source", "withheld")),
    ),
    "confounding",
)

REGION_SCORES = Table(
    "region_scores",
    ("face_id", "model_id", "target", "region", "method"),
    (
        FACE,
        MODEL,
        TARGET,
        REGION,
        METHOD,
        number("attribution", "share of the total attribution, 0 to 1"),
        number("area", "share of the crop, 0 to 1"),
    ),
    "saliency",
)

REGION_SHARES = Table(
    "region_shares",
    ("model_id", "target_condition", "method", "people", "region"),
    (
        MODEL,
        CONDITION,
        METHOD,
        Column(
            "people", "category", "over whom the mean is taken", levels=("cases", "others", "cases_found", "cases_missed", "false_alarms")
        ),
        REGION,
        number("share", "mean share of the total attribution", minimum=0, maximum=1),
        *CI,
        number("area", "mean share of the crop", minimum=0, maximum=1),
        number("enrichment", "share over area; 1 is what chance gives"),
        N,
    ),
    "saliency",
)

SALIENCY_CHECKS = Table(
    "saliency_checks",
    ("model_id", "target_condition", "method", "check"),
    (
        MODEL,
        CONDITION,
        METHOD,
        Column(
            "check", "category", "deletion, insertion: area under the curve against a random order; randomised: likeness to the shares "
            "of a model with random weights; background: its share",
            levels=("deletion", "insertion", "deletion_random", "insertion_random", "randomised", "background"),
        ),
        number("value", "the estimate"),
        *CI,
        N,
        Column("alarm", "boolean", "whether the map should not be believed"),
        NOTE,
    ),
    "saliency",
)  # fmt: skip

REGION_OVERLAPS = Table(
    "region_overlaps",
    ("model_id", "target_condition", "method", "measure"),
    (
        MODEL,
        CONDITION,
        METHOD,
        Column("measure", "category", "likeness to the regions that readers marked", levels=("rank_correlation", "dice")),
        number("value", "the estimate"),
        *CI,
        number("p_value", "of no more likeness than with regions permuted", minimum=0, maximum=1),
        N,
        NOTE,
    ),
    "saliency",
)

SESSION_SCORES = Table(
    "session_scores",
    ("participant_id", "session_id", "model_id", "target_condition"),
    (
        PARTICIPANT,
        SESSION,
        MODEL,
        CONDITION,
        number("days", "since the person's first session; missing without dates", "days"),
        number("days_from_treatment", "since the treatment of this condition; negative before it", "days"),
        Column("n_photographs", "integer", "photographs averaged", minimum=1),
        number("score", "log-odds by models that never saw the person, mean over the repeats", nullable=False),
        number("std_error", "of the score, from the spread between photographs of one session", minimum=0),
        *CI,
    ),
    "follow_up",
)

SCORE_CHANGES = Table(
    "score_changes",
    ("participant_id", "session_id", "model_id", "target_condition"),
    (
        PARTICIPANT,
        SESSION,
        MODEL,
        CONDITION,
        number("change", "score less that of the person's first session", nullable=False),
        number("std_error", "of the change; with what visits add where that is known", minimum=0),
        *CI,
        number("smallest_detectable", "change that error alone exceeds in 5 % of people", minimum=0),
        Column("verdict", "category", "of the change", levels=("lower", "higher", "within error", "no error known")),
    ),
    "follow_up",
)

TEST_RETEST = Table(
    "test_retest",
    ("model_id", "target_condition"),
    (
        MODEL,
        CONDITION,
        Column("n_sessions", "integer", "sessions with repeat photographs", minimum=0),
        Column("n_photographs", "integer", "photographs in them", minimum=0),
        N,
        number("sd_within", "standard deviation between photographs of one session", minimum=0),
        number("sd_within_low", "lower end of its interval"),
        number("sd_within_high", "upper end of the same"),
        number("sd_visits", "further standard deviation between visits of people who do not change; missing where unknown", minimum=0),
        number("smallest_detectable", "change between two single photographs that error alone exceeds in 5 % of people", minimum=0),
        number("icc", "share of the variance between people that is not error between photographs, one session a person", maximum=1),
        number("icc_low", "lower end of its interval", maximum=1),
        number("icc_high", "upper end of the same", maximum=1),
        NOTE,
    ),
    "follow_up",
)

TRAJECTORY_EDGES = (0, 90, 180, 365, 730, 1095, 1825, 3650, 7300, 14600)
"""Days after treatment that bound the intervals of a trajectory; each holds its upper end."""

TRAJECTORIES = Table(
    "trajectories",
    ("model_id", "target_condition", "days_from_treatment"),
    (
        MODEL,
        CONDITION,
        number("days_from_treatment", "middle of the interval of time", "days", nullable=False),
        number("mean", "of the change since the last session before treatment"),
        *CI,
        N,
    ),
    "follow_up",
)

FACE_MEASURES = Table(
    "face_measures",
    ("face_id",),
    (
        FACE,
        number("skin_tone_angle", "individual typology angle of cheek skin, from the photograph: a crude measure", "degrees"),
        Column(
            "skin_tone_group", "category", "by that angle (Chardin 1991, Del Bino 2013)", nullable=True,
            levels=("very_light", "light", "intermediate", "tan", "brown", "dark"),
        ),
    ),
    "measures",
)  # fmt: skip

NEGATIVE_MATCHES = Table(
    "negative_matches",
    ("participant_id",),
    (
        PARTICIPANT,
        Column("source", "text", "where the photographs come from"),
        Column("used", "boolean", "whether the person is learnt from"),
        Column(
            "reason", "category", "why not", nullable=True,
            levels=("near_duplicate_of_study", "near_duplicate_of_negative", "not_matched", "no_usable_photograph", "no_age", "no_sex"),
        ),
        number("weight", "what the person counts in training", minimum=0, nullable=False),
    ),
    "people",
)  # fmt: skip

BALANCE = Table(
    "balance",
    ("target_condition", "measure"),
    (
        CONDITION,
        Column("measure", "text", "age, share female, sharpness, ..."),
        number("cases", "mean or share in cases"),
        number("others_before", "in the others, as they came"),
        number("others_after", "in the others, matched or weighted"),
        number("difference_before", "standardised difference, cases less others"),
        number("difference_after", "the same after matching or weighting"),
    ),
    "people",
)
