"""What all regressions share: the fitted model, and the checks that keep nonsense out.

A model that cannot be estimated returns NaN with a note that says why; it never returns a huge odds ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.resampling import sum_by_cluster
from facies.types import Floats

COLLINEAR = 1e-7
"""A column is collinear when less than this share of its standard deviation is its own."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model: one entry a column of X, then the intercept (which Cox's and proportional odds regression lack).

    ``note`` says why there are no estimates or how they were made, and is empty when there is nothing to say. ``family`` is a level of
    :data:`facies.tables.FAMILIES`. ``influence``, (n,), is what each person contributes to the first coefficient: the squares of its sums
    over clusters add up to the robust variance of that coefficient (without the factor for few clusters). ``covariance`` is that of all
    coefficients, (k, k), and ``freedom`` the degrees of freedom of its t distribution (None: normal). All are None without estimates.
    """

    names: tuple[str, ...]
    coef: Floats
    std_error: Floats
    ci_low: Floats
    ci_high: Floats
    p_value: Floats
    n: int
    n_events: int | None = None
    note: str = ""
    family: str = "linear"
    influence: Floats | None = None
    covariance: Floats | None = None
    freedom: float | None = None

    @property
    def estimated(self) -> bool:
        """Return whether there are estimates."""
        return bool(np.isfinite(self.coef[0]))


def design_problem(X: Floats, names: tuple[str, ...]) -> str:
    """Say why a design cannot be estimated: too few people, a constant or a collinear column; an empty string when it can.

    The first column that the ones *after* it and the constant already determine is named last, so put the exposure first.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0, 7.0])
    >>> design_problem(np.column_stack([x, 3 - 2 * x]), ("perceived_age", "gap"))
    'perceived_age is determined by the covariates (collinear)'
    """
    n, k = X.shape
    if n <= k + 1:
        return f"{n} participants are too few for {k + 1} coefficients"
    constant = constant_columns(X)
    if constant.any():
        return f"{names[int(np.flatnonzero(constant)[0])]} has the same value for everybody"
    own = own_share(X[:, ::-1])[::-1]
    if (own < COLLINEAR).any():
        return f"{names[int(np.flatnonzero(own < COLLINEAR)[-1])]} is determined by the covariates (collinear)"
    return ""


def constant_columns(X: Floats) -> NDArray[np.bool_]:
    """Return which columns have one value only."""
    return np.asarray(np.ptp(X, axis=0) <= 1e-12 * np.maximum(1.0, np.abs(X).max(axis=0)))


def own_share(X: Floats) -> Floats:
    """Return for each column the share of its standard deviation that the constant and the columns before it leave over."""
    centred = X - X.mean(axis=0)
    scaled = centred / np.sqrt(np.mean(centred**2, axis=0))
    return np.asarray(np.abs(np.diag(np.linalg.qr(scaled, mode="r"))) / np.sqrt(len(X)))


def one_family(clusters: NDArray[Any] | None) -> str:
    """Say that standard errors by family are impossible, or return an empty string."""
    if clusters is None or len(np.unique(clusters)) > 1:
        return ""
    return "all participants are in one family: standard errors by family need at least 2"


def few_events(n_events: int, n: int, min_events: int) -> str:
    """Say that too few people have, or lack, the outcome, or return an empty string."""
    if n_events < min_events:
        return f"{n_events} of {n} participants have the outcome: fewer than {min_events}"
    if n - n_events < min_events:
        return f"{n - n_events} of {n} participants are without the outcome: fewer than {min_events}"
    return ""


def standardise(X: Floats) -> tuple[Floats, Floats]:
    """Return X centred and scaled behind a constant, and the matrix that turns its coefficients back: X's columns, then the intercept."""
    mean, sd = X.mean(axis=0), X.std(axis=0)
    k = X.shape[1]
    back = np.zeros((k + 1, k + 1))
    back[:k, 1:] = np.diag(1 / sd)
    back[k, 0], back[k, 1:] = 1.0, -mean / sd
    return np.column_stack([np.ones(len(X)), (X - mean) / sd]), back


def clustered_covariance(contributions: Floats, clusters: NDArray[Any] | None) -> Floats:
    """Return the sandwich covariance from each person's contributions to the coefficients, (n, k), added up by cluster; no factor."""
    summed = sum_by_cluster(contributions, clusters)
    return np.asarray(summed.T @ summed)


def few_clusters_factor(n: int, k: int, clusters: NDArray[Any] | None) -> float:
    """Return the CR1 factor G/(G-1) · (n-1)/(n-k) by which a clustered variance of k coefficients is multiplied; 1 without clusters."""
    if clusters is None:
        return 1.0
    groups = len(np.unique(clusters))
    return groups / (groups - 1) * (n - 1) / (n - k)


def wald_fit(
    names: tuple[str, ...],
    coef: Floats,
    covariance: Floats,
    *,
    level: float,
    n: int,
    n_events: int | None,
    family: str,
    influence: Floats | None,
    freedom: float | None = None,
    note: str = "",
) -> Fit:
    """Return a fit with Wald tests and intervals, by the t distribution where ``freedom`` is given, else by the normal one."""
    from scipy.stats import norm, t

    std_error = np.sqrt(np.diag(covariance))
    reference = norm() if freedom is None else t(freedom)
    half = reference.ppf((1 + level) / 2) * std_error
    p_value = 2 * reference.sf(np.abs(coef / std_error))
    return Fit(
        names, coef, std_error, coef - half, coef + half, p_value, n, n_events, note, family, influence, covariance, freedom
    )  # fmt: skip


def no_fit(names: tuple[str, ...], n: int, n_events: int | None, note: str, *, family: str) -> Fit:
    """Return a fit without estimates and the reason; Cox's and proportional odds regression have no intercept."""
    if family not in {"cox", "ordinal"}:
        names = (*names, "intercept")
    nothing = np.full(len(names), np.nan)
    return Fit(names, nothing, nothing, nothing, nothing, nothing, n, n_events, note, family)


def require_shapes(y: Floats, X: Floats, names: tuple[str, ...]) -> None:
    """Refuse arrays that do not fit together or have missing values.

    Raises
    ------
    InputError
        Naming the shapes.
    """
    if X.ndim != 2 or y.shape != (len(X),) or len(names) != X.shape[1]:
        raise InputError(f"y has shape {y.shape}, X {X.shape} and there are {len(names)} names: give (n,), (n, k) and k")
    if not (np.isfinite(y).all() and np.isfinite(X).all()):
        raise InputError("the outcome or a covariate has missing values: leave these people out first")
