"""A second cohort."""

from __future__ import annotations

from dataclasses import replace

from facies.tables.association import ASSOCIATIONS
from facies.tables.cohort import FACES
from facies.tables.columns import ADJUSTMENT, EXPOSURE, FAMILY, NOTE, OUTCOME, PER, SCALE, number
from facies.tables.genes import SCORE_VARIANTS
from facies.tables.perceived_age import METRICS, PARTICIPANT_PREDICTIONS, PREDICTIONS
from facies.tables.schema import Column, Table

REPLICATIONS = Table(
    "replications",
    ("exposure", "outcome", "adjustment"),
    (
        EXPOSURE,
        OUTCOME,
        ADJUSTMENT,
        FAMILY,
        SCALE,
        PER,
        Column("n_discovery", "integer", "participants", minimum=0),
        number("coef_discovery", "coefficient (the logarithm of a ratio)"),
        number("std_error_discovery", "of it"),
        number("p_discovery", "two-sided"),
        Column("n_validation", "integer", "participants", minimum=0),
        number("coef_validation", "coefficient (the logarithm of a ratio)"),
        number("std_error_validation", "of it"),
        number("p_validation", "two-sided"),
        number("p_replication", "one-sided, in the direction of the discovery"),
        number("coef_corrected", "coef_discovery corrected for the winner's curse: the conditional maximum likelihood estimate"),
        number("power", "to reach one-sided p < 0.05 in the validation if coef_corrected is true", minimum=0, maximum=1),
        number("power_uncorrected", "the same if coef_discovery is true", minimum=0, maximum=1),
        number("coef_pooled", "fixed effect, inverse-variance"),
        number("std_error_pooled", "of it"),
        number("ci_low", "lower end of the interval of the pooled coefficient"),
        number("ci_high", "upper end of the same"),
        number("p_pooled", "two-sided"),
        number("q", "Cochran's Q"),
        number("p_q", "of Q, 1 degree of freedom"),
        Column(
            "verdict", "category", "by the one-sided p-value and the direction",
            levels=("replicated", "same direction", "opposite direction", "not discovered", "no estimate"),
        ),
        NOTE,
    ),
    "replication",
)  # fmt: skip

SHIFTS = Table(
    "shifts",
    ("measure", "model_id"),
    (
        Column("measure", "text", "age, share female, sharpness, ..., or embedding distance"),
        Column("model_id", "text", "for the embedding distance; all for the others"),
        Column("n_discovery", "integer", "participants", nullable=True, minimum=0),
        number("discovery", "mean or share in the discovery"),
        number("discovery_low", "lower end of the middle 95 % there"),
        number("discovery_high", "upper end of the same"),
        Column("n_validation", "integer", "participants", minimum=0),
        number("validation", "mean or share in the validation"),
        number("standardised_difference", "difference of the means over the discovery's standard deviation"),
        number("outside", "share of the validation's people outside the discovery's middle 95 % (or range)", minimum=0, maximum=1),
        Column("warning", "text", "what it may mean", nullable=True),
    ),
    "replication",
)

REPLICATION_FACES = replace(FACES, name="replication_faces", written_by="replication")

REPLICATION_FACE_PREDICTIONS = replace(PREDICTIONS, name="replication_face_predictions", written_by="replication")

REPLICATION_PREDICTIONS = replace(PARTICIPANT_PREDICTIONS, name="replication_predictions", written_by="replication")

REPLICATION_METRICS = replace(METRICS, name="replication_metrics", written_by="replication")

REPLICATION_SCORE_VARIANTS = replace(SCORE_VARIANTS, name="replication_score_variants", written_by="replication")

REPLICATION_ASSOCIATIONS = replace(ASSOCIATIONS, name="replication_associations", written_by="replication")
