"""Where simulated variants lie, their alleles and how their frequencies drift apart between groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.simulation.haplotypes import MC1R_VARIANTS
from facies.simulation.people import MC1R_FREQUENCY
from facies.types import Floats

CHROMOSOME_LENGTHS = (249, 242, 198, 190, 182, 171, 159, 145, 138, 134, 135, 133, 114, 107, 102, 90, 83, 80, 59, 64, 47, 51)
"""Chromosomes 1 to 22 of GRCh38, in millions of base pairs."""

MAX_GAP = 2000
"""Largest distance of neighbours in a block, in base pairs."""


@dataclass(frozen=True)
class Neighbour:
    """A variant near MC1R, carried by these shares of the haplotypes with and without a risk allele."""

    variant_id: str
    position: int
    with_risk: float
    without_risk: float


MC1R_NEIGHBOURS = (
    Neighbour("mc1r_near1", 89_871_000, 0.55, 0.15),
    Neighbour("mc1r_near2", 89_897_000, 0.80, 0.10),
    Neighbour("mc1r_near3", 89_914_000, 0.95, 0.03),
    Neighbour("mc1r_near4", 89_931_000, 0.90, 0.06),
    Neighbour("mc1r_near5", 89_958_000, 0.70, 0.12),
    Neighbour("mc1r_near6", 89_989_000, 0.45, 0.20),
)
"""Made-up variants that mark the risk haplotypes, so that a scan of the region shows a peak of several variants."""

N_FIXED = len(MC1R_VARIANTS) + len(MC1R_NEIGHBOURS)


def group_frequencies(before: Floats, f_st: float, n_groups: int, rng: np.random.Generator) -> Floats:
    """Let frequencies drift in each group by the beta law of Balding & Nichols (Genetica 1995;96:3), (n_groups, m).

    Examples
    --------
    >>> group_frequencies(np.array([0.3]), 0.0, 2, np.random.default_rng(1)).tolist()
    [[0.3], [0.3]]
    """
    if f_st == 0:
        return np.tile(before, (n_groups, 1))
    scale = (1 - f_st) / f_st
    return rng.beta(before * scale, (1 - before) * scale, (n_groups, len(before)))


def lay_out_variants(n_variants: int, block_size: int, mc1r_frequency: float, rng: np.random.Generator) -> pd.DataFrame:
    """Place variants along the genome: blocks spread evenly over chromosomes 1 to 22, MC1R and its neighbours on chromosome 16.

    Returns
    -------
    pandas.DataFrame
        In genomic order: variant_id, chromosome, position, effect_allele, other_allele, block (-1 for MC1R), and for those of block -1
        their frequency.
    """
    n_simulated = n_variants - N_FIXED
    chromosomes, positions = _places(n_simulated, block_size)
    alleles = _draw_alleles(n_simulated, rng)
    simulated = pd.DataFrame(
        {
            "variant_id": np.array([f"sim{number}" for number in range(1, n_simulated + 1)], dtype=object),
            "chromosome": chromosomes,
            "position": positions,
            "effect_allele": alleles[0],
            "other_allele": alleles[1],
            "block": np.arange(n_simulated) // block_size,
            "frequency": np.full(n_simulated, np.nan),
        }
    )
    fixed = _fixed_variants(mc1r_frequency)
    together = pd.concat([simulated, fixed]) if n_simulated else fixed
    ordered = together.sort_values(["chromosome", "position"], kind="stable", ignore_index=True)
    return ordered.assign(chromosome=ordered.chromosome.astype(str).astype(object))


def _places(n: int, block_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n_blocks = max(1, -(-n // block_size))
    ends = np.cumsum(CHROMOSOME_LENGTHS)
    spacing = ends[-1] / n_blocks
    starts = (np.arange(n_blocks) + 0.5) * spacing
    chromosome = np.searchsorted(ends, starts, side="right")
    first = 1e6 * (starts - (ends - CHROMOSOME_LENGTHS)[chromosome])
    gap = max(1, min(MAX_GAP, int(1e6 * spacing / (2 * block_size))))
    block, place = np.divmod(np.arange(n), block_size)
    return chromosome[block] + 1, first[block].astype(np.int64) + 1 + gap * place


def _draw_alleles(n: int, rng: np.random.Generator) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    letters = np.array(list("ACGT"), dtype=object)
    effect = rng.integers(0, 4, n)
    return letters[effect], letters[(effect + rng.integers(1, 4, n)) % 4]


def _fixed_variants(frequency: float) -> pd.DataFrame:
    """Return MC1R and its neighbours, where the four risk alleles together have this frequency."""
    scale = frequency / MC1R_FREQUENCY
    own = [(v.variant_id, 16, v.position, v.effect_allele, v.other_allele, -1, scale * v.frequency) for v in MC1R_VARIANTS]
    linked = [
        (v.variant_id, 16, v.position, "A", "G", -1, frequency * v.with_risk + (1 - frequency) * v.without_risk) for v in MC1R_NEIGHBOURS
    ]
    columns = ["variant_id", "chromosome", "position", "effect_allele", "other_allele", "block", "frequency"]
    return pd.DataFrame([*own, *linked], columns=columns)
