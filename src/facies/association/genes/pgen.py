"""PLINK 2 genotypes: .pgen with its .pvar and .psam, by Pgenlib."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies._optional import import_extra
from facies.association.genes.genotypes import GenotypeFile, name_participants
from facies.association.genes.plink_text import read_psam, read_pvar
from facies.errors import InputError
from facies.types import Floats

MISSING = -9.0
"""How Pgenlib says that a call is missing."""


class PgenGenotypes(GenotypeFile):
    """A ``.pgen``: dosages of the alternative alleles, one row of ``variants`` each; hard calls where there is no dosage.

    Raises
    ------
    InputError
        When a file is absent, cut off, of another kind, or the three do not fit together.
    MissingExtraError
        When Pgenlib is not installed.
    """

    def __init__(self, path: Path, *, sample_id: str = "iid", threads: int = 2) -> None:  # noqa: ARG002 - Pgenlib reads by one thread
        pgenlib = import_extra("pgenlib", extra="pgen")
        pvar, psam = _pvar_beside(path), path.with_suffix(".psam")
        self.samples = name_participants(read_psam(psam), sample_id=sample_id, file=psam.name)
        stored = read_pvar(pvar)
        self.variants, self._stored, self._allele = _split_alleles(stored)
        self.hard_calls = False
        self._lock = threading.Lock()
        self._name = path.name
        self._reader = _open(pgenlib, path, n=len(self.samples), m=len(stored), offsets=_allele_offsets(stored, self._stored))

    def read(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return dosages of the alternative allele, (n, stop - start)."""
        self.require_block(start, stop)
        subset, order = (None, None) if samples is None else np.unique(np.asarray(samples), return_inverse=True)
        n = len(self.samples) if subset is None else len(subset)
        dosages = np.empty((stop - start, n), dtype=np.float64)
        if dosages.size:
            with self._lock:
                self._reader.change_sample_subset(None if subset is None or n == len(self.samples) else subset.astype(np.uint32))
                self._fill(dosages, start)
        dosages[dosages == MISSING] = np.nan
        return dosages.T if order is None else np.asfortranarray(dosages.T[order])

    def read_calls(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return the same dosages, -9 or NaN where missing: quicker where the variants lie side by side and people are in order."""
        stored = self._stored[start:stop]
        in_order = samples is None or bool((np.diff(samples) > 0).all())
        if not (in_order and len(stored) and (self._allele[start:stop] == 1).all() and stored[-1] - stored[0] == len(stored) - 1):
            return self.read(start, stop, samples)
        self.require_block(start, stop)
        dosages = np.empty((len(stored), len(self.samples) if samples is None else len(samples)), dtype=np.float64)
        with self._lock:
            self._reader.change_sample_subset(None if samples is None else samples.astype(np.uint32))
            try:
                self._reader.read_dosages_range(int(stored[0]), int(stored[-1]) + 1, dosages)
            except RuntimeError as error:
                raise InputError(f"{self._name} cannot be read ({error}): it is cut off or damaged; copy it again") from error
        return dosages.T

    def _fill(self, dosages: Floats, start: int) -> None:
        rows = slice(start, start + len(dosages))
        try:
            for allele in np.unique(self._allele[rows]):
                wanted = np.flatnonzero(self._allele[rows] == allele)
                part = np.empty((len(wanted), dosages.shape[1]), dtype=np.float64)
                self._reader.read_dosages_list(self._stored[rows][wanted].astype(np.uint32), part, allele_idx=int(allele))
                dosages[wanted] = part
        except RuntimeError as error:
            raise InputError(f"{self._name} cannot be read ({error}): it is cut off or damaged; copy it again") from error

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def _pvar_beside(path: Path) -> Path:
    packed = path.with_suffix(".pvar.zst")
    return packed if packed.is_file() and not path.with_suffix(".pvar").is_file() else path.with_suffix(".pvar")


def _split_alleles(stored: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Return one row an alternative allele, which stored variant it belongs to and which of its alleles it is, from 1."""
    several = stored.effect_allele.str.contains(",", regex=False).to_numpy()
    if not several.any():
        return stored, np.arange(len(stored)), np.ones(len(stored), dtype=np.int64)
    split = stored.assign(effect_allele=stored.effect_allele.str.split(",")).explode("effect_allele")
    position = split.index.to_numpy(dtype=np.int64)
    allele = np.asarray(split.groupby(level=0).cumcount() + 1, dtype=np.int64)
    return split.reset_index(drop=True), position, allele


def _allele_offsets(stored: pd.DataFrame, position: NDArray[np.int64]) -> NDArray[np.uintp] | None:
    """Return where the alleles of each stored variant start, as Pgenlib counts them; None where all have two."""
    alleles = np.bincount(position, minlength=len(stored)) + 1
    return None if (alleles == 2).all() else np.concatenate([[0], np.cumsum(alleles)]).astype(np.uintp)


def _open(pgenlib: Any, path: Path, *, n: int, m: int, offsets: NDArray[np.uintp] | None) -> Any:
    try:
        reader = pgenlib.PgenReader(os.fsencode(path), raw_sample_ct=n, variant_ct=m, allele_idx_offsets=offsets)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"{path.name} cannot be opened ({' '.join(str(error).split())}): it is cut off or damaged, or its .psam belongs to another file"
        ) from error
    return reader
