"""PLINK 1 genotypes: .bed with its .bim and .fam, by bed-reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facies._optional import import_extra
from facies.association.genes.genotypes import GenotypeFile, name_participants
from facies.association.genes.plink_text import read_bim, read_fam
from facies.errors import InputError
from facies.types import Floats

BY_VARIANT = b"\x6c\x1b\x01"
BY_PERSON = b"\x6c\x1b\x00"


class BedGenotypes(GenotypeFile):
    """A ``.bed``: hard calls, of which allele A1 (the fifth column of the ``.bim``) is counted.

    Raises
    ------
    InputError
        When a file is absent, cut off, of another kind, or the three do not fit together.
    MissingExtraError
        When bed-reader is not installed.
    """

    def __init__(self, path: Path, *, sample_id: str = "iid", threads: int = 2) -> None:
        bed_reader = import_extra("bed_reader", extra="genes")
        bim, fam = path.with_suffix(".bim"), path.with_suffix(".fam")
        self.variants = read_bim(bim)
        self.samples = name_participants(read_fam(fam), sample_id=sample_id, file=fam.name)
        self.hard_calls = True
        self._threads = threads
        _require_whole(path, len(self.samples), len(self.variants))
        self._bed = bed_reader.open_bed(
            path, iid_count=len(self.samples), sid_count=len(self.variants), count_A1=True, num_threads=threads, skip_format_check=True
        )

    def read(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return counts of allele A1, (n, stop - start)."""
        self.require_block(start, stop)
        people = slice(None) if samples is None else samples
        counts: Floats = self._bed.read(np.s_[people, start:stop], dtype="float64", order="F", num_threads=self._threads)
        return counts

    def read_calls(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> NDArray[np.int8]:
        """Return the same counts as whole numbers, negative where missing: an eighth of the memory."""
        self.require_block(start, stop)
        people = slice(None) if samples is None else samples
        calls: NDArray[np.int8] = self._bed.read(np.s_[people, start:stop], dtype="int8", order="F", num_threads=self._threads)
        return calls


def _require_whole(path: Path, n: int, m: int) -> None:
    with path.open("rb") as file:
        magic = file.read(3)
    if magic == BY_PERSON:
        raise InputError(f"{path.name} is ordered by person (PLINK before 1.0): write it again with plink2 --make-bed")
    if magic != BY_VARIANT:
        raise InputError(f"{path.name} does not start as a .bed does: it is another kind of file, or damaged; copy or write it again")
    size, whole = path.stat().st_size, 3 + m * -(-n // 4)
    if size != whole:
        found = f"{(size - 3) / -(-n // 4):.6g} variants of {n} people"
        cut = "shorter" if size < whole else "longer"
        raise InputError(
            f"{path.name} is {cut} than {m} variants (.bim) of {n} people (.fam) take: {size} bytes hold {found}; "
            "copy it again, or put the .bim and .fam that belong to it beside it"
        )
