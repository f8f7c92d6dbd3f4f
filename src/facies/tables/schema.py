"""What a table is: its key, its columns and how a frame is checked against them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from facies.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "n/a", "NA", "N/A", "NaN", "nan", "None", "null", "<NA>")
"""What counts as missing in a file."""


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
        >>> from facies.tables import SPLITS
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
        key = [name for name in self.key if name in frame.columns]  # an optional part of the key may be absent
        repeated = frame.duplicated(key).to_numpy()
        if repeated.any():
            row = int(np.flatnonzero(repeated)[0])
            named = ", ".join(f"{name} {frame[name].iloc[row]}" for name in key)
            raise TableError(f"{named} stands twice: keep one row", file=file, row=row + 2)


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
