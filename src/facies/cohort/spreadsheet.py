"""Excel workbooks and Parquet files as tables of cells."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.cohort.delimited import RawTable, without_unnamed
from facies.errors import TableError

EXACT_INTEGERS = 10**15
"""From here on a spreadsheet has rounded the number."""

_ZEROS = re.compile(r"0{2,}")
_OLE = b"\xd0\xcf\x11\xe0"


def read_workbook(path: Path, *, sheet: str) -> RawTable:
    """Read one sheet of an ``.xlsx`` workbook: the only one with cells, or the one named ``sheet``.

    A number shown with leading zeros (format ``0000``) is read as it is shown. Cells are text, numbers, booleans or dates.

    Raises
    ------
    TableError
        When the file is no workbook, has several sheets of which none is named so, or a cell holds an error or an uncomputed formula.
    """
    if path.read_bytes()[:4] == _OLE:
        raise TableError("this is an old .xls or a workbook with a password: save it as .xlsx without one", file=path.name)
    try:
        sheets = _sheets(path, data_only=True)
        formulas = _sheets(path, data_only=False) if _has_formulas(path) else {}
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        if isinstance(error, FileNotFoundError | PermissionError | TableError):
            raise
        raise TableError("this cannot be read as an .xlsx workbook: open it and save it again", file=path.name) from error
    title = _choose_sheet(sheets, sheet, path.name)
    _refuse_uncomputed(sheets[title], formulas.get(title, {}), path.name)
    return _tabulate(sheets[title], path.name)


Grid = dict[int, dict[int, Any]]
"""Row number -> column number -> value, of the cells that hold one; both counted from 1."""


def _sheets(path: Path, *, data_only: bool) -> dict[str, Grid]:
    import openpyxl

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="openpyxl")
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=data_only)
        try:
            return {sheet.title: _grid(sheet, path.name) for sheet in workbook.worksheets}
        finally:
            workbook.close()


def _grid(sheet: Any, file: str) -> Grid:
    sheet.reset_dimensions()
    grid: Grid = {}
    for cells in sheet.iter_rows():
        filled = {cell.column: _value(cell, file) for cell in cells if cell.value is not None and str(cell.value).strip() != ""}
        if filled:
            grid[next(cell.row for cell in cells if cell.value is not None)] = filled
    return grid


def _value(cell: Any, file: str) -> Any:
    value = cell.value
    if cell.data_type == "e" and value != "#N/A":
        raise TableError(f"cell {cell.coordinate} holds the error {value}: mend the formula or write n/a", file=file, row=cell.row)
    if isinstance(value, str) and value == "#N/A":
        return "n/a"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(cell, value, file)
    return value


def _number(cell: Any, value: float, file: str) -> Any:
    if abs(value) >= EXACT_INTEGERS:
        raise TableError(
            f"cell {cell.coordinate} is a number of more than 15 digits, which a spreadsheet rounds: "
            "format the column as text and enter it again",
            file=file,
            row=cell.row,
        )
    if value == int(value) and _ZEROS.fullmatch(str(cell.number_format)):
        return str(int(value)).zfill(len(cell.number_format))
    return value


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        return any(b"<f>" in archive.read(name) or b"<f " in archive.read(name) for name in names)


def _choose_sheet(sheets: dict[str, Grid], name: str, file: str) -> str:
    filled = [title for title, grid in sheets.items() if grid]
    if not filled:
        raise TableError("the workbook is empty: write a line of column names and one row each", file=file)
    named = [title for title in filled if title.strip().casefold() == name.casefold()]
    if len(filled) > 1 and not named:
        raise TableError(f"the workbook has {len(filled)} sheets ({', '.join(filled[:5])}): name the one to read '{name}'", file=file)
    return (named or filled)[0]


def _refuse_uncomputed(grid: Grid, formulas: Grid, file: str) -> None:
    for row, cells in formulas.items():
        for column, value in cells.items():
            if isinstance(value, str) and value.startswith("=") and column not in grid.get(row, {}):
                raise TableError(
                    "a formula has no stored result: open the workbook in a spreadsheet program and save it", file=file, row=row
                )


def _tabulate(grid: Grid, file: str) -> RawTable:
    rows = sorted(grid)
    width = max(max(cells) for cells in grid.values())
    header = [str(grid[rows[0]].get(column, "")).strip() for column in range(1, width + 1)]
    body = [[grid[row].get(column, "") for column in range(1, width + 1)] for row in rows[1:]]
    cells = pd.DataFrame(body, columns=header, dtype=object)
    return RawTable(without_unnamed(cells, file=file, row=rows[0]), np.array(rows[1:], dtype=np.int64), rows[0])


def read_parquet(path: Path) -> RawTable:
    """Read a Parquet file; a named pandas index becomes a column. Rows are counted as if a header were line 1.

    Raises
    ------
    TableError
        When the file is not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = pq.read_table(path).to_pandas(ignore_metadata=False)
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise TableError("this cannot be read as a Parquet file: write it again", file=path.name) from error
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    columns = [frame.iloc[:, i].astype(object) for i in range(frame.shape[1])]
    cells = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    cells.columns = pd.Index([str(name).strip() for name in frame.columns])
    return RawTable(cells, np.arange(len(cells), dtype=np.int64) + 2, 1)
