"""Genotypes in a table of dosages: one row a person, one column a variant."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.genes.genotypes import VARIANT_COLUMNS, GenotypeFile, name_participants, sample_table
from facies.errors import TableError
from facies.tables import MISSING
from facies.types import Floats

UNKNOWN_ALLELE = "N"
"""An allele that the column's name does not say."""


class DosageGenotypes(GenotypeFile):
    """A tab-separated table: ``participant_id`` and one column a variant with the number of effect alleles, 0 to 2; n/a is missing.

    A column is called ``variant_id:effect_allele:other_allele``, or ``variant_id`` alone (its alleles then are unknown and cannot be
    checked). The table is held in memory.

    Raises
    ------
    TableError
        When the header or a dosage is wrong, naming the line.
    """

    def __init__(self, path: Path, *, sample_id: str = "iid", threads: int = 2) -> None:  # noqa: ARG002 - one identifier, one thread
        header, ids, self._dosages = _read(path)
        self.variants = _as_variants(header, path.name)
        self.samples = name_participants(sample_table(ids), sample_id="iid", file=path.name)
        called = self._dosages[np.isfinite(self._dosages)]
        self.hard_calls = bool(np.isin(called, (0, 1, 2)).all())

    def read(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return dosages of the effect allele, (n, stop - start)."""
        self.require_block(start, stop)
        block = self._dosages[:, start:stop]
        return block.copy(order="F") if samples is None else np.asfortranarray(block[samples])


def _read(path: Path) -> tuple[list[str], list[str], Floats]:
    ids: list[str] = []
    rows: list[Floats] = []
    lines = _lines(path)
    header = next(lines, (1, []))[1]
    if not header or header[0] != "participant_id":
        found = header[0] if header else "nothing"
        raise TableError(f"the first column is '{found}': write participant_id, then one column a variant", file=path.name, row=1)
    for line, cells in lines:
        if len(cells) != len(header):
            message = f"the row has {len(cells)} cells, the header {len(header)}: write n/a for what is missing"
            raise TableError(message, file=path.name, row=line)
        if not cells[0].strip():
            raise TableError("participant_id is missing: write it", file=path.name, row=line)
        ids.append(cells[0].strip())
        rows.append(_numbers(cells[1:], header[1:], path.name, line))
    if not rows:
        raise TableError("there are no people: write one row each", file=path.name)
    return header[1:], ids, np.asfortranarray(rows)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty with its line."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            for cells in reader:
                if any(cells):
                    yield reader.line_num, cells
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableError("it ends early or is damaged: copy it again", file=path.name) from error
    except UnicodeDecodeError as error:
        raise TableError("this is not UTF-8 text: save it as tab-separated text", file=path.name) from error


def _numbers(cells: list[str], names: list[str], file: str, line: int) -> Floats:
    try:
        values = np.array([np.nan if cell.strip() in MISSING else float(cell) for cell in cells], dtype=np.float64)
    except ValueError as error:
        name, cell = next((name, cell) for name, cell in zip(names, cells, strict=True) if not _is_number(cell))
        message = f"the dosage of {name} is '{cell}': write a number of 0 to 2, or n/a"
        raise TableError(message, file=file, row=line) from error
    outside = (values < 0) | (values > 2)
    if outside.any():
        worst = int(np.flatnonzero(outside)[0])
        message = f"the dosage of {names[worst]} is {values[worst]:g}: write the number of effect alleles, 0 to 2, or n/a"
        raise TableError(message, file=file, row=line)
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip() in MISSING
    return True


def _as_variants(names: list[str], file: str) -> pd.DataFrame:
    rows = [_variant(name, file) for name in names]
    if not rows:
        raise TableError("there are no variants: write one column each", file=file, row=1)
    repeated = pd.Series(names).duplicated()
    if repeated.any():
        raise TableError(f"column '{names[int(repeated.to_numpy().argmax())]}' stands twice: keep one", file=file, row=1)
    return pd.DataFrame(rows, columns=list(VARIANT_COLUMNS))


def _variant(name: str, file: str) -> tuple[str, str, int, str, str]:
    parts = name.strip().rsplit(":", 2)
    if len(parts) == 3 and all(part and set(part.upper()) <= set("ACGTN-*") for part in parts[1:]):
        variant, effect, other = parts
    else:
        variant, effect, other = name.strip(), UNKNOWN_ALLELE, UNKNOWN_ALLELE
    if not variant:
        raise TableError("a column has no name: name it variant_id:effect_allele:other_allele", file=file, row=1)
    return variant, *_place(variant), effect.upper(), other.upper()


def _place(variant: str) -> tuple[str, int]:
    """Return chromosome and position that a name such as ``16:89986117`` says, else 0 and 0."""
    chromosome, _, rest = variant.partition(":")
    position = rest.partition(":")[0]
    return (chromosome, int(position)) if position.isdecimal() else ("0", 0)
