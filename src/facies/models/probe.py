"""A small classifier that asks what can be told from some measures at all: cross-fitted, quick enough to be permuted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.errors import InputError
from facies.models.classifiers.projection import fit_projection
from facies.types import Floats

MAX_AXES = 20
PENALTY = 0.3
"""On coefficients of axes with variance 1, relative to the total weight."""

PER_AXIS = 5
"""People for each axis of a permuted probe: with as many axes as people, everybody is as far from everybody else."""

BLOCK = 4_000_000
"""Numbers held at once while people are permuted; bounds memory at about 32 MB."""


class PermutedProbe(NamedTuple):
    """What can be told: cross-fitted scores, (n_repeats, n); the mean of the repeats' AUCs; how probable so high a one is by chance."""

    scores: Floats
    auc: float
    p_value: float


def probe_scores(X: ArrayLike, y: ArrayLike, *, folds: ArrayLike, max_axes: int = MAX_AXES, learn: ArrayLike | None = None) -> Floats:
    """Score people by a penalised linear discriminant of their measures' first principal axes, fitted on the other folds.

    Both classes count alike. Standardising, axes and discriminant are fitted on the other folds' people alone.

    Parameters
    ----------
    X
        Measures, (n, p), one row a person.
    y
        1 or 0, (n,), or (n, m): m sets of labels at once, such as permuted ones.
    folds
        Fold of each person, (n,), or (n_repeats, n); -1 is scored by nobody.
    learn
        Whom to learn from, (n,); the others are scored by the fit that leaves out their fold. Left out: everybody.

    Returns
    -------
    ndarray
        (n_repeats, n), or (n_repeats, n, m); NaN where a person has no fold.

    Raises
    ------
    InputError
        When a measure is no finite number.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(100) % 2
    >>> scores = probe_scores(rng.normal(size=(100, 3)) + y[:, None], y, folds=rng.integers(0, 5, 100))[0]
    >>> bool(scores[y == 1].mean() > scores[y == 0].mean())
    True
    """
    values, labels = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError("a measure is no finite number: leave such people out")
    many = labels.reshape(len(values), -1)
    taught = np.ones(len(values), dtype=bool) if learn is None else np.asarray(learn, dtype=bool)
    scores = [_one(values, many, fold, taught, max_axes) for fold in np.atleast_2d(np.asarray(folds))]
    return np.stack(scores).reshape(len(scores), *labels.shape)


def permuted_probe(
    X: ArrayLike, y: ArrayLike, *, folds: ArrayLike, n_permutations: int, random_state: int, max_axes: int = MAX_AXES
) -> PermutedProbe:
    """Ask whether measures tell cases from others, with an exact p-value.

    The measures are brought to their first principal axes once, for all people and without labels. The discriminant is fitted on the other
    folds' people alone. Each permutation deals the measures out to other people, while labels and folds stay together. The folds
    were made alike in the labels, so labels permuted by themselves would be tried with less even folds than the true ones, and their AUCs
    would lie too low. Every permutation takes the mean over the same repeats as the statistic does.

    Parameters
    ----------
    X
        Measures, (n, p), one row a person.
    y
        1 or 0, (n,).
    folds
        Fold of each person, (n_repeats, n), none of them -1.
    n_permutations
        The smallest p-value is 1 / (n_permutations + 1); with 0 there is none.
    max_axes
        Axes at most; there are never more than one for :data:`PER_AXIS` people.

    Returns
    -------
    PermutedProbe
        With p-value (1 + permutations with at least this AUC) / (1 + permutations) (Phipson B, Smyth GK. Stat Appl Genet Mol Biol
        2010;9:39).

    Raises
    ------
    InputError
        When a measure is no finite number, a person is in no fold or one class is absent.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, folds = np.arange(60) % 2, np.stack([rng.permutation(60) % 5 for _ in range(2)])
    >>> found = permuted_probe(rng.normal(size=(60, 3)) + y[:, None], y, folds=folds, n_permutations=99, random_state=1)
    >>> found.auc > 0.75, found.p_value
    (True, 0.01)
    """
    values, labels, assigned = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64), np.atleast_2d(np.asarray(folds))
    _require_permutable(values, labels, assigned)
    n = len(values)
    axes = fit_projection(values, np.ones(n)).apply(values)[:, : max(1, min(max_axes, n // PER_AXIS))]
    spread = axes.std(axis=0)
    Z = axes / np.where(spread > 0, spread, 1.0)
    scores = np.stack([_dealt(Z[None], labels, fold)[0] for fold in assigned])
    value = float(_aucs(scores, labels).mean())
    p_value = _chance(Z, labels, assigned, value, n_permutations, random_state) if n_permutations else float("nan")
    return PermutedProbe(scores, value, p_value)


def _chance(Z: Floats, y: Floats, folds: NDArray[np.int64], value: float, n_permutations: int, random_state: int) -> float:
    rng = np.random.default_rng([random_state, 17])
    orders = np.stack([rng.permutation(len(Z)) for _ in range(n_permutations)])
    size = max(1, BLOCK // Z.size)
    blocks = [orders[start : start + size] for start in range(0, n_permutations, size)]
    drawn = np.concatenate([np.mean([_aucs(_dealt(Z[rows], y, fold), y) for fold in folds], axis=0) for rows in blocks])
    return float((1 + (drawn >= value - 1e-12).sum()) / (1 + n_permutations))


def _require_permutable(values: Floats, labels: Floats, folds: NDArray[np.int64]) -> None:
    if not np.isfinite(values).all():
        raise InputError("a measure is no finite number: leave such people out")
    if (folds < 0).any():
        raise InputError("a person is in no fold: leave such people out")
    if not 0 < labels.sum() < len(labels):
        raise InputError("there are only cases, or only others: a probe needs both")


def _dealt(Z: Floats, y: Floats, folds: NDArray[np.int64]) -> Floats:
    """Return cross-fitted scores, (m, n), for measures that were dealt out in m ways, (m, n, k).

    Sums over all people are the same however measures are dealt out, so a fold's are found from the people it leaves out.
    """
    scores = np.empty(Z.shape[:2])
    gram, everybody, of_cases = Z[0].T @ Z[0], Z[0].sum(axis=0), y @ Z
    for fold in sorted(set(folds.tolist())):
        left = folds == fold
        out, n, cases = Z[:, left], float((~left).sum()), float(y[~left].sum())
        sums, case_sums = everybody - out.sum(axis=1), of_cases - y[left] @ out
        means, others = case_sums / max(cases, 1.0), (sums - case_sums) / max(n - cases, 1.0)
        total = (gram - out.transpose(0, 2, 1) @ out) / n - sums[:, :, None] * sums[:, None, :] / n**2
        scaled = _coefficients(total, means - others, cases * (n - cases) / n**2)
        scores[:, left] = ((out - (means + others)[:, None] / 2) @ scaled[..., None])[..., 0]
    return scores


def _coefficients(total: Floats, difference: Floats, share: float) -> Floats:
    """Return the discriminant of each dealing, (m, k), as :func:`_discriminant` does."""
    coefficients = np.linalg.solve(total + PENALTY * np.eye(total.shape[-1]), difference[..., None])[..., 0]
    return np.asarray(coefficients / np.maximum(1 - share * (difference * coefficients).sum(axis=1), 0.05)[:, None])


def _aucs(scores: Floats, y: Floats) -> Floats:
    """Return the AUC of each row of scores, (m, n), by mid-ranks."""
    from scipy.stats import rankdata

    cases = y.sum()
    return np.asarray((rankdata(scores, axis=1) @ y - cases * (cases + 1) / 2) / (cases * (len(y) - cases)))


def _one(X: Floats, y: Floats, folds: NDArray[np.int64], learn: NDArray[np.bool_], max_axes: int) -> Floats:
    scores = np.full(y.shape, np.nan)
    for fold in sorted(set(folds.tolist()) - {-1}):
        train, left = (folds != fold) & (folds >= 0) & learn, folds == fold
        projection = fit_projection(X[train], np.ones(int(train.sum())))
        Z = projection.apply(X)[:, :max_axes]
        spread = Z[train].std(axis=0)
        Z = Z / np.where(spread > 0, spread, 1.0)
        scores[left] = _discriminant(Z[train], y[train], Z[left])
    return scores


def _discriminant(Z: Floats, y: Floats, new: Floats) -> Floats:
    """Return scores by every set of labels: within-class covariance with a penalty, difference of the means."""
    cases = y.sum(axis=0)
    means = (Z.T @ y) / np.maximum(cases, 1)
    others = (Z.T @ (1 - y)) / np.maximum(len(Z) - cases, 1)
    difference = means - others
    total = Z.T @ Z / len(Z)
    share = cases * (len(Z) - cases) / len(Z) ** 2
    # within = total - share d d': by Sherman and Morrison its inverse turns d by a factor only, which ranks nobody otherwise.
    coefficients = np.linalg.solve(total + PENALTY * np.eye(Z.shape[1]), difference)
    scaled = coefficients / np.maximum(1 - share * (difference * coefficients).sum(axis=0), 0.05)
    return np.asarray((new - 0.0) @ scaled - ((means + others) / 2 * scaled).sum(axis=0))
