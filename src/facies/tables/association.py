"""What perceived age is associated with."""

from __future__ import annotations

from facies.tables.columns import ADJUSTMENT, CI, COVARIATES, EXPOSURE, FAMILY, N_EVENTS, NOTE, OUTCOME, PARTICIPANT, PER, SCALE, N, number
from facies.tables.schema import Column, Table

_COMPUTED = Column("computed", "text", "the computed perceived age that is set beside the human one, such as hog+ridge")

ASSOCIATIONS = Table(
    "associations",
    ("exposure", "outcome", "adjustment", "analysis"),
    (
        EXPOSURE,
        OUTCOME,
        ADJUSTMENT,
        Column(
            "analysis",
            "text",
            "complete_case; multiple_imputation; sex=female and such: the effect within one level of sex; sex_interaction: the difference "
            "(or ratio) between two levels",
        ),
        COVARIATES,
        FAMILY,
        PER,
        N,
        N_EVENTS,
        number("estimate", "difference in means, or a ratio of odds, hazards or rates"),
        SCALE,
        number("std_error", "of the coefficient (of the logarithm of a ratio)"),
        *CI,
        number("p_value", "two-sided; Wald, for Firth's regression by the penalised likelihood ratio"),
        number("q_value", "Benjamini-Hochberg within the family of tests"),
        number("p_holm", "Holm within the family of tests"),
        number("p_bonferroni", "Bonferroni within the family of tests"),
        Column("test_family", "text", "the tests that are adjusted together; empty where the row is no test of an effect", nullable=True),
        number(
            "e_value", "how strong an unmeasured confounder must be to explain the estimate away (VanderWeele & Ding 2017)", required=False
        ),
        number("e_value_limit", "the same for the end of the interval that is nearer to no effect", required=False),
        NOTE,
    ),
    "association",
)

ASSOCIATION_STEPS = Table(
    "association_steps",
    ("exposure", "outcome", "adjustment", "step"),
    (
        EXPOSURE,
        OUTCOME,
        ADJUSTMENT,
        Column(
            "step", "category", "in this order", levels=("given", "with outcome", "with exposure", "complete cases", "after imputation")
        ),
        Column("n", "integer", "participants who are left", minimum=0),
        Column("n_events", "integer", "of them with the outcome", nullable=True, minimum=0),
    ),
    "association",
)

ASSOCIATION_CURVES = Table(
    "association_curves",
    ("exposure", "outcome", "adjustment", "at"),
    (
        EXPOSURE,
        OUTCOME,
        ADJUSTMENT,
        number("at", "value of the exposure", "years for perceived_age", nullable=False),
        number("reference", "value of the exposure that the others are compared with: the median", nullable=False),
        number("estimate", "difference or ratio against the reference, by a natural cubic spline"),
        *CI,
        SCALE,
        number("p_nonlinear", "of the spline against a straight line, Wald"),
        N,
        NOTE,
    ),
    "association",
)

COMPARISONS = Table(
    "comparisons",
    ("role", "variable", "adjustment", "computed"),
    (
        Column(
            "role", "category", "exposure: perceived age on an outcome; outcome: a trait such as a gene score on perceived age",
            levels=("exposure", "outcome"),
        ),
        Column("variable", "text", "the outcome, or the trait"),
        ADJUSTMENT,
        _COMPUTED,
        COVARIATES,
        FAMILY,
        SCALE,
        number("per", "units of the exposure that the coefficients are for", nullable=False),
        N,
        N_EVENTS,
        number("coef_human", "coefficient with the human perceived age (the logarithm of a ratio)"),
        number("coef_computed", "coefficient with the computed one, same people"),
        number("difference", "coef_computed - coef_human"),
        number("std_error", "of the difference, by stacked estimating equations"),
        number("ci_low", "lower end of the interval of the difference, by stacked estimating equations"),
        number("ci_high", "upper end of the same"),
        number("p_value", "of no difference, two-sided"),
        number("bootstrap_std_error", "of the difference, by drawing participants"),
        number("bootstrap_low", "lower end of the interval of the difference, by drawing participants"),
        number("bootstrap_high", "upper end of the same"),
        number("margin", "largest difference that counts as none, on the coefficient's scale; from study.toml", minimum=0),
        number("p_equivalence", "the larger p-value of the two one-sided tests against the margin"),
        Column(
            "verdict", "category", "by the two one-sided tests at 5 % and the 95 % interval of the difference",
            levels=("equivalent", "different", "equivalent and different", "undecided", "no margin", "no estimate"),
        ),
        number("ratio", "coef_computed / coef_human"),
        number("ratio_low", "lower end of its interval (Fieller); empty where the interval is unbounded"),
        number("ratio_high", "upper end of the same"),
        number("slope_computed_on_human", "given the covariates: what an effect on perceived age is multiplied by"),
        number("slope_human_on_computed", "given the covariates: what an effect of perceived age is multiplied by"),
        number("expected", "coef_human times the slope that belongs to the role: what attenuation alone lets expect"),
        number("difference_from_expected", "coef_computed - expected"),
        number("difference_from_expected_low", "lower end of its interval, by drawing participants"),
        number("difference_from_expected_high", "upper end of the same"),
        number("reliability", "share of the human perceived age's variance, given the covariates, that is not reading noise"),
        number("corrected_human", "coef_human corrected for reading noise; only noise in an exposure biases"),
        number("corrected_computed", "coef_computed over the slope that belongs to the role: on the scale of the human one"),
        number("corrected_computed_low", "lower end of its interval, by drawing participants"),
        number("corrected_computed_high", "upper end of the same"),
        NOTE,
    ),
    "association",
)  # fmt: skip

PROXY_ESTIMATES = Table(
    "proxy_estimates",
    ("exposure", "outcome", "adjustment", "computed", "estimator"),
    (
        EXPOSURE,
        OUTCOME,
        ADJUSTMENT,
        _COMPUTED,
        Column(
            "estimator", "category",
            "labelled_only: people with human readings; naive: the computed perceived age taken for the human one in everybody; "
            "ppi: prediction-powered inference (PPI++)",
            levels=("labelled_only", "naive", "ppi"),
        ),
        Column("family", "category", "the regression", levels=("linear", "logistic")),
        SCALE,
        PER,
        Column("n_labelled", "integer", "participants with human readings", minimum=0),
        Column("n_unlabelled", "integer", "participants without", minimum=0),
        number("estimate", "difference in means, or odds ratio"),
        number("std_error", "of the coefficient"),
        *CI,
        number("p_value", "two-sided, Wald"),
        number("tuning", "weight of the computed part, 0 (unused) to 1", minimum=0, maximum=1),
        number("n_effective", "labelled participants that would give the same standard error without the computed perceived age"),
        NOTE,
    ),
    "association",
)  # fmt: skip

AGE_GAPS = Table(
    "age_gaps",
    ("participant_id", "source"),
    (
        PARTICIPANT,
        Column("source", "text", "panel or a model_id"),
        number("age", "as the cohort recorded it", "years"),
        number("perceived_age", "human or computed", "years"),
        number("gap", "perceived_age - age", "years"),
        number("gap_linear", "gap less what a line in age, fitted on the other folds, expects", "years"),
        number("gap_spline", "gap less what a natural cubic spline in age, fitted on the other folds, expects", "years"),
    ),
    "association",
)

AGE_GAP_SUMMARIES = Table(
    "age_gap_summaries",
    ("source", "correction"),
    (
        Column("source", "text", "panel or a model_id"),
        Column("correction", "category", "of the gap for age", levels=("none", "linear", "spline")),
        N,
        number("mean", "of the gap", "years"),
        number("sd", "of the gap", "years"),
        number("mae", "mean absolute gap", "years"),
        number("r_age", "correlation of the gap with age"),
        number("ci_low", "lower end of the interval of r_age, by drawing participants"),
        number("ci_high", "upper end of the same"),
        number("slope_age", "years of gap a year of age"),
        Column("warning", "text", "what not to conclude", nullable=True),
    ),
    "association",
)

PREFLIGHT = Table(
    "preflight",
    ("participant_id",),
    (
        PARTICIPANT,
        Column("in_participants", "boolean", "whether the participants' table knows the person"),
        Column("photographed", "boolean", "whether there is a photograph that can be used"),
        Column("human", "boolean", "whether there is a human perceived age"),
        Column("computed", "boolean", "whether there is a computed perceived age"),
        Column("outcomes", "boolean", "whether the outcomes' table has the person"),
        Column("genotyped", "boolean", "whether the genotypes have the person"),
        Column("complete", "boolean", "whether the person is in everything that the study asks for"),
        Column("reason", "text", "the first thing that is lacking, and the likely cause", nullable=True),
    ),
    "association",
)
