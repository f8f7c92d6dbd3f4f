"""Participants drawn anew: the coefficients of several sources and their slopes on each other, in the same draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facies.association.design import Design
from facies.association.families import OutcomeSpec
from facies.stats.refits import Refit, count_refit, firth_refit, linear_refit, logistic_refit, residual_moments
from facies.stats.refits_cox import cox_refit
from facies.stats.refits_ordinal import ordinal_refit
from facies.stats.regression import Fit
from facies.stats.resampling import cluster_codes, draw_weights
from facies.types import Floats


@dataclass(frozen=True, eq=False)
class Draws:
    """What each draw of participants gives.

    ``coef``, (draws, sources), and ``moments``, (draws, sources, sources): the sums of products of the sources given the covariates.
    """

    coef: Floats
    moments: Floats


def draw_participants(
    refits: Sequence[Refit], sources: Floats, design: Design, *, n_bootstrap: int, random_state: int
) -> Draws:  # fmt: skip
    """Refit every source in the same draws of participants (of families, where the design has clusters).

    Parameters
    ----------
    refits
        One a source; where no source has an estimate, nobody is drawn.
    sources
        Perceived ages, (n, sources), in the order of ``design.participants``.
    """
    if all(refit is nothing for refit in refits):
        n = sources.shape[1]
        return Draws(np.full((n_bootstrap, n), np.nan), np.full((n_bootstrap, n, n), np.nan))
    parts = [
        (np.column_stack([refit(weights) for refit in refits]), residual_moments(sources, design.X, weights))
        for weights in _weights(design, n_bootstrap, random_state)
    ]
    return Draws(np.concatenate([coef for coef, _ in parts]), np.concatenate([moments for _, moments in parts]))


def _weights(design: Design, n_bootstrap: int, random_state: int) -> Iterator[Floats]:
    """Yield how often each participant was drawn, those of one family always together, whatever the order of the rows."""
    names = design.participants.to_numpy().astype(str) if design.clusters is None else design.clusters
    codes, n_clusters = cluster_codes(names)
    for weights in draw_weights(n_clusters, n_bootstrap=n_bootstrap, random_state=random_state):
        yield weights[:, codes]


def refit_of(fit: Fit, outcomes: pd.DataFrame, spec: OutcomeSpec, x: Floats, design: Design) -> Refit:
    """Return the refit of one fitted outcome on one exposure, by the regression that the fit used; NaN for one without estimate."""
    if not fit.estimated:
        return nothing
    X = np.column_stack([x, design.X])
    y = outcomes[spec.name].to_numpy(dtype=np.float64)
    time = None if spec.time is None else outcomes[spec.time].to_numpy(dtype=np.float64)
    if fit.family == "cox" and time is not None:
        entry = design.age if spec.time_scale == "age" else None
        return cox_refit(time if entry is None else entry + time, y, X, fit, entry=entry)
    if fit.family in {"poisson", "negative_binomial"}:
        return count_refit(y, X, fit, person_time=time)
    if fit.family in {"logistic", "firth"}:
        return logistic_refit(y, X, fit) if fit.family == "logistic" else firth_refit(y, X, fit)
    return ordinal_refit(y, X) if fit.family == "ordinal" else linear_refit(y, X)


def nothing(weights: Floats) -> Floats:
    """Return NaN for every draw: the refit of a regression without estimate."""
    return np.full(len(weights), np.nan)
