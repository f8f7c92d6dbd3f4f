"""Columns that several tables share, and levels that they name."""

from __future__ import annotations

from typing import Any

from facies.tables.schema import Column

EXCLUSION_REASONS = {
    "missing_file": "the photograph is not where the table says",
    "outside_folder": "the path leads out of the photographs' folder",
    "not_a_file": "the path is a folder, a device or another thing that is not a file",
    "empty_file": "the file has no bytes",
    "unknown_format": "the bytes are not a photograph that facies reads",
    "truncated": "the photograph ends early",
    "damaged": "the photograph cannot be decoded",
    "too_large": "the photograph has more pixels than allowed (decompression bomb)",
    "too_small": "the photograph has too few pixels to show a face",
    "unreadable": "the file may not be read (permissions)",
    "altered": "the bytes are not those whose sha256 photographs.tsv gives",
    "exact_duplicate": "the same bytes stand under another participant, or earlier under this one",
    "withdrawn": "consent_scope is 'withdrawn'",
    "excluded_by_user": "photographs.tsv says included false",
    "no_face": "no face was found",
    "another_face_chosen": "the picture holds several faces and this one was not chosen",
    "several_faces": "the picture holds several faces that are about equally large",
    "low_score": "the detector was unsure",
    "eyes_too_close": "the distance between the eyes is too small in pixels",
    "blurred": "the face is not sharp",
    "too_dark": "the face is underexposed",
    "too_bright": "the face is overexposed",
    "uneven_light": "the two halves of the face are lit very differently",
    "turned": "the head is turned too far from the front",
    "tilted": "the head is tilted too far",
    "cut_off": "the crop reaches too far beyond the edge of the picture",
    "compressed": "the picture is compressed too strongly",
    "uneven_background": "the surroundings of the head are not uniform enough",
}
"""Levels of ``exclusion_reason`` and what each says."""


def id_column(name: str, meaning: str, *, nullable: bool = False, required: bool = True) -> Column:
    return Column(name, "id", meaning, nullable=nullable, required=required)


def number(name: str, meaning: str, unit: str = "", **limits: Any) -> Column:
    return Column(name, "number", meaning, unit=unit, nullable=limits.pop("nullable", True), **limits)


PARTICIPANT = id_column("participant_id", "the person")

PHOTO = id_column("photo_id", "the photograph")

FACE = id_column("face_id", "one face in one photograph")

TARGET = Column("target", "text", "what is judged or predicted, such as perceived_age")

MODEL = id_column("model_id", "the model: encoder and regressor")

INCLUDED = Column("included", "boolean", "whether later stages use the row")

REASON = Column("exclusion_reason", "category", "why not, empty when included", nullable=True, levels=tuple(EXCLUSION_REASONS))

CI = (
    number("ci_low", "lower end of the interval"),
    number("ci_high", "upper end of the interval"),
)

FAMILIES = ("linear", "linear_mixed", "logistic", "firth", "cox", "poisson", "negative_binomial", "ordinal")
"""Regressions: least squares, with a random intercept, logistic, Firth's logistic, Cox, Poisson, negative binomial, proportional odds."""

SCALES = ("difference", "odds_ratio", "hazard_ratio", "rate_ratio")
"""What an estimate is; all but ``difference`` are ratios, whose coefficient is the logarithm."""

EXPOSURE = Column("exposure", "text", "what may matter, with its source: perceived_age[panel], perceived_age[model_id], mc1r")

OUTCOME = Column("outcome", "text", "what it may matter for")

ADJUSTMENT = Column("adjustment", "text", "the adjustment set's name")

COVARIATES = Column("covariates", "text", "its covariates, joined by +", nullable=True)

FAMILY = Column("family", "category", "the regression", levels=FAMILIES)

SCALE = Column("scale", "category", "what the estimate is", levels=SCALES)

PER = number("per", "units of the exposure that the estimate is for", nullable=False)

N = Column("n", "integer", "participants with all values", minimum=0)

N_EVENTS = Column("n_events", "integer", "of them with the outcome; empty for a continuous one", nullable=True, minimum=0)

NOTE = Column("note", "text", "why there is no estimate, or how it was made", nullable=True)
