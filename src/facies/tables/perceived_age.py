"""Predictions of age and perceived age, and how good they are."""

from __future__ import annotations

from facies.tables.columns import CI, FACE, MODEL, PARTICIPANT, TARGET, number
from facies.tables.schema import Column, Table

PREDICTIONS = Table(
    "predictions",
    ("face_id", "model_id", "target"),
    (
        FACE,
        MODEL,
        TARGET,
        Column("fold", "integer", "the fold that was left out; -1 for a model fitted on all", minimum=-1),
        number("predicted", "what the model says", "years for perceived_age", nullable=False),
        number("ci_low", "lower end of the prediction interval"),
        number("ci_high", "upper end of the prediction interval"),
        Column("warning", "text", "why the number deserves doubt; empty when nothing speaks against it", required=False, nullable=True),
    ),
    "models",
)

PARTICIPANT_PREDICTIONS = Table(
    "participant_predictions",
    ("participant_id", "model_id", "target"),
    (
        PARTICIPANT,
        MODEL,
        TARGET,
        Column("fold", "integer", "the fold that was left out; -1 for a model fitted on all", minimum=-1),
        Column("n_photographs", "integer", "photographs averaged", minimum=1),
        number("predicted", "mean over the person's photographs", "years for perceived_age", nullable=False),
        *CI,
        number("observed", "the reference: panel mean or age", "years"),
        number("label_weight", "readings behind the reference, relative to the mean"),
    ),
    "models",
)

METRICS = Table(
    "metrics",
    ("system", "target", "subgroup", "metric"),
    (
        Column("system", "text", "a model_id, predicting_the_mean, label_noise_floor, one_reader, or 'a minus b'"),
        TARGET,
        Column("subgroup", "text", "all, or column=level such as sex=female"),
        Column("metric", "text", "mae, rmse, r, slope, bias, ..."),
        number("value", "the estimate"),
        *CI,
        Column("n", "integer", "participants", minimum=0),
    ),
    "evaluation",
)

FOLD_PREDICTIONS = Table(
    "fold_predictions",
    ("participant_id", "model_id", "target", "fold"),
    (
        PARTICIPANT,
        MODEL,
        TARGET,
        Column("fold", "integer", "the fold that the model was fitted without", minimum=0),
        number("predicted", "mean over the photographs of a person without label, by that fold's model", nullable=False),
    ),
    "models",
)
