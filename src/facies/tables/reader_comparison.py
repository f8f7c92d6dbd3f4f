"""Models against readers: how well each did, how far they are apart, and how far readings agree."""

from __future__ import annotations

from facies.tables.columns import CI, MODEL, NOTE, TARGET, N, id_column, number
from facies.tables.schema import Column, Table

CONDITION = Column("target_condition", "text", "the disease, such as acromegaly")
RATER = Column("rater", "text", "a model_id, a reader_id, 'all readers' or a level of expertise")
METRIC = Column("metric", "category", "what is compared", levels=("auc", "sensitivity", "specificity", "mae"))
RULE = Column("rule", "text", "how the model's threshold was fixed; none for an AUC, call for readers' own calls")
N_CASES = Column("n_cases", "integer", "of them with the condition", minimum=0)
N_READERS = Column("n_readers", "integer", "readers behind the number", minimum=0)

READER_LEVELS = Table(
    "reader_levels",
    ("reader_id",),
    (
        id_column("reader_id", "the person who reads"),
        Column("level", "text", "expertise, such as resident, specialist or expert"),
    ),
    "the user",
)

READER_PERFORMANCE = Table(
    "reader_performance",
    ("rater", "target_condition", "metric", "rule"),
    (
        RATER,
        Column("kind", "category", "what the rater is; panel: the mean of several readers", levels=("model", "reader", "panel")),
        Column("level", "text", "expertise of the reader or the panel", nullable=True),
        CONDITION,
        METRIC,
        RULE,
        number("value", "the estimate"),
        *CI,
        N,
        N_CASES,
        N_READERS,
        Column("method", "text", "how the interval was made", nullable=True),
        NOTE,
    ),
    "evaluation",
)

READER_COMPARISON = Table(
    "reader_comparison",
    ("comparison", "target_condition", "metric", "rule", "method"),
    (
        Column("comparison", "text", "'a minus b': a model and readers, two levels of readers, or aided and unaided reading"),
        CONDITION,
        METRIC,
        RULE,
        Column("method", "text", "1T-RRRC holds for other readers and cases; the readers-only t test for these cases alone"),
        number("estimate", "the difference"),
        number("std_error", "of the difference", minimum=0),
        number("statistic", "t, or z where there are no degrees of freedom; McNemar's has none"),
        number("df", "degrees of freedom; missing for a z test", minimum=0),
        number("p_value", "two-sided", minimum=0, maximum=1),
        *CI,
        number("margin", "the largest loss that was said beforehand not to matter", minimum=0),
        number("p_non_inferior", "one-sided, of a loss of the margin or more", minimum=0, maximum=1),
        N,
        N_CASES,
        N_READERS,
        NOTE,
    ),
    "evaluation",
)

AGREEMENT_STATISTICS = (
    "bias", "lower_limit", "upper_limit", "sd", "sd_cases", "sd_readers", "sd_residual", "equivalence_index", "mae_less_reader",
)  # fmt: skip
"""Limits of agreement and their parts, the individual equivalence index, and the error beyond a reader's, both against other readers."""

READER_AGREEMENT = Table(
    "reader_agreement",
    ("model_id", "target", "between", "statistic"),
    (
        MODEL,
        TARGET,
        Column("between", "category", "whose readings", levels=("model and reader", "two readers")),
        Column("statistic", "category", "model minus reader; the equivalence index in squared years", levels=AGREEMENT_STATISTICS),
        number("value", "the estimate", "years for perceived_age"),
        *CI,
        number("margin", "below which the equivalence index is to lie", minimum=0),
        number("p_value", "one-sided, of the index being the margin or more; two-sided for mae_less_reader", minimum=0, maximum=1),
        N,
        N_READERS,
        Column("n_readings", "integer", "readings behind the number; a reader's repeats are one", minimum=0),
        Column("method", "text", "how the interval was made", nullable=True),
    ),
    "evaluation",
)

READER_STUDY_SIZES = Table(
    "reader_study_sizes",
    ("comparison", "target_condition", "n_readers"),
    (
        Column("comparison", "text", "'a minus b', such as a model and all readers"),
        CONDITION,
        Column("n_readers", "integer", "readers that are planned", minimum=2),
        Column("n", "integer", "participants that are planned, with the condition and without at the pilot's mix", minimum=4),
        number("power", "to find the difference, or that the model is not inferior", minimum=0, maximum=1),
        Column("reached", "boolean", "whether the wanted power is reached; if not, n is the most that could be had"),
        number("difference", "true difference of the AUCs that is planned for"),
        number("margin", "for non-inferiority: the largest loss that would not matter", minimum=0),
        number("std_error", "of the difference that such a study would find", minimum=0),
        number("df", "degrees of freedom of its test", minimum=0),
        Column("pilot_readers", "integer", "readers in the pilot", minimum=2),
        Column("pilot_n", "integer", "participants in the pilot", minimum=0),
    ),
    "evaluation",
)
