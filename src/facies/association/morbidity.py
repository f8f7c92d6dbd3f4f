"""Exposures on outcomes: odds, hazard and rate ratios and differences, adjusted, on the same people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from facies.association.design import Cohort, Design, gather, require_covariates, require_numbers
from facies.association.families import Asked, OutcomeSpec, fit_outcome, outcome_design, outcome_specs, require_clustering
from facies.association.imputed import MULTIPLE_IMPUTATION, Imputation, imputation_predictors, pooled_over
from facies.association.interaction import require_sex, sex_fits, women_and_men
from facies.association.outcomes import require_outcomes
from facies.association.rows import Question, exposure_units, finish, to_row
from facies.errors import InputError
from facies.stats.e_values import e_value
from facies.stats.regression import Fit
from facies.types import Floats

Rows = list[dict[str, Any]]


def associate(
    exposures: pd.DataFrame,
    outcomes: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcome_kinds: Mapping[str, str | OutcomeSpec],
    adjustments: Mapping[str, Sequence[str]],
    per: Mapping[str, float] | None = None,
    min_events: int = 10,
    level: float = 0.95,
    cluster_by: str | None = "family_id",
    clustering: str = "robust",
    same_participants: bool = True,
    multiple_imputation: bool = False,
    n_imputations: int = 20,
    sex_interaction: bool = False,
    e_values: bool = False,
    random_state: int = 0,
) -> pd.DataFrame:
    """Regress each outcome on each exposure, once for every adjustment set.

    Continuous outcomes: least squares with HC3 standard errors, difference in means. Binary: logistic regression, odds ratio; Firth's
    where fewer than 10 people a coefficient have (or lack) the outcome or the data are separated, said in ``note``. Time to event: Cox,
    hazard ratio. Counts: negative binomial or Poisson, rate ratio. Ordinal: proportional odds, odds ratio of a higher level. Where people
    share a family (or site) the standard errors are cluster-robust.

    Parameters
    ----------
    exposures
        ``participant_id`` and one column of numbers an exposure, such as ``perceived_age[panel]`` and ``perceived_age[hog+ridge]``.
    outcomes
        Table ``outcomes``: ``participant_id`` and one column an outcome.
    covariates
        ``participant_id`` and the covariates, such as table ``participants``. Text is dummy-coded.
    outcome_kinds
        What each outcome is: ``"binary"``, ``"continuous"``, ``"count"`` or ``"ordinal"``, or an :class:`OutcomeSpec`, which
        time to event needs.
    adjustments
        The covariates of each adjustment set, such as ``{"model_1": ["age", "sex"]}``.
    per
        Units that an estimate is for, by exposure or by its name before the bracket: ``{"perceived_age": 5}`` is per 5 years.
    min_events
        People with, and without, an outcome below which nothing is estimated.
    cluster_by
        The covariate that names families or sites; None treats everybody as independent.
    clustering
        ``"robust"``, or ``"mixed"``: continuous outcomes get a random intercept a cluster instead; others stay robust.
    same_participants
        Analyse only people who have all exposures, so that human and computed estimates come from the same people.
    multiple_imputation, n_imputations
        Add rows in which missing covariates (never outcomes or exposures) are imputed, pooled by Rubin's rules.
    sex_interaction
        Add rows of the effect within women and within men, and of the difference (or ratio) of the two.
    e_values
        Add :func:`facies.stats.e_values.e_value`.
    random_state
        Of the imputation.

    Returns
    -------
    Table ``associations``. ``note`` says who was left out and, where ``estimate`` is missing, why. A family of tests holds the
    complete-case rows of one exposure, one adjustment set and one ``test_family`` of outcomes.

    Raises
    ------
    InputError
        When a name is no column, or an exposure or outcome is not what it is called.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> ids = [f"p{i}" for i in range(200)]
    >>> age = rng.uniform(50, 80, 200)
    >>> exposures = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": age + rng.normal(0, 4, 200)})
    >>> outcomes = pd.DataFrame({"participant_id": ids, "cognition": -0.1 * exposures["perceived_age[panel]"] + rng.normal(0, 0.5, 200)})
    >>> covariates = pd.DataFrame({"participant_id": ids, "age": age})
    >>> table = associate(exposures, outcomes, covariates, outcome_kinds={"cognition": "continuous"}, adjustments={"model_1": ["age"]},
    ...                   per={"perceived_age": 5})
    >>> table[["exposure", "outcome", "per", "n", "scale"]]
                   exposure    outcome  per    n       scale
    0  perceived_age[panel]  cognition  5.0  200  difference
    >>> bool(table.ci_low[0] < -0.5 < table.ci_high[0])
    True
    """
    cohort = gather(exposures, outcomes, covariates, cluster_by=cluster_by)
    specs = outcome_specs(outcome_kinds)
    names = require_questions(cohort, specs, adjustments, clustering)
    if sex_interaction:
        require_sex(cohort)
    units = exposure_units(names, per)
    asked = Asked(min_events, level, clustering == "mixed")
    rows: Rows = []
    for part in parts(cohort, specs, adjustments, units, clustering, same_participants=same_participants):
        rows += _complete_cases(part, asked, e_values)
        if multiple_imputation:
            rows += _imputed(part, asked, e_values, n_imputations, random_state)
        if sex_interaction:
            rows += _by_sex(part, asked)
    return finish(rows)


@dataclass(frozen=True, eq=False)
class Part:
    """One outcome on the exposures that share their people, in one adjustment set."""

    cohort: Cohort
    spec: OutcomeSpec
    adjustment: str
    covariates: tuple[str, ...]
    exposures: tuple[str, ...]
    units: Mapping[str, float]
    clustering: str

    def design(self, covariates: Sequence[str] | None = None) -> Design:
        """Return the design, with these covariates or those of the adjustment set."""
        chosen = self.covariates if covariates is None else covariates
        return outcome_design(self.cohort, self.spec, exposures=self.exposures, covariates=chosen, clustering=self.clustering)

    def outcomes(self, design: Design) -> pd.DataFrame:
        """Return the outcome's columns of the design's people."""
        return self.cohort.outcomes.loc[design.participants, list(self.spec.columns)]

    def exposure(self, design: Design, name: str) -> Floats:
        """Return one exposure of the design's people."""
        return np.asarray(self.cohort.exposures.loc[design.participants, name], dtype=np.float64)

    def fit(self, exposure: str, design: Design, asked: Asked) -> Fit:
        """Regress the outcome on one exposure and the design's covariates."""
        return fit_outcome(
            self.outcomes(design), self.spec, self.exposure(design, exposure), design, exposure=exposure, min_events=asked.min_events,
            level=asked.level, mixed=asked.mixed,
        )  # fmt: skip

    def question(self, exposure: str) -> Question:
        """Return what a row of this part answers."""
        tests = f"{self.spec.test_family}, {exposure}, {self.adjustment}"
        return Question(exposure, self.spec.name, self.adjustment, self.covariates, self.units[exposure], tests)


def parts(
    cohort: Cohort, specs: Sequence[OutcomeSpec], adjustments: Mapping[str, Sequence[str]], units: Mapping[str, float], clustering: str,
    *, same_participants: bool,
) -> Iterator[Part]:  # fmt: skip
    """Yield every adjustment set, outcome and group of exposures that are analysed on the same people."""
    names = tuple(units)
    groups = [names] if same_participants else [(name,) for name in names]
    for adjustment, chosen in adjustments.items():
        for spec in specs:
            for group in groups:
                yield Part(cohort, spec, adjustment, tuple(chosen), group, units, clustering)


def _complete_cases(part: Part, asked: Asked, e_values: bool) -> Rows:
    design = part.design()
    rows = []
    for name in part.exposures:
        fit = part.fit(name, design, asked)
        rows.append(to_row(part.question(name), fit, design.notes) | (_e_values(fit, part, name, design) if e_values else {}))
    return rows


def _imputed(part: Part, asked: Asked, e_values: bool, n_imputations: int, random_state: int) -> Rows:
    design = part.design(())
    covariates = tuple(name for name in part.covariates if design.age is None or name != "age")
    exposures = part.cohort.exposures.loc[design.participants, list(part.exposures)]
    predictors = pd.concat([imputation_predictors(part.outcomes(design), part.spec), exposures], axis=1)
    if design.age is not None:
        predictors = predictors.assign(age=design.age)
    task = Imputation(part.cohort, design, covariates, predictors, n_imputations, (part.adjustment, part.spec.name, *part.exposures))
    rows = []
    for name, fit in pooled_over(task, part.exposures, part.fit, asked, random_state=random_state):
        row = to_row(part.question(name), fit, task.notes, analysis=MULTIPLE_IMPUTATION)
        rows.append(row | (_e_values(fit, part, name, design) if e_values else {}))
    return rows


def _by_sex(part: Part, asked: Asked) -> Rows:
    added = "sex" not in part.covariates
    part = replace(part, cohort=women_and_men(part.cohort))
    design = part.design((*part.covariates, "sex") if added else None)
    outcomes, sex = part.outcomes(design), part.cohort.covariates.sex[design.participants]
    notes = [*(["sex added to the covariates"] if added else []), *design.notes]
    rows = []
    for name in part.exposures:
        fits = sex_fits(outcomes, part.spec, part.exposure(design, name), sex, design, exposure=name, asked=asked)
        rows += [to_row(part.question(name), fit, notes, analysis=analysis) for analysis, fit in fits]
    return rows


def _e_values(fit: Fit, part: Part, exposure: str, design: Design) -> dict[str, float]:
    if not fit.estimated:
        return {"e_value": float("nan"), "e_value_limit": float("nan")}
    row = to_row(part.question(exposure), fit, ())
    y = part.outcomes(design)[part.spec.name].to_numpy(dtype=np.float64)
    share = float(y.mean()) if part.spec.kind in {"binary", "time_to_event"} else None
    sd = float(np.std(y, ddof=1)) if part.spec.kind == "continuous" else None
    found = e_value(row["estimate"], row["ci_low"], row["ci_high"], scale=row["scale"], share=share, sd=sd)
    return {"e_value": found.value, "e_value_limit": found.limit}


def require_questions(
    cohort: Cohort, specs: Sequence[OutcomeSpec], adjustments: Mapping[str, Sequence[str]], clustering: str = "robust"
) -> list[str]:
    """Refuse what cannot be asked; return the exposures' names.

    Raises
    ------
    InputError
        When there is nothing to associate, or an exposure, outcome, covariate or setting is not what it must be.
    """
    names = [str(name) for name in cohort.exposures.columns]
    if not names or not specs or not adjustments:
        raise InputError("there is nothing to associate: give at least one exposure, one outcome and one adjustment set")
    require_clustering(clustering)
    require_numbers(cohort.exposures, names, what="exposure")
    require_outcomes(cohort.outcomes, specs)
    require_covariates(cohort.covariates, adjustments)
    return names
