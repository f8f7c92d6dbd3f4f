"""The vocabulary: every table and column once, with its kind, unit and meaning.

Tables are ordinary :class:`pandas.DataFrame` objects. ``TABLE.validate(frame)`` checks one against its schema,
``TABLE.parse(text_frame)`` turns text as read from a file into typed columns. Missing is ``n/a`` in files and NaN in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from facies.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "n/a", "NA", "N/A", "NaN", "nan", "None", "null", "<NA>")
"""What counts as missing in a file."""

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


@dataclass(frozen=True)
class Column:
    """One column.

    ``kind`` is ``id`` (text without spaces at its ends), ``text``, ``category`` (text from ``levels``), ``number``, ``integer``,
    ``boolean``, ``date`` (YYYY-MM-DD) or ``time`` (ISO 8601).
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    required: bool = True
    nullable: bool = False
    levels: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Table:
    """One table: its key, its columns and who writes it.

    ``open_ended`` tables take further columns (covariates, outcomes) and keep them as they are.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    written_by: str
    open_ended: bool = False

    def column(self, name: str) -> Column:
        """Return the column of this name.

        Raises
        ------
        TableError
            When the table has none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise TableError(f"{self.name} has no column '{name}'")

    def validate(self, frame: pd.DataFrame, *, file: str | None = None) -> pd.DataFrame:
        """Return ``frame`` unchanged if it keeps to the schema.

        Raises
        ------
        TableError
            Naming the first fault: column missing, value of the wrong kind or out of range, repeated key.

        Examples
        --------
        >>> import pandas as pd
        >>> SPLITS.validate(pd.DataFrame({"participant_id": ["p1", "p1"], "fold": [0, 1], "partition": ["train", "train"]}))
        Traceback (most recent call last):
        ...
        facies.errors.TableError: splits, line 3: participant_id p1 stands twice: keep one row
        """
        file = file or self.name
        self._require_columns(frame, file)
        self._require_values(frame, file)
        self._require_key(frame, file)
        return frame

    def parse(self, frame: pd.DataFrame, *, file: str | None = None) -> pd.DataFrame:
        """Turn a frame of text, as read from a file, into typed columns and validate it.

        Raises
        ------
        TableError
            Naming the file and the row of the first value that does not fit its column.
        """
        import pandas as pd

        file = file or self.name
        self._require_columns(frame, file)
        known = {column.name: column for column in self.columns}
        parsed = {
            name: _parse_column(frame[name], known[name], file) if name in known else _parse_free(frame[name]) for name in frame.columns
        }
        return self.validate(pd.DataFrame(parsed, index=range(len(frame)), columns=list(frame.columns)), file=file)

    def empty(self) -> pd.DataFrame:
        """Return the table without rows, required columns only."""
        import pandas as pd

        return pd.DataFrame({column.name: pd.Series(dtype=DTYPES[column.kind]) for column in self.columns if column.required})

    def _require_columns(self, frame: pd.DataFrame, file: str) -> None:
        missing = [column.name for column in self.columns if column.required and column.name not in frame.columns]
        if missing:
            have = ", ".join(map(str, frame.columns[:8])) or "none"
            raise TableError(f"column '{missing[0]}' is missing (columns: {have}): add it", file=file)
        repeated = frame.columns[frame.columns.duplicated()]
        if len(repeated):
            raise TableError(f"column '{repeated[0]}' stands twice: keep one", file=file)
        known = {column.name for column in self.columns}
        unknown = [str(name) for name in frame.columns if name not in known]
        if unknown and not self.open_ended:
            raise TableError(f"column '{unknown[0]}' is not part of {self.name}: remove it", file=file)

    def _require_values(self, frame: pd.DataFrame, file: str) -> None:
        from pandera.errors import SchemaError

        try:
            _schema(self).validate(frame)
        except SchemaError as error:
            raise _explain(error, self, frame, file) from error

    def _require_key(self, frame: pd.DataFrame, file: str) -> None:
        repeated = frame.duplicated(list(self.key)).to_numpy()
        if repeated.any():
            row = int(np.flatnonzero(repeated)[0])
            key = ", ".join(f"{name} {frame[name].iloc[row]}" for name in self.key)
            raise TableError(f"{key} stands twice: keep one row", file=file, row=row + 2)


DTYPES: dict[str, str] = {
    "id": "object", "text": "object", "category": "object", "date": "object", "time": "object",
    "number": "float64", "integer": "int64", "boolean": "bool",
}  # fmt: skip
"""The pandas type of each kind of column. Missing integers make the column ``float64``."""

TEXTUAL = frozenset({"id", "text", "category", "date", "time"})
_PATTERNS = {"date": r"\d{4}-\d{2}-\d{2}$", "time": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"}
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@cache
def _schema(table: Table) -> Any:
    import pandera.pandas as pa

    return pa.DataFrameSchema({column.name: _pandera_column(column, pa) for column in table.columns}, strict=False)


def _pandera_column(column: Column, pa: Any) -> Any:
    checks = []
    if column.kind == "id":
        checks.append(pa.Check(lambda text: text.astype(str).str.fullmatch(r"\S(.*\S)?"), name="id"))
    if column.kind in TEXTUAL:
        checks.append(pa.Check(lambda value: isinstance(value, str), element_wise=True, name="text"))
    else:
        checks.append(pa.Check(lambda values: np.isfinite(values.astype(float)), name="finite"))
    if column.levels:
        checks.append(pa.Check.isin(column.levels, name="levels"))
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, name="minimum"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, name="maximum"))
    if column.kind in _PATTERNS:
        checks.append(pa.Check.str_matches(_PATTERNS[column.kind], name="pattern"))
    return pa.Column(_pandera_type(column), checks, nullable=column.nullable, required=column.required)


def _pandera_type(column: Column) -> str | None:
    if column.kind in TEXTUAL or (column.kind == "integer" and column.nullable):
        return None
    return DTYPES[column.kind]


def _explain(error: Any, table: Table, frame: pd.DataFrame, file: str) -> TableError:
    """Turn pandera's error into one line that names the row and the remedy."""
    import pandas as pd

    name = getattr(error.schema, "name", None) or "?"
    column = table.column(name)
    cases = error.failure_cases
    if not isinstance(cases, pd.DataFrame) or "index" not in cases or cases["index"].isna().all():
        return TableError(f"column '{name}' is {frame[name].dtype}: {_wanted(column)}", file=file)
    row = int(np.flatnonzero(frame.index == cases["index"].iloc[0])[0])
    value = frame[name].iloc[row]
    if pd.isna(value):
        return TableError(f"{name} is missing: {_wanted(column)}", file=file, row=row + 2)
    shown = repr(value) if isinstance(value, str) else str(value)
    return TableError(f"{name} is {shown}: {_wanted(column)}", file=file, row=row + 2)


def _wanted(column: Column) -> str:
    if column.levels:
        return f"write one of {', '.join(column.levels[:12])}"
    bounds = (("at least", column.minimum), ("at most", column.maximum))
    limits = [f"{words} {bound:g}" for words, bound in bounds if bound is not None]
    noun = {
        "number": "a number", "integer": "a whole number", "boolean": "true or false", "date": "a date as YYYY-MM-DD",
        "time": "a time as YYYY-MM-DDThh:mm:ss", "id": "an identifier without spaces at its ends", "text": "text", "category": "text",
    }[column.kind]  # fmt: skip
    unit = f" of {column.unit}" if column.unit and column.kind in {"number", "integer"} else ""
    return f"write {noun}{unit}{', ' if limits else ''}{' and '.join(limits)}"


def is_missing(text: pd.Series) -> pd.Series:
    """Return which values of a column of text stand for missing."""
    return text.isna() | text.astype(str).str.strip().isin(MISSING)


def _parse_column(text: pd.Series, column: Column, file: str) -> pd.Series:
    text = text.reset_index(drop=True)
    missing = is_missing(text)
    if column.kind in TEXTUAL:
        clean = text.astype(str).str.strip()
        return clean.astype(object).where(~missing, np.nan)
    if column.kind == "boolean":
        values = text.astype(str).str.strip().str.lower().map(_TRUTH)
    else:
        values = _exact_numbers(text, missing)
    wrong = values.isna() & ~missing
    if column.kind == "integer":
        wrong |= values.notna() & (values % 1 != 0)
    _refuse_first(wrong, text, column, file)
    if missing.any() and not column.nullable:
        row = int(np.flatnonzero(missing)[0])
        raise TableError(f"{column.name} is missing: {_wanted(column)}", file=file, row=row + 2)
    if column.kind == "boolean":
        return values.astype(bool)
    return values.astype("float64" if column.kind == "number" or missing.any() else "int64")


def _exact_numbers(text: pd.Series, missing: pd.Series) -> pd.Series:
    """Read numbers to the last bit (pandas' own reading may be one unit in the last place off); what is no number becomes NaN."""
    import pandas as pd

    readable = pd.to_numeric(text.where(~missing), errors="coerce").notna()
    return text.where(readable).map(float, na_action="ignore").astype("float64")


def _refuse_first(wrong: pd.Series, text: pd.Series, column: Column, file: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise TableError(f"{column.name} is {text.iloc[row]!r}: {_wanted(column)}", file=file, row=row + 2)


def _parse_free(text: pd.Series) -> pd.Series:
    """Read a further column as numbers where every value is one, otherwise as text."""
    text = text.reset_index(drop=True)
    missing = is_missing(text)
    numbers = _exact_numbers(text, missing)
    if (numbers.notna() | missing).all():
        return numbers.astype("float64")
    return text.astype(str).str.strip().astype(object).where(~missing, np.nan)


def _id(name: str, meaning: str, *, nullable: bool = False, required: bool = True) -> Column:
    return Column(name, "id", meaning, nullable=nullable, required=required)


def _number(name: str, meaning: str, unit: str = "", **limits: Any) -> Column:
    return Column(name, "number", meaning, unit=unit, nullable=limits.pop("nullable", True), **limits)


_PARTICIPANT = _id("participant_id", "the person")
_PHOTO = _id("photo_id", "the photograph")
_FACE = _id("face_id", "one face in one photograph")
_TARGET = Column("target", "text", "what is judged or predicted, such as perceived_age")
_MODEL = _id("model_id", "the model: encoder and regressor")
_INCLUDED = Column("included", "boolean", "whether later stages use the row")
_REASON = Column("exclusion_reason", "category", "why not, empty when included", nullable=True, levels=tuple(EXCLUSION_REASONS))
_CI = (
    _number("ci_low", "lower end of the interval"),
    _number("ci_high", "upper end of the interval"),
)
GIVEN_POINTS = tuple(f"{point}_{axis}" for point in ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth") for axis in ("x", "y"))
"""Columns of the five points, in the order of :data:`facies.types.POINT_NAMES`."""

PARTICIPANTS = Table(
    "participants",
    ("participant_id",),
    (
        _PARTICIPANT,
        _number("age", "time since birth when photographed", "years", minimum=0, maximum=120),
        Column("sex", "category", "as the cohort recorded it", required=False, nullable=True, levels=("female", "male", "other")),
        Column("site", "text", "where the person was seen", required=False, nullable=True),
        _id("family_id", "people who share it are kept in one fold", required=False, nullable=True),
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
        _PHOTO,
        _PARTICIPANT,
        _id("session_id", "one visit of the person", required=False, nullable=True),
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
        replace(_INCLUDED, required=False),
        replace(_REASON, required=False),
        *(_number(name, "point given by the user, in the turned picture", "px", required=False) for name in GIVEN_POINTS),
    ),
    "cohort",
    open_ended=True,
)  # fmt: skip

FACES = Table(
    "faces",
    ("face_id",),
    (
        _FACE,
        _PHOTO,
        Column("n_faces", "integer", "faces found in the photograph", minimum=0),
        _number("score", "the detector's confidence, 0 to 1"),
        _number("box_x", "left edge of the face's box", "px"),
        _number("box_y", "upper edge of the face's box", "px"),
        _number("box_width", "width of the face's box", "px"),
        _number("box_height", "height of the face's box", "px"),
        *(_number(name, "point in the turned picture", "px") for name in GIVEN_POINTS),
        _number("inter_eye_distance", "between the eyes' centres", "px"),
        _number("sharpness", "variance of the Laplacian of the grey crop, eyes 60 px apart; more is sharper"),
        _number("exposure", "mean luminance of the face, 0 to 1"),
        _number("underexposed", "share of the face's pixels darker than 0.05"),
        _number("overexposed", "share of the face's pixels brighter than 0.95"),
        _number("illumination_uniformity", "overlap of the luminance histograms of the two halves, 0 to 1"),
        _number("yaw", "turn to the side from the five points; positive to the subject's left", "degrees"),
        _number("pitch", "nod from the five points; positive upwards", "degrees"),
        _number("roll", "tilt of the line between the eyes; positive clockwise in the picture", "degrees"),
        _number("background_uniformity", "1 minus the spread of the luminance around the face, 0 to 1"),
        _number("compression", "blockiness at the 8 px grid; 0 is none"),
        _number("outside", "share of the crop that lies beyond the picture's edge, 0 to 1"),
        _INCLUDED,
        _REASON,
    ),
    "faces",
)

SPLITS = Table(
    "splits",
    ("participant_id",),
    (
        _PARTICIPANT,
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
        _id("reader_id", "the person who rates"),
        _PHOTO,
        _TARGET,
        Column("repeat", "integer", "0 for the first reading, 1 for the second of the same photograph, ...", minimum=0),
        Column("reading", "number", "what the reader said", unit="years for perceived_age"),
        _number("confidence", "how sure the reader was", "0 to 100", required=False, minimum=0, maximum=100),
        _number("seconds", "time that the reader took", "s", required=False, minimum=0),
        Column("position", "integer", "place in the reader's order, from 1", required=False, nullable=True, minimum=1),
        Column("read_at", "time", "when", required=False, nullable=True),
    ),
    "readers",
)

PANEL_ESTIMATES = Table(
    "panel_estimates",
    ("photo_id", "target"),
    (
        _PHOTO,
        _TARGET,
        _number("panel_mean", "mean of the readers", "years for perceived_age", nullable=False),
        Column("n_readers", "integer", "readers behind the mean", minimum=1),
        _number("reading_sd", "standard deviation between readers", "years for perceived_age", minimum=0),
        _number("std_error", "reading_sd / sqrt(n_readers)", "years for perceived_age", minimum=0),
    ),
    "readers",
)

READING_NOISE = Table(
    "reading_noise",
    ("participant_id", "target"),
    (
        _PARTICIPANT,
        _TARGET,
        Column("n_photographs", "integer", "photographs with readings", minimum=1),
        _number("sum_squares", "of the readings about their photograph's mean", "years² for perceived_age", minimum=0),
        _number("degrees_of_freedom", "readers minus 1, added up over the photographs", minimum=0),
        _number("noise_factor", "standard error of the person's label for readings with standard deviation 1", minimum=0),
        _number("reader_error_sum", "sum of |reading - mean of the others|; empty without single readings", "years", minimum=0),
        _number("n_reader_errors", "readings behind that sum", minimum=0),
    ),
    "readers",
)

OUTCOMES = Table("outcomes", ("participant_id",), (_PARTICIPANT,), "the user", open_ended=True)

PREDICTIONS = Table(
    "predictions",
    ("face_id", "model_id", "target"),
    (
        _FACE,
        _MODEL,
        _TARGET,
        Column("fold", "integer", "the fold that was left out; -1 for a model fitted on all", minimum=-1),
        _number("predicted", "what the model says", "years for perceived_age", nullable=False),
        _number("ci_low", "lower end of the prediction interval"),
        _number("ci_high", "upper end of the prediction interval"),
        Column("warning", "text", "why the number deserves doubt; empty when nothing speaks against it", required=False, nullable=True),
    ),
    "models",
)

PARTICIPANT_PREDICTIONS = Table(
    "participant_predictions",
    ("participant_id", "model_id", "target"),
    (
        _PARTICIPANT,
        _MODEL,
        _TARGET,
        Column("fold", "integer", "the fold that was left out; -1 for a model fitted on all", minimum=-1),
        Column("n_photographs", "integer", "photographs averaged", minimum=1),
        _number("predicted", "mean over the person's photographs", "years for perceived_age", nullable=False),
        *_CI,
        _number("observed", "the reference: panel mean or age", "years"),
        _number("label_weight", "readings behind the reference, relative to the mean"),
    ),
    "models",
)

METRICS = Table(
    "metrics",
    ("system", "target", "subgroup", "metric"),
    (
        Column("system", "text", "a model_id, predicting_the_mean, label_noise_floor, one_reader, or 'a minus b'"),
        _TARGET,
        Column("subgroup", "text", "all, or column=level such as sex=female"),
        Column("metric", "text", "mae, rmse, r, slope, bias, ..."),
        _number("value", "the estimate"),
        *_CI,
        Column("n", "integer", "participants", minimum=0),
    ),
    "evaluation",
)

REGION_SCORES = Table(
    "region_scores",
    ("face_id", "model_id", "target", "region"),
    (
        _FACE,
        _MODEL,
        _TARGET,
        Column("region", "category", "part of the face", levels=(
            "forehead", "glabella", "periorbital", "nose", "malar", "nasolabial", "perioral", "chin", "jawline", "background")),
        _number("attribution", "share of the total attribution, 0 to 1"),
        _number("area", "share of the crop, 0 to 1"),
    ),
    "saliency",
)  # fmt: skip

FAMILIES = ("linear", "linear_mixed", "logistic", "firth", "cox", "poisson", "negative_binomial", "ordinal")
"""Regressions: least squares, with a random intercept, logistic, Firth's logistic, Cox, Poisson, negative binomial, proportional odds."""

SCALES = ("difference", "odds_ratio", "hazard_ratio", "rate_ratio")
"""What an estimate is; all but ``difference`` are ratios, whose coefficient is the logarithm."""

_EXPOSURE = Column("exposure", "text", "what may matter, with its source: perceived_age[panel], perceived_age[model_id], mc1r")
_OUTCOME = Column("outcome", "text", "what it may matter for")
_ADJUSTMENT = Column("adjustment", "text", "the adjustment set's name")
_COVARIATES = Column("covariates", "text", "its covariates, joined by +", nullable=True)
_FAMILY = Column("family", "category", "the regression", levels=FAMILIES)
_SCALE = Column("scale", "category", "what the estimate is", levels=SCALES)
_PER = _number("per", "units of the exposure that the estimate is for", nullable=False)
_N = Column("n", "integer", "participants with all values", minimum=0)
_N_EVENTS = Column("n_events", "integer", "of them with the outcome; empty for a continuous one", nullable=True, minimum=0)
_NOTE = Column("note", "text", "why there is no estimate, or how it was made", nullable=True)
_COMPUTED = Column("computed", "text", "the computed perceived age that is set beside the human one, such as hog+ridge")

ASSOCIATIONS = Table(
    "associations",
    ("exposure", "outcome", "adjustment", "analysis"),
    (
        _EXPOSURE,
        _OUTCOME,
        _ADJUSTMENT,
        Column(
            "analysis",
            "text",
            "complete_case; multiple_imputation; sex=female and such: the effect within one level of sex; sex_interaction: the difference "
            "(or ratio) between two levels",
        ),
        _COVARIATES,
        _FAMILY,
        _PER,
        _N,
        _N_EVENTS,
        _number("estimate", "difference in means, or a ratio of odds, hazards or rates"),
        _SCALE,
        _number("std_error", "of the coefficient (of the logarithm of a ratio)"),
        *_CI,
        _number("p_value", "two-sided; Wald, for Firth's regression by the penalised likelihood ratio"),
        _number("q_value", "Benjamini-Hochberg within the family of tests"),
        _number("p_holm", "Holm within the family of tests"),
        _number("p_bonferroni", "Bonferroni within the family of tests"),
        Column("test_family", "text", "the tests that are adjusted together; empty where the row is no test of an effect", nullable=True),
        _number(
            "e_value", "how strong an unmeasured confounder must be to explain the estimate away (VanderWeele & Ding 2017)", required=False
        ),
        _number("e_value_limit", "the same for the end of the interval that is nearer to no effect", required=False),
        _NOTE,
    ),
    "association",
)

ASSOCIATION_STEPS = Table(
    "association_steps",
    ("exposure", "outcome", "adjustment", "step"),
    (
        _EXPOSURE,
        _OUTCOME,
        _ADJUSTMENT,
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
        _EXPOSURE,
        _OUTCOME,
        _ADJUSTMENT,
        _number("at", "value of the exposure", "years for perceived_age", nullable=False),
        _number("reference", "value of the exposure that the others are compared with: the median", nullable=False),
        _number("estimate", "difference or ratio against the reference, by a natural cubic spline"),
        *_CI,
        _SCALE,
        _number("p_nonlinear", "of the spline against a straight line, Wald"),
        _N,
        _NOTE,
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
        _ADJUSTMENT,
        _COMPUTED,
        _COVARIATES,
        _FAMILY,
        _SCALE,
        _number("per", "units of the exposure that the coefficients are for", nullable=False),
        _N,
        _N_EVENTS,
        _number("coef_human", "coefficient with the human perceived age (the logarithm of a ratio)"),
        _number("coef_computed", "coefficient with the computed one, same people"),
        _number("difference", "coef_computed - coef_human"),
        _number("std_error", "of the difference, by stacked estimating equations"),
        _number("ci_low", "lower end of the interval of the difference, by stacked estimating equations"),
        _number("ci_high", "upper end of the same"),
        _number("p_value", "of no difference, two-sided"),
        _number("bootstrap_std_error", "of the difference, by drawing participants"),
        _number("bootstrap_low", "lower end of the interval of the difference, by drawing participants"),
        _number("bootstrap_high", "upper end of the same"),
        _number("margin", "largest difference that counts as none, on the coefficient's scale; from study.toml", minimum=0),
        _number("p_equivalence", "the larger p-value of the two one-sided tests against the margin"),
        Column(
            "verdict", "category", "by the two one-sided tests at 5 % and the 95 % interval of the difference",
            levels=("equivalent", "different", "equivalent and different", "undecided", "no margin", "no estimate"),
        ),
        _number("ratio", "coef_computed / coef_human"),
        _number("ratio_low", "lower end of its interval (Fieller); empty where the interval is unbounded"),
        _number("ratio_high", "upper end of the same"),
        _number("slope_computed_on_human", "given the covariates: what an effect on perceived age is multiplied by"),
        _number("slope_human_on_computed", "given the covariates: what an effect of perceived age is multiplied by"),
        _number("expected", "coef_human times the slope that belongs to the role: what attenuation alone lets expect"),
        _number("difference_from_expected", "coef_computed - expected"),
        _number("difference_from_expected_low", "lower end of its interval, by drawing participants"),
        _number("difference_from_expected_high", "upper end of the same"),
        _number("reliability", "share of the human perceived age's variance, given the covariates, that is not reading noise"),
        _number("corrected_human", "coef_human corrected for reading noise; only noise in an exposure biases"),
        _number("corrected_computed", "coef_computed over the slope that belongs to the role: on the scale of the human one"),
        _number("corrected_computed_low", "lower end of its interval, by drawing participants"),
        _number("corrected_computed_high", "upper end of the same"),
        _NOTE,
    ),
    "association",
)  # fmt: skip

PROXY_ESTIMATES = Table(
    "proxy_estimates",
    ("exposure", "outcome", "adjustment", "computed", "estimator"),
    (
        _EXPOSURE,
        _OUTCOME,
        _ADJUSTMENT,
        _COMPUTED,
        Column(
            "estimator", "category",
            "labelled_only: people with human readings; naive: the computed perceived age taken for the human one in everybody; "
            "ppi: prediction-powered inference (PPI++)",
            levels=("labelled_only", "naive", "ppi"),
        ),
        Column("family", "category", "the regression", levels=("linear", "logistic")),
        _SCALE,
        _PER,
        Column("n_labelled", "integer", "participants with human readings", minimum=0),
        Column("n_unlabelled", "integer", "participants without", minimum=0),
        _number("estimate", "difference in means, or odds ratio"),
        _number("std_error", "of the coefficient"),
        *_CI,
        _number("p_value", "two-sided, Wald"),
        _number("tuning", "weight of the computed part, 0 (unused) to 1", minimum=0, maximum=1),
        _number("n_effective", "labelled participants that would give the same standard error without the computed perceived age"),
        _NOTE,
    ),
    "association",
)  # fmt: skip

AGE_GAPS = Table(
    "age_gaps",
    ("participant_id", "source"),
    (
        _PARTICIPANT,
        Column("source", "text", "panel or a model_id"),
        _number("age", "as the cohort recorded it", "years"),
        _number("perceived_age", "human or computed", "years"),
        _number("gap", "perceived_age - age", "years"),
        _number("gap_linear", "gap less what a line in age, fitted on the other folds, expects", "years"),
        _number("gap_spline", "gap less what a natural cubic spline in age, fitted on the other folds, expects", "years"),
    ),
    "association",
)

AGE_GAP_SUMMARIES = Table(
    "age_gap_summaries",
    ("source", "correction"),
    (
        Column("source", "text", "panel or a model_id"),
        Column("correction", "category", "of the gap for age", levels=("none", "linear", "spline")),
        _N,
        _number("mean", "of the gap", "years"),
        _number("sd", "of the gap", "years"),
        _number("mae", "mean absolute gap", "years"),
        _number("r_age", "correlation of the gap with age"),
        _number("ci_low", "lower end of the interval of r_age, by drawing participants"),
        _number("ci_high", "upper end of the same"),
        _number("slope_age", "years of gap a year of age"),
        Column("warning", "text", "what not to conclude", nullable=True),
    ),
    "association",
)

PREFLIGHT = Table(
    "preflight",
    ("participant_id",),
    (
        _PARTICIPANT,
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

GENE_SCORES = Table("gene_scores", ("participant_id",), (_PARTICIPANT,), "genes", open_ended=True)

COMPONENTS = Table("components", ("participant_id",), (_PARTICIPANT,), "genes", open_ended=True)

SCORE_WEIGHTS = Table(
    "score_weights",
    ("variant_id",),
    (
        _id("variant_id", "as the genotypes name it"),
        _id("effect_allele", "the allele that is counted, such as T"),
        _id("other_allele", "the other one; without it the strand cannot be checked", required=False, nullable=True),
        _number("weight", "what one allele adds to the score", nullable=False),
        _number(
            "expected_frequency", "of the effect allele in such people; decides the strand of A/T and C/G variants",
            required=False, minimum=0, maximum=1,
        ),
        Column("chromosome", "text", "to find a variant that the genotypes name otherwise", required=False, nullable=True),
        Column("position", "integer", "the same, on the genotypes' build", "base pairs", required=False, nullable=True, minimum=1),
    ),
    "the user",
)  # fmt: skip

SCORE_VARIANTS = Table(
    "score_variants",
    ("score", "variant_id"),
    (
        Column("score", "text", "the gene score, such as mc1r"),
        _id("variant_id", "as the score names it"),
        Column("chromosome", "text", "as the genotypes have it", nullable=True),
        Column("position", "integer", "in base pairs, as the genotypes have it", nullable=True),
        Column("effect_allele", "text", "the allele that is counted"),
        Column("other_allele", "text", "the other one", nullable=True),
        _number("weight", "what one allele adds", nullable=False),
        Column("found", "text", "the alleles in the genotypes", nullable=True),
        Column(
            "match", "category", "how the alleles were matched",
            levels=("as written", "swapped", "other strand", "other strand and swapped", "ambiguous", "alleles differ", "absent"),
        ),
        _number("effect_allele_frequency", "in these people", minimum=0, maximum=1),
        _number("expected_frequency", "as the score's table says", minimum=0, maximum=1),
        _number("call_rate", "share of people with a call", minimum=0, maximum=1),
        Column("n", "integer", "people with a call", minimum=0),
        _number("hwe_p", "of Hardy-Weinberg proportions, exact, in the largest group", minimum=0, maximum=1),
        Column("hwe_group", "text", "in whom", nullable=True),
        Column("included", "boolean", "whether the score uses it"),
        _NOTE,
    ),
    "genes",
)  # fmt: skip

SCORE_GROUPS = Table(
    "score_groups",
    ("score", "group", "source"),
    (
        Column("score", "text", "the gene score, such as mc1r"),
        Column("group", "text", "WT/WT, WT/R, R/R, or the score's value"),
        Column("source", "text", "whose perceived age: panel or a model_id"),
        _number("value", "the score of this group"),
        Column("n", "integer", "participants", minimum=0),
        _number("mean", "perceived age, adjusted to the cohort's means of the covariates", "years"),
        *_CI,
        _number("difference", "against the first group, adjusted", "years"),
        _number("difference_low", "lower end of its interval", "years"),
        _number("difference_high", "upper end of the same", "years"),
        _number("p_genotypic", "of any difference between the groups (2 degrees of freedom for 3), F test"),
        _number("p_additive", "of a line through the groups"),
        _NOTE,
    ),
    "genes",
)

SCAN = Table(
    "scan",
    ("variant_id", "effect_allele"),
    (
        Column("chromosome", "text", "1 to 22, X, Y, MT; GWAS-SSF writes 23, 24 and 25 for the last"),
        Column("base_pair_location", "integer", "position", "base pairs", minimum=0),
        Column("effect_allele", "text", "the allele that beta is for"),
        Column("other_allele", "text", "the other one"),
        _number("beta", "difference an allele, or the logarithm of the odds ratio"),
        _number("standard_error", "of beta"),
        _number("effect_allele_frequency", "in the people analysed", minimum=0, maximum=1),
        _number("p_value", "two-sided", minimum=0, maximum=1),
        _id("variant_id", "as the genotypes have it"),
        Column("n", "integer", "people analysed", minimum=0),
        Column("method", "category", "how", levels=("linear", "score", "logistic", "firth"), required=False),
    ),
    "genes",
)

SCANS = Table(
    "scans",
    ("trait",),
    (
        Column("trait", "text", "perceived age by source, or a binary outcome"),
        Column("family", "category", "the regression", levels=("linear", "logistic")),
        Column("covariates", "text", "joined by +", nullable=True),
        _N,
        _N_EVENTS,
        Column("n_variants", "integer", "tested", minimum=0),
        Column("n_skipped", "integer", "not tested: monomorphic, rare, or with too few calls", minimum=0),
        _number("lambda_gc", "median of the test statistic over its expectation; 1 is no inflation"),
        Column("n_genome_wide", "integer", "variants with p below 5e-8", minimum=0),
        Column("top_variant", "text", "with the smallest p", nullable=True),
        _number("top_p", "its p-value"),
        Column("file", "text", "the results, in the study's folder; empty where none were written", nullable=True),
        _NOTE,
    ),
    "genes",
)

SCAN_POINTS = Table(
    "scan_points",
    ("trait", "point"),
    (
        Column("trait", "text", "perceived age by source, or a binary outcome"),
        Column("point", "integer", "number of the point", minimum=0),
        Column("chromosome", "text", "1 to 22, X, Y, MT"),
        Column("position", "integer", "in base pairs", minimum=0),
        _number("p_value", "two-sided", minimum=0, maximum=1, nullable=False),
        _number("expected_p", "p-value expected at this rank among all variants of the trait", minimum=0, maximum=1, nullable=False),
    ),
    "genes",
)

REPLICATIONS = Table(
    "replications",
    ("exposure", "outcome", "adjustment"),
    (
        _EXPOSURE,
        _OUTCOME,
        _ADJUSTMENT,
        _FAMILY,
        _SCALE,
        _PER,
        Column("n_discovery", "integer", "participants", minimum=0),
        _number("coef_discovery", "coefficient (the logarithm of a ratio)"),
        _number("std_error_discovery", "of it"),
        _number("p_discovery", "two-sided"),
        Column("n_validation", "integer", "participants", minimum=0),
        _number("coef_validation", "coefficient (the logarithm of a ratio)"),
        _number("std_error_validation", "of it"),
        _number("p_validation", "two-sided"),
        _number("p_replication", "one-sided, in the direction of the discovery"),
        _number("coef_corrected", "coef_discovery corrected for the winner's curse: the conditional maximum likelihood estimate"),
        _number("power", "to reach one-sided p < 0.05 in the validation if coef_corrected is true", minimum=0, maximum=1),
        _number("power_uncorrected", "the same if coef_discovery is true", minimum=0, maximum=1),
        _number("coef_pooled", "fixed effect, inverse-variance"),
        _number("std_error_pooled", "of it"),
        _number("ci_low", "lower end of the interval of the pooled coefficient"),
        _number("ci_high", "upper end of the same"),
        _number("p_pooled", "two-sided"),
        _number("q", "Cochran's Q"),
        _number("p_q", "of Q, 1 degree of freedom"),
        Column(
            "verdict", "category", "by the one-sided p-value and the direction",
            levels=("replicated", "same direction", "opposite direction", "not discovered", "no estimate"),
        ),
        _NOTE,
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
        _number("discovery", "mean or share in the discovery"),
        _number("discovery_low", "lower end of the middle 95 % there"),
        _number("discovery_high", "upper end of the same"),
        Column("n_validation", "integer", "participants", minimum=0),
        _number("validation", "mean or share in the validation"),
        _number("standardised_difference", "difference of the means over the discovery's standard deviation"),
        _number("outside", "share of the validation's people outside the discovery's middle 95 % (or range)", minimum=0, maximum=1),
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

FOLD_PREDICTIONS = Table(
    "fold_predictions",
    ("participant_id", "model_id", "target", "fold"),
    (
        _PARTICIPANT,
        _MODEL,
        _TARGET,
        Column("fold", "integer", "the fold that the model was fitted without", minimum=0),
        _number("predicted", "mean over the photographs of a person without label, by that fold's model", nullable=False),
    ),
    "models",
)

WAYS_TO_LEARN = ("classical", "dft", "ssl", "finetuned")
"""Ways to learn: features that were never trained; a network trained elsewhere, weights unchanged (deep feature transfer); a network
pretrained on this cohort without labels; a network adapted to the target."""

_WAY = Column("way", "category", "how the features were learnt", levels=WAYS_TO_LEARN)

LEARNING_WAYS = Table(
    "learning_ways",
    ("model_id",),
    (
        _WAY,
        _MODEL,
        Column("n", "integer", "participants with a reference; 0 where the way was left out", minimum=0),
        _number("mae", "mean absolute error", "years", minimum=0),
        _number("mae_low", "lower end of its interval, by drawing participants"),
        _number("mae_high", "upper end of the same"),
        _number("label_noise_floor", "MAE that a perfect model would have against this reference", "years", minimum=0),
        _number("mae_predicting_the_mean", "MAE of giving everybody the mean of the other folds", "years", minimum=0),
        _number("slope", "predicted on reference"),
        _number("slope_low", "lower end of its interval"),
        _number("slope_high", "upper end of the same"),
        _number("r", "correlation of predicted and reference"),
        _number("r_low", "lower end of its interval"),
        _number("r_high", "upper end of the same"),
        _NOTE,
    ),
    "learning",
)

LEARNING_PAIRS = Table(
    "learning_pairs",
    ("model_id", "against", "metric"),
    (
        _MODEL,
        _id("against", "the model that it is compared with"),
        Column("metric", "category", "what differs", levels=("mae", "rmse", "r", "slope", "bias")),
        Column("n", "integer", "participants whom every model predicted", minimum=0),
        _number("difference", "model_id minus against; for mae and rmse a negative one says that model_id errs less"),
        _number("std_error", "of the difference, by drawing participants", minimum=0),
        _number("ci_low", "lower end of the interval of this difference alone"),
        _number("ci_high", "upper end of the same"),
        _number("simultaneous_low", "lower end of the interval that holds for all pairs of this metric together"),
        _number("simultaneous_high", "upper end of the same"),
        _number(
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
        _ADJUSTMENT,
        _SCALE,
        _PER,
        _N,
        _N_EVENTS,
        _number("estimate", "difference in means, or a ratio of odds, hazards or rates"),
        *_CI,
        _number("ratio", "coefficient over the human one, in the same people"),
        _number("ratio_low", "lower end of its interval (Fieller); empty where the interval is unbounded"),
        _number("ratio_high", "upper end of the same"),
        _NOTE,
    ),
    "learning",
)  # fmt: skip

LEARNING_COSTS = Table(
    "learning_costs",
    ("model_id",),
    (
        _WAY,
        _MODEL,
        Column("n_photographs", "integer", "photographs that were encoded", minimum=0),
        _number("photographs_per_second", "file to vector, one thread, on the machine of this run", "1/s", minimum=0),
        _number("pretraining_minutes", "learning the network from this cohort's photographs", "min", minimum=0),
        _number("finetuning_minutes", "adapting the network in every fold and on all", "min", minimum=0),
        _number("embedding_minutes", "all photographs at that rate", "min", minimum=0),
        _number("fitting_minutes", "the regression in every fold and on all", "min", minimum=0),
    ),
    "learning",
)

LEARNING_CURVES = Table(
    "learning_curves",
    ("model_id", "along", "size"),
    (
        _WAY,
        _MODEL,
        Column(
            "along", "category", "what grows: labelled people that the model is fitted on, or readers of each of their photographs",
            levels=("people", "readers"),
        ),
        Column("size", "integer", "how many", minimum=1),
        Column("n", "integer", "participants predicted by folds that left them out", minimum=0),
        Column("n_repeats", "integer", "random subsets", minimum=1),
        _number("mae", "mean absolute error against the full reference", "years", minimum=0),
        _number("ci_low", "lower end of its interval, by drawing participants and subsets"),
        _number("ci_high", "upper end of the same"),
        _number("repeat_sd", "standard deviation of the MAE between subsets", "years", minimum=0),
        _number("fitted", "the fitted curve at this size", "years"),
        _number("label_noise_floor", "MAE of the labels that were learnt from against the truth", "years", minimum=0),
    ),
    "learning_curves",
)  # fmt: skip

LEARNING_FORECASTS = Table(
    "learning_forecasts",
    ("model_id", "along", "size"),
    (
        _WAY,
        _MODEL,
        Column("along", "category", "what grows", levels=("people", "readers")),
        Column("start", "integer", "how many there are now", minimum=1),
        Column("size", "integer", "how many there might be", minimum=1),
        _number("mae_start", "MAE that the curve gives for now", "years"),
        _number("mae", "MAE that the curve gives for then", "years"),
        _number("mae_low", "lower end of its interval"),
        _number("mae_high", "upper end of the same"),
        _number("gain", "mae_start - mae", "years"),
        _number("gain_low", "lower end of its interval"),
        _number("gain_high", "upper end of the same"),
        _number("asymptote", "MAE that the curve tends to", "years"),
        _number("exponent", "how fast it falls: the excess goes with size to the power of minus this"),
        _number("miss", "by how much the curve through the smaller half of the sizes missed the MAE at the largest", "years"),
    ),
    "learning_curves",
)

PRETRAINING_HELP = Table(
    "helped",
    ("model_id", "people"),
    (
        _MODEL,
        Column(
            "people", "category", "all: everybody with a reference; held_out: those whom pretraining never saw", levels=("all", "held_out")
        ),
        Column("n", "integer", "participants", minimum=0),
        _number("mae", "mean absolute error, cross-fitted", "years", minimum=0),
        _number("mae_low", "lower end of its interval, by drawing participants"),
        _number("mae_high", "upper end of the same"),
        _number("difference", "MAE of the pretrained encoder minus this one's, in the same people; missing for itself", "years"),
        *_CI,
    ),
    "pretrain",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        PARTICIPANTS, PHOTOGRAPHS, FACES, SPLITS, READINGS, PANEL_ESTIMATES, READING_NOISE, OUTCOMES, PREDICTIONS,
        PARTICIPANT_PREDICTIONS, FOLD_PREDICTIONS, METRICS, REGION_SCORES, ASSOCIATIONS, ASSOCIATION_STEPS, ASSOCIATION_CURVES, COMPARISONS,
        PROXY_ESTIMATES, AGE_GAPS, AGE_GAP_SUMMARIES, PREFLIGHT, GENE_SCORES, COMPONENTS, SCORE_WEIGHTS, SCORE_VARIANTS, SCORE_GROUPS,
        SCAN, SCANS,
        SCAN_POINTS,
        REPLICATIONS, SHIFTS,
        REPLICATION_FACES, REPLICATION_FACE_PREDICTIONS, REPLICATION_PREDICTIONS, REPLICATION_METRICS, REPLICATION_ASSOCIATIONS,
        REPLICATION_SCORE_VARIANTS, LEARNING_WAYS, LEARNING_PAIRS, LEARNING_ASSOCIATIONS, LEARNING_COSTS, LEARNING_CURVES,
        LEARNING_FORECASTS, PRETRAINING_HELP,
    )
}  # fmt: skip
"""All tables by name."""
