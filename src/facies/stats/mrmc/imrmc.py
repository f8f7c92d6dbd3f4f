"""Reader studies as text in the list mode of iMRMC: one line a reading, and one line a case for the truth.

The file holds free text, then ``N0``, ``N1``, ``NR`` and ``NM`` (cases without and with the condition, readers, modalities), a line
``BEGIN DATA:``, and lines of reader, case, modality and score. Lines of reader -1 and modality 0 give the truth as 0 or 1. (The R
package of the same name calls both of these ``truth``; either is read.) Gallas BD. Acad Radiol 2006;13:353-362; iMRMC user guide.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from facies.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("reader_id", "case_id", "modality_id", "score")
BEGIN = "BEGIN DATA:"
TRUTH_READERS, TRUTH_MODALITIES = ("-1", "truth"), ("0", "truth")


def read_imrmc(text: str, *, file: str = "iMRMC text") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the readings and the truth that a text in iMRMC's list mode holds.

    Parameters
    ----------
    text
        The whole text of the file, or a table with a header of ``readerID,caseID,modalityID,score``.
    file
        Its name, for messages.

    Returns
    -------
    readings, truth
        Columns ``reader_id, case_id, modality_id, score`` and ``case_id, observed``.

    Raises
    ------
    InputError
        Naming the first line that is no reading, a reading given twice, a case without truth, or a count that the header gives otherwise.

    Examples
    --------
    >>> readings, truth = read_imrmc("my study\\nNR: 1\\nBEGIN DATA:\\n-1,a,0,0\\n-1,b,0,1\\nr1,a,1,2.5\\nr1,b,1,4\\n")
    >>> readings.score.tolist(), truth.observed.tolist()
    ([2.5, 4.0], [0, 1])
    """
    import pandas as pd

    lines = text.splitlines()
    start = _start(lines, file)
    rows = [_row(line, number, file) for number, line in enumerate(lines[start:], start + 1) if line.strip()]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "line"])
    of_truth = table.reader_id.isin(TRUTH_READERS)
    readings, truth = table[~of_truth], _truth(table[of_truth], file)
    _require_once(table, file)
    _require_truth(readings, truth, file)
    found = readings.drop(columns="line").reset_index(drop=True)
    _require_counts(lines[:start], found, truth, file)
    return found, truth


def imrmc_text(readings: pd.DataFrame, truth: pd.DataFrame, *, title: str = "Reader study") -> str:
    """Return readings and truth as a text that iMRMC reads.

    Readers, cases and modalities keep their names where all are whole numbers above 0, and are numbered from 1 in sorted order where
    not, as some readers of the format take numbers only; the names then stand above the data.

    Parameters
    ----------
    readings
        Columns ``reader_id, case_id, modality_id, score``; each once. Cases that a reader did not read have no line.
    truth
        Columns ``case_id, observed`` (0 or 1), one row a case.
    title
        The first line.

    Raises
    ------
    InputError
        When a column is missing, a score is no number, a reading stands twice or a case has no truth.

    Examples
    --------
    >>> import pandas as pd
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r1"], "case_id": ["a", "b"], "modality_id": "face", "score": [2.5, 4.0]})
    >>> print(imrmc_text(readings, pd.DataFrame({"case_id": ["a", "b"], "observed": [0, 1]})))
    Reader study
    reader 1: r1
    case 1: a
    case 2: b
    modality 1: face
    N0: 1
    N1: 1
    NR: 1
    NM: 1
    BEGIN DATA:
    -1,1,0,0
    -1,2,0,1
    1,1,1,2.5
    1,2,1,4.0
    <BLANKLINE>
    """
    table = _checked(readings, truth)
    columns = {"reader": table.reader_id, "case": truth.case_id, "modality": table.modality_id}
    names = {kind: _numbers(values) for kind, values in columns.items()}
    out = io.StringIO()
    out.write(f"{_one_line(title)}\n")
    for kind, numbers in names.items():
        out.writelines(f"{kind} {number}: {_one_line(name)}\n" for name, number in numbers.items() if name != number)
    observed = truth.observed.astype(int)
    counts = (int((observed == 0).sum()), int((observed == 1).sum()), len(names["reader"]), len(names["modality"]))
    out.writelines(f"{name}: {count}\n" for name, count in zip(("N0", "N1", "NR", "NM"), counts, strict=True))
    out.write(f"{BEGIN}\n")
    out.writelines(f"-1,{names['case'][str(case)]},0,{value}\n" for case, value in zip(truth.case_id, observed, strict=True))
    out.writelines(
        f"{names['reader'][str(reader)]},{names['case'][str(case)]},{names['modality'][str(modality)]},{float(score)!r}\n"
        for reader, case, modality, score in table[list(COLUMNS)].itertuples(index=False)
    )
    return out.getvalue()


def _start(lines: list[str], file: str) -> int:
    """Return the number of the first line of data."""
    for number, line in enumerate(lines):
        plain = line.replace(" ", "").strip().lower()
        if plain.startswith("begindata") or plain == "readerid,caseid,modalityid,score":
            return number + 1
    raise InputError(f"{file} has no line '{BEGIN}': write it before the readings")


def _row(line: str, number: int, file: str) -> tuple[str, str, str, float, int]:
    parts = [part.strip().strip('"') for part in line.split(",")]
    try:
        reader, case, modality, score = parts
        value = float(score)
    except ValueError:
        raise InputError(f"{file}, line {number}: '{line.strip()}' is no reading: write reader, case, modality and a number") from None
    return reader, case, modality, value, number


def _truth(rows: pd.DataFrame, file: str) -> pd.DataFrame:
    wrong = rows[~rows.score.isin((0.0, 1.0)) | ~rows.modality_id.isin(TRUTH_MODALITIES)]
    if len(wrong):
        raise InputError(f"{file}, line {wrong.line.iloc[0]}: the truth of a case is 0 or 1, with modality 0: correct it")
    return rows.assign(observed=rows.score.astype(int))[["case_id", "observed"]].reset_index(drop=True)


def _require_once(table: pd.DataFrame, file: str) -> None:
    twice = table[table.duplicated(list(COLUMNS[:3]))]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(f"{file}, line {row.line}: reader {row.reader_id} reads case {row.case_id} twice: keep one line")


def _require_truth(readings: pd.DataFrame, truth: pd.DataFrame, file: str) -> None:
    unknown = readings[~readings.case_id.isin(truth.case_id)]
    if len(unknown):
        row = unknown.iloc[0]
        raise InputError(f"{file}, line {row.line}: case {row.case_id} has no truth: add a line -1,{row.case_id},0,0 or 1")


def _require_counts(header: list[str], readings: pd.DataFrame, truth: pd.DataFrame, file: str) -> None:
    """Compare the header's counts with what was read."""
    found = {
        "N0": int((truth.observed == 0).sum()), "N1": int((truth.observed == 1).sum()),
        "NR": readings.reader_id.nunique(), "NM": readings.modality_id.nunique(),
    }  # fmt: skip
    for line in header:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if colon and name.upper() in found and value.isdigit() and int(value) != found[name.upper()]:
            raise InputError(f"{file} says {name}: {value} but holds {found[name.upper()]}: correct the header or add the missing lines")


def _checked(readings: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    for frame, wanted, name in ((readings, COLUMNS, "readings"), (truth, ("case_id", "observed"), "truth")):
        missing = [column for column in wanted if column not in frame.columns]
        if missing:
            raise InputError(f"the {name} have no column '{missing[0]}': add it")
    if readings.score.isna().any() or not truth.observed.isin((0, 1)).all():
        raise InputError("a score is missing or a truth is not 0 or 1: leave such rows out")
    if truth.case_id.duplicated().any() or readings.duplicated(list(COLUMNS[:3])).any():
        raise InputError("a case or a reading stands twice: keep one row")
    unknown = readings.case_id[~readings.case_id.isin(truth.case_id)]
    if len(unknown):
        raise InputError(f"case {unknown.iloc[0]} was read but has no truth: add it or leave the readings out")
    return readings


def _numbers(names: pd.Series) -> dict[str, str]:
    """Return the number that stands for each name in the file."""
    unique = sorted(set(names.astype(str)))
    if all(name.isdigit() and int(name) > 0 for name in unique):
        return {name: name for name in unique}
    return {name: str(number) for number, name in enumerate(unique, 1)}


def _one_line(text: str) -> str:
    return " ".join(text.split())
