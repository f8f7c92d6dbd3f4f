"""Scans: every variant of a region or of the genome against every perceived age, in one pass over the genotypes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.genes.genotypes import Genotypes, plain_chromosome
from facies.association.genes.scan_blocks import METHODS, REASONS, Limits, Rows, TraitResult, join_rows, scan_block
from facies.association.genes.scan_models import ScanModel, scan_models
from facies.association.genes.scan_regions import select_variants, unique_names
from facies.association.genes.thinning import lambda_gc, thin_scan
from facies.errors import InputError
from facies.stats.threads import one_blas_thread
from facies.tables import SCAN, SCANS
from facies.types import Floats

GENOME_WIDE = 5e-8
BLOCK = 2048
"""Variants whose results are put together at a time."""


class Sink(Protocol):
    """Where the results of a trait go as they come."""

    @property
    def name(self) -> str:
        """Return what the summary calls the results, such as the file's name."""

    def encode(self, rows: Rows) -> bytes:
        """Return results as they are written; several threads call it."""

    def write(self, data: bytes) -> None:
        """Take encoded results, in the genotypes' order."""


@dataclass(frozen=True, eq=False)
class Scans:
    """What a scan found.

    ``summaries`` is table ``scans``. ``points`` has the columns ``trait chromosome position p_value expected_p``, thinned for plots.
    ``skipped`` counts, by trait and reason, the variants without a result. ``tables`` holds a table ``scan`` a trait where no sinks took
    the results.
    """

    summaries: pd.DataFrame
    points: pd.DataFrame
    skipped: dict[str, dict[str, int]]
    tables: dict[str, pd.DataFrame]


def scan_variants(
    genotypes: Genotypes,
    traits: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    adjustment: Sequence[str] = (),
    binary: Sequence[str] = (),
    regions: Sequence[str] = ("all",),
    min_call_rate: float = 0.95,
    min_frequency: float = 0.01,
    min_events: int = 10,
    exact_below: float = 1.0,
    cluster_by: str | None = "family_id",
    sinks: Mapping[str, Sink] | None = None,
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Scans:
    """Regress every trait on every variant, adjusted for covariates, one variant at a time (additive model).

    Perceived ages by least squares, binary outcomes by logistic regression, both with the usual (not robust) standard errors and people
    taken as independent, as PLINK 2 does. Someone without a call is left out of that variant's model, someone without a trait of that
    trait's models. A binary outcome has maximum likelihood estimates with Wald tests; where these are infinite or not reached, Firth's
    penalised ones with the likelihood ratio test. ``method`` says which. Only chromosomes 1 to 22 are scanned.

    Parameters
    ----------
    genotypes
        As :func:`facies.association.genes.genotypes.open_genotypes` opens them.
    traits
        ``participant_id`` and one column a trait; missing where a person has none.
    covariates
        ``participant_id`` and the columns that ``adjustment`` names (principal components among them).
    adjustment
        Covariates to adjust for.
    binary
        Traits that are 0 or 1.
    regions
        Such as ``16:89000000-91000000``, ``16`` or ``all``.
    min_call_rate, min_frequency
        Variants called in a smaller share of a trait's people, or whose rarer allele is rarer, are not tested.
    min_events
        Binary outcomes with fewer events, or non-events, are not scanned.
    exact_below
        Below 1, logistic models are fitted only where the score test's p-value is smaller; the others keep the score test (``score``).
    cluster_by
        Column of families, to note how many people are related.
    sinks
        Takes each trait's results as they come, see :mod:`facies.association.genes.gwas_ssf`; without, they are returned.
    threads
        Threads; results do not depend on it.
    progress
        Called with the variants done and all variants.

    Raises
    ------
    InputError
        When a region, trait or covariate is wrong, or no variant or nobody is left.

    Examples
    --------
    >>> from facies.association.genes.genotypes import ArrayGenotypes
    >>> rng = np.random.default_rng(1)
    >>> ids, alleles = [f"p{i}" for i in range(400)], rng.binomial(2, 0.3, (400, 2)).astype(float)
    >>> variants = {"variant_id": ["rs1", "rs2"], "chromosome": "16", "position": [5, 9], "effect_allele": "T", "other_allele": "C"}
    >>> genotypes = ArrayGenotypes(ids, pd.DataFrame(variants), alleles)
    >>> people = pd.DataFrame({"participant_id": ids, "age": rng.normal(65, 8, 400)})
    >>> traits = pd.DataFrame({"participant_id": ids, "perceived_age": people.age + 0.8 * alleles[:, 0] + rng.normal(0, 1, 400)})
    >>> scans = scan_variants(genotypes, traits, people, adjustment=["age"])
    >>> scans.summaries.top_variant.tolist(), round(float(scans.tables["perceived_age"].beta[0]), 1)
    (['rs1'], 0.7)
    """
    limits = _limits(min_call_rate, min_frequency, exact_below)
    chosen, left_out = select_variants(genotypes.variants, regions)
    if not len(chosen):
        raise InputError("no variant of the genotypes is on chromosomes 1 to 22 within the regions: there is nothing to scan")
    samples, models = scan_models(
        genotypes.sample_ids, traits, covariates, adjustment=adjustment, binary=binary, min_events=min_events, cluster_by=cluster_by
    )
    everybody = len(samples) == len(genotypes.sample_ids)
    found = [_TraitScan(model, trait, None if sinks is None else sinks[trait]) for model in models for trait in model.traits]
    scanned = [one for one in found if one.model.model is not None]

    def work(block: NDArray[np.intp]) -> _Block:
        results = scan_block(genotypes, block, None if everybody else samples, [m for m in models if m.model is not None], limits)
        return {one.trait: (results[one.trait], one.encode(results[one.trait])) for one in scanned}

    n_done = 0
    with one_blas_thread():
        for block, results in _in_order(work, _blocks(chosen, BLOCK) if scanned else [], threads):
            for one in scanned:
                one.add(*results[one.trait])
            n_done += len(block)
            if progress is not None:
                progress(n_done, len(chosen))
    return _scans(found, genotypes.variants, left_out, adjustment)


def _limits(min_call_rate: float, min_frequency: float, exact_below: float) -> Limits:
    for name, value, highest in (
        ("min_call_rate", min_call_rate, 1.0),
        ("min_frequency", min_frequency, 0.5),
        ("exact_below", exact_below, 1.0),
    ):
        if not 0 <= value <= highest:
            raise InputError(f"{name} is {value:g}: choose 0 to {highest:g}")
    return Limits(min_call_rate, min_frequency, exact_below)


def _blocks(chosen: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    """Cut the chosen places into runs of neighbours of at most ``size``."""
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) != 1) + 1)
    return [run[start : start + size] for run in runs for start in range(0, len(run), size)]


_Block = dict[str, tuple[TraitResult, bytes]]


def _in_order(
    work: Callable[[NDArray[np.intp]], _Block], blocks: Iterable[NDArray[np.intp]], threads: int
) -> Iterator[tuple[NDArray[np.intp], _Block]]:
    """Do the work of all blocks by several threads and yield the results in order; only a few blocks are ahead."""
    ahead: deque[tuple[NDArray[np.intp], Future[_Block]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for block in blocks:
            if len(ahead) > 2 * threads:
                first, future = ahead.popleft()
                yield first, future.result()
            ahead.append((block, pool.submit(work, block)))
        while ahead:
            first, future = ahead.popleft()
            yield first, future.result()


class _TraitScan:
    """What the blocks found so far for one trait; its rows only where no sink takes them."""

    def __init__(self, model: ScanModel, trait: str, sink: Sink | None) -> None:
        self.model, self.trait, self.sink = model, trait, sink
        self.rows: list[Rows] = []
        self.places: list[NDArray[np.intp]] = [np.empty(0, dtype=np.intp)]
        self.p_values: list[Floats] = [np.empty(0)]
        self.skipped = np.zeros(len(REASONS), dtype=np.intp)
        self.methods = np.zeros(len(METHODS), dtype=np.intp)

    def encode(self, result: TraitResult) -> bytes:
        return b"" if self.sink is None else self.sink.encode(result.rows)

    def add(self, result: TraitResult, encoded: bytes) -> None:
        self.places.append(result.rows.variant)
        self.p_values.append(result.rows.p_value)
        self.skipped += result.skipped
        self.methods += np.bincount(result.rows.method, minlength=len(METHODS))
        if self.sink is None:
            self.rows.append(result.rows)
        else:
            self.sink.write(encoded)

    def reasons(self, left_out: Mapping[str, int]) -> dict[str, int]:
        own = {reason: int(count) for reason, count in zip(REASONS, self.skipped, strict=True) if reason and count}
        return {**left_out, **own}

    def summary(self, variants: pd.DataFrame, left_out: Mapping[str, int], adjustment: Sequence[str]) -> dict[str, Any]:
        places, p_values = np.concatenate(self.places), np.concatenate(self.p_values)
        reasons = self.reasons(left_out)
        best = int(np.argmin(p_values)) if len(p_values) else None
        notes = (*self.model.notes, *_counted(self.methods), *(f"{count} variants {reason}" for reason, count in reasons.items()))
        return {
            "trait": self.trait,
            "family": self.model.family,
            "covariates": "+".join(adjustment) or None,
            "n": self.model.n,
            "n_events": self.model.n_events,
            "n_variants": len(p_values),
            "n_skipped": sum(reasons.values()),
            "lambda_gc": lambda_gc(p_values),
            "n_genome_wide": int((p_values < GENOME_WIDE).sum()),
            "top_variant": None if best is None else str(variants.variant_id.iloc[places[best]]),
            "top_p": np.nan if best is None else float(p_values[best]),
            "file": None if self.sink is None or self.model.model is None else self.sink.name,
            "note": "; ".join(notes) or None,
        }

    def points(self, variants: pd.DataFrame) -> pd.DataFrame:
        return thin_scan(variants, np.concatenate(self.places), np.concatenate(self.p_values)).assign(trait=self.trait)


def _counted(methods: NDArray[np.intp]) -> list[str]:
    words = {"score": "score tests only", "firth": "Firth estimates"}
    return [f"{methods[METHODS.index(name)]} variants with {text}" for name, text in words.items() if methods[METHODS.index(name)]]


def _scans(found: list[_TraitScan], variants: pd.DataFrame, left_out: dict[str, int], adjustment: Sequence[str]) -> Scans:
    summaries = pd.DataFrame(
        [one.summary(variants, left_out, adjustment) for one in found], columns=[column.name for column in SCANS.columns]
    )
    summaries = summaries.astype({"n_events": "Int64", "lambda_gc": "float64", "top_p": "float64"})
    columns = ["trait", "chromosome", "position", "p_value", "expected_p"]
    points = pd.concat([one.points(variants) for one in found], ignore_index=True)[columns]
    tables = {one.trait: scan_table(variants, join_rows(one.rows)) for one in found if one.rows}
    return Scans(SCANS.validate(summaries), points, {one.trait: one.reasons(left_out) for one in found}, tables)


def scan_table(variants: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Return results as table ``scan``."""
    shown = variants.iloc[rows.variant]
    table = pd.DataFrame(
        {
            "chromosome": shown.chromosome.map(plain_chromosome).astype(object),
            "base_pair_location": shown.position.astype("int64"),
            "effect_allele": shown.effect_allele,
            "other_allele": shown.other_allele,
            "beta": rows.beta,
            "standard_error": rows.std_error,
            "effect_allele_frequency": rows.frequency,
            "p_value": rows.p_value,
            "variant_id": unique_names(shown),
            "n": rows.n,
            "method": np.array(METHODS, dtype=object)[rows.method],
        }
    )
    return SCAN.validate(table.reset_index(drop=True))
