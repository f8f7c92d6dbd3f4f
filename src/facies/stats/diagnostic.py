"""Shares with intervals, and predictive values at a prevalence that is given.

Wilson EB. J Am Stat Assoc 1927;22:209-212; Clopper CJ, Pearson ES. Biometrika 1934;26:404-413; Mercaldo ND, Lau KF, Zhou XH. Stat Med
2007;26:2170-2183 (predictive values at a prevalence, on the logit scale).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facies.errors import InputError
from facies.stats.resampling import cluster_codes
from facies.types import Floats


class Share(NamedTuple):
    """A share with its interval; ``n`` counts people."""

    value: float
    std_error: float
    ci_low: float
    ci_high: float
    n: int


class PredictiveValues(NamedTuple):
    """Positive and negative predictive value at a prevalence, with intervals."""

    ppv: float
    ppv_low: float
    ppv_high: float
    npv: float
    npv_low: float
    npv_high: float


def wilson(successes: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    if not n > 0:
        return float("nan"), float("nan")
    z, share = _reach(level), successes / n
    middle = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, float((middle - half) / (1 + z**2 / n))), min(1.0, float((middle + half) / (1 + z**2 / n)))


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share.

    Examples
    --------
    >>> [round(end, 4) for end in clopper_pearson(81, 263)]
    [0.2527, 0.3676]
    """
    from scipy.stats import beta

    if n <= 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes > 0 else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high


def share(called: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95) -> Share:
    """Return the share of rows that are true, each person counting once.

    Parameters
    ----------
    called
        0 to 1, (n,) or (n_repeats, n): a person's mean over the repeats is what counts, and repeats add no people.
    clusters
        The person of each row, where people have several.

    Returns
    -------
    Share
        With Wilson's interval for as many people as would give this variance (so the plain one where every value is 0 or 1).

    Examples
    --------
    >>> found = share([1, 1, 0, 1])
    >>> found.value, found.n, round(found.ci_low, 3)
    (0.75, 4, 0.301)
    """
    values = np.atleast_2d(np.asarray(called, dtype=np.float64)).mean(axis=0)
    if len(values) == 0:
        return Share(float("nan"), float("nan"), float("nan"), float("nan"), 0)
    people = values if clusters is None else _by_person(values, clusters)
    n, mean = len(people), float(people.mean())
    binomial = mean * (1 - mean)
    spread = float(people.var())
    effective = n * binomial / spread if spread > 0 else float(n)
    low, high = wilson(mean * effective, effective, level=level)
    return Share(mean, float(np.sqrt(spread / n)), low, high, n)


def _by_person(values: Floats, clusters: ArrayLike) -> Floats:
    codes, n = cluster_codes(clusters)
    if len(codes) != len(values):
        raise InputError(f"{len(codes)} cluster names for {len(values)} rows: give one a row")
    return np.asarray(np.bincount(codes, values, minlength=n) / np.bincount(codes, minlength=n))


def predictive_values(sensitivity: Share, specificity: Share, prevalence: float, *, level: float = 0.95) -> PredictiveValues:
    """Return PPV and NPV at a prevalence, with intervals on the logit scale.

    At a sensitivity or specificity of 0 or 1 the variance of the share is that of half a person more in each cell.

    Raises
    ------
    InputError
        When the prevalence is not between 0 and 1.

    Examples
    --------
    >>> sensitivity, specificity = Share(0.9, 0.03, 0.82, 0.95, 100), Share(0.95, 0.01, 0.92, 0.97, 400)
    >>> found = predictive_values(sensitivity, specificity, 0.01)
    >>> round(found.ppv, 4), round(found.npv, 5)
    (0.1538, 0.99894)
    """
    from scipy.special import expit

    if not 0 < prevalence < 1:
        raise InputError(f"prevalence is {prevalence:g}: give a share between 0 and 1, such as 0.01")
    (found, error_found), (passed, error_passed) = _inner(sensitivity), _inner(specificity)
    odds = np.log(prevalence / (1 - prevalence))
    logits = np.array([np.log(found / (1 - passed)) + odds, np.log(passed / (1 - found)) - odds])
    errors = np.sqrt(
        np.array([
            (error_found / found) ** 2 + (error_passed / (1 - passed)) ** 2,
            (error_found / (1 - found)) ** 2 + (error_passed / passed) ** 2,
        ])
    )  # fmt: skip
    reach = _reach(level) * errors
    low, high = expit(logits - reach), expit(logits + reach)
    ppv, npv = _exact_values(sensitivity.value, specificity.value, prevalence)
    return PredictiveValues(ppv, float(low[0]), float(high[0]), npv, float(low[1]), float(high[1]))


def per_people(sensitivity: float, specificity: float, prevalence: float, *, n: float = 1000) -> dict[str, float]:
    """Return how many of ``n`` people tested are true and false positives and negatives.

    Examples
    --------
    >>> {name: round(count, 1) for name, count in per_people(0.9, 0.95, 0.01).items()}
    {'true_positives': 9.0, 'false_positives': 49.5, 'false_negatives': 1.0, 'true_negatives': 940.5}
    """
    ill, well = n * prevalence, n * (1 - prevalence)
    return {
        "true_positives": ill * sensitivity, "false_positives": well * (1 - specificity),
        "false_negatives": ill * (1 - sensitivity), "true_negatives": well * specificity,
    }  # fmt: skip


def _exact_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    counts = per_people(sensitivity, specificity, prevalence, n=1.0)
    positive = counts["true_positives"] + counts["false_positives"]
    negative = counts["true_negatives"] + counts["false_negatives"]
    ppv = counts["true_positives"] / positive if positive > 0 else float("nan")
    return ppv, counts["true_negatives"] / negative if negative > 0 else float("nan")


def _inner(found: Share) -> tuple[float, float]:
    """Return a share that is neither 0 nor 1, and its standard error."""
    if 0 < found.value < 1 and found.std_error > 0:
        return found.value, found.std_error
    value = (found.value * found.n + 0.5) / (found.n + 1)
    return value, float(np.sqrt(value * (1 - value) / (found.n + 1)))


def _reach(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))
