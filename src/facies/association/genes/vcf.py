"""Genotypes in VCF and BCF, by cyvcf2."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies._optional import import_extra
from facies.association.genes.genotypes import VARIANT_COLUMNS, GenotypeFile, is_autosome, name_participants, sample_table
from facies.errors import InputError
from facies.types import Floats

BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every whole file of bgzip and every .bcf (SAM/BAM specification, 4.1.2)."""

UNPACKED_BCF = b"BCF"
"""How a BCF starts that is not compressed; it has no mark at its end."""

NO_ALTERNATIVE = "."
"""The effect allele of a record that has no alternative allele."""

ABSENT, PADDING = -1, -2
"""How cyvcf2 says that an allele is missing, and that there is none (one chromosome)."""


class VcfGenotypes(GenotypeFile):
    """A VCF or BCF: counts of each alternative allele (GT), or its dosage where the record has DS; one row of ``variants`` each.

    A record without ID is called ``chromosome:position:reference:alternative``. A call with one missing allele (half call) is missing.
    People with one allele (X, Y, MT) count 0 or 2; on an autosome such a call is missing. The file is read from its start to the wanted
    variants, so read blocks in order. FILTER is not looked at: leave out what should not be used before.

    Raises
    ------
    InputError
        When the file is cut off or no VCF, or names a person twice.
    MissingExtraError
        When cyvcf2 is not installed.
    """

    def __init__(self, path: Path, *, sample_id: str = "iid", threads: int = 2) -> None:  # noqa: ARG002 - a VCF has one identifier
        self._cyvcf2 = import_extra("cyvcf2", extra="genes")
        self._path, self._threads = path, threads
        self._lock = threading.Lock()
        _require_whole(path)
        reader = self._open()
        self.samples = name_participants(sample_table(list(reader.samples)), sample_id="iid", file=path.name)
        self.hard_calls = not reader.contains("DS")
        self.variants, self._record, self._allele = _list_variants(self._guarded(reader))
        reader.close()
        self._records: Iterator[Any] = iter(())
        self._next = len(self._record) + 1
        self._reader: Any = None

    def read(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> Floats:
        """Return counts or dosages of the alternative allele, (n, stop - start)."""
        self.require_block(start, stop)
        people = np.arange(len(self.samples)) if samples is None else samples
        counts = np.empty((len(people), stop - start), order="F")
        with self._lock:
            row = start
            while row < stop:
                record, position = self._seek(int(self._record[row])), self._record[row]
                while row < stop and self._record[row] == position:
                    counts[:, row - start] = self._counts(record, int(self._allele[row]))[people]
                    row += 1
        return counts

    def _seek(self, position: int) -> Any:
        """Return the record at this position, from where the last one was read or from the start."""
        if self._reader is None or position < self._next:
            self.close()
            self._reader = self._open()
            self._records, self._next = self._guarded(self._reader), 0
        for record in self._records:
            self._next += 1
            if self._next == position + 1:
                return record
        raise InputError(f"{self._path.name} has fewer records than before: it was changed while it was read; run again")

    def _counts(self, record: Any, allele: int) -> Floats:
        one_chromosome = not is_autosome(record.CHROM)
        fields = record.FORMAT or ()
        calls = record.genotype.array()[:, :-1] if "GT" in fields else np.full((len(self.samples), 2), ABSENT)
        counts = _count_alleles(calls, allele, one_chromosome=one_chromosome)
        if "DS" not in fields:
            return counts
        dosages = np.asarray(record.format("DS"), dtype=np.float64)[:, allele - 1]
        single = (calls[:, 1:] == PADDING).all(axis=1) & one_chromosome
        dosages = np.where(single, 2 * dosages, dosages)
        if (dosages < 0).any() or (dosages > 2).any():
            raise InputError(f"{self._path.name}: a DS of {record.CHROM}:{record.POS} is outside 0 to 2: write the file again")
        return np.where(np.isnan(dosages), counts, dosages)

    def _open(self) -> Any:
        try:
            return self._cyvcf2.VCF(str(self._path), threads=self._threads)
        except Exception as error:  # cyvcf2 raises plain Exception for a header that it cannot parse
            raise InputError(f"{self._path.name} is no VCF or BCF, or its header is damaged: copy or write it again") from error

    def _guarded(self, reader: Any) -> Iterator[Any]:
        count = 0
        try:
            for record in reader:
                count += 1
                yield record
        except Exception as error:  # and for a record that it cannot parse
            raise InputError(f"{self._path.name}: record {count + 1} cannot be read: the file is cut off or damaged there") from error

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _count_alleles(calls: NDArray[np.int16], allele: int, *, one_chromosome: bool) -> Floats:
    """Return how often people carry an allele; NaN where part of the call is missing."""
    counts = np.asarray((calls == allele).sum(axis=1), dtype=np.float64)
    single = (calls == PADDING).sum(axis=1) == calls.shape[1] - 1
    counts[single] = 2 * counts[single] if one_chromosome else np.nan
    counts[(calls == ABSENT).any(axis=1)] = np.nan
    return counts


def _list_variants(records: Iterator[Any]) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Return one row an alternative allele, the record that it stands in and which of its alleles it is."""
    rows, position, alleles = [], [], []
    for number, record in enumerate(records):
        for allele, alternative in enumerate(record.ALT or [NO_ALTERNATIVE], start=1):
            name = record.ID or f"{record.CHROM}:{record.POS}:{record.REF}:{alternative}"
            rows.append((name, record.CHROM, record.POS, alternative, record.REF))
            position.append(number)
            alleles.append(allele)
    variants = pd.DataFrame(rows, columns=list(VARIANT_COLUMNS)).astype({"position": "int64"})
    return variants, np.array(position, dtype=np.int64), np.array(alleles, dtype=np.int64)


def _require_whole(path: Path) -> None:
    """Refuse a file that ends early; what reads the records would take that for its end."""
    with path.open("rb") as file:
        start = file.read(18)
        file.seek(0, 2)
        file.seek(max(0, file.tell() - len(BGZF_END)))
        end = file.read()
    blocked = start[:2] == b"\x1f\x8b" and len(start) > 13 and start[12:14] == b"BC"
    if blocked or start[:2] == b"\x1f\x8b":
        if end != BGZF_END if blocked else not _gzip_is_whole(path):
            raise InputError(f"{path.name} ends early: copy it again")
    elif not start.startswith(UNPACKED_BCF) and not end.endswith(b"\n"):
        raise InputError(f"{path.name} ends early, within a line: copy it again, or end its last line with a line break")


def _gzip_is_whole(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (EOFError, OSError, zlib.error):
        return False
    return True
