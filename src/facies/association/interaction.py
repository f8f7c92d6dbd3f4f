"""Effects within women and men, and their difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.design import Cohort, Design
from facies.association.families import FAMILY_SCALES, Asked, OutcomeSpec, fit_columns
from facies.errors import InputError
from facies.stats.regression import Fit
from facies.types import Floats

LEVELS = ("female", "male")
"""Levels of sex whose effects are compared."""


def require_sex(cohort: Cohort) -> None:
    """Refuse an interaction with sex where sex is not recorded.

    Raises
    ------
    InputError
        When the covariates have no column ``sex``.
    """
    if "sex" not in cohort.covariates:
        raise InputError("sex_interaction needs a column sex with female and male: add it or leave sex_interaction out")


def women_and_men(cohort: Cohort) -> Cohort:
    """Return the cohort with any other or unrecorded sex taken as missing."""
    sex = cohort.covariates.sex
    return replace(cohort, covariates=cohort.covariates.assign(sex=sex.where(sex.isin(LEVELS))))


def sex_fits(
    outcomes: pd.DataFrame, spec: OutcomeSpec, x: Floats, sex: pd.Series, design: Design, *, exposure: str, asked: Asked
) -> list[tuple[str, Fit]]:
    """Return analyses ``sex=female``, ``sex=male`` and ``sex_interaction`` of one model with an interaction of exposure and sex.

    The model is written three ways, so that in each the wanted effect is the first coefficient; they are one and the same fit. ``n`` and
    ``n_events`` of an effect within one sex count the people of that sex.

    Parameters
    ----------
    design
        Must have sex among its covariates.
    """
    male = (sex == "male").to_numpy(dtype=np.float64)
    parts = {"female": x * (1 - male), "male": x * male}
    fits = []
    for level, other in (LEVELS, LEVELS[::-1]):
        fit = _fit(outcomes, spec, (parts[level], parts[other]), (f"{exposure}:{level}", f"{exposure}:{other}"), design, asked)
        fits.append((f"sex={level}", _within(fit, level, (sex == level).to_numpy(), outcomes[spec.name], spec, asked.min_events)))
    between = _fit(outcomes, spec, (parts["male"], x), (f"{exposure}:male", exposure), design, asked)
    lacking = next((fit for _, fit in fits if not fit.estimated), None)
    return [*fits, ("sex_interaction", _said(between) if lacking is None else _without(between, lacking.note))]


def _fit(
    outcomes: pd.DataFrame, spec: OutcomeSpec, columns: tuple[Floats, ...], names: tuple[str, ...], design: Design, asked: Asked
) -> Fit:
    return fit_columns(outcomes, spec, np.column_stack([*columns, design.X]), (*names, *design.names), design, asked)


def _within(fit: Fit, level: str, chosen: NDArray[np.bool_], y: pd.Series, spec: OutcomeSpec, min_events: int) -> Fit:
    """Count the people of one sex, and leave out what rests on too few of them."""
    n = int(chosen.sum())
    n_events = None if fit.n_events is None else int((y.to_numpy()[chosen] > _lowest(y, spec)).sum())
    rarer = None if n_events is None else (min(n_events, n - n_events) if spec.kind == "binary" else n_events)
    if rarer is not None and rarer < min_events and fit.estimated:
        note = f"{n_events} of {n} participants with sex={level} have the outcome: fewer than {min_events} with or without it"
        fit = _without(fit, note)
    return replace(fit, n=n, n_events=n_events)


def _without(fit: Fit, note: str) -> Fit:
    nothing = np.full_like(fit.coef, np.nan)
    return replace(fit, coef=nothing, std_error=nothing, ci_low=nothing, ci_high=nothing, p_value=nothing, note=note)


def _lowest(y: pd.Series, spec: OutcomeSpec) -> float:
    return float(y.min()) if spec.kind == "ordinal" else 0.0


def _said(fit: Fit) -> Fit:
    """Name the direction of the interaction."""
    if not fit.estimated:
        return fit
    direction = "men minus women" if FAMILY_SCALES[fit.family] == "difference" else "ratio of men's to women's"
    return replace(fit, note="; ".join([direction, *([fit.note] if fit.note else [])]))
