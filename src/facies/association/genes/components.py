"""Principal components of ancestry, from common variants in little linkage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.genes.genotypes import Genotypes, is_autosome, place_people, plain_chromosome
from facies.errors import InputError
from facies.types import Floats

LONG_RANGE = {
    "2": ((128_000_000, 140_000_000),),
    "5": ((43_000_000, 52_000_000),),
    "6": ((24_000_000, 36_000_000),),
    "8": ((7_000_000, 14_000_000),),
    "11": ((45_000_000, 58_000_000),),
    "17": ((40_000_000, 46_500_000),),
}
"""Regions whose variants hang together over millions of base pairs: lactase, two centromeres, HLA, the inversions of 8p23 and 17q21.

From Price et al. (Am J Hum Genet 2008;83:132-135), widened so that they hold on GRCh37 and GRCh38.
"""

WINDOW = 1_000_000
"""Variants nearer than this, in base pairs, are held against each other."""

MOST_NEIGHBOURS = 500
"""And no more than this many kept ones before."""

BLOCK = 512
"""Variants read together."""

CHUNK = 128
"""Variants thinned together."""

LARGEST_GRAM = 2_000
"""Up to this many people, relationships are added up in one pass and decomposed; beyond, the variants are read several times instead."""

PASSES = 8
"""Times that the variants are read then."""

SPARE = 10
"""Vectors that are carried then beyond those asked for."""


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components.

    ``scores`` has ``participant_id`` and ``pc1``, ``pc2``, ...; over the reference people each has mean 0 and length 1, as PLINK 2 scales
    them. ``eigenvalues`` are those of the relationship matrix. ``n_reference`` people and ``n_variants`` variants define the components;
    others are projected. ``note`` says how.
    """

    scores: pd.DataFrame
    eigenvalues: Floats
    n_variants: int
    n_reference: int
    note: str


def principal_components(
    genotypes: Genotypes,
    *,
    n_components: int,
    participant_ids: Sequence[str] | None = None,
    families: pd.Series | None = None,
    min_frequency: float = 0.05,
    min_call_rate: float = 0.98,
    max_r2: float = 0.2,
    random_state: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Components:
    """Compute principal components of the genotypes.

    Autosomal variants outside :data:`LONG_RANGE` that are common and well called are thinned from left to right: one whose squared
    correlation with a kept one within :data:`WINDOW` exceeds ``max_r2`` is left out. Counts are centred and divided by sqrt(2 p (1 - p)),
    missing ones are set to the mean (Patterson, Price & Reich, PLoS Genet 2006;2:e190). Memory holds one matrix of people by people up to
    :data:`LARGEST_GRAM` people, and people by :data:`BLOCK` variants beyond, where components that stand out are found as exactly and
    those of noise approximately.

    Components that relatives define show families instead of ancestry. With ``families`` they are computed from one person of each family,
    and the others are projected, which shrinks them slightly. Relatives that ``families`` does not name are not recognised.

    Parameters
    ----------
    genotypes
        The people's genotypes.
    n_components
        How many.
    participant_ids
        Whose; None: everybody with genotypes. People without genotypes are left out.
    families
        A family by participant_id; None: nobody is related.
    min_frequency, min_call_rate
        Of the rarer allele, and of calls, over the reference people.
    max_r2
        Largest squared correlation of two variants.
    random_state
        Seed of the start of the iterative solvers.
    progress
        Called with the variants read and the variants in all.

    Raises
    ------
    InputError
        When nobody has genotypes, or too few people or variants are left for so many components.

    Examples
    --------
    >>> from facies.association.genes.genotypes import ArrayGenotypes
    >>> rng = np.random.default_rng(1)
    >>> south = np.repeat([0, 1], 30)
    >>> counts = rng.binomial(2, np.where(south[:, None] == 1, 0.3, 0.6), (60, 200))
    >>> variants = pd.DataFrame({"variant_id": [f"v{i}" for i in range(200)], "chromosome": "1", "position": np.arange(200) * 2_000_000,
    ...     "effect_allele": "A", "other_allele": "G"})
    >>> found = principal_components(ArrayGenotypes([f"p{i}" for i in range(60)], variants, counts), n_components=1)
    >>> bool(abs(np.corrcoef(found.scores.pc1, south)[0, 1]) > 0.9)
    True
    """
    ids, people = place_people(genotypes, participant_ids)
    reference = _reference(ids, families)
    if not 1 <= n_components < reference.sum():
        raise InputError(f"{n_components} components of {int(reference.sum())} unrelated people: ask for fewer")
    filters = _Filters(min_frequency, min_call_rate, max_r2)
    source = _Source(genotypes, people, reference, filters, progress)
    if len(people) <= LARGEST_GRAM:
        vectors, eigenvalues, n_variants = _by_gram(source, n_components, random_state)
    else:
        vectors, eigenvalues, n_variants = _by_iteration(source, n_components, random_state)
    vectors = vectors * _signs(vectors[reference])
    scores = pd.DataFrame({"participant_id": pd.Series(ids, dtype=object)})
    for number in range(n_components):
        scores[f"pc{number + 1}"] = vectors[:, number]
    return Components(scores, eigenvalues, n_variants, int(reference.sum()), _note(n_variants, reference, filters))


@dataclass(frozen=True)
class _Filters:
    min_frequency: float
    min_call_rate: float
    max_r2: float


def _note(n_variants: int, reference: NDArray[np.bool_], filters: _Filters) -> str:
    projected = int((~reference).sum())
    related = f"; {projected} relatives projected" if projected else ""
    return f"{n_variants} variants with r² at most {filters.max_r2:g}, {int(reference.sum())} people{related}"


def _reference(ids: list[str], families: pd.Series | None) -> NDArray[np.bool_]:
    """Return who defines the components: the first of each family, and everybody without one."""
    if families is None:
        return np.ones(len(ids), dtype=bool)
    own = families.reindex(ids)
    return np.asarray((~own.duplicated() | own.isna()).to_numpy(), dtype=bool)


@dataclass(frozen=True, eq=False)
class _Source:
    """Standardised, thinned variants, block by block."""

    genotypes: Genotypes
    people: NDArray[np.intp]
    reference: NDArray[np.bool_]
    filters: _Filters
    progress: Callable[[int, int], None] | None

    def thinned(self) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Yield the numbers of the kept variants and their standardised counts, (people, kept)."""
        variants = self.genotypes.variants
        usable = _usable(variants)
        before = _Kept.empty(int(self.reference.sum()))
        for start in range(0, len(variants), BLOCK):
            chosen = np.flatnonzero(usable[start : start + BLOCK]) + start
            if len(chosen):
                rows, standard = self.standardised(chosen)
                kept, before = self._thin_chunks(rows, standard[self.reference], before)
                yield rows[kept], standard[:, kept]
            if self.progress is not None:
                self.progress(min(start + BLOCK, len(variants)), len(variants))

    def _thin_chunks(self, rows: NDArray[np.int64], standard: Floats, before: _Kept) -> tuple[NDArray[np.int64], _Kept]:
        kept = [np.empty(0, dtype=np.int64)]
        for start in range(0, len(rows), CHUNK):
            chunk = slice(start, start + CHUNK)
            chosen, before = _thin(standard[:, chunk], self.genotypes.variants.iloc[rows[chunk]], before, self.filters.max_r2)
            kept.append(chosen + start)
        return np.concatenate(kept), before

    def again(self, rows: NDArray[np.int64]) -> Iterator[Floats]:
        """Yield the standardised counts of variants that were kept before, (people, kept)."""
        for start in np.unique(rows // BLOCK):
            yield self.standardised(rows[rows // BLOCK == start])[1]

    def standardised(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
        """Return which variants of a block are common and well called, and their standardised counts."""
        first = int(chosen[0])
        counts = self.genotypes.read(first, int(chosen[-1]) + 1, self.people)[:, chosen - first]
        missing = np.isnan(counts)
        among = counts[self.reference]
        called = (~missing[self.reference]).sum(axis=0)
        frequency = np.nansum(among, axis=0) / np.maximum(2 * called, 1)
        rarer = np.minimum(frequency, 1 - frequency)
        good = (called >= self.filters.min_call_rate * len(among)) & (rarer >= self.filters.min_frequency) & (rarer > 0)
        frequency = frequency[good]
        standard = counts if good.all() else counts[:, good]
        standard -= 2 * frequency
        standard /= np.sqrt(2 * frequency * (1 - frequency))
        standard[missing if good.all() else missing[:, good]] = 0
        return chosen[good], standard


def _usable(variants: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which variants are on an autosome, outside the regions of long-range linkage."""
    names = {name: plain_chromosome(str(name)) for name in variants.chromosome.unique()}
    autosomal = variants.chromosome.map({name: is_autosome(plain) for name, plain in names.items()}).to_numpy(dtype=bool)
    chromosome, position = variants.chromosome.map(names).to_numpy(), variants.position.to_numpy()
    for name, regions in LONG_RANGE.items():
        for first, last in regions:
            autosomal &= ~((chromosome == name) & (position >= first) & (position <= last))
    return autosomal


@dataclass(frozen=True, eq=False)
class _Kept:
    """Kept variants that later ones are held against: unit columns over the reference people, chromosome and position."""

    unit: Floats
    chromosome: NDArray[np.object_]
    position: NDArray[np.int64]

    @classmethod
    def empty(cls, n: int) -> _Kept:
        return cls(np.empty((n, 0)), np.empty(0, dtype=object), np.empty(0, dtype=np.int64))


def _thin(standard: Floats, variants: pd.DataFrame, before: _Kept, max_r2: float) -> tuple[NDArray[np.int64], _Kept]:
    """Return which variants of a block to keep, and the kept ones that the next block is held against."""
    centred = standard - standard.mean(axis=0)
    length = np.sqrt(np.sum(centred**2, axis=0))
    unit = centred / np.where(length > 0, length, 1)
    chromosome, position = variants.chromosome.to_numpy(dtype=object), variants.position.to_numpy(dtype=np.int64)
    all_unit = np.concatenate([before.unit, unit], axis=1)
    everywhere = _Kept(all_unit, np.concatenate([before.chromosome, chromosome]), np.concatenate([before.position, position]))
    linked = (unit.T @ all_unit) ** 2 > max_r2
    linked &= chromosome[:, None] == everywhere.chromosome
    linked &= np.abs(position[:, None] - everywhere.position) <= WINDOW
    n_before = before.unit.shape[1]
    alive = np.ones(n_before + len(variants), dtype=bool)
    for place in range(len(variants)):
        earlier = slice(0, n_before + place)
        alive[n_before + place] = length[place] > 0 and not (linked[place, earlier] & alive[earlier]).any()
    return np.flatnonzero(alive[n_before:]), _recent(everywhere, np.flatnonzero(alive))


def _recent(kept: _Kept, alive: NDArray[np.int64]) -> _Kept:
    """Return the kept variants that can still be near what comes next."""
    if not len(alive):
        return _Kept.empty(len(kept.unit))
    last = alive[-1]
    near = (kept.chromosome[alive] == kept.chromosome[last]) & (kept.position[alive] >= kept.position[last] - WINDOW)
    recent = alive[near][-MOST_NEIGHBOURS:]
    return _Kept(kept.unit[:, recent], kept.chromosome[recent], kept.position[recent])


def _by_gram(source: _Source, n_components: int, random_state: int) -> tuple[Floats, Floats, int]:
    """Return vectors of all people, eigenvalues, and the number of variants, by adding up relationships in one pass."""
    n, among = len(source.people), source.reference
    gram = np.zeros((n, int(among.sum())))
    n_variants = 0
    for rows, standard in source.thinned():
        gram += standard @ standard[among].T
        n_variants += len(rows)
    _require_variants(n_variants, n_components)
    gram /= n_variants
    eigenvalues, vectors = _largest(gram[among], n_components, random_state)
    return gram @ vectors / eigenvalues, eigenvalues, n_variants


def _largest(matrix: Floats, k: int, random_state: int) -> tuple[Floats, Floats]:
    """Return the k largest eigenvalues of a symmetric matrix, largest first, and their vectors."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    n = len(matrix)
    if n < 500 or k > n // 10:
        values, vectors = eigh(matrix, subset_by_index=(n - k, n - 1))
    else:
        start = np.random.default_rng(random_state).normal(size=n)
        values, vectors = eigsh(matrix, k=k, which="LA", v0=start)
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]


def _by_iteration(source: _Source, n_components: int, random_state: int) -> tuple[Floats, Floats, int]:
    """The same within a block Krylov space (Musco & Musco, Adv Neural Inf Process Syst 2015;28), where people by people is too much."""
    rows = np.concatenate([kept for kept, _ in source.thinned()] or [np.empty(0, dtype=np.int64)])
    _require_variants(len(rows), n_components)
    among = source.reference
    n = int(among.sum())
    basis = np.linalg.qr(np.random.default_rng(random_state).normal(size=(n, min(n_components + SPARE, n))))[0]
    bases, products = [basis], [_multiply(source, rows, basis)]
    while len(products) < PASSES and (len(products) + 1) * basis.shape[1] <= n:
        bases.append(_orthogonal(products[-1][among], np.hstack(bases)))
        products.append(_multiply(source, rows, bases[-1]))
    product = np.hstack(products)
    small = np.hstack(bases).T @ product[among]
    eigenvalues, rotation = _largest((small + small.T) / 2, n_components, random_state)
    return product @ rotation / eigenvalues, eigenvalues, len(rows)


def _orthogonal(vectors: Floats, bases: Floats) -> Floats:
    """Return an orthonormal basis of what vectors add to those before; done twice against rounding."""
    for _ in range(2):
        vectors = np.linalg.qr(vectors - bases @ (bases.T @ vectors))[0]
    return vectors


def _multiply(source: _Source, rows: NDArray[np.int64], basis: Floats) -> Floats:
    """Return the relationships of all people with the reference people, times the basis."""
    product = np.zeros((len(source.people), basis.shape[1]))
    for standard in source.again(rows):
        product += standard @ (standard[source.reference].T @ basis)
    return product / len(rows)


def _require_variants(n_variants: int, n_components: int) -> None:
    if n_variants <= n_components:
        raise InputError(
            f"{n_variants} variants are left for {n_components} components (autosomal, common, well called, in little linkage): "
            "compute them from more variants elsewhere and give components_file"
        )


def _signs(vectors: Floats) -> Floats:
    """Return the signs that make each vector's entry that is largest in size positive."""
    largest = np.abs(vectors).argmax(axis=0)
    return np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
