"""People, photographs, faces and readings."""

from __future__ import annotations

from dataclasses import replace

from facies.tables.columns import FACE, INCLUDED, PARTICIPANT, PHOTO, REASON, TARGET, id_column, number
from facies.tables.schema import Column, Table

GIVEN_POINTS = tuple(f"{point}_{axis}" for point in ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth") for axis in ("x", "y"))
"""Columns of the five points, in the order of :data:`facies.types.POINT_NAMES`."""

PARTICIPANTS = Table(
    "participants",
    ("participant_id",),
    (
        PARTICIPANT,
        number("age", "time since birth when photographed", "years", minimum=0, maximum=120),
        Column("sex", "category", "as the cohort recorded it", required=False, nullable=True, levels=("female", "male", "other")),
        Column("site", "text", "where the person was seen", required=False, nullable=True),
        id_column("family_id", "people who share it are kept in one fold", required=False, nullable=True),
        Column(
            "consent_scope", "category", "what the person agreed to: analysis, publication of the photograph too, or withdrawn",
            required=False, nullable=True, levels=("analysis", "publication", "withdrawn"),
        ),
    ),
    "cohort",
    open_ended=True,
)  # fmt: skip

PHOTOGRAPHS = Table(
    "photographs",
    ("photo_id",),
    (
        PHOTO,
        PARTICIPANT,
        id_column("session_id", "one visit of the person", required=False, nullable=True),
        Column("path", "text", "the file, relative to the study folder or the photographs' folder"),
        Column("sha256", "text", "hash of the file's bytes", required=False, nullable=True),
        Column("taken_on", "date", "day of the photograph", required=False, nullable=True),
        Column("view", "text", "frontal, left, right, ...", required=False, nullable=True),
        Column("device", "text", "camera", required=False, nullable=True),
        Column("source", "text", "where the photograph comes from", required=False, nullable=True),
        Column("licence", "text", "under which terms", required=False, nullable=True),
        Column("format", "text", "what the bytes are: JPEG, PNG, ...", required=False, nullable=True),
        Column("width", "integer", "as stored, before turning by EXIF", "px", required=False, nullable=True),
        Column("height", "integer", "as stored, before turning by EXIF", "px", required=False, nullable=True),
        replace(INCLUDED, required=False),
        replace(REASON, required=False),
        *(number(name, "point given by the user, in the turned picture", "px", required=False) for name in GIVEN_POINTS),
    ),
    "cohort",
    open_ended=True,
)  # fmt: skip

FACES = Table(
    "faces",
    ("face_id",),
    (
        FACE,
        PHOTO,
        Column("n_faces", "integer", "faces found in the photograph", minimum=0),
        number("score", "the detector's confidence, 0 to 1"),
        number("box_x", "left edge of the face's box", "px"),
        number("box_y", "upper edge of the face's box", "px"),
        number("box_width", "width of the face's box", "px"),
        number("box_height", "height of the face's box", "px"),
        *(number(name, "point in the turned picture", "px") for name in GIVEN_POINTS),
        number("inter_eye_distance", "between the eyes' centres", "px"),
        number("sharpness", "variance of the Laplacian of the grey crop, eyes 60 px apart; more is sharper"),
        number("exposure", "mean luminance of the face, 0 to 1"),
        number("underexposed", "share of the face's pixels darker than 0.05"),
        number("overexposed", "share of the face's pixels brighter than 0.95"),
        number("illumination_uniformity", "overlap of the luminance histograms of the two halves, 0 to 1"),
        number("yaw", "turn to the side from the five points; positive to the subject's left", "degrees"),
        number("pitch", "nod from the five points; positive upwards", "degrees"),
        number("roll", "tilt of the line between the eyes; positive clockwise in the picture", "degrees"),
        number("background_uniformity", "1 minus the spread of the luminance around the face, 0 to 1"),
        number("compression", "blockiness at the 8 px grid; 0 is none"),
        number("outside", "share of the crop that lies beyond the picture's edge, 0 to 1"),
        INCLUDED,
        REASON,
    ),
    "faces",
)

SPLITS = Table(
    "splits",
    ("participant_id",),
    (
        PARTICIPANT,
        Column("fold", "integer", "the fold in which the person is predicted; -1 in no fold", minimum=-1),
        Column(
            "partition", "category", "train: in the folds; unlabelled: predicted by a model of all folds", levels=("train", "unlabelled")
        ),
    ),
    "cohort",
)

READINGS = Table(
    "readings",
    ("reader_id", "photo_id", "target", "repeat"),
    (
        id_column("reader_id", "the person who rates"),
        PHOTO,
        TARGET,
        Column("repeat", "integer", "0 for the first reading, 1 for the second of the same photograph, ...", minimum=0),
        Column("reading", "number", "what the reader said", unit="years for perceived_age"),
        number("confidence", "how sure the reader was", "0 to 100", required=False, minimum=0, maximum=100),
        number("seconds", "time that the reader took", "s", required=False, minimum=0),
        Column("position", "integer", "place in the reader's order, from 1", required=False, nullable=True, minimum=1),
        Column("read_at", "time", "when", required=False, nullable=True),
    ),
    "readers",
)

PANEL_ESTIMATES = Table(
    "panel_estimates",
    ("photo_id", "target"),
    (
        PHOTO,
        TARGET,
        number("panel_mean", "mean of the readers", "years for perceived_age", nullable=False),
        Column("n_readers", "integer", "readers behind the mean", minimum=1),
        number("reading_sd", "standard deviation between readers", "years for perceived_age", minimum=0),
        number("std_error", "reading_sd / sqrt(n_readers)", "years for perceived_age", minimum=0),
    ),
    "readers",
)

READING_NOISE = Table(
    "reading_noise",
    ("participant_id", "target"),
    (
        PARTICIPANT,
        TARGET,
        Column("n_photographs", "integer", "photographs with readings", minimum=1),
        number("sum_squares", "of the readings about their photograph's mean", "years² for perceived_age", minimum=0),
        number("degrees_of_freedom", "readers minus 1, added up over the photographs", minimum=0),
        number("noise_factor", "standard error of the person's label for readings with standard deviation 1", minimum=0),
        number("reader_error_sum", "sum of |reading - mean of the others|; empty without single readings", "years", minimum=0),
        number("n_reader_errors", "readings behind that sum", minimum=0),
    ),
    "readers",
)

OUTCOMES = Table("outcomes", ("participant_id",), (PARTICIPANT,), "the user", open_ended=True)
