"""Genotypes, whatever file they stand in: people by variants, read in blocks of variants."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats

VARIANT_COLUMNS = ("variant_id", "chromosome", "position", "effect_allele", "other_allele")
"""Columns of :attr:`Genotypes.variants`."""

SAMPLE_ID_RULES = ("iid", "fid_iid")
"""What is the participant_id: the sample's own identifier, or family and own identifier joined by ``_``."""

SEXES = {"1": "1", "M": "1", "MALE": "1", "2": "2", "F": "2", "FEMALE": "2"}
"""How files write male and female, and PLINK's number for it."""

FORMATS = {
    ".bed": "facies.association.genes.bed:BedGenotypes",
    ".pgen": "facies.association.genes.pgen:PgenGenotypes",
    ".vcf": "facies.association.genes.vcf:VcfGenotypes",
    ".vcf.gz": "facies.association.genes.vcf:VcfGenotypes",
    ".vcf.bgz": "facies.association.genes.vcf:VcfGenotypes",
    ".bcf": "facies.association.genes.vcf:VcfGenotypes",
    ".tsv": "facies.association.genes.dosages:DosageGenotypes",
    ".tsv.gz": "facies.association.genes.dosages:DosageGenotypes",
}
"""Ending of a file and what reads it."""

COMPANIONS = {".bim": ".bed", ".fam": ".bed", ".pvar": ".pgen", ".pvar.zst": ".pgen", ".psam": ".pgen"}
"""Files that lie beside the genotypes, and the ending of the file to name instead."""


class Genotypes(Protocol):
    """People by variants.

    ``samples`` has one row a person in the file's order: ``participant_id`` by the study's rule, and ``fid`` (missing where the file
    has none), ``iid`` and ``sex`` (1 male, 2 female, otherwise missing) as the file has them. ``variants`` has one row a variant, and a
    row for each alternative allele where there are several; its index is 0 to m - 1. ``hard_calls`` says that every value is known to be
    0, 1, 2 or missing. People with one chromosome (X, Y, MT) count 0 or 2, as PLINK stores them.
    """

    samples: pd.DataFrame
    variants: pd.DataFrame
    hard_calls: bool

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Return the people in the file's order, as participant_id."""

    def read(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return how many effect alleles people have at variants ``start`` to ``stop - 1``.

        (n, stop - start) in Fortran order: a variant's values lie side by side. NaN is missing. ``samples`` are the positions of the
        wanted people, in the wanted order; None: everybody. Several threads may call it.
        """

    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> Self:
        """Return the genotypes, which are closed at the end of the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the files."""


class GenotypeFile:
    """What all readers of genotypes share: the names of the people, and closing."""

    samples: pd.DataFrame
    variants: pd.DataFrame
    hard_calls: bool

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """Return the people in the file's order, as participant_id."""
        return tuple(self.samples.participant_id)

    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> Self:
        """Return the genotypes, which are closed at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the files."""
        self.close()

    def require_block(self, start: int, stop: int) -> None:
        """Refuse a block that is not within the variants.

        Raises
        ------
        InputError
            Naming the block and the number of variants.
        """
        if not 0 <= start <= stop <= len(self.variants):
            raise InputError(f"variants {start} to {stop} are asked for: choose within 0 to {len(self.variants)}")


class ArrayGenotypes(GenotypeFile):
    """Genotypes that are in memory already, such as simulated ones.

    Parameters
    ----------
    participant_ids
        The people.
    variants
        The columns of :data:`VARIANT_COLUMNS`.
    counts
        Effect alleles, (n, m), 0 to 2; NaN is missing.

    Raises
    ------
    InputError
        When the shapes do not fit, or a count is outside 0 to 2.

    Examples
    --------
    >>> variants = pd.DataFrame({"variant_id": ["rs1"], "chromosome": "1", "position": 5, "effect_allele": "A", "other_allele": "G"})
    >>> ArrayGenotypes(["p1", "p2"], variants, np.array([[2.0], [0.0]])).read(0, 1).ravel()
    array([2., 0.])
    """

    def __init__(self, participant_ids: list[str], variants: pd.DataFrame, counts: Floats) -> None:
        counts = np.asarray(counts, dtype=np.float64)
        if counts.shape != (len(participant_ids), len(variants)):
            raise InputError(f"counts have shape {counts.shape}, {len(participant_ids)} people by {len(variants)} variants are named")
        called = counts[np.isfinite(counts)]
        if len(called) and (called.min() < 0 or called.max() > 2):
            raise InputError("an allele count is outside 0 to 2: correct it")
        self.samples = sample_table(participant_ids)
        self.variants = variants[list(VARIANT_COLUMNS)].reset_index(drop=True)
        self.hard_calls = bool(np.isin(called, (0, 1, 2)).all())
        self._counts = np.asfortranarray(counts)

    def read(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return effect alleles, (n, stop - start)."""
        self.require_block(start, stop)
        block = self._counts[:, start:stop]
        return block.copy(order="F") if samples is None else np.asfortranarray(block[samples])


def open_genotypes(path: str | Path, *, sample_id: str = "iid", threads: int = 2) -> Genotypes:
    """Open a file of genotypes by its ending (see :data:`FORMATS`); a context manager.

    A ``.bed`` needs its ``.bim`` and ``.fam`` beside it, a ``.pgen`` its ``.pvar`` (or ``.pvar.zst``) and ``.psam``.

    Parameters
    ----------
    path
        The file.
    sample_id
        ``iid`` or ``fid_iid``: what is the participant_id. VCF files and tables of dosages have one identifier only, taken as it stands.
    threads
        Threads of a reader that can use several.

    Raises
    ------
    InputError
        When the ending or the rule is unknown, or the files are absent, cut off, do not fit together or name a person twice.
    MissingExtraError
        When the package that reads the format is not installed.

    Examples
    --------
    >>> open_genotypes("genes.bgen")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: genes.bgen: genotypes end in .bed, .pgen, .vcf, .vcf.gz, .vcf.bgz, .bcf, .tsv, .tsv.gz: convert the file \
(plink2 --make-bed)
    """
    path = Path(path)
    if sample_id not in SAMPLE_ID_RULES:
        raise InputError(f"sample_id is '{sample_id}': choose {' or '.join(SAMPLE_ID_RULES)}")
    name = path.name.lower()
    entry = next((entry for ending, entry in FORMATS.items() if name.endswith(ending)), None)
    if entry is None:
        raise InputError(_other_ending(path))
    if not path.is_file():
        raise InputError(f"{path.name} is not there, or is no file: correct the path of the genotypes")
    module, _, reader = entry.partition(":")
    return _as_genotypes(getattr(importlib.import_module(module), reader)(path, sample_id=sample_id, threads=threads))


def _as_genotypes(reader: Any) -> Genotypes:
    opened: Genotypes = reader
    return opened


def _other_ending(path: Path) -> str:
    for ending, meant in COMPANIONS.items():
        if path.name.lower().endswith(ending):
            return f"{path.name} lies beside the genotypes: name the {meant} file"
    return f"{path.name}: genotypes end in {', '.join(FORMATS)}: convert the file (plink2 --make-bed)"


def sample_table(iids: list[str], fids: list[str] | None = None, sexes: list[str] | None = None) -> pd.DataFrame:
    """Return :attr:`Genotypes.samples` of people whose own identifier is the participant_id."""
    missing = pd.Series(np.nan, index=range(len(iids)), dtype=object)
    samples = pd.DataFrame({"participant_id": pd.Series(iids, dtype=object), "iid": pd.Series(iids, dtype=object)})
    samples["fid"] = missing if fids is None else pd.Series(fids, dtype=object)
    samples["sex"] = missing if sexes is None else pd.Series(sexes, dtype=object).str.upper().map(SEXES)
    return samples


def name_participants(samples: pd.DataFrame, *, sample_id: str, file: str) -> pd.DataFrame:
    """Return the samples with ``participant_id`` by the study's rule.

    Raises
    ------
    InputError
        When the file has no family identifiers that the rule needs, or a person is named twice.

    Examples
    --------
    >>> name_participants(sample_table(["1", "1"], ["a", "b"]), sample_id="fid_iid", file="x.fam").participant_id.tolist()
    ['a_1', 'b_1']
    """
    if sample_id == "fid_iid":
        if samples.fid.isna().any():
            raise InputError(f"{file} has no FID, so that sample_id cannot be fid_iid: set it to iid")
        samples = samples.assign(participant_id=samples.fid + "_" + samples.iid)
    repeated = samples.participant_id.duplicated()
    if repeated.any():
        name = samples.participant_id[repeated].iloc[0]
        split = samples.fid.notna().all() and not samples.duplicated(["fid", "iid"]).any()
        remedy = "set sample_id to fid_iid" if sample_id == "iid" and split else "keep one of them"
        raise InputError(f"{file} names the sample {name} twice: {remedy}")
    return samples


def place_people(genotypes: Genotypes, participant_ids: Sequence[str] | None) -> tuple[list[str], NDArray[np.intp]]:
    """Return which of the people have genotypes, and where they stand there; None: everybody.

    Raises
    ------
    InputError
        When nobody has.
    """
    place = {name: row for row, name in enumerate(genotypes.sample_ids)}
    wanted = list(place) if participant_ids is None else [name for name in participant_ids if name in place]
    if not wanted:
        raise InputError("nobody of the study stands in the genotypes: compare participant_id with the samples' names, and sample_id")
    return wanted, np.array([place[name] for name in wanted], dtype=np.intp)


def plain_chromosome(name: str) -> str:
    """Return a chromosome's name without ``chr``, zeros and PLINK's numbers for X, Y and MT.

    Examples
    --------
    >>> [plain_chromosome(name) for name in ("chr16", "16", "07", "chrX", "23", "26", "chrM", "PAR1")]
    ['16', '16', '7', 'X', 'X', 'MT', 'MT', 'X']
    """
    text = name.strip().upper().removeprefix("CHR").lstrip("0") or "0"
    return {"23": "X", "24": "Y", "25": "X", "26": "MT", "M": "MT", "XY": "X", "PAR1": "X", "PAR2": "X"}.get(text, text)


def is_autosome(name: str) -> bool:
    """Return whether a chromosome is one of 1 to 22.

    Examples
    --------
    >>> is_autosome("chr16"), is_autosome("X"), is_autosome("0")
    (True, False, False)
    """
    text = plain_chromosome(name)
    return text.isdecimal() and 1 <= int(text) <= 22
