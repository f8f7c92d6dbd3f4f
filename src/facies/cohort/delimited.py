"""TSV and CSV as people's programs write them, with the line on which each row starts."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import TableError

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
OTHER_FILES = ((b"PK\x03\x04", ".xlsx"), (b"PAR1", ".parquet"))
DELIMITERS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


class RawTable(NamedTuple):
    """Cells as a file holds them, and where.

    ``lines[i]`` is the line, as an editor or a spreadsheet counts it, on which row i starts; ``header_line`` is the header's.
    """

    cells: pd.DataFrame
    lines: NDArray[np.int64]
    header_line: int


def read_delimited(path: Path, *, encoding: str | None = None) -> RawTable:
    """Read a TSV or CSV file as text.

    UTF-8 with or without byte order mark and UTF-16 with one are recognised. A ``.csv`` file may use comma, semicolon or tab:
    the one that divides the header into most columns, or the one that a first line ``sep=;`` names.

    Raises
    ------
    TableError
        When the bytes are not such text, a quote is left open, or a row has more or fewer cells than the header.
    """
    text = decode_text(path.read_bytes(), file=path.name, encoding=encoding)
    first, text, named = _separator_line(text)
    delimiter = named or _delimiter(text, path)
    records = _records(text, delimiter, file=path.name, first=first)
    return tabulate(records, file=path.name)


def decode_text(data: bytes, *, file: str, encoding: str | None = None) -> str:
    """Decode a table's bytes, or say how to save the file so that they can be.

    Raises
    ------
    TableError
        When the bytes are of another kind of file or in an encoding that cannot be recognised.

    Examples
    --------
    >>> decode_text("naam\\nJosé".encode("latin-1"), file="participants.csv")
    Traceback (most recent call last):
    ...
    facies.errors.TableError: participants.csv, line 2: byte 0xe9 is not UTF-8 (in Latin-1 it is 'é'): save the file as 'CSV UTF-8'
    """
    for start, suffix in OTHER_FILES:
        if data.startswith(start):
            raise TableError(f"this is a {suffix} file under another name: give it the ending {suffix}", file=file)
    found = encoding or next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(found)
    except UnicodeDecodeError as error:
        raise _undecodable(data, error, file) from error
    except LookupError as error:
        raise TableError(f"the encoding '{encoding}' is unknown: write utf-8, utf-16 or latin-1", file=file) from error
    if "\x00" in text:
        row = text.count("\n", 0, text.index("\x00")) + 1
        raise TableError("a NUL byte stands here, which no text has: save the table as UTF-8 text again", file=file, row=row)
    return text.removeprefix("\ufeff")


def _undecodable(data: bytes, error: UnicodeDecodeError, file: str) -> TableError:
    if error.encoding != "utf-8":
        return TableError(f"the bytes are not {error.encoding}: save the file as 'CSV UTF-8'", file=file)
    if b"\x00" in data:
        return TableError("this is not a text file: save the table as .tsv, .csv, .xlsx or .parquet", file=file)
    row = data.count(b"\n", 0, error.start) + 1
    byte = data[error.start]
    letter = bytes([byte]).decode("latin-1")
    seen = f" (in Latin-1 it is {letter!r})" if letter.isprintable() else ""
    return TableError(f"byte 0x{byte:02x} is not UTF-8{seen}: save the file as 'CSV UTF-8'", file=file, row=row)


def _separator_line(text: str) -> tuple[int, str, str | None]:
    """Return the lines before the header, the text from it on, and the delimiter that Excel's first line names."""
    found = _SEPARATOR_LINE.match(text)
    return (1, text[found.end() :], found.group(1)) if found else (0, text, None)


def _delimiter(text: str, path: Path) -> str:
    counts = {delimiter: _count_cells(text, delimiter) for delimiter in DELIMITERS}
    likeliest = max(DELIMITERS, key=lambda delimiter: counts[delimiter])
    if path.suffix.lower() != ".tsv":
        return likeliest
    if counts["\t"] == 1 and counts[likeliest] > 1:
        raise TableError(f"the header has no tab but {likeliest!r} between names: give the file the ending .csv", file=path.name, row=1)
    return "\t"


def _count_cells(text: str, delimiter: str) -> int:
    """Return into how many cells a delimiter divides the header."""
    try:
        return max(1, len(next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)), [])))
    except csv.Error:
        return 1


def _records(text: str, delimiter: str, *, file: str, first: int) -> list[tuple[int, list[str]]]:
    """Return each record that is not empty with the line on which it starts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t")
    records, line = [], first + 1
    try:
        for record in reader:
            if "".join(record).strip():
                records.append((line, record))
            line = first + reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{_broken_quote(error)}", file=file, row=line) from error
    return records


def _broken_quote(error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"a cell has more than {csv.field_size_limit()} characters: close a quote that is left open, or shorten the cell"
    return f'the quotes do not fit ({error}): put a cell with a quote, a delimiter or a line break between ", and double each " inside'


def tabulate(records: list[tuple[int, list[str]]], *, file: str) -> RawTable:
    """Turn records into a table whose first record is the header; empty unnamed columns at the end fall away.

    Raises
    ------
    TableError
        When there is no header, a column has no name, or a row has more or fewer cells than the header.
    """
    if not records:
        raise TableError("the file is empty: write a line of column names and one row each", file=file)
    (header_line, header), rows = records[0], records[1:]
    header = [name.strip() for name in header]
    width = len(header)
    for line, cells in rows:
        if len(cells) != width and (len(cells) < width or any(cell.strip() for cell in cells[width:])):
            raise TableError(f"the row has {len(cells)} cells, the header {width}: {_RAGGED}", file=file, row=line)
    body = pd.DataFrame([cells[:width] for _, cells in rows], columns=header, dtype=object)
    lines = np.array([line for line, _ in rows], dtype=np.int64)
    return RawTable(without_unnamed(body, file=file, row=header_line), lines, header_line)


_RAGGED = "write n/a for what is missing, and put a cell that holds the delimiter between quotes"


def without_unnamed(cells: pd.DataFrame, *, file: str, row: int) -> pd.DataFrame:
    """Drop columns that have neither a name nor a value.

    Raises
    ------
    TableError
        When a column without a name holds values.
    """
    named = np.array([str(name) != "" for name in cells.columns], dtype=bool)
    for position in np.flatnonzero(~named).tolist():
        values = cells.iloc[:, position]
        if values.map(lambda value: value is not None and str(value).strip() != "").any():
            raise TableError(f"column {position + 1} has values but no name: name it or remove it", file=file, row=row)
    return cells.loc[:, named]
