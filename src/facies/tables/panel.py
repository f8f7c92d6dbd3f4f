"""The panel model: what readings vary by, each reader, and each photograph's value."""

from __future__ import annotations

from facies.tables.columns import CI, NOTE, PHOTO, TARGET, N, id_column, number
from facies.tables.schema import Column, Table

ESTIMATORS = ("mean", "blue", "blup")
"""mean: the readers' plain mean; blue: photographs as fixed effects, readers' biases taken out; blup: the same shrunken to the mean."""

YEARS = "years for perceived_age"

N_READERS = Column("n_readers", "integer", "readers", minimum=1)

PANEL_MODEL = Table(
    "panel_model",
    ("target", "term"),
    (
        TARGET,
        Column("term", "text", "intercept, a covariate, sd[part], icc(2,k), sem[kind], sd[repeats] or repeatability"),
        Column("kind", "category", "what the term is", levels=("fixed_effect", "sd", "reliability", "measurement_error")),
        number("estimate", "in the unit of a reading (a covariate's: per its unit); a reliability from 0 to 1", nullable=False),
        number("std_error", "of a fixed effect", minimum=0),
        *CI,
        Column("method", "text", "how the interval was made"),
        N,
        Column("n_photographs", "integer", "photographs", minimum=1),
        N_READERS,
        Column("n_readings", "integer", "readings; of repeats, those of photographs that a reader read again", minimum=1),
        NOTE,
    ),
    "readers",
)

READER_ESTIMATES = Table(
    "reader_estimates",
    ("reader_id", "target"),
    (
        id_column("reader_id", "the person who rates"),
        TARGET,
        number("bias", "how much higher than the other readers, shrunken by how little is known (BLUP)", YEARS, nullable=False),
        number("std_error", "of the bias: root of its prediction error variance", YEARS, nullable=False, minimum=0),
        Column("n_readings", "integer", "readings of this reader", minimum=1),
        Column("n_photographs", "integer", "photographs that another reader read too", minimum=0),
        number("scale", "slope of the readings on what the others' readings predict: 1 uses the scale as the panel does"),
        number("scale_std_error", "its standard error", minimum=0),
        number("correlation", "with the mean of the other readers", minimum=-1, maximum=1),
        number("residual_sd", "standard deviation about photograph, bias and covariates", YEARS, minimum=0),
        number("bias_z", "robust z of the bias among the readers"),
        Column("flagged", "boolean", "whether the reader stands out by the rule; flagged readers stay in"),
        Column("reason", "text", "why", nullable=True),
    ),
    "readers",
)

PANEL_VALUES = Table(
    "panel_values",
    ("photo_id", "target", "estimator"),
    (
        PHOTO,
        TARGET,
        Column("estimator", "category", "how the readings became one number", levels=ESTIMATORS),
        number("value", "the photograph's value at mean covariates", YEARS, nullable=False),
        number("std_error", "of the value; of a blup the root of its prediction error variance", YEARS, minimum=0),
        N_READERS,
    ),
    "readers",
)
