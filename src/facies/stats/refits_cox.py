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
    """Who dies when, and who is at risk then.

    ``died`` are the deaths in order of time, ``place`` the event time of each and ``starts`` the first death of each event time;
    ``last`` and ``first`` are, for each person, the number of event times up to the end and up to the entry.
    """

    X: Floats
    pairs: Floats
    died: NDArray[np.intp]
    place: NDArray[np.intp]
    starts: NDArray[np.intp]
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
    moments, starts, place = np.unique(duration[died], return_index=True, return_inverse=True)
    last, first = np.searchsorted(moments, duration, side="right"), np.searchsorted(moments, entry, side="right")
    return _Times(scaled, products(scaled), died, place.reshape(-1), starts, last, first)


def _derivatives(times: _Times, coef: Floats, weights: Floats) -> tuple[Floats, Floats]:
    k, place = times.X.shape[1], times.place
    risk = weights * np.exp(np.clip(coef @ times.X.T, -50, 50))
    share, each = _ties(times, weights[:, times.died])
    sums = np.stack([_at_risk(times, values, share) for values in (risk, *(risk * column for column in times.X.T))], axis=-1)
    below = np.where(sums[..., 0] > 0, sums[..., 0], np.inf)
    mean = sums[..., 1:] / below[..., None]
    hazard = _ends(_by_time(times, each / below))
    expected = risk * (hazard[:, times.last] - hazard[:, times.first])
    expected[:, times.died] -= risk[:, times.died] * _by_time(times, share * each / below)[:, place]
    happened = np.zeros_like(risk)
    happened[:, times.died] = weights[:, times.died]
    information = unpack(expected @ times.pairs, k) - np.einsum("be,bei,bej->bij", each, mean, mean, optimize=True)
    return (happened - expected) @ times.X, information


def _ties(times: _Times, weights: Floats) -> tuple[Floats, Floats]:
    """Return for each death Efron's share and the mean weight of those drawn who die then, (draws, deaths); people not drawn count 0."""
    drawn = (weights > 0).astype(np.float64)
    before = np.cumsum(drawn, axis=1) - drawn
    deaths = np.maximum(_by_time(times, drawn), 1.0)[:, times.place]
    share = drawn * (before - before[:, times.starts][:, times.place]) / deaths
    return share, drawn * _by_time(times, weights)[:, times.place] / deaths


def _at_risk(times: _Times, values: Floats, share: Floats) -> Floats:
    """Return the sums over those at risk at each death, less Efron's share of those who die then, (draws, deaths)."""
    everybody = _from(values, times.last, len(times.starts)) - _from(values, times.first, len(times.starts))
    return np.asarray(everybody[:, times.place] - share * _by_time(times, values[:, times.died])[:, times.place])


def _from(values: Floats, number: NDArray[np.intp], n_times: int) -> Floats:
    """Return for each event time the sum over people whose own moment is at that time or later."""
    upto = np.cumsum(values[:, np.argsort(-number, kind="stable")], axis=1)
    counts = len(number) - np.searchsorted(np.sort(number), np.arange(1, n_times + 1), side="left")
    return np.asarray(np.where(counts > 0, upto[:, np.maximum(counts, 1) - 1], 0.0))


def _by_time(times: _Times, values: Floats) -> Floats:
    """Add up values of the deaths, (draws, deaths in order of time), by event time."""
    return np.asarray(np.add.reduceat(values, times.starts, axis=1))


def _ends(steps: Floats) -> Floats:
    return np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
