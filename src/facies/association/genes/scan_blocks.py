"""One block of variants: read once, checked and fitted for all traits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from facies.association.genes.genotypes import Genotypes
from facies.association.genes.scan_models import ScanModel
from facies.stats.calls import Calls, read_counts
from facies.stats.scan_firth import firth_variant
from facies.stats.scan_linear import LinearModel, scan_linear
from facies.stats.scan_logistic import LogisticModel, scan_logistic, scan_memory
from facies.types import Floats

METHODS = ("linear", "score", "logistic", "firth")
"""Levels of ``method``; results hold their places."""

REASONS = ("", "called in too few people", "without variation", "too rare", "determined by the covariates", "without an estimate")
"""Why a variant has no result; blocks hold their places, 0 is a result."""

READ_BYTES = 5_000_000
"""Memory of what is read at a time: larger pieces of memory are taken anew each time, which is slow."""

WORK_BYTES = 10_000_000
"""Memory of the allele counts that are worked on at a time."""


@runtime_checkable
class CallReader(Protocol):
    """Genotypes that can be read as they are stored, which is quicker."""

    def read_calls(self, start: int, stop: int, samples: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return counts of the effect allele, (n, stop - start) in Fortran order, NaN or negative where missing."""


@dataclass(frozen=True)
class Limits:
    """What a variant must have to be scanned, and below which p-value of the score test a logistic model is fitted."""

    min_call_rate: float
    min_frequency: float
    exact_below: float


@dataclass(frozen=True, eq=False)
class Rows:
    """Results of one trait, one entry a variant that was tested; ``variant`` is its place in the genotypes, ``method`` in METHODS."""

    variant: NDArray[np.intp]
    beta: Floats
    std_error: Floats
    frequency: Floats
    p_value: Floats
    n: NDArray[np.intp]
    method: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class TraitResult:
    """Results of one trait, and how many variants have none, by reason, (len(REASONS),)."""

    rows: Rows
    skipped: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Memory:
    """Memory that is used again from block to block: for allele counts, (b, n), and for logistic regressions."""

    counts: Floats
    logistic: Floats


def scan_block(
    genotypes: Genotypes, variants: NDArray[np.intp], samples: NDArray[np.intp] | None, models: Sequence[ScanModel], limits: Limits
) -> dict[str, TraitResult]:
    """Scan variants that lie side by side in the genotypes; results by trait."""
    n = len(genotypes.samples) if samples is None else len(samples)
    work = min(max(1, WORK_BYTES // (8 * n)), len(variants))
    memory = Memory(np.empty((work, n)), scan_memory())
    parts: dict[str, list[TraitResult]] = {trait: [] for model in models for trait in model.traits}
    for chosen in _pieces(variants, max(1, READ_BYTES // (n * _bytes_a_call(genotypes)))):
        values = _read(genotypes, int(chosen[0]), int(chosen[-1]) + 1, samples)
        for rows in _pieces(np.arange(len(chosen)), work):
            for model, calls in _calls_of_each(values[rows[0] : rows[-1] + 1], models, memory.counts):
                for trait, result in _fit(calls, model, chosen[rows], limits, memory).items():
                    parts[trait].append(result)
    return {trait: _join(found) for trait, found in parts.items()}


def _pieces(places: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _bytes_a_call(genotypes: Genotypes) -> int:
    return 1 if genotypes.hard_calls and isinstance(genotypes, CallReader) else 8


def _calls_of_each(values: NDArray[Any], models: Sequence[ScanModel], memory: Floats) -> Iterator[tuple[ScanModel, Calls]]:
    """Yield each model with the calls of its people; all calls lie in the same ``memory``, so that each must be used before the next."""
    everybody = [model for model in models if model.people is None]
    if everybody:
        calls = read_counts(values, memory)
        yield from ((model, calls) for model in everybody)
    for model in models:
        if model.people is not None:
            b, n = len(values), len(model.people)
            yield model, read_counts(values[:, model.people], memory.reshape(-1)[: b * n].reshape(b, n))


def _read(genotypes: Genotypes, start: int, stop: int, samples: NDArray[np.intp] | None) -> NDArray[Any]:
    if isinstance(genotypes, CallReader):
        return genotypes.read_calls(start, stop, samples).T
    return genotypes.read(start, stop, samples).T


def join_rows(parts: list[Rows]) -> Rows:
    """Return several results as one."""
    names = ("variant", "beta", "std_error", "frequency", "p_value", "n", "method")
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _join(parts: list[TraitResult]) -> TraitResult:
    return TraitResult(join_rows([part.rows for part in parts]), np.sum([part.skipped for part in parts], axis=0))


def _fit(calls: Calls, model: ScanModel, variants: NDArray[np.intp], limits: Limits, memory: Memory) -> dict[str, TraitResult]:
    called, frequency = calls.n_called(), calls.frequency()
    why = _why_not(called / calls.counts.shape[1], frequency, limits)
    kept = np.flatnonzero(why == 0)
    results: dict[str, TraitResult] = {}
    for trait, beta, std_error, p_value, method in _estimates(calls, kept, model, limits, memory):
        reasons, found = why.copy(), np.isfinite(p_value)
        reasons[kept[~found]] = np.where(method[~found] == _METHOD["firth"], 5, 4)
        rows = kept[found]
        results[trait] = TraitResult(
            Rows(variants[rows], beta[found], std_error[found], frequency[rows], p_value[found], called[rows], method[found]),
            np.bincount(reasons, minlength=len(REASONS)),
        )
    return results


_METHOD = {name: np.int8(place) for place, name in enumerate(METHODS)}


def _why_not(call_rate: Floats, frequency: Floats, limits: Limits) -> NDArray[np.int8]:
    rarer = np.minimum(frequency, 1 - frequency)
    too_few = (call_rate < limits.min_call_rate) | (call_rate == 0)
    return np.select([too_few, rarer <= 0, rarer < limits.min_frequency], [1, 2, 3], 0).astype(np.int8)


def _estimates(
    calls: Calls, kept: NDArray[np.intp], model: ScanModel, limits: Limits, memory: Memory
) -> list[tuple[str, Floats, Floats, Floats, NDArray[np.int8]]]:
    """Return trait, estimates, standard errors, p-values and methods for the variants that are kept."""
    if isinstance(model.model, LinearModel):
        fits, method = scan_linear(calls, model.model), np.full(len(kept), _METHOD["linear"])
        columns = zip(model.traits, fits.beta[kept].T, fits.std_error[kept].T, fits.p_value[kept].T, strict=True)
        return [(trait, beta, std_error, p_value, method) for trait, beta, std_error, p_value in columns]
    if isinstance(model.model, LogisticModel):
        return [(model.traits[0], *_logistic(calls.take(kept), model.model, model.covariates, limits, memory))]
    return []


def _logistic(
    calls: Calls, model: LogisticModel, covariates: Floats, limits: Limits, memory: Memory
) -> tuple[Floats, Floats, Floats, NDArray[np.int8]]:
    fits = scan_logistic(calls, model, exact_below=limits.exact_below, memory=memory.logistic)
    beta, std_error, p_value = fits.beta.copy(), fits.std_error.copy(), fits.p_value.copy()
    method = np.where(fits.exact, _METHOD["logistic"], _METHOD["score"])
    for row in np.flatnonzero(fits.exact & fits.independent & np.isnan(p_value)):
        method[row] = _METHOD["firth"]
        called = np.ones(len(model.y), dtype=bool)
        called[calls.person[calls.variant == row]] = False
        beta[row], std_error[row], p_value[row] = firth_variant(model.y[called], calls.counts[row, called], covariates[called])
    return beta, std_error, p_value, method
