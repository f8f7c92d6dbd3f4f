"""Ways to learn side by side, and whether pretraining helped."""

from __future__ import annotations

from facies.tables.columns import ADJUSTMENT, CI, MODEL, N_EVENTS, NOTE, PER, SCALE, N, id_column, number
from facies.tables.schema import Column, Table

WAYS_TO_LEARN = ("classical", "dft", "ssl", "finetuned")
"""Ways to learn: features that were never trained; a network trained elsewhere, weights unchanged (deep feature transfer); a network
pretrained on this cohort without labels; a network adapted to the target."""

_WAY = Column("way", "category", "how the features were learnt", levels=WAYS_TO_LEARN)

LEARNING_WAYS = Table(
    "learning_ways",
    ("model_id",),
    (
        _WAY,
        MODEL,
        Column("n", "integer", "participants with a reference; 0 where the way was left out", minimum=0),
        number("mae", "mean absolute error", "years", minimum=0),
        number("mae_low", "lower end of its interval, by drawing participants"),
        number("mae_high", "upper end of the same"),
        number("label_noise_floor", "MAE that a perfect model would have against this reference", "years", minimum=0),
        number("mae_predicting_the_mean", "MAE of giving everybody the mean of the other folds", "years", minimum=0),
        number("slope", "predicted on reference"),
        number("slope_low", "lower end of its interval"),
        number("slope_high", "upper end of the same"),
        number("r", "correlation of predicted and reference"),
        number("r_low", "lower end of its interval"),
        number("r_high", "upper end of the same"),
        NOTE,
    ),
    "learning",
)

LEARNING_PAIRS = Table(
    "learning_pairs",
    ("model_id", "against", "metric"),
    (
        MODEL,
        id_column("against", "the model that it is compared with"),
        Column("metric", "category", "what differs", levels=("mae", "rmse", "r", "slope", "bias")),
        Column("n", "integer", "participants whom every model predicted", minimum=0),
        number("difference", "model_id minus against; for mae and rmse a negative one says that model_id errs less"),
        number("std_error", "of the difference, by drawing participants", minimum=0),
        number("ci_low", "lower end of the interval of this difference alone"),
        number("ci_high", "upper end of the same"),
        number("simultaneous_low", "lower end of the interval that holds for all pairs of this metric together"),
        number("simultaneous_high", "upper end of the same"),
        number(
            "p_adjusted", "of no difference, adjusted for all pairs of this metric (largest statistic of each draw)", minimum=0, maximum=1
        ),
    ),
    "learning",
)

LEARNING_ASSOCIATIONS = Table(
    "learning_associations",
    ("source", "role", "variable", "adjustment"),
    (
        Column("source", "text", "panel, or a model_id"),
        Column("way", "category", "how its features were learnt; empty for people", nullable=True, levels=WAYS_TO_LEARN),
        Column(
            "role", "category", "exposure: perceived age on an outcome; outcome: a trait such as a gene score on perceived age",
            levels=("exposure", "outcome"),
        ),
        Column("variable", "text", "the outcome, or the trait"),
        ADJUSTMENT,
        SCALE,
        PER,
        N,
        N_EVENTS,
        number("estimate", "difference in means, or a ratio of odds, hazards or rates"),
        *CI,
        number("ratio", "coefficient over the human one, in the same people"),
        number("ratio_low", "lower end of its interval (Fieller); empty where the interval is unbounded"),
        number("ratio_high", "upper end of the same"),
        NOTE,
    ),
    "learning",
)  # fmt: skip

LEARNING_COSTS = Table(
    "learning_costs",
    ("model_id",),
    (
        _WAY,
        MODEL,
        Column("n_photographs", "integer", "photographs that were encoded", minimum=0),
        number("photographs_per_second", "file to vector, one thread, on the machine of this run", "1/s", minimum=0),
        number("pretraining_minutes", "learning the network from this cohort's photographs", "min", minimum=0),
        number("finetuning_minutes", "adapting the network in every fold and on all", "min", minimum=0),
        number("embedding_minutes", "all photographs at that rate", "min", minimum=0),
        number("fitting_minutes", "the regression in every fold and on all", "min", minimum=0),
    ),
    "learning",
)

LEARNING_CURVES = Table(
    "learning_curves",
    ("model_id", "along", "size"),
    (
        _WAY,
        MODEL,
        Column(
            "along", "category", "what grows: labelled people that the model is fitted on, or readers of each of their photographs",
            levels=("people", "readers"),
        ),
        Column("size", "integer", "how many", minimum=1),
        Column("n", "integer", "participants predicted by folds that left them out", minimum=0),
        Column("n_repeats", "integer", "random subsets", minimum=1),
        number("mae", "mean absolute error against the full reference", "years", minimum=0),
        number("ci_low", "lower end of its interval, by drawing participants and subsets"),
        number("ci_high", "upper end of the same"),
        number("repeat_sd", "standard deviation of the MAE between subsets", "years", minimum=0),
        number("fitted", "the fitted curve at this size", "years"),
        number("label_noise_floor", "MAE of the labels that were learnt from against the truth", "years", minimum=0),
    ),
    "learning_curves",
)  # fmt: skip

LEARNING_FORECASTS = Table(
    "learning_forecasts",
    ("model_id", "along", "size"),
    (
        _WAY,
        MODEL,
        Column("along", "category", "what grows", levels=("people", "readers")),
        Column("start", "integer", "how many there are now", minimum=1),
        Column("size", "integer", "how many there might be", minimum=1),
        number("mae_start", "MAE that the curve gives for now", "years"),
        number("mae", "MAE that the curve gives for then", "years"),
        number("mae_low", "lower end of its interval"),
        number("mae_high", "upper end of the same"),
        number("gain", "mae_start - mae", "years"),
        number("gain_low", "lower end of its interval"),
        number("gain_high", "upper end of the same"),
        number("asymptote", "MAE that the curve tends to", "years"),
        number("exponent", "how fast it falls: the excess goes with size to the power of minus this"),
        number("miss", "by how much the curve through the smaller half of the sizes missed the MAE at the largest", "years"),
    ),
    "learning_curves",
)

PRETRAINING_HELP = Table(
    "helped",
    ("model_id", "people"),
    (
        MODEL,
        Column(
            "people", "category", "all: everybody with a reference; held_out: those whom pretraining never saw", levels=("all", "held_out")
        ),
        Column("n", "integer", "participants", minimum=0),
        number("mae", "mean absolute error, cross-fitted", "years", minimum=0),
        number("mae_low", "lower end of its interval, by drawing participants"),
        number("mae_high", "upper end of the same"),
        number("difference", "MAE of the pretrained encoder minus this one's, in the same people; missing for itself", "years"),
        *CI,
    ),
    "pretrain",
)
