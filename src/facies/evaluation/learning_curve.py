"""Learning curves: the error against how much was learnt from, the curve through it, and what more would bring.

Errors come from people whom no model saw, models from random subsets; both are drawn anew for the intervals. The curve is an inverse power
law with a floor, ``a + b * size ** -c`` (Cortes et al., Advances in Neural Information Processing Systems 1994;6:327-334), fitted by
weighted least squares whose weights grow with the size (Figueroa et al., BMC Med Inform Decis Mak 2012;12:8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.stats.resampling import bootstrap_sums, percentile_interval, sum_by_cluster
from facies.types import Floats

EXPONENTS: Floats = np.geomspace(0.25, 2.0, 37)
"""The exponents tried where none is given."""

FITTED_RANGE = 8
"""The curve goes through sizes from an eighth of the largest on: below, where people are fewer than what is learnt, errors fall by another
law and would make the forecast too hopeful (see benchmarks/bench_learning_curves.py)."""

FEWEST_SIZES = 3
"""A curve is drawn through at least so many sizes."""


def log_sizes(smallest: int, largest: int, *, n: int) -> list[int]:
    """Return about ``n`` whole numbers from ``smallest`` to ``largest``, evenly spaced on a logarithmic axis; fewer where they coincide.

    Examples
    --------
    >>> log_sizes(20, 640, n=6)
    [20, 40, 80, 160, 320, 640]
    """
    if not 0 < smallest <= largest:
        return []
    return [int(size) for size in np.unique(np.round(np.geomspace(smallest, largest, n)))]


class PowerLaw(NamedTuple):
    """Inverse power laws ``asymptote + slope * size ** -exponent``, each (...)."""

    asymptote: Floats
    slope: Floats
    exponent: Floats

    def at(self, size: float) -> Floats:
        """Return the error at a size."""
        return np.asarray(self.asymptote + self.slope * size**-self.exponent)


def fit_power_law(sizes: ArrayLike, errors: Floats, *, exponent: float | None = None) -> PowerLaw:
    """Fit inverse power laws that fall and have a floor of 0 or more.

    For each exponent of a grid the other two numbers are the weighted least squares solution within these bounds; the exponent with the
    least squares wins. The j-th of m sizes has the weight j/m.

    Parameters
    ----------
    sizes
        Each size once, rising, (m,).
    errors
        Mean absolute errors, (..., m).
    exponent
        Fixed, where theory gives it: 1 for readers, whose noise variance goes with 1/k. None: chosen.

    Examples
    --------
    >>> law = fit_power_law([10, 20, 40, 80], 3 + 20 / np.array([10.0, 20, 40, 80]), exponent=1.0)
    >>> round(float(law.asymptote), 3), round(float(law.at(160)), 3)
    (3.0, 3.125)
    """
    at = np.asarray(sizes, dtype=np.float64)
    weights = np.arange(1, len(at) + 1) / len(at)
    grid = EXPONENTS if exponent is None else np.array([exponent])
    fits = [_given_exponent(at**-c, errors, weights) for c in grid]
    best = np.argmin([squares for _, _, squares in fits], axis=0)
    asymptote, slope = (np.take_along_axis(np.array([fit[k] for fit in fits]), best[None], axis=0)[0] for k in (0, 1))
    return PowerLaw(asymptote, slope, grid[best])


def _given_exponent(t: Floats, errors: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return floor, slope (both at least 0) and the weighted squares that are left."""
    share = weights / weights.sum()
    mean_t, mean = share @ t, errors @ share
    slope = np.maximum((errors - mean[..., None]) @ (share * (t - mean_t)) / (share @ (t - mean_t) ** 2), 0.0)
    without_floor = errors @ (share * t) / (share @ t**2)
    asymptote = mean - slope * mean_t
    slope, asymptote = np.where(asymptote < 0, without_floor, slope), np.maximum(asymptote, 0.0)
    left = errors - asymptote[..., None] - slope[..., None] * t
    return asymptote, slope, np.asarray(left**2 @ share)


class Forecast(NamedTuple):
    """What the curve says of another size; each of ``mae`` and ``gain`` is (estimate, low, high), in years.

    ``miss`` is by how much the same curve, fitted to the sizes up to half the largest, missed the error at the largest; both intervals are
    widened by it (root of the sum of squares), since they would otherwise hold only if the curve's form were right. NaN where there
    were too few sizes for that, and nothing is widened.
    """

    start: int
    size: int
    mae_start: float
    mae: tuple[float, float, float]
    gain: tuple[float, float, float]
    miss: float


class LearningCurve(NamedTuple):
    """A learning curve, each array (n_sizes,).

    Parameters
    ----------
    mae
        Mean absolute error over people and repeats.
    repeat_sd
        Standard deviation of the MAE between repeats; NaN for one.
    law
        The curve through ``mae``, from an eighth of the largest size on.
    """

    sizes: list[int]
    n: int
    n_repeats: int
    mae: Floats
    ci_low: Floats
    ci_high: Floats
    repeat_sd: Floats
    law: PowerLaw
    miss: float
    level: float
    drawn: PowerLaw

    def forecast(self, start: int, size: int) -> Forecast:
        """Return what ``size`` would give where there are ``start`` now, with intervals."""
        here, there = float(self.law.at(start)), float(self.law.at(size))
        then = self._interval(there, self.drawn.at(size))
        gain = self._interval(here - there, self.drawn.at(start) - self.drawn.at(size))
        return Forecast(start, size, here, then, gain, self.miss)

    def _interval(self, value: float, draws: Floats) -> tuple[float, float, float]:
        low, high = (float(end[0]) for end in percentile_interval(draws[:, None], level=self.level))
        miss = self.miss if np.isfinite(self.miss) else 0.0
        return value, value - float(np.hypot(max(value - low, 0.0), miss)), value + float(np.hypot(max(high - value, 0.0), miss))


def learning_curve(
    predicted: Floats,
    observed: Floats,
    *,
    sizes: Sequence[int],
    clusters: ArrayLike | None = None,
    exponent: float | None = None,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> LearningCurve:
    """Average the errors of each size and put a curve through them.

    Every draw takes participants (or families) and repeats anew, the same for all sizes, and fits the curve again.

    Parameters
    ----------
    predicted
        By models that did not see the person, (n, n_sizes, n_repeats).
    observed
        The full reference, (n,).
    sizes
        What each model was fitted on: people, or readers a photograph; rising.
    clusters
        The person or family of each row; None when each row is one person.
    exponent
        As in :func:`fit_power_law`.

    Raises
    ------
    InputError
        When shapes differ or there are fewer than 3 sizes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sizes = [20, 40, 80, 160]
    >>> spread = 4 + 40 / np.array(sizes, dtype=float)
    >>> errors = rng.normal(size=(500, 4, 3)) * spread[:, None]
    >>> curve = learning_curve(errors, np.zeros(500), sizes=sizes, n_bootstrap=50)
    >>> bool(curve.mae[0] > curve.mae[3]), curve.n
    (True, 500)
    """
    errors = np.abs(predicted - observed[:, None, None])
    if errors.shape[1] != len(sizes) or len(sizes) < FEWEST_SIZES:
        raise InputError(f"{errors.shape[1]} errors for {len(sizes)} sizes: give one a size, for {FEWEST_SIZES} sizes or more")
    by_repeat = errors.mean(axis=0)
    draws = _drawn_errors(errors, clusters, n_bootstrap, random_state)
    low, high = percentile_interval(draws, level=level)
    mae = by_repeat.mean(axis=1)
    n_repeats = errors.shape[2]
    return LearningCurve(
        sizes=list(sizes), n=len(observed), n_repeats=n_repeats, mae=mae, ci_low=low, ci_high=high,
        repeat_sd=by_repeat.std(axis=1, ddof=1) if n_repeats > 1 else np.full(len(sizes), np.nan),
        law=_law(sizes, mae, exponent), miss=_miss(sizes, mae, exponent), level=level, drawn=_law(sizes, draws, exponent),
    )  # fmt: skip


def _drawn_errors(errors: Floats, clusters: ArrayLike | None, n_bootstrap: int, random_state: int) -> Floats:
    """Return the MAE of each size in each draw of people and repeats, (n_bootstrap, n_sizes)."""
    n, n_sizes, n_repeats = errors.shape
    components = np.hstack([np.ones((n, 1)), errors.reshape(n, -1)])
    sums = bootstrap_sums(sum_by_cluster(components, clusters), n_bootstrap=n_bootstrap, random_state=random_state)
    means = (sums[:, 1:] / sums[:, :1]).reshape(n_bootstrap, n_sizes, n_repeats)
    rng = np.random.default_rng([random_state, n_repeats])
    shares = rng.multinomial(n_repeats, np.full(n_repeats, 1 / n_repeats), size=n_bootstrap) / n_repeats
    return np.asarray(np.einsum("dsr,dr->ds", means, shares))


def _law(sizes: Sequence[int], errors: Floats, exponent: float | None) -> PowerLaw:
    """Fit the curve to the sizes that it is meant for: all where the exponent is known, else the upper ones if there are enough."""
    upper = [k for k, size in enumerate(sizes) if size * FITTED_RANGE >= sizes[-1]]
    used = upper if exponent is None and len(upper) >= FEWEST_SIZES else list(range(len(sizes)))
    return fit_power_law([sizes[k] for k in used], errors[..., used], exponent=exponent)


def _miss(sizes: Sequence[int], mae: Floats, exponent: float | None) -> float:
    """Return what the curve through the sizes up to half the largest gives for the largest, minus what was found there."""
    smaller = [k for k, size in enumerate(sizes) if 2 * size <= sizes[-1]]
    if len(smaller) < FEWEST_SIZES:
        return float("nan")
    law = _law([sizes[k] for k in smaller], mae[smaller], exponent)
    return float(law.at(sizes[-1]) - mae[-1])
