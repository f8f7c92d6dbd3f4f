"""Which variants are scanned: regions as text, and the chromosomes that a scan can do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.genes.genotypes import is_autosome, plain_chromosome
from facies.errors import InputError

NOT_AUTOSOMAL = "not on chromosomes 1 to 22"
TWICE = "the same variant once more"

_REGION = re.compile(r"(?P<chromosome>[A-Za-z0-9_.]+)(?::(?P<start>[\d,]+)-(?P<end>[\d,]+))?")


@dataclass(frozen=True)
class Region:
    """A stretch of a chromosome, both ends included, in base pairs; without ends the whole chromosome."""

    chromosome: str
    start: int = 0
    end: int | None = None


def parse_region(text: str) -> Region | None:
    """Read a region such as ``16:89000000-91000000``, ``chr16:89,000,000-91,000,000`` or ``16``; None for ``all``.

    Raises
    ------
    InputError
        When the text is no region, or its end lies before its start.

    Examples
    --------
    >>> parse_region("chr16:89,000,000-91,000,000")
    Region(chromosome='16', start=89000000, end=91000000)
    >>> parse_region("16;5")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: region '16;5' is none: write chromosome:start-end such as 16:89000000-91000000, a chromosome, or all
    """
    text = text.strip()
    if text.lower() == "all":
        return None
    found = _REGION.fullmatch(text)
    if found is None:
        raise InputError(f"region '{text}' is none: write chromosome:start-end such as 16:89000000-91000000, a chromosome, or all")
    chromosome = plain_chromosome(found["chromosome"])
    if not is_autosome(chromosome):
        raise InputError(f"region '{text}' is {NOT_AUTOSOMAL}: scan others with the files for PLINK 2 or REGENIE")
    if found["start"] is None:
        return Region(chromosome)
    start, end = (int(found[name].replace(",", "") or 0) for name in ("start", "end"))
    if end < start:
        raise InputError(f"region '{text}' ends before it starts: write chromosome:start-end")
    return Region(chromosome, start, end)


def select_variants(variants: pd.DataFrame, regions: Sequence[str]) -> tuple[NDArray[np.intp], dict[str, int]]:
    """Return the places of the variants to scan, in the file's order, and how many of the wanted ones are left out, by reason.

    Sex chromosomes and the mitochondrial one are left out: their counts mean something else in women and in men. Of rows that name the
    same variant and alleles at the same place the first stays.

    Raises
    ------
    InputError
        When a region is none, or holds no variant.
    """
    chromosome = variants.chromosome.astype(str)
    plain = chromosome.map({name: plain_chromosome(name) for name in chromosome.unique()})
    wanted = _wanted(plain, variants.position, regions)
    autosomal = plain.map({name: is_autosome(name) for name in plain.unique()}).to_numpy(dtype=bool)
    kept = wanted & autosomal
    left_out = {NOT_AUTOSOMAL: int((wanted & ~autosomal).sum())}
    if not variants.variant_id.is_unique:
        again = variants.duplicated(["variant_id", "chromosome", "position", "effect_allele", "other_allele"]).to_numpy()
        left_out[TWICE] = int((kept & again).sum())
        kept &= ~again
    return np.flatnonzero(kept), {reason: count for reason, count in left_out.items() if count}


def _wanted(plain: pd.Series, position: pd.Series, regions: Sequence[str]) -> NDArray[np.bool_]:
    if not regions:
        raise InputError("there is no region to scan: name at least one, or all")
    wanted = np.zeros(len(plain), dtype=bool)
    for text in regions:
        region = parse_region(text)
        if region is None:
            return np.ones(len(plain), dtype=bool)
        inside = (plain == region.chromosome) & (position >= region.start)
        if region.end is not None:
            inside &= position <= region.end
        if not inside.any():
            raise InputError(f"region '{text}' holds no variant of the genotypes: check chromosome, positions and build")
        wanted |= inside.to_numpy()
    return wanted


def unique_names(variants: pd.DataFrame) -> pd.Series:
    """Return variants' names; chromosome_position_other_effect where there is none, or the same with the same effect allele stands twice.

    Examples
    --------
    >>> row = {"variant_id": ".", "chromosome": "1", "position": 5, "effect_allele": "A", "other_allele": "G"}
    >>> unique_names(pd.DataFrame([row, row | {"variant_id": "rs1"}])).tolist()
    ['1_5_G_A', 'rs1']
    """
    names = variants.variant_id.astype(str)
    unclear = names.isin([".", ""])
    if not names.is_unique:
        unclear |= variants.duplicated(["variant_id", "effect_allele"], keep=False)
    if not unclear.any():
        return names
    some = variants[unclear]
    built = some.chromosome.astype(str) + "_" + some.position.astype(str) + "_" + some.other_allele + "_" + some.effect_allele
    return names.where(~unclear, built.reindex(names.index))
