"""How well a measurement agrees with a reference.

Differences are always *predicted minus observed*: positive is too old.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facies.errors import InputError
from facies.types import Floats

AGREEMENT = ("mae", "rmse", "r", "slope", "slope_observed_on_predicted", "bias")
"""The statistics of :func:`agreement_from_sums`, in its order."""

LIMIT_METHODS = ("exact", "mover")


class LimitsOfAgreement(NamedTuple):
    """Bland-Altman limits; each of ``bias``, ``low`` and ``high`` is (estimate, ci_low, ci_high)."""

    bias: tuple[float, float, float]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    sd: float
    n: int


def agreement_components(observed: Floats, predicted: Floats, *, origin: float | None = None) -> Floats:
    """Return what agreement is the sum of, (n, 7): 1, |error|, x, y, x², xy, y², with x and y measured from ``origin``.

    Parameters
    ----------
    observed, predicted
        Reference and measurement, (n,).
    origin
        Near the mean of ``observed`` keeps the sums exact; None takes the mean itself.
    """
    _require_pairs(observed, predicted)
    origin = float(np.mean(observed)) if origin is None else origin
    x, y = observed - origin, predicted - origin
    return np.column_stack([np.ones_like(x), np.abs(y - x), x, y, x * x, x * y, y * y])


def agreement_from_sums(sums: Floats) -> Floats:
    """Return MAE, RMSE, Pearson's r, both slopes and the bias from sums of :func:`agreement_components`, (..., 7) to (..., 6).

    A statistic that is undefined (no people, no spread) is NaN.
    """
    n, absolute, x, y, xx, xy, yy = np.moveaxis(sums, -1, 0)
    variance_x, variance_y = _centred(xx, x, x, n), _centred(yy, y, y, n)
    covariance = _centred(xy, x, y, n)
    spread = np.sqrt(np.maximum(variance_x, 0) * np.maximum(variance_y, 0))
    return np.stack(
        [
            ratio(absolute, n),
            np.sqrt(np.maximum(ratio(xx - 2 * xy + yy, n), 0)),
            np.clip(ratio(covariance, spread), -1, 1),
            ratio(covariance, variance_x),
            ratio(covariance, variance_y),
            ratio(y - x, n),
        ],
        axis=-1,
    )


def agreement(observed: Floats, predicted: Floats) -> dict[str, float]:
    """Return MAE, RMSE, r, the slope of predicted on observed and the reverse, and the bias.

    Predictions that regress to the mean have a slope of predicted on observed below 1; it is what an effect on the observed
    shrinks to when the predicted takes its place as outcome. The reverse slope does the same for an exposure.

    Examples
    --------
    >>> result = agreement(np.array([20.0, 40.0, 60.0]), np.array([30.0, 40.0, 50.0]))
    >>> {name: round(value, 3) for name, value in result.items()}
    {'mae': 6.667, 'rmse': 8.165, 'r': 1.0, 'slope': 0.5, 'slope_observed_on_predicted': 2.0, 'bias': 0.0}
    """
    values = agreement_from_sums(agreement_components(observed, predicted).sum(axis=0))
    return dict(zip(AGREEMENT, map(float, values), strict=True))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is 0 or below 1e-12."""
    positive = denominator > 1e-12
    return np.where(positive, numerator / np.where(positive, denominator, 1.0), np.nan)


def _centred(product: Floats, left: Floats, right: Floats, n: Floats) -> Floats:
    return product - left * right / np.where(n > 0, n, 1.0)


def limits_of_agreement(differences: Floats, *, level: float = 0.95, coverage: float = 0.95, method: str = "exact") -> LimitsOfAgreement:
    """Return Bland-Altman limits: the range in which ``coverage`` of the differences lie when they are normal.

    Parameters
    ----------
    differences
        Predicted minus observed, one a person, (n,), n at least 3.
    level
        Of the intervals around the bias and each limit.
    method
        ``"exact"``: each limit's interval by the non-central t distribution (Carkeet, Optom Vis Sci 2015;92:e71-e80).
        ``"mover"``: closed form that combines the intervals of mean and SD (Zou, Stat Methods Med Res 2013;22:630-642).

    Raises
    ------
    InputError
        When there are fewer than 3 differences or they do not vary.

    Examples
    --------
    >>> limits = limits_of_agreement(np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]))
    >>> round(limits.low[0], 2), round(limits.high[0], 2)
    (-3.17, 4.17)
    """
    from scipy.stats import norm, t

    differences = np.asarray(differences, dtype=np.float64)
    n = len(differences)
    if n < 3 or np.ptp(differences) == 0:
        raise InputError(f"limits of agreement need 3 or more differences that vary: there are {n}")
    if method not in LIMIT_METHODS:
        raise InputError(f"method is '{method}': choose one of {', '.join(LIMIT_METHODS)}")
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    z = float(norm.ppf((1 + coverage) / 2))
    half = float(t.ppf((1 + level) / 2, n - 1)) * sd / np.sqrt(n)
    near, far = (_exact_limit if method == "exact" else _mover_limit)(n, sd, z, level)
    return LimitsOfAgreement(
        bias=(mean, mean - half, mean + half),
        low=(mean - z * sd, mean - far, mean - near),
        high=(mean + z * sd, mean + near, mean + far),
        sd=sd,
        n=n,
    )


def _exact_limit(n: int, sd: float, z: float, level: float) -> tuple[float, float]:
    """Return how far from the mean the interval of a limit begins and ends."""
    from scipy.stats import nct

    tail = (1 - level) / 2
    near, far = nct.ppf([tail, 1 - tail], n - 1, z * np.sqrt(n)) * sd / np.sqrt(n)
    return float(near), float(far)


def _mover_limit(n: int, sd: float, z: float, level: float) -> tuple[float, float]:
    from scipy.stats import chi2, norm

    tail = (1 - level) / 2
    of_mean = float(norm.ppf(1 - tail)) * sd / np.sqrt(n)
    sd_low, sd_high = sd * np.sqrt((n - 1) / chi2.ppf([1 - tail, tail], n - 1))
    near = z * sd - np.hypot(of_mean, z * (sd - sd_low))
    far = z * sd + np.hypot(of_mean, z * (sd_high - sd))
    return float(near), float(far)


def proportional_bias(observed: Floats, predicted: Floats, *, level: float = 0.95) -> tuple[float, float, float]:
    """Return the slope of the difference on the mean of both, with its interval (Bland & Altman, Stat Methods Med Res 1999;8:135-160).

    0 says that the difference does not depend on the size; predictions that regress to the mean give a negative slope.

    Raises
    ------
    InputError
        When there are fewer than 3 people or the means do not vary.

    Examples
    --------
    >>> observed = np.array([20.0, 40.0, 60.0])
    >>> round(proportional_bias(observed, 0.5 * observed + 20)[0], 3)
    -0.667
    """
    from scipy.stats import t

    _require_pairs(observed, predicted)
    mean, difference = (observed + predicted) / 2, predicted - observed
    centred = mean - mean.mean()
    spread = float(np.sum(centred**2))
    n = len(mean)
    if n < 3 or spread == 0:
        raise InputError(f"a slope needs 3 or more people whose values vary: there are {n}")
    slope = float(centred @ difference) / spread
    residual = difference - difference.mean() - slope * centred
    half = float(t.ppf((1 + level) / 2, n - 2)) * float(np.sqrt(residual @ residual / (n - 2) / spread))
    return slope, slope - half, slope + half


def proportion_interval(n_true: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a proportion (Clopper & Pearson, Biometrika 1934;26:404-413).

    Examples
    --------
    >>> [round(end, 4) for end in proportion_interval(20, 20)]
    [0.8316, 1.0]
    """
    from scipy.stats import beta

    if not 0 <= n_true <= n or n == 0:
        raise InputError(f"{n_true} of {n} is no proportion: give 0 to n of at least 1")
    tail = (1 - level) / 2
    low = 0.0 if n_true == 0 else float(beta.ppf(tail, n_true, n - n_true + 1))
    high = 1.0 if n_true == n else float(beta.ppf(1 - tail, n_true + 1, n - n_true))
    return low, high


def _require_pairs(observed: Floats, predicted: Floats) -> None:
    if observed.shape != predicted.shape or observed.ndim != 1:
        raise InputError(f"observed has shape {observed.shape} and predicted {predicted.shape}: give one number a person to both")
    if not (np.isfinite(observed).all() and np.isfinite(predicted).all()):
        raise InputError("observed or predicted has missing values: leave these people out first")
