"""Each reader against the others: bias, scale, scatter, and whether one stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.stats.crossed.equations import RANDOM
from facies.stats.crossed.fit import CrossedFit
from facies.types import Floats


@dataclass(frozen=True)
class OutlierRule:
    """When a reader is flagged; nobody is left out by it.

    Parameters
    ----------
    bias_z
        Robust z of the bias, 0.6745 (bias - median) / median absolute deviation (Iglewicz & Hoaglin 1993), beyond which either way.
    correlation
        Below which the correlation with the other readers is too low.
    residual_ratio
        Times the median reader's residual standard deviation, above which.
    fewest_photographs
        Shared with others, from which correlation and residual are judged.
    fewest_readers
        From which bias and residual are compared. Robust z is coarse in small panels: with normal biases one panel in five of 5 readers,
        one in eight of 10 and one in ten of 20 to 60 has a reader beyond 3.5.
    """

    bias_z: float = 3.5
    correlation: float = 0.3
    residual_ratio: float = 2.0
    fewest_photographs: int = 10
    fewest_readers: int = 10

    def __post_init__(self) -> None:
        if self.bias_z <= 0 or self.residual_ratio <= 1 or not -1 <= self.correlation < 1:
            raise InputError(
                f"the rule for outlying readers has bias_z {self.bias_z}, correlation {self.correlation}, residual_ratio "
                f"{self.residual_ratio}: choose more than 0, -1 to less than 1, and more than 1"
            )


class ReaderQuality(NamedTuple):
    """What is known of each reader, all (n_readers,), readers in sorted order.

    Parameters
    ----------
    bias, bias_se
        How much higher the reader reads than the others (BLUP) with the root of its prediction error variance.
    n_readings, n_photographs
        All readings; photographs with another reader.
    scale, scale_se
        Slope of the reader's readings on what the other readers' readings predict for the photograph: 1 uses the scale as the panel does,
        less than 1 compresses it. NaN with fewer than three shared photographs.
    correlation
        With the mean of the other readers' readings; NaN for a reader who says the same of all photographs, whose scale is 0.
    residual_sd
        Standard deviation of the readings about photograph, bias and covariates; ``n - 1`` in the denominator.
    bias_z
        Robust z of the bias.
    """

    names: NDArray[Any]
    bias: Floats
    bias_se: Floats
    n_readings: NDArray[np.intp]
    n_photographs: NDArray[np.intp]
    scale: Floats
    scale_se: Floats
    correlation: Floats
    residual_sd: Floats
    bias_z: Floats


def reader_quality(fit: CrossedFit) -> ReaderQuality:
    """Return each reader's bias, scale, correlation with the others and scatter.

    The other readers' mean is taken without their biases; for the scale it is drawn to the overall mean by its reliability, so that its
    own error does not make slopes too small (regression calibration: Carroll et al., Measurement error in nonlinear models, 2006, ch. 4).

    Raises
    ------
    InputError
        When photographs are fixed.

    Examples
    --------
    >>> from facies.stats.crossed import fit_crossed
    >>> rng = np.random.default_rng(1)
    >>> photo, reader = np.repeat(np.arange(200), 6), np.tile(np.arange(6), 200)
    >>> value = rng.normal(60, 8, 200)
    >>> y = value[photo] + np.where(reader == 5, 5 - 0.4 * (value[photo] - 60), 0) + rng.normal(0, 4, 1200)
    >>> quality = reader_quality(fit_crossed(y, photo, reader))
    >>> quality.bias.round(0)[5], quality.scale.round(1)[[0, 5]]
    (np.float64(4.0), array([1.1, 0.7]))
    """
    if fit.photograph != RANDOM:
        raise InputError("readers are judged against predicted photographs: fit photographs as random")
    cells, names = fit.cells, fit.readers.names
    n, shared = len(names), np.bincount(fit.cells.photograph)[fit.cells.photograph] > 1
    own = np.bincount(cells.cell, fit.adjusted) / cells.size
    others, predicted = _others(fit, own)
    said = cells.means[:, -1]
    lines = [
        _line(own[rows], others[rows], predicted[rows], said[rows]) for rows in (shared & (cells.reader == reader) for reader in range(n))
    ]
    scale, scale_se, correlation = np.array(lines).T
    return ReaderQuality(
        names, fit.readers.value, fit.readers.std_error, fit.readers.n_readings,
        np.bincount(cells.reader, shared, minlength=n).astype(np.intp), scale, scale_se, correlation,
        _spread(fit.residuals, cells.reader[cells.cell], n), robust_z(fit.readers.value),
    )  # fmt: skip


def robust_z(values: Floats) -> Floats:
    """Return 0.6745 (x - median) / median absolute deviation, (n,); NaN where more than half are equal.

    Examples
    --------
    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 40.0])).round(2)
    array([-1.35, -0.67,  0.  ,  0.67, 24.96])
    """
    centred = values - np.median(values)
    spread = float(np.median(np.abs(centred)))
    return 0.6745 * centred / spread if spread > 0 else np.full(len(values), np.nan)


def outlying_readers(quality: ReaderQuality, rule: OutlierRule | None = None) -> list[str]:
    """Say of each reader why it stands out, "; " between reasons, empty where it does not.

    Examples
    --------
    >>> few = ReaderQuality(*(np.array([1.0]) for _ in range(10)))
    >>> outlying_readers(few)
    ['']
    """
    rule = rule or OutlierRule()
    enough = len(quality.names) >= rule.fewest_readers
    known = quality.n_photographs >= rule.fewest_photographs
    median = float(np.nanmedian(quality.residual_sd)) if np.isfinite(quality.residual_sd).any() else float("nan")
    checks = {
        f"bias beyond {rule.bias_z:g} robust z": enough & (np.abs(quality.bias_z) > rule.bias_z),
        "the same reading of all photographs": known & (quality.scale == 0) & np.isnan(quality.correlation),
        f"correlation with the others below {rule.correlation:g}": known & (quality.correlation < rule.correlation),
        f"residual above {rule.residual_ratio:g} times the median reader's": enough
        & known
        & (quality.residual_sd > rule.residual_ratio * median),
    }
    return ["; ".join(reason for reason, holds in checks.items() if holds[i]) for i in range(len(quality.names))]


def _others(fit: CrossedFit, own: Floats) -> tuple[Floats, Floats]:
    """Return for each cell the mean of the photograph's other readers without their biases, and what it predicts; NaN without others."""
    cells, variances = fit.cells, fit.variances
    at = cells.photograph
    unbiased = own - fit.readers.value[cells.reader]
    noise = variances.get("interaction", 0.0) + variances["residual"] / cells.size
    k = np.bincount(at)[at] - 1.0
    known = np.where(k > 0, k, np.nan)
    mean = (np.bincount(at, unbiased)[at] - unbiased) / known
    of_mean = (np.bincount(at, noise)[at] - noise) / known**2
    centre = float(np.mean(fit.values.value))
    reliability = variances["photograph"] / (variances["photograph"] + of_mean)
    return mean, centre + reliability * (mean - centre)


def _line(own: Floats, others: Floats, predicted: Floats, said: Floats) -> tuple[float, float, float]:
    """Return slope of own on predicted, its standard error, and the correlation of own with others; 0, 0, NaN where all was said alike."""
    n = len(own)
    if n < 3 or np.ptp(predicted) == 0:
        return float("nan"), float("nan"), float("nan")
    if np.ptp(said) == 0:
        return 0.0, 0.0, float("nan")
    x, y = predicted - predicted.mean(), own - own.mean()
    slope = float(x @ y / (x @ x))
    error = float(np.sqrt(np.sum((y - slope * x) ** 2) / (n - 2) / (x @ x)))
    return slope, error, float(np.corrcoef(own, others)[0, 1])


def _spread(values: Floats, codes: NDArray[np.intp], n: int) -> Floats:
    """Return the standard deviation of each group, NaN for groups of one, (n,)."""
    sizes = np.bincount(codes, minlength=n)
    means = np.bincount(codes, values, minlength=n) / sizes
    squares = np.bincount(codes, (values - means[codes]) ** 2, minlength=n)
    return np.sqrt(np.where(sizes > 1, squares / np.maximum(sizes - 1, 1), np.nan))
