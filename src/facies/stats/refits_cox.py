"""Cox's regression refitted on many draws of people at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facies.stats.refits import Refit, newton, products, unpack
from facies.stats.regression import Fit, standardise
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class _Times:
    """Whose risk set is where: ``last`` and ``first`` are, for each person, the number of event times up to the end and up to the entry."""

    X: Floats
    pairs: Floats
    died: NDArray[np.intp]
    place: NDArray[np.intp]
    share: Floats
    deaths: Floats
    last: NDArray[np.intp]
    first: NDArray[np.intp]


def cox_refit(duration: Floats, event: Floats, X: Floats, fit: Fit, *, entry: Floats | None = None) -> Refit:
    """Return the refit of Cox's regression with Efron's treatment of ties, weights as in ``survival``; ``fit`` is that of all people.

    Examples
    --------
    >>> from facies.stats.survival import fit_cox
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(80, 1))
    >>> time, event = rng.exponential(np.exp(-x[:, 0])), rng.binomial(1, 0.7, 80) * 1.0
    >>> fit = fit_cox(time, event, x, names=("x",))
    >>> bool(np.isclose(cox_refit(time, event, x, fit)(np.ones((1, 80)))[0], fit.coef[0]))
    True
    """
    scaled, back = standardise(X)
    unit = float(back[0, 1])
    times = _times(duration, event, np.full_like(duration, -np.inf) if entry is None else entry, scaled[:, 1:])
    start = fit.coef[: X.shape[1]] / np.diag(back[:-1, 1:])
    return partial(newton, derivatives=partial(_derivatives, times), start=start, column=0, unit=unit)


def _times(duration: Floats, event: Floats, entry: Floats, scaled: Floats) -> _Times:
    died = np.flatnonzero(event == 1)
    died = died[np.argsort(duration[died], kind="stable")]
    moments, place, deaths = np.unique(duration[died], return_inverse=True, return_counts=True)
    rank = np.arange(len(died)) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    last, first = np.searchsorted(moments, duration, side="right"), np.searchsorted(moments, entry, side="right")
    return _Times(scaled, products(scaled), died, place.reshape(-1), rank / deaths[place], deaths.astype(np.float64), last, first)


def _derivatives(times: _Times, coef: Floats, weights: Floats) -> tuple[Floats, Floats]:
    k, place, share = times.X.shape[1], times.place, times.share
    risk = weights * np.exp(np.clip(coef @ times.X.T, -50, 50))
    sums = np.stack([_sums(times, values) for values in (risk, *(risk * column for column in times.X.T))], axis=-1)
    below = np.where(sums[..., 0] > 0, sums[..., 0], np.inf)
    mean = sums[..., 1:] / below[..., None]
    each = (_dying(times, weights) / times.deaths)[:, place]
    hazard = _ends(_by_time(times, each / below))
    spared = np.zeros_like(risk)
    spared[:, times.died] = _by_time(times, share * each / below)[:, place]
    expected = risk * (hazard[:, times.last] - hazard[:, times.first] - spared)
    happened = np.zeros_like(risk)
    happened[:, times.died] = weights[:, times.died]
    information = unpack(expected @ times.pairs, k) - np.einsum("be,bei,bej->bij", each, mean, mean, optimize=True)
    return (happened - expected) @ times.X, information


def _sums(times: _Times, values: Floats) -> Floats:
    """Return the sums over those at risk at each death, less Efron's share of those who die then: (draws, deaths)."""
    at_risk = _from(values, times.last, len(times.deaths)) - _from(values, times.first, len(times.deaths))
    return np.asarray(at_risk[:, times.place] - times.share * _dying(times, values)[:, times.place])


def _from(values: Floats, number: NDArray[np.intp], n_times: int) -> Floats:
    """Return for each event time the sum over people whose own moment is at that time or later."""
    order = np.argsort(-number, kind="stable")
    upto = np.cumsum(values[:, order], axis=1)
    counts = len(number) - np.searchsorted(np.sort(number), np.arange(1, n_times + 1), side="left")
    return np.asarray(np.where(counts > 0, upto[:, np.maximum(counts, 1) - 1], 0.0))


def _dying(times: _Times, values: Floats) -> Floats:
    return _by_time(times, values[:, times.died])


def _by_time(times: _Times, values: Floats) -> Floats:
    """Add up values of the deaths, (draws, deaths in order of time), by event time."""
    starts = np.cumsum(times.deaths).astype(np.intp) - times.deaths.astype(np.intp)
    return np.asarray(np.add.reduceat(values, starts, axis=1))


def _ends(steps: Floats) -> Floats:
    return np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
