"""What attenuation and reading noise make of a coefficient when a computed perceived age takes the place of the human one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.association.design import Design
from facies.association.draws import Draws
from facies.stats.noise import pooled_sd
from facies.stats.refits import residual_moments
from facies.stats.resampling import percentile_interval
from facies.tables import READING_NOISE
from facies.types import Floats


def reading_reliability(human: Floats, design: Design, noise: pd.DataFrame | None, *, target: str = "perceived_age") -> tuple[float, str]:
    """Return the share of the human variance, given the covariates, that is not reading noise; NaN, and why, where it is unknown.

    The noise is the mean over these people of the squared standard error of their label: the variance of readings, pooled over all
    people of ``noise``, times each person's squared ``noise_factor``.

    Parameters
    ----------
    human
        Human perceived ages in the order of ``design.participants``, (n,).
    noise
        Table ``reading_noise``.

    Examples
    --------
    >>> people = pd.Index(["a", "b", "c", "d", "e"])
    >>> noise = pd.DataFrame({"participant_id": people, "target": "perceived_age", "n_photographs": 1, "sum_squares": 36.0,
    ...     "degrees_of_freedom": 9.0, "noise_factor": 10**-0.5, "reader_error_sum": np.nan, "n_reader_errors": 0.0})
    >>> reliability, _ = reading_reliability(np.array([60.0, 62, 64, 66, 68]), Design(people, np.empty((5, 0)), (), None, ()), noise)
    >>> round(reliability, 2)
    0.96
    """
    if noise is None or not len(human):
        return float("nan"), ""
    READING_NOISE.validate(noise)
    rows = noise[noise.target == target].set_index("participant_id")
    variance = pooled_sd(rows.sum_squares.to_numpy(), rows.degrees_of_freedom.to_numpy()) ** 2
    factor = rows.noise_factor.reindex(design.participants).to_numpy(dtype=np.float64)
    freedom = len(human) - design.X.shape[1] - 1
    if not np.isfinite(variance) or not np.isfinite(factor).any() or freedom < 1:
        return float("nan"), "reading noise is unknown: no photograph here has two readers"
    left = float(residual_moments(human[:, None], design.X, np.ones((1, len(human))))[0, 0, 0]) / freedom
    reliability = 1 - variance * float(np.nanmean(factor**2)) / left
    if not reliability > 0:
        return float("nan"), "reading noise exceeds the variance of the human perceived age given the covariates"
    return reliability, ""


def attenuate(
    human: float, computed: float, moments: Floats, drawn: Draws, *, role: str, reliability: float, level: float
) -> tuple[dict[str, float], list[str]]:  # fmt: skip
    """Return both slopes, what they let expect, and the corrected coefficients, with notes.

    Parameters
    ----------
    human, computed
        Coefficients.
    moments
        Sums of products of the human and the computed perceived age given the covariates, (2, 2).
    drawn
        The same in draws of participants, human first.
    role
        ``"exposure"`` or ``"outcome"``: what the perceived ages are.
    reliability
        Of the human one; NaN where unknown.

    Returns
    -------
    Columns of ``comparisons``, and notes.

    Examples
    --------
    >>> moments = np.array([[4.0, 2.0], [2.0, 2.0]])
    >>> drawn = Draws(np.tile([1.0, 0.9], (5, 1)), np.tile(moments, (5, 1, 1)))
    >>> found, notes = attenuate(1.0, 0.9, moments, drawn, role="outcome", reliability=np.nan, level=0.95)
    >>> found["expected"], round(found["difference_from_expected"], 2), round(found["corrected_computed"], 2)
    (0.5, 0.4, 1.8)
    """
    own = 1 if role == "exposure" else 0
    slope, slopes = float(moments[0, 1] / moments[own, own]), drawn.moments[:, 0, 1] / drawn.moments[:, own, own]
    expected = human * slope
    parts = np.column_stack([drawn.coef[:, 1] - drawn.coef[:, 0] * slopes, drawn.coef[:, 1] / slopes, slopes])
    low, high = percentile_interval(parts, level=level)
    notes = []
    if low[2] <= 0 <= high[2]:
        low[1] = high[1] = np.nan
        notes.append("the slope is not clear of 0, so the corrected computed estimate has no interval")
    if np.isfinite(reliability):
        notes.append(f"{expected / reliability:.4g} is expected when reading noise is taken into account")
    columns = {
        "slope_computed_on_human": float(moments[0, 1] / moments[0, 0]), "slope_human_on_computed": float(moments[0, 1] / moments[1, 1]),
        "expected": expected, "difference_from_expected": computed - expected, "difference_from_expected_low": float(low[0]),
        "difference_from_expected_high": float(high[0]), "corrected_human": human / reliability if role == "exposure" else human,
        "corrected_computed": computed / slope, "corrected_computed_low": float(low[1]), "corrected_computed_high": float(high[1]),
    }  # fmt: skip
    return columns, notes
