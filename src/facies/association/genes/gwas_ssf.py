"""Results of scans as GWAS-SSF files: tab-separated columns in the standard's order, and a YAML file that describes them.

GWAS-SSF 1.1 (Hayhurst et al., Cell Genomics 2022;2:100242). Columns: ``chromosome`` (1 to 22), ``base_pair_location``,
``effect_allele``, ``other_allele``, ``beta``, ``standard_error``, ``effect_allele_frequency``, ``p_value``; then ``rsid`` (``#NA`` where
the variant's name is none), ``variant_id`` (as the genotypes name it), ``n`` and ``method``. A p-value below 1e-308 stands as 0; ``beta``
and ``standard_error`` still give it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.genes.genotypes import plain_chromosome
from facies.association.genes.scan_blocks import METHODS, Rows
from facies.association.genes.scan_regions import unique_names
from facies.errors import InputError
from facies.store import write_whole, writing_whole

FIRST_COLUMNS = (
    "chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "standard_error", "effect_allele_frequency", "p_value",
)  # fmt: skip
"""The columns that the standard demands, in its order."""

FURTHER_COLUMNS = ("rsid", "variant_id", "n", "method")
MISSING = "#NA"
LIGHT = 1
"""Level of gzip: the results hardly get smaller with higher ones, which take several times as long."""


class SsfVariants:
    """What does not change from trait to trait: the variants' columns, ready to be written."""

    def __init__(self, variants: pd.DataFrame) -> None:
        import pyarrow as pa

        names = unique_names(variants)
        chromosome = variants.chromosome.astype(str)
        self.columns: dict[str, Any] = {
            "chromosome": pa.array(chromosome.map({name: plain_chromosome(name) for name in chromosome.unique()}), pa.string()),
            "base_pair_location": pa.array(variants.position.to_numpy(dtype=np.int64)),
            "effect_allele": pa.array(variants.effect_allele, pa.string()),
            "other_allele": pa.array(variants.other_allele, pa.string()),
            "rsid": pa.array(names.where(names.str.fullmatch(r"rs\d+"), MISSING), pa.string()),
            "variant_id": pa.array(names, pa.string()),
        }
        self.methods = pa.array(METHODS, pa.string())

    def take(self, places: NDArray[np.intp]) -> dict[str, Any]:
        """Return the columns of some variants; neighbours are not copied."""
        import pyarrow as pa

        if len(places) and places[-1] - places[0] == len(places) - 1:
            return {name: column.slice(places[0], len(places)) for name, column in self.columns.items()}
        return {name: column.take(pa.array(places)) for name, column in self.columns.items()}


class SsfFile:
    """A sink of :func:`facies.association.genes.scan.scan_variants`: one trait's file, gzipped where the name ends in ``.gz``."""

    def __init__(self, file: BinaryIO, name: str, variants: SsfVariants) -> None:
        self._file, self._name, self._variants = file, name, variants
        file.write(self._packed("\t".join((*FIRST_COLUMNS, *FURTHER_COLUMNS)).encode() + b"\n"))

    @property
    def name(self) -> str:
        """Return the file's name, as the summary has it."""
        return self._name

    def encode(self, rows: Rows) -> bytes:
        """Return results as lines, gzipped where the file is."""
        import pyarrow as pa
        from pyarrow import csv

        taken = self._variants.take(rows.variant)
        taken |= {
            "beta": pa.array(rows.beta),
            "standard_error": pa.array(rows.std_error),
            "effect_allele_frequency": pa.array(rows.frequency),
            "p_value": pa.array(rows.p_value),
            "n": pa.array(rows.n),
            "method": self._variants.methods.take(pa.array(rows.method)),
        }
        table = pa.table({name: taken[name] for name in (*FIRST_COLUMNS, *FURTHER_COLUMNS)})
        text = pa.BufferOutputStream()
        csv.write_csv(table, text, csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none"))
        return self._packed(text.getvalue().to_pybytes())

    def write(self, data: bytes) -> None:
        """Append encoded results; gzipped parts one after the other are one gzipped file."""
        self._file.write(data)

    def _packed(self, data: bytes) -> bytes:
        import gzip

        return gzip.compress(data, LIGHT, mtime=0) if self._name.endswith(".gz") and data else data


@contextlib.contextmanager
def ssf_files(folder: Path, files: Mapping[str, str], variants: pd.DataFrame) -> Iterator[dict[str, SsfFile]]:
    """Open one file a trait; each takes its place, whole, when the block ends without an error, and none does otherwise.

    Parameters
    ----------
    folder
        Where the files go.
    files
        Trait and name of its file, ending in ``.tsv`` or ``.tsv.gz``.
    variants
        Those of the genotypes.

    Raises
    ------
    InputError
        When a name ends otherwise, or stands twice.
    StoreError
        When a file cannot be written.

    Examples
    --------
    >>> from facies.association.genes.scan import scan_variants
    >>> def scan_to_folder(genotypes, traits, people, folder):
    ...     with ssf_files(folder, {"perceived_age": "perceived_age.tsv.gz"}, genotypes.variants) as sinks:
    ...         return scan_variants(genotypes, traits, people, adjustment=["age"], sinks=sinks)
    """
    _require_names(files)
    shared = SsfVariants(variants)
    with contextlib.ExitStack() as stack:
        yield {trait: SsfFile(stack.enter_context(writing_whole(folder / name)), name, shared) for trait, name in files.items()}


def _require_names(files: Mapping[str, str]) -> None:
    for name in files.values():
        if not name.endswith((".tsv", ".tsv.gz")):
            raise InputError(f"{name} is no name of a GWAS-SSF file: let it end in .tsv or .tsv.gz")
        if list(files.values()).count(name) > 1:
            raise InputError(f"{name} is the file of two traits: give each its own")


def file_name(trait: str, *, compressed: bool = True) -> str:
    """Return a file's name for a trait: letters, digits and some signs stay, everything else becomes ``_``.

    Examples
    --------
    >>> file_name("perceived_age[hog+ridge]")
    'perceived_age_hog+ridge.tsv.gz'
    """
    kept = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "+-.") else "_" for sign in trait).strip("_.")
    return f"{kept or 'trait'}{'.tsv.gz' if compressed else '.tsv'}"


def write_metadata(
    file: Path,
    summary: Mapping[str, Any],
    *,
    covariates: Sequence[str],
    date: str,
    software: str,
    is_sorted: bool,
    trait_description: str | None = None,
    genome_assembly: str | None = None,
) -> Path:
    """Write the ``-meta.yaml`` beside a results file: what software can know; ancestry, genotyping and consent are the author's.

    Parameters
    ----------
    file
        The results file, complete.
    summary
        The trait's row of table ``scans``.
    covariates
        What was adjusted for.
    date
        Day, YYYY-MM-DD.
    software
        Name and version.
    is_sorted
        Whether the variants are in the order of chromosome and position.
    trait_description, genome_assembly
        Left out: the trait's name; ``NR`` (not reported), for the author to fill in.

    Raises
    ------
    StoreError
        When the results cannot be read or the file cannot be written.
    """
    n, n_events = int(summary["n"]), summary["n_events"]
    cases = {} if pd.isna(n_events) else {"case_control_study": True, "case_count": int(n_events), "control_count": n - int(n_events)}
    fields: dict[str, Any] = {
        "date_metadata_last_modified": date,
        "trait_description": [trait_description or str(summary["trait"])],
        "genome_assembly": genome_assembly or "NR",
        "coordinate_system": "1-based",
        "samples": [{"sample_size": n, **cases}],
        "data_file_name": file.name,
        "file_type": "GWAS-SSF v1.1",
        "data_file_md5sum": _md5(file),
        "analysis_software": software,
        "adjusted_covariates": list(covariates),
        "is_harmonised": False,
        "is_sorted": is_sorted,
    }
    return write_whole(file.with_name(f"{file.name}-meta.yaml"), _yaml(fields).encode())


def _md5(file: Path) -> str:
    import hashlib

    from facies.errors import StoreError

    try:
        with file.open("rb") as data:
            return hashlib.file_digest(data, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise StoreError(f"{file.name} cannot be read ({error.strerror}): run the scan again") from error


def _yaml(fields: Mapping[str, Any]) -> str:
    """Return fields as YAML: every value is JSON, which YAML contains; dates are left bare, so that readers see a date."""
    lines = []
    for name, value in fields.items():
        if not isinstance(value, list):
            lines.append(f"{name}: {value if name.startswith('date') else _plain(value)}")
        elif not value:
            lines.append(f"{name}: []")
        else:
            lines.append(f"{name}:")
            lines += [line for item in value for line in _item(item)]
    return "\n".join(lines) + "\n"


def _item(item: Any) -> list[str]:
    if not isinstance(item, Mapping):
        return [f"  - {_plain(item)}"]
    return [f"  {'-' if place == 0 else ' '} {name}: {_plain(value)}" for place, (name, value) in enumerate(item.items())]


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def is_sorted(variants: pd.DataFrame) -> bool:
    """Return whether variants are in the order of chromosome and position.

    Examples
    --------
    >>> is_sorted(pd.DataFrame({"chromosome": ["2", "10"], "position": [9, 5]}))
    True
    """
    place = variants.chromosome.astype(str).map(plain_chromosome).map(lambda name: int(name) if name.isdecimal() else 99)
    keys = place.to_numpy(dtype=np.int64) * 10_000_000_000 + variants.position.to_numpy(dtype=np.int64)
    return bool((np.diff(keys) >= 0).all())
