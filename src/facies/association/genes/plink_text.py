"""The tables beside PLINK's genotypes: variants (.bim, .pvar) and people (.fam, .psam)."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from facies.association.genes.genotypes import VARIANT_COLUMNS, sample_table
from facies.errors import TableError

BIM = ("chromosome", "variant_id", "centimorgans", "position", "effect_allele", "other_allele")
"""Columns of a .bim: the first allele, A1, is the one that is counted."""

FAM = ("fid", "iid", "father", "mother", "sex", "phenotype")

PVAR = {"#CHROM": "chromosome", "POS": "position", "ID": "variant_id", "REF": "other_allele", "ALT": "effect_allele"}
"""Columns of a .pvar, and what they are called here: the alternative allele is counted."""

FEW_VALUES = ("chromosome", "effect_allele", "other_allele", "centimorgans")
"""Columns whose values repeat: each is kept once in memory."""


def read_bim(path: Path) -> pd.DataFrame:
    """Read the variants of a ``.bim``: the columns of :data:`VARIANT_COLUMNS`.

    Raises
    ------
    TableError
        When it is absent or no such table, naming the line.
    """
    return _as_variants(_cells(_text_of(path), path.name, names=BIM), path.name, first=1)


def read_fam(path: Path) -> pd.DataFrame:
    """Read the people of a ``.fam``.

    Raises
    ------
    TableError
        When it is absent or no such table, naming the line.
    """
    cells = _cells(_text_of(path), path.name, names=FAM)
    return sample_table(cells.iid.tolist(), cells.fid.tolist(), cells.sex.tolist())


def read_pvar(path: Path) -> pd.DataFrame:
    """Read the variants of a ``.pvar`` or ``.pvar.zst``; ``effect_allele`` holds all alternative alleles, joined by commas.

    Raises
    ------
    TableError
        When it is absent or no such table, naming the line.
    """
    text = _text_of(path)
    skipped, header = _header(text, "#CHROM")
    if header is None:
        return _as_variants(_cells(text, path.name, names=BIM), path.name, first=1)
    absent = [name for name in PVAR if name not in header]
    if absent:
        raise TableError(f"column {absent[0]} is missing: write the file again (plink2 --make-pgen)", file=path.name, row=skipped + 1)
    cells = _cells(text, path.name, names=tuple(PVAR.get(name, name) for name in header), skipped=skipped + 1, chosen=tuple(PVAR.values()))
    return _as_variants(cells, path.name, first=skipped + 2)


def read_psam(path: Path) -> pd.DataFrame:
    """Read the people of a ``.psam``, with or without FID; without a header it is a ``.fam``.

    Raises
    ------
    TableError
        When it is absent or no such table, naming the line.
    """
    text = _text_of(path)
    skipped, header = _header(text, "#FID", "#IID")
    if header is None:
        cells = _cells(text, path.name, names=FAM)
    else:
        names = tuple(name.lstrip("#").lower() for name in header)
        cells = _cells(text, path.name, names=names, skipped=skipped + 1)
    if "iid" not in cells:
        raise TableError("column IID is missing: add it", file=path.name, row=skipped + 1)
    fids = cells.fid.tolist() if "fid" in cells else None
    return sample_table(cells.iid.tolist(), fids, cells.sex.tolist() if "sex" in cells else None)


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(f"it cannot be read ({error.strerror}): it belongs beside the genotypes", file=path.name) from error
    try:
        return (_decompress(data) if path.suffix == ".zst" else data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise TableError("this is not UTF-8 text: write the file again", file=path.name, row=row) from error
    except OSError as error:
        raise TableError("it is cut off or damaged: copy it again", file=path.name) from error


def _decompress(data: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        text: bytes = stream.read()
    return text


def _header(text: str, *starts: str) -> tuple[int, list[str] | None]:
    """Return the lines before the header, and its names; None where a line without # comes first."""
    for skipped, line in enumerate(io.StringIO(text)):
        if line.startswith(starts):
            return skipped, line.rstrip("\r\n").split("\t" if "\t" in line else None)
        if not line.startswith("#"):
            return skipped, None
    return 0, None


def _cells(text: str, file: str, *, names: tuple[str, ...], skipped: int = 0, chosen: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Return the cells as text. Rows shorter or longer than the names are refused.

    Below a header with tabs, cells are divided by tabs, so that they may hold spaces; otherwise by any space.
    """
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise TableError(f"column {repeated[0]} stands twice: keep one", file=file, row=skipped)
    kinds: Any = {name: "category" if name in FEW_VALUES else str for name in names}
    tabbed = skipped > 0 and "\t" in text.split("\n", skipped)[skipped - 1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with more cells than names would lose them
            cells = pd.read_csv(
                io.StringIO(text), sep="\t" if tabbed else r"\s+", header=None, names=list(names), index_col=False, usecols=chosen,
                dtype=kinds, na_filter=False, skiprows=skipped, quoting=3, engine="c", on_bad_lines="error",
            )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise TableError(f"a row has another number of columns than {len(names)}: write the file again", file=file) from error
    if cells.empty:
        raise TableError("the file has no rows: it belongs to other genotypes, or was cut off", file=file)
    last = cells[cells.columns[-1]]
    short = last.isna() | (last.astype(object) == "")
    if short.any():
        row = skipped + int(short.to_numpy().argmax()) + 1
        raise TableError(f"the row has fewer than {len(names)} columns: write the file again", file=file, row=row)
    return cells


def _as_variants(cells: pd.DataFrame, file: str, *, first: int) -> pd.DataFrame:
    positions = pd.to_numeric(cells.position, errors="coerce")
    wrong = (positions.isna() | (positions < 0) | (positions % 1 != 0)).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise TableError(f"the position is {cells.position.iloc[row]!r}: write a number of base pairs", file=file, row=first + row)
    variants = cells.assign(position=positions.astype("int64"))[list(VARIANT_COLUMNS)]
    return variants.astype({name: object for name in VARIANT_COLUMNS if name != "position"}).reset_index(drop=True)
