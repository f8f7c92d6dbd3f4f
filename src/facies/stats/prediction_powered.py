"""Prediction-powered inference: a coefficient estimated where values were measured, sharpened by predictions where they were not.

The estimating equation of the people who were measured is corrected by predictions: by the difference between its value for the
predictions of the others and for the predictions of the measured. That difference is 0 on average whatever the predictions are worth,
so that the estimate stays that of the measured values; what the two kinds of value share in noise cancels. A weight from 0 to 1 is chosen
to give the exposure's coefficient the smallest variance (PPI++: Angelopoulos, Duchi & Zrnic, arXiv 2311.01453, 2023). Predictions come from
models that did not see the person; the others are predicted by the model of every fold, and their equations, not their predictions, are
averaged (Zrnic & Candès, PNAS 2024;121:e2322083121).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.regression import clustered_covariance, design_problem, few_clusters_factor
from facies.types import Floats

FAMILIES = ("linear", "logistic")
MOST_STEPS = 50


@dataclass(frozen=True, eq=False)
class PredictionPowered:
    """The first coefficient of a regression with its interval.

    ``tuning`` is the weight of the predictions, ``n_effective`` the number of measured people who would give the same standard error
    without predictions. All are NaN, and ``note`` says why, when there is no estimate.
    """

    coef: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    tuning: float
    n_labelled: int
    n_unlabelled: int
    n_effective: float
    note: str = ""


def prediction_powered(
    y: Floats,
    X: Floats,
    proxies: Floats,
    labelled: NDArray[np.bool_],
    *,
    proxied: str,
    family: str = "linear",
    shares: Floats | None = None,
    clusters: NDArray[Any] | None = None,
    tuning: float | None = None,
    names: tuple[str, ...] | None = None,
    level: float = 0.95,
) -> PredictionPowered:
    """Estimate the first coefficient of a regression in which the outcome or the exposure was measured in some people only.

    Standard errors are robust (sandwich), by cluster where given, times the factor n / (n - k) (or CR1). Tests and intervals use the t
    distribution with as many degrees of freedom as the measured people (or clusters with one) leave.

    Parameters
    ----------
    y
        Outcome, (n,). Where it is proxied, only the values of the labelled are used.
    X
        Exposure and covariates without a constant, (n, k). Where the exposure (first column) is proxied, only its values of the labelled
        are used.
    proxies
        Predictions of what is proxied, (n, folds): for others each fold's model, for the labelled that of their own fold in any column.
        NaN where there is none; each person needs one.
    labelled
        Who was measured, (n,).
    proxied
        ``"outcome"`` or ``"exposure"``.
    family
        ``"linear"`` or ``"logistic"`` (y is 0 or 1).
    shares
        Weight of each fold in a person's average, (folds,), such as its share of the labelled; None: the same for all.
    clusters
        The family of each row, (n,), or None.
    tuning
        Weight of the predictions; None: chosen from the data, 0 to 1.
    names
        One a column of X, for notes.

    Raises
    ------
    InputError
        When shapes do not fit, a value or prediction is missing, or a setting is unknown.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> gene = rng.binomial(2, 0.3, 3000) * 1.0
    >>> human = 0.8 * gene + rng.normal(0, 2, 3000)
    >>> computed = human + rng.normal(0, 1, 3000)
    >>> labelled = np.arange(3000) < 500
    >>> found = prediction_powered(np.where(labelled, human, np.nan), gene[:, None], computed[:, None], labelled, proxied="outcome")
    >>> bool(found.ci_low < 0.8 < found.ci_high), bool(found.n_effective > 1000)
    (True, True)
    """
    rows = _stack(y, X, proxies, labelled, proxied, family, shares)
    n, n_other = int(labelled.sum()), int((~labelled).sum())
    problem = _problem(rows, n, n_other, clusters, names or ("the exposure", *(f"covariate {i}" for i in range(1, X.shape[1]))))
    if problem:
        return _nothing(n, n_other, problem)
    alone = _solve(rows, 0.0)
    if alone is None:
        return _nothing(n, n_other, "no finite estimate in the people with a human value: the outcome may be separated")
    chosen = _tune(rows, alone, clusters) if tuning is None else tuning
    theta = _solve(rows, chosen)
    if theta is None:
        return _nothing(n, n_other, "the estimate with predictions did not converge")
    by_itself = _std_error(_influence(rows, alone, 0.0), rows, clusters)
    return _wrap(rows, float(theta[0]), _std_error(_influence(rows, theta, chosen), rows, clusters), by_itself, chosen, clusters, level)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The stacked equations: one row a measured value, then one a prediction.

    ``weight`` makes each part a mean: measured rows over the n labelled; predictions of others over the N others, and those of the labelled
    over n with a minus sign. ``predicted`` rows are multiplied by the tuning. The exposure comes first, the constant last; ``unit`` turns
    its coefficient back.
    """

    y: Floats
    X: Floats
    weight: Floats
    predicted: NDArray[np.bool_]
    owner: NDArray[np.intp]
    labelled: NDArray[np.bool_]
    logistic: bool
    unit: float
    measured: Floats
    outcome: Floats


def _stack(
    y: Floats, X: Floats, proxies: Floats, labelled: NDArray[np.bool_], proxied: str, family: str, shares: Floats | None
) -> _Rows:  # fmt: skip
    _require(y, X, proxies, labelled, proxied, family)
    share = np.where(np.isfinite(proxies), np.ones(proxies.shape[1]) if shares is None else shares, 0.0)
    share = share / share.sum(axis=1, keepdims=True)
    owner, fold = np.nonzero(share)
    value = proxies[owner, fold]
    n, n_other = max(int(labelled.sum()), 1), max(int((~labelled).sum()), 1)
    signed = share[owner, fold] * np.where(labelled[owner], -1 / n, 1 / n_other)
    measured, proxy_X, proxy_y = np.flatnonzero(labelled), X[owner].copy(), y[owner].copy()
    if proxied == "outcome":
        proxy_y = value
    else:
        proxy_X[:, 0] = value
    columns, unit = _scale(X[measured], proxy_X)
    return _Rows(
        y=np.concatenate([y[measured], proxy_y]),
        X=columns,
        weight=np.concatenate([np.full(len(measured), 1 / n), signed]),
        predicted=np.arange(len(measured) + len(owner)) >= len(measured),
        owner=np.concatenate([measured, owner]),
        labelled=labelled,
        logistic=family == "logistic",
        unit=unit,
        measured=X[measured],
        outcome=y[measured],
    )


def _scale(measured: Floats, predicted: Floats) -> tuple[Floats, float]:
    """Return all rows in the measured people's standard deviations, the constant last, and the exposure's unit."""
    centre, spread = measured.mean(axis=0), measured.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (np.vstack([measured, predicted]) - centre) / spread
    return np.column_stack([scaled, np.ones(len(scaled))]), float(1 / spread[0])


def _require(y: Floats, X: Floats, proxies: Floats, labelled: NDArray[np.bool_], proxied: str, family: str) -> None:
    if proxied not in {"outcome", "exposure"}:
        raise InputError(f"proxied is '{proxied}': choose outcome or exposure")
    if family not in FAMILIES:
        raise InputError(f"family is '{family}': choose {' or '.join(FAMILIES)}")
    n = len(y)
    if y.shape != (n,) or X.ndim != 2 or len(X) != n or proxies.ndim != 2 or len(proxies) != n or labelled.shape != (n,):
        raise InputError(f"y has shape {y.shape}, X {X.shape}, proxies {proxies.shape}, labelled {labelled.shape}: give one row a person")
    if not np.isfinite(proxies).any(axis=1).all():
        raise InputError("a person has no prediction: leave people without one out first")
    known_y = y[labelled] if proxied == "outcome" else y
    known_X = X[:, 1:] if proxied == "exposure" else X
    if not (np.isfinite(known_y).all() and np.isfinite(known_X).all() and np.isfinite(X[labelled]).all()):
        raise InputError("a measured value or a covariate is missing: leave these people out first")
    if family == "logistic" and not np.isin(known_y, (0, 1)).all():
        raise InputError("a binary outcome holds something else than 0 and 1: recode it")


def _problem(rows: _Rows, n: int, n_other: int, clusters: NDArray[Any] | None, names: tuple[str, ...]) -> str:
    if not n or not n_other:
        return "nobody has a human value" if not n else "everybody has a human value: there is nobody to add"
    if clusters is not None and len(np.unique(clusters[rows.labelled])) < 2:
        return "all people with a human value are in one family"
    return design_problem(rows.measured, names)


def _nothing(n: int, n_other: int, note: str) -> PredictionPowered:
    nan = float("nan")
    return PredictionPowered(nan, nan, nan, nan, nan, nan, n, n_other, nan, note)


def _weights(rows: _Rows, tuning: float) -> Floats:
    return np.where(rows.predicted, tuning, 1.0) * rows.weight


def _mean(rows: _Rows, theta: Floats) -> tuple[Floats, Floats]:
    """Return the mean of each row and its derivative by the linear predictor."""
    linear = rows.X @ theta
    if not rows.logistic:
        return linear, np.ones_like(linear)
    from scipy.special import expit

    chance = expit(linear)
    return chance, chance * (1 - chance)


def _bread(rows: _Rows, theta: Floats, tuning: float) -> Floats:
    slope = _mean(rows, theta)[1]
    return np.asarray((rows.X * (_weights(rows, tuning) * slope)[:, None]).T @ rows.X)


def _solve(rows: _Rows, tuning: float) -> Floats | None:
    """Return the root of the estimating equation by Newton's method from 0, or None where it is not found."""
    theta, weights = np.zeros(rows.X.shape[1]), _weights(rows, tuning)
    for _ in range(MOST_STEPS):
        score = (weights * (rows.y - _mean(rows, theta)[0])) @ rows.X
        bread = _bread(rows, theta, tuning)
        if np.linalg.eigvalsh(bread)[0] <= 1e-10 * np.trace(bread):
            return None
        step = np.linalg.solve(bread, score)
        theta = theta + step
        if np.abs(step).max() < 1e-11 * (1 + np.abs(theta).max()):
            return theta
    return None


def _parts(rows: _Rows, theta: Floats, bread: Floats) -> tuple[Floats, Floats]:
    """Return what each person adds to the exposure's coefficient by measured value and by predictions, (n,) each, centred by group."""
    score = (rows.weight * (rows.y - _mean(rows, theta)[0]))[:, None] * rows.X
    each = score @ np.linalg.inv(bread)[0]
    n = len(rows.labelled)
    measured, predicted = (np.bincount(rows.owner[these], each[these], n).astype(np.float64) for these in (~rows.predicted, rows.predicted))
    for values, group in ((measured, rows.labelled), (predicted, rows.labelled), (predicted, ~rows.labelled)):
        values[group] -= values[group].mean()
    return measured, predicted


def _influence(rows: _Rows, theta: Floats, tuning: float) -> Floats:
    measured, predicted = _parts(rows, theta, _bread(rows, theta, tuning))
    return np.asarray((measured + tuning * predicted) * rows.unit)


def _tune(rows: _Rows, theta: Floats, clusters: NDArray[Any] | None) -> float:
    """Return the weight, 0 to 1, that gives the exposure's coefficient the smallest variance: a least-squares slope over clusters."""
    covariance = clustered_covariance(np.column_stack(_parts(rows, theta, _bread(rows, theta, 0.0))), clusters)
    return float(np.clip(-covariance[0, 1] / covariance[1, 1], 0.0, 1.0)) if covariance[1, 1] > 0 else 0.0


def _std_error(influence: Floats, rows: _Rows, clusters: NDArray[Any] | None) -> float:
    n, k = len(rows.outcome), rows.X.shape[1]
    factor = n / (n - k) if clusters is None else few_clusters_factor(n, k, clusters[rows.labelled])
    return float(np.sqrt(factor * clustered_covariance(influence[:, None], clusters)[0, 0]))


def _wrap(
    rows: _Rows, theta: float, std_error: float, alone: float, tuning: float, clusters: NDArray[Any] | None, level: float
) -> PredictionPowered:  # fmt: skip
    from scipy.stats import t

    n, n_other = len(rows.outcome), int((~rows.labelled).sum())
    freedom = n - rows.X.shape[1] if clusters is None else len(np.unique(clusters[rows.labelled])) - 1
    coef = theta * rows.unit
    half = float(t(freedom).ppf((1 + level) / 2)) * std_error
    p_value = 2 * float(t(freedom).sf(abs(coef) / std_error)) if std_error > 0 else float("nan")
    effective = n * (alone / std_error) ** 2 if std_error > 0 else float("nan")
    return PredictionPowered(coef, std_error, coef - half, coef + half, p_value, tuning, n, n_other, effective)
