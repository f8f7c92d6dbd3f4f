"""Cox regression by lifelines, with robust standard errors by person or family, and late entry for age as the time scale."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.regression import Fit, clustered_covariance, design_problem, no_fit, one_family, require_shapes, wald_fit
from facies.types import Floats

HAZARDS_P = 0.05
"""A test of proportional hazards below this is noted."""


def fit_cox(
    duration: Floats,
    event: Floats,
    X: Floats,
    *,
    names: tuple[str, ...],
    entry: Floats | None = None,
    clusters: NDArray[Any] | None = None,
    min_events: int = 10,
    level: float = 0.95,
) -> Fit:
    """Fit Cox's proportional hazards with Efron's treatment of ties; coefficients are log hazard ratios, and there is no intercept.

    Standard errors come from the information matrix, or by cluster from summed score residuals (Lin & Wei, JASA 1989;84:1074-1078) when
    ``clusters`` is given. A note says when the exposure's hazards are not proportional (Grambsch & Therneau, Biometrika 1994;81:515-526).

    Parameters
    ----------
    duration
        Time of the event or of the end of observation, (n,), in years.
    event
        1 where the event happened, else 0, (n,).
    entry
        Time at which each person came under observation, (n,): with age as time scale, the age when photographed. None: 0.

    Raises
    ------
    InputError
        When ``event`` holds anything but 0 and 1, or a duration is not above the entry.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=200)
    >>> time = rng.exponential(np.exp(-0.5 * x))
    >>> fit = fit_cox(np.minimum(time, 2), (time < 2) * 1.0, x[:, None], names=("x",))
    >>> bool(fit.ci_low[0] < 0.5 < fit.ci_high[0])
    True
    """
    require_shapes(duration, X, names)
    _require_times(duration, event, entry)
    n_events = int(event.sum())
    problem = _few(n_events, len(event), min_events) or design_problem(X, names) or one_family(clusters)
    if problem:
        return no_fit(names, len(duration), n_events, problem, family="cox")
    data = _Data(duration, event, np.zeros_like(duration) if entry is None else entry, X - X.mean(axis=0))
    model = _fitted(data, late=entry is not None)
    if model is None:
        return no_fit(names, len(duration), n_events, "Cox's regression did not converge: an outcome may be separated", family="cox")
    coef, bread = np.asarray(model.params_, dtype=np.float64), np.asarray(model.variance_matrix_, dtype=np.float64)
    contributions = score_residuals(data.duration, data.event, data.X, coef, entry=data.entry) @ bread
    covariance = bread if clusters is None else clustered_covariance(contributions, clusters)
    note = _hazards_note(hazards_p_value(data.duration, data.event, data.X, coef, bread, entry=data.entry), names[0])
    return wald_fit(
        names, coef, covariance, level=level, n=len(duration), n_events=n_events, family="cox", influence=contributions[:, 0], note=note
    )


def _few(n_events: int, n: int, min_events: int) -> str:
    return f"{n_events} of {n} participants have the event: fewer than {min_events}" if n_events < min_events else ""


class _Data(NamedTuple):
    duration: Floats
    event: Floats
    entry: Floats
    X: Floats

    def frame(self) -> pd.DataFrame:
        columns = {f"x{i}": self.X[:, i] for i in range(self.X.shape[1])}
        return pd.DataFrame({"duration": self.duration, "event": self.event, "entry": self.entry, **columns})


def _require_times(duration: Floats, event: Floats, entry: Floats | None) -> None:
    if not np.isin(event, (0, 1)).all():
        raise InputError("an event holds something else than 0 and 1: recode it")
    if (duration <= (0 if entry is None else entry)).any():
        raise InputError("a duration is not above 0: leave these people out first, or correct the time")


def _fitted(data: _Data, *, late: bool) -> Any:
    """Return the model fitted to convergence, or None where it does not converge."""
    import warnings

    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    frame = data.frame() if late else data.frame().drop(columns="entry")
    options = {"precision": 1e-12, "r_precision": 1e-14, "max_steps": 100}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.filterwarnings("ignore", category=FutureWarning, module="lifelines")
        try:
            return CoxPHFitter().fit(frame, "duration", "event", entry_col="entry" if late else None, fit_options=options)
        except (ConvergenceError, ConvergenceWarning):
            return None


def score_residuals(duration: Floats, event: Floats, X: Floats, coef: Floats, *, entry: Floats | None = None) -> Floats:
    """Return each person's part of the score of Cox's partial likelihood, (n, k), with Efron's ties and late entry; they add up to 0.

    Therneau & Grambsch, Modeling Survival Data. Springer 2000, ch. 4 and 7.

    Examples
    --------
    >>> residuals = score_residuals(np.array([1, 2, 3.0]), np.array([1, 0, 1.0]), np.array([[0.0], [1.0], [2.0]]), np.array([0.0]))
    >>> residuals.round(3).ravel().tolist()
    [-0.667, -0.0, -0.333]
    """
    entry = np.zeros_like(duration) if entry is None else entry
    risk = np.exp(X @ coef)
    times, place = np.unique(duration[event == 1], return_inverse=True)
    steps = _hazard_steps(times, place, duration, event, entry, X, risk)
    first, last = np.searchsorted(times, entry, side="right"), np.searchsorted(times, duration, side="right")
    hazard, mean = (np.concatenate([np.zeros((1, *part.shape[1:])), np.cumsum(part, axis=0)]) for part in (steps.hazard, steps.mean))
    residual = -risk[:, None] * (X * (hazard[last] - hazard[first])[:, None] - (mean[last] - mean[first]))
    died = np.flatnonzero(event == 1)
    spared = risk[died, None] * (X[died] * steps.spared[place, None] - steps.spared_mean[place])
    residual[died] += X[died] - steps.expected[place] + spared
    return np.asarray(residual)


class _Steps(NamedTuple):
    """What each event time adds: to the hazard, to the hazard times the mean of X; and what Efron's rule spares those who die then."""

    hazard: Floats
    mean: Floats
    expected: Floats
    spared: Floats
    spared_mean: Floats


def _hazard_steps(
    times: Floats, place: NDArray[np.intp], duration: Floats, event: Floats, entry: Floats, X: Floats, risk: Floats
) -> _Steps:
    weighted = np.column_stack([risk, X * risk[:, None]])
    at_risk = _sums_from(times, duration, weighted, side="left") - _sums_from(times, entry, weighted, side="left")
    dying = np.zeros_like(at_risk)
    np.add.at(dying, place, weighted[event == 1])
    deaths = np.bincount(place, minlength=len(times))
    owner = np.repeat(np.arange(len(times)), deaths)
    share = (np.arange(len(owner)) - np.repeat(np.cumsum(deaths) - deaths, deaths)) / deaths[owner]
    sums = at_risk[owner] - share[:, None] * dying[owner]
    inverse, mean = 1 / sums[:, 0], sums[:, 1:] / sums[:, :1]

    def total(values: Floats) -> Floats:
        added = np.zeros((len(times), *values.shape[1:]))
        np.add.at(added, owner, values)
        return added

    return _Steps(
        total(inverse),
        total(mean * inverse[:, None]),
        total(mean / deaths[owner, None]),
        total(share * inverse),
        total(mean * (share * inverse)[:, None]),
    )


def _sums_from(times: Floats, moments: Floats, values: Floats, *, side: str) -> Floats:
    """Return for each time the sum of the values of those whose moment is at that time or later."""
    order = np.argsort(moments, kind="stable")
    below = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[order], axis=0)])
    return np.asarray(below[-1] - below[np.searchsorted(moments[order], times, side=side)])  # type: ignore[call-overload]


def hazards_p_value(duration: Floats, event: Floats, X: Floats, coef: Floats, bread: Floats, *, entry: Floats | None = None) -> float:
    """Test that the first column's hazards are proportional: its scaled Schoenfeld residuals against the rank of time.

    Grambsch & Therneau, Biometrika 1994;81:515-526; the approximate test, in which the residuals' variance is the same at all times.

    Parameters
    ----------
    coef, bread
        The fitted coefficients, (k,), and their covariance by the information matrix, (k, k).
    """
    from scipy.stats import chi2, rankdata

    entry = np.zeros_like(duration) if entry is None else entry
    died = np.flatnonzero(event == 1)
    times, place = np.unique(duration[died], return_inverse=True)
    steps = _hazard_steps(times, place.reshape(-1), duration, event, entry, X, np.exp(X @ coef))
    scaled = len(died) * ((X[died] - steps.expected[place.reshape(-1)]) @ bread)[:, 0]
    rank = rankdata(duration[died])
    rank = rank - rank.mean()
    spread = float(len(died) * bread[0, 0] * np.sum(rank**2))
    return float(chi2.sf(np.sum(rank * scaled) ** 2 / spread, 1)) if spread > 0 else float("nan")


def _hazards_note(p_value: float, exposure: str) -> str:
    if not p_value < HAZARDS_P:
        return ""
    return f"hazards of {exposure} are not proportional over time (p = {p_value:.2g}): the ratio is an average"
