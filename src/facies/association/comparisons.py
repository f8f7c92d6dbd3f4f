"""Human against computed perceived age: the same regression, the same people, and the difference of the two coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from facies.association.attenuation import attenuate, reading_reliability
from facies.association.design import Cohort, Design, build_design, gather, require_covariates, require_numbers
from facies.association.draws import Draws, draw_participants, refit_of
from facies.association.families import FAMILY_SCALES, OutcomeSpec, fit_outcome, outcome_design, outcome_specs
from facies.association.outcomes import require_outcomes
from facies.association.rows import exposure_units
from facies.errors import InputError
from facies.stats.paired import coefficient_ratio, equivalence_p_value, pair_coefficients, paired_difference
from facies.stats.refits import residual_moments
from facies.stats.regression import Fit
from facies.stats.resampling import percentile_interval
from facies.tables import COMPARISONS
from facies.types import Floats

HUMAN = "perceived_age[panel]"
"""The column of the human perceived age, where nothing else is said."""
EQUIVALENCE_LEVEL = 0.05
"""Of the two one-sided tests, and of the test for a difference beside them."""


def compare_sources(
    exposures: pd.DataFrame,
    outcomes: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcome_kinds: Mapping[str, str | OutcomeSpec],
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    margins: Mapping[str, float] | None = None,
    human: str = HUMAN,
    noise: pd.DataFrame | None = None,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    min_events: int = 10,
    cluster_by: str | None = "family_id",
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare each computed perceived age with the human one as exposures of each outcome.

    Both are put into the same regression in the same people: those with all perceived ages, the outcome and the covariates. The difference
    of their coefficients has a standard error by stacked estimating equations (:mod:`facies.stats.paired`) and, beside it, an interval by
    drawing participants, or families, with replacement. In each draw least squares are exact; other regressions are refitted to
    convergence by weighted Newton steps from the estimate in all people (:mod:`facies.stats.refits`), by the regression that was used in
    all people (Firth's stays Firth's), the dispersion of negative binomial counts held.

    ``expected`` is what attenuation alone makes of the human coefficient when the computed perceived age carries nothing about the
    outcome but what the human one carries: the coefficient times the slope of human on computed given the covariates. It is exact for least
    squares and close for ratios of moderate size (Carroll et al., Measurement Error in Nonlinear Models, 2nd ed. 2006, ch. 4). Reading
    noise in the human mean is not seen by the model, so that it alone raises a computed coefficient over the expectation by a factor
    1 / ``reliability``; the note gives the expectation without it. ``corrected_human`` (coefficient over reliability) and
    ``corrected_computed`` (regression calibration) both estimate what a panel of infinitely many readers would give.

    Parameters
    ----------
    exposures
        ``participant_id`` and one column of numbers a source, its name in brackets: ``perceived_age[x]``, ``years_looking_older[x]`` or
        ``delta_pa_rotterdam[x]``.
    outcomes, covariates, outcome_kinds, adjustments, per, level, min_events, cluster_by
        As in :func:`facies.association.associate`.
    margins
        By outcome: the largest difference that counts as none, on the scale of the coefficient (the logarithm of a ratio), per step. Chosen
        beforehand.
    human
        The column of the human one; where exposures are differences from age, the column whose brackets hold the same source.
    noise
        Table ``reading_noise`` of the human readings; None: reliability stays missing.
    n_bootstrap
        Draws of participants.

    Returns
    -------
    Table ``comparisons`` with role ``exposure``: one row an outcome, adjustment set and computed perceived age.

    Raises
    ------
    InputError
        When a name is no column, a value is not what its kind says, there is no computed perceived age beside the human one, or a margin
        names no outcome.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> people = pd.DataFrame({"participant_id": [f"p{i}" for i in range(400)], "age": rng.uniform(50, 80, 400)})
    >>> human = people.age + rng.normal(0, 4, 400)
    >>> sources = {"perceived_age[panel]": human, "perceived_age[hog+ridge]": human + rng.normal(0, 3, 400)}
    >>> outcomes = people[["participant_id"]].assign(cognition=-0.1 * human + rng.normal(0, 0.5, 400))
    >>> table = compare_sources(people[["participant_id"]].assign(**sources), outcomes, people, outcome_kinds={"cognition": "continuous"},
    ...     adjustments={"model_1": ["age"]}, per={"perceived_age": 5}, margins={"cognition": 0.1}, n_bootstrap=200, random_state=1)
    >>> table[["computed", "difference", "verdict"]].round(2)
        computed  difference    verdict
    0  hog+ridge        0.21  different
    """
    cohort = gather(exposures, outcomes, covariates, cluster_by=cluster_by)
    sources = source_columns([str(name) for name in cohort.exposures.columns], human)
    specs = outcome_specs(outcome_kinds)
    _require(cohort, sources, adjustments, [spec.name for spec in specs], margins, n_bootstrap)
    require_outcomes(cohort.outcomes, specs)
    units = exposure_units(sources, per)
    asked = Asked("exposure", level, n_bootstrap, random_state, margins or {}, noise)
    rows: list[dict[str, Any]] = []
    for adjustment, chosen in adjustments.items():
        for spec in specs:
            design = outcome_design(cohort, spec, exposures=sources, covariates=chosen)
            values = _values(cohort.exposures, sources, design)
            rows_of = cohort.outcomes.loc[design.participants]
            fits = [
                fit_outcome(rows_of, spec, x, design, exposure=name, min_events=min_events, level=level)
                for name, x in zip(sources, values.T, strict=True)
            ]
            refits = [refit_of(fit, rows_of, spec, x, design) for fit, x in zip(fits, values.T, strict=True)]
            drawn = draw_participants(refits, values, design, n_bootstrap=n_bootstrap, random_state=random_state)
            case = Case(spec.name, adjustment, chosen, units[sources[0]], sources, design, values, fits, drawn, spec.scale)
            rows += compare(case, asked)
    return finish(rows)


def compare_sources_on_traits(
    traits: pd.DataFrame,
    perceived_ages: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    margins: Mapping[str, float] | None = None,
    human: str = HUMAN,
    noise: pd.DataFrame | None = None,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare each computed perceived age with the human one as outcomes of each trait, such as a gene score.

    As :func:`compare_sources`, by least squares. ``expected`` is the human coefficient times the slope of computed on human given the
    covariates. Reading noise does not bias the human coefficient here (``corrected_human`` is that coefficient), but it flattens the
    slope, so that it alone raises the computed coefficient over the expectation, and ``corrected_computed`` over the human one, by
    1 / ``reliability``.

    Parameters
    ----------
    traits
        ``participant_id`` and one column of numbers a trait, such as ``mc1r`` (0, 1 or 2 risk alleles).
    perceived_ages
        ``participant_id`` and one column a source, its name in brackets.
    margins
        By trait: the largest difference that counts as none, in years per step.

    Returns
    -------
    Table ``comparisons`` with role ``outcome``.

    Raises
    ------
    InputError
        As :func:`compare_sources`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> people = pd.DataFrame({"participant_id": [f"p{i}" for i in range(500)], "age": rng.uniform(50, 80, 500)})
    >>> mc1r = people[["participant_id"]].assign(mc1r=rng.binomial(2, 0.2, 500))
    >>> human = people.age + 0.8 * mc1r.mc1r + rng.normal(0, 3, 500)
    >>> ages = people[["participant_id"]].assign(**{"perceived_age[panel]": human, "perceived_age[m]": 0.5 * (human + people.age)})
    >>> table = compare_sources_on_traits(mc1r, ages, people, adjustments={"model_1": ["age"]}, n_bootstrap=200)
    >>> table[["variable", "slope_computed_on_human", "ratio"]].round(3)
      variable  slope_computed_on_human  ratio
    0     mc1r                      0.5    0.5
    """
    cohort = gather(traits, perceived_ages, covariates, cluster_by=cluster_by)
    names = [str(name) for name in cohort.exposures.columns]
    sources = source_columns([str(name) for name in cohort.outcomes.columns], human)
    _require(Cohort(cohort.outcomes, cohort.exposures, cohort.covariates, None), sources, adjustments, names, margins, n_bootstrap)
    require_numbers(cohort.exposures, names, what="trait")
    units = exposure_units(names, per)
    asked = Asked("outcome", level, n_bootstrap, random_state, margins or {}, noise)
    rows: list[dict[str, Any]] = []
    for adjustment, chosen in adjustments.items():
        for name in names:
            design = build_design(cohort, outcomes=sources, exposures=[name], covariates=chosen)
            x = cohort.exposures.loc[design.participants, name].to_numpy(dtype=np.float64)
            values = _values(cohort.outcomes, sources, design)
            rows_of = cohort.outcomes.loc[design.participants]
            specs = [OutcomeSpec(source, "continuous") for source in sources]
            fits = [fit_outcome(rows_of, spec, x, design, exposure=name, min_events=0, level=level) for spec in specs]
            refits = [refit_of(fit, rows_of, spec, x, design) for fit, spec in zip(fits, specs, strict=True)]
            drawn = draw_participants(refits, values, design, n_bootstrap=n_bootstrap, random_state=random_state)
            case = Case(name, adjustment, chosen, units[name], sources, design, values, fits, drawn, "difference")
            rows += compare(case, asked)
    return finish(rows)


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of every comparison."""

    role: str
    level: float
    n_bootstrap: int
    random_state: int
    margins: Mapping[str, float]
    noise: pd.DataFrame | None


@dataclass(frozen=True, eq=False)
class Case:
    """One outcome or trait under one adjustment set: sources (the human one first), their values, (n, sources), fits and draws."""

    variable: str
    adjustment: str
    covariates: Sequence[str]
    per: float
    sources: Sequence[str]
    design: Design
    values: Floats
    fits: Sequence[Fit]
    drawn: Draws
    scale: str


def compare(case: Case, asked: Asked) -> list[dict[str, Any]]:
    """Return one row of ``comparisons`` for each computed source."""
    reliability, reading_note = reading_reliability(case.values[:, 0], case.design, asked.noise)
    return [_row(case, j, asked, reliability, reading_note) for j in range(1, len(case.sources))]


def finish(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the validated table."""
    return COMPARISONS.validate(pd.DataFrame(rows, columns=[column.name for column in COMPARISONS.columns]))


def source_columns(names: Sequence[str], human: str) -> list[str]:
    """Return the columns with the human one first.

    Raises
    ------
    InputError
        When there is no human or no computed one, or a name has no source in brackets.

    Examples
    --------
    >>> source_columns(["years_looking_older[hog+ridge]", "years_looking_older[panel]"], "perceived_age[panel]")
    ['years_looking_older[panel]', 'years_looking_older[hog+ridge]']
    """
    source = source_of(human)
    first = [name for name in names if name == human] or [name for name in names if source_of(name) == source]
    if not first:
        raise InputError(f"human perceived age '{human}' is no column (columns: {', '.join(names) or 'none'}): correct the name")
    others = [name for name in names if name != first[0]]
    if not others:
        raise InputError(f"there is no computed perceived age beside '{first[0]}': add one")
    return [first[0], *others]


def source_of(name: str) -> str:
    """Return what stands in the brackets of a column's name, or the name where there are none."""
    stem, bracket, rest = name.partition("[")
    return rest.removesuffix("]") if bracket else stem


def _values(table: pd.DataFrame, sources: Sequence[str], design: Design) -> Floats:
    return np.asarray(table.loc[design.participants, list(sources)].to_numpy(dtype=np.float64))


def _require(
    cohort: Cohort, sources: Sequence[str], adjustments: Mapping[str, Sequence[str]], variables: Sequence[str],
    margins: Mapping[str, float] | None, n_bootstrap: int,
) -> None:  # fmt: skip
    if not variables or not adjustments:
        raise InputError("there is nothing to compare: give at least one outcome or trait and one adjustment set")
    require_numbers(cohort.exposures, list(sources), what="perceived age")
    require_covariates(cohort.covariates, adjustments)
    if n_bootstrap < 2:
        raise InputError(f"n_bootstrap is {n_bootstrap}: choose at least 2, for a report 1000")
    for name, margin in (margins or {}).items():
        if name not in variables:
            raise InputError(f"margins names '{name}', which is not compared: choose from {', '.join(variables)}")
        if not (np.isfinite(margin) and margin > 0):
            raise InputError(f"the margin of '{name}' is {margin}: choose a number above 0")


def _row(case: Case, j: int, asked: Asked, reliability: float, reading_note: str) -> dict[str, Any]:
    human, computed = case.fits[0], case.fits[j]
    row: dict[str, Any] = {column.name: np.nan for column in COMPARISONS.columns}
    family = human.family if human.family == computed.family or not computed.estimated else computed.family
    row |= {
        "role": asked.role, "variable": case.variable, "adjustment": case.adjustment, "computed": source_of(case.sources[j]),
        "covariates": "+".join(case.covariates) or None, "family": family, "scale": FAMILY_SCALES[family], "per": float(case.per),
        "n": human.n, "n_events": np.nan if human.n_events is None else float(human.n_events),
        "coef_human": float(human.coef[0]) * case.per, "coef_computed": float(computed.coef[0]) * case.per,
        "margin": asked.margins.get(case.variable, np.nan), "reliability": reliability, "verdict": "no estimate",
    }  # fmt: skip
    notes = [f"{source_of(case.sources[i])}: {case.fits[i].note}" for i in (0, j) if case.fits[i].note]
    if human.estimated and computed.estimated:
        row |= _differences(case, j, asked, row["margin"])
        slopes, slope_notes = _attenuation(case, j, asked, reliability)
        row |= slopes
        notes += [*([reading_note] if reading_note else []), *slope_notes, *_lost_draws(case, j)]
    row["note"] = "; ".join([*notes, *case.design.notes]) or None
    return row


def _differences(case: Case, j: int, asked: Asked, margin: float) -> dict[str, Any]:
    """Return the difference by stacked equations and by draws, its equivalence, and the ratio; per step."""
    pair = pair_coefficients(case.fits[0], case.fits[j], clusters=case.design.clusters, per=case.per)
    difference = paired_difference(pair, level=asked.level)
    drawn = (case.drawn.coef[:, j] - case.drawn.coef[:, 0]) * case.per
    low, high = percentile_interval(drawn[:, None], level=asked.level)
    p_equivalence = equivalence_p_value(difference, margin, freedom=pair.freedom) if np.isfinite(margin) else float("nan")
    ratio = coefficient_ratio(pair, level=asked.level)
    kept = drawn[np.isfinite(drawn)]
    return {
        "difference": difference.value, "std_error": difference.std_error, "ci_low": difference.ci_low, "ci_high": difference.ci_high,
        "p_value": difference.p_value, "bootstrap_std_error": float(kept.std(ddof=1)) if len(kept) > 1 else np.nan,
        "bootstrap_low": float(low[0]), "bootstrap_high": float(high[0]), "p_equivalence": p_equivalence,
        "verdict": verdict(difference.p_value, p_equivalence), "ratio": ratio.value, "ratio_low": ratio.ci_low, "ratio_high": ratio.ci_high,
    }  # fmt: skip


def verdict(p_value: float, p_equivalence: float) -> str:
    """Return what the test for a difference and the test for equivalence, both at 5 %, say together; NaN: no margin was given.

    Examples
    --------
    >>> verdict(0.4, 0.01), verdict(0.01, 0.02), verdict(0.4, 0.2), verdict(0.4, float("nan"))
    ('equivalent', 'equivalent and different', 'undecided', 'no margin')
    """
    different = p_value < EQUIVALENCE_LEVEL
    if np.isnan(p_equivalence):
        return "different" if different else "no margin"
    if p_equivalence < EQUIVALENCE_LEVEL:
        return "equivalent and different" if different else "equivalent"
    return "different" if different else "undecided"


def _attenuation(case: Case, j: int, asked: Asked, reliability: float) -> tuple[dict[str, Any], list[str]]:
    human, computed = (float(case.fits[k].coef[0]) * case.per for k in (0, j))
    drawn = Draws(case.drawn.coef[:, [0, j]] * case.per, case.drawn.moments[:, [0, j]][:, :, [0, j]])
    everybody = residual_moments(case.values[:, [0, j]], case.design.X, np.ones((1, len(case.values))))[0]
    return attenuate(human, computed, everybody, drawn, role=asked.role, reliability=reliability, level=asked.level)


def _lost_draws(case: Case, j: int) -> list[str]:
    lost = int((~np.isfinite(case.drawn.coef[:, [0, j]])).any(axis=1).sum())
    return [f"{lost} of {len(case.drawn.coef)} draws had no finite estimate and were left out"] if lost else []
