"""How well conditions are recognised: metrics, curves and what they mean at a prevalence, from cross-fitted scores of people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople, comparisons, judged_people
from facies.stats.auc import auc, auc_interval, compare_aucs
from facies.stats.calibration_binary import calibrate, calibration_curve, recalibrate
from facies.stats.decision_curves import decision_curve
from facies.stats.diagnostic import Share, per_people, predictive_values, share
from facies.stats.precision_recall import average_precision_interval
from facies.stats.resampling import percentile_interval, resampled_rows
from facies.tables import (
    CALIBRATION_CURVES,
    CONDITION_METRICS,
    CONFUSIONS,
    DECISION_CURVES,
    PREVALENCE_CURVES,
    ROC_POINTS,
    Table,
)
from facies.types import Floats

LEAST = 5
"""A comparison or subgroup with fewer cases, or fewer others, has no AUC."""

FALSE_POSITIVE_RATES = np.round(np.linspace(0, 1, 101), 2)
PREVALENCES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5)
"""Where PPV and NPV are drawn beside the prevalences that were asked for."""

ACTED_ON = np.round(np.concatenate([[0.005], np.arange(0.01, 0.10, 0.01), np.arange(0.1, 0.81, 0.05)]), 3)
"""Probabilities from which one would act, in decision curves."""


@dataclass(frozen=True, eq=False)
class ConditionEvaluation:
    """Tables of :mod:`facies.tables` by these names."""

    metrics: pd.DataFrame
    roc_points: pd.DataFrame
    prevalence_curves: pd.DataFrame
    decision_curves: pd.DataFrame
    calibration_curves: pd.DataFrame
    confusions: pd.DataFrame


def evaluate_conditions(
    scores: pd.DataFrame,
    operating_points: pd.DataFrame,
    classes: pd.DataFrame,
    people: pd.DataFrame,
    *,
    prevalence: Mapping[str, Sequence[float]],
    subgroups: Sequence[str],
    n_bootstrap: int = 2000,
    random_state: int = 0,
) -> ConditionEvaluation:
    """Judge cross-fitted scores against the reference standard, one row a person.

    Several repeats are averaged at the level of each statistic and add no people. Sensitivity and specificity are of calls by thresholds
    that were fixed on inner folds.

    Parameters
    ----------
    scores, operating_points, classes
        Tables :data:`facies.tables.CONDITION_SCORES`, ``OPERATING_POINTS`` and ``CONDITION_CLASSES``.
    people
        Table :data:`facies.tables.CONDITION_PEOPLE` with the columns that subgroups name.
    prevalence
        By condition: among people who would be tested. A condition without one has no PPV, NPV or net benefit.
    subgroups
        Columns of ``people``.

    Raises
    ------
    InputError
        When nobody was judged, or a subgroup is no column.
    """
    known = people.set_index("participant_id")
    absent = [name for name in subgroups if name not in known.columns]
    if absent:
        raise InputError(f"subgroup '{absent[0]}' is no column of the people: choose from {', '.join(known.columns)}")
    pairs = scores[["model_id", "target_condition"]].drop_duplicates()
    judged = {
        (model, condition): judged_people(scores, operating_points, known, model_id=model, condition=condition)
        for model, condition in pairs.itertuples(index=False)
    }
    parts = _Parts([], [], [], [], [])
    for (model, condition), found in judged.items():
        if not 0 < found.y.sum() < len(found.y):
            raise InputError(f"{condition}: everybody who was judged by {model} is in one class: check diagnoses and folds")
        ids = {"model_id": model, "target_condition": condition}
        parts.metrics += _metrics(found, ids, subgroups, n_bootstrap, random_state)
        parts.roc += _roc(found, ids)
        parts.calibration += _calibration(found, ids)
        shares = list(prevalence.get(condition, ()))
        if shares:
            parts.prevalence += _at_prevalences(found, ids, shares)
            parts.decision += _decisions(found, ids, shares, n_bootstrap, random_state)
    parts.metrics += _differences(judged)
    return ConditionEvaluation(
        _table(CONDITION_METRICS, parts.metrics), _table(ROC_POINTS, parts.roc), _table(PREVALENCE_CURVES, parts.prevalence),
        _table(DECISION_CURVES, parts.decision), _table(CALIBRATION_CURVES, parts.calibration), _table(CONFUSIONS, _confusions(classes)),
    )  # fmt: skip


@dataclass
class _Parts:
    metrics: list[dict[str, Any]]
    roc: list[dict[str, Any]]
    prevalence: list[dict[str, Any]]
    decision: list[dict[str, Any]]
    calibration: list[dict[str, Any]]


def _table(table: Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return table.validate(pd.DataFrame(rows, columns=[column.name for column in table.columns]) if rows else table.empty())


def _metrics(
    judged: JudgedPeople, ids: Mapping[str, str], subgroups: Sequence[str], n_bootstrap: int, random_state: int
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for against, which in comparisons(judged).items():
        rows += _row_set(judged.of(which), ids, against, "all", n_bootstrap, random_state)
    for column in subgroups:
        values = judged.people[column]
        for level in sorted(values.dropna().unique(), key=str):
            part = judged.of((values == level).to_numpy())
            rows += _row_set(part, ids, "all", f"{column}={level}", 0, random_state)
    return rows


def _row_set(
    judged: JudgedPeople, ids: Mapping[str, str], against: str, subgroup: str, n_bootstrap: int, random_state: int
) -> Iterator[dict[str, Any]]:
    """Return the metrics of one comparison and subgroup; precision and calibration where ``n_bootstrap`` is given and all are compared."""
    n, n_cases = judged.counts()
    base: dict[str, Any] = {
        "system": ids["model_id"],
        "target_condition": ids["target_condition"],
        "against": against,
        "subgroup": subgroup,
    }
    base |= {"n": n, "n_cases": n_cases}

    def row(
        metric: str, value: float, low: float = np.nan, high: float = np.nan, *, rule: str = "none", method: str = ""
    ) -> dict[str, Any]:
        return base | {"rule": rule, "metric": metric, "value": value, "ci_low": low, "ci_high": high, "method": method or None}

    if min(n_cases, n - n_cases) < LEAST:
        yield row("auc", np.nan, method=f"fewer than {LEAST} cases or others")
        return
    found = auc_interval(judged.scores, judged.y)
    yield row("auc", found.value, found.ci_low, found.ci_high, method=found.method)
    for rule, called in judged.calls.items() if not against.startswith("source=") else ():
        yield from _calls(judged, called, rule, row)
    if against == "all" and subgroup == "all":
        yield from _whole(judged, n_bootstrap, random_state, row)
    if subgroup == "all" and not against.startswith("source="):
        yield from _balanced(judged, n_bootstrap, random_state, row)


def _balanced(judged: JudgedPeople, n_bootstrap: int, random_state: int, row: Any) -> Iterator[dict[str, Any]]:
    """Return the AUC with people counted by the weights that balance them, where these differ; the bootstrap draws people with weights."""
    weights = judged.people["weight"].to_numpy(dtype=np.float64)
    if np.ptp(weights) < 1e-9:
        return
    value = _weighted_auc(judged.scores, judged.y, weights)
    drawn = [
        _weighted_auc(judged.scores[:, rows], judged.y[rows], weights[rows])
        for rows in resampled_rows(np.arange(len(weights)), n_bootstrap=min(n_bootstrap, 500), random_state=random_state)
    ]
    low, high = percentile_interval(np.array(drawn)[:, None])
    text = "people weighted as in training, to the cases' means; participant bootstrap, weights taken as known"
    yield row("auc_balanced", value, float(low[0]), float(high[0]), method=text)


def _weighted_auc(scores: Floats, y: Any, weights: Floats) -> float:
    return float(np.mean([auc(one, y, weights=weights) for one in scores]))


def _calls(judged: JudgedPeople, called: Any, rule: str, row: Any) -> Iterator[dict[str, Any]]:
    case = judged.y > 0
    for metric, values in (
        ("sensitivity", called[:, case]), ("specificity", ~called[:, ~case]), ("accuracy", called == case[None]),
    ):  # fmt: skip
        found = share(values)
        yield row(metric, found.value, found.ci_low, found.ci_high, rule=rule, method="wilson")
    yield row("majority_class_rate", float(max(case.mean(), 1 - case.mean())), rule=rule, method="accuracy of calling everybody alike")


def _whole(judged: JudgedPeople, n_bootstrap: int, random_state: int, row: Any) -> Iterator[dict[str, Any]]:
    value, low, high = average_precision_interval(judged.scores, judged.y, n_bootstrap=n_bootstrap, random_state=random_state)
    yield row("pr_auc", value, low, high, method="participant bootstrap")
    yield row("pr_auc_baseline", float(judged.y.mean()), method="share of cases")
    probability = 1 / (1 + np.exp(-judged.scores))
    squared = ((probability - judged.y) ** 2).mean(axis=0)
    error = float(squared.std() / np.sqrt(len(squared)))
    yield row("brier", float(squared.mean()), float(squared.mean() - 1.96 * error), float(squared.mean() + 1.96 * error), method="wald")
    y = np.tile(judged.y, len(judged.scores))
    people = np.tile(np.arange(len(judged.y)), len(judged.scores))
    found = calibrate(judged.scores.ravel(), y, clusters=people)
    for metric, at, spread in (
        ("calibration_intercept", found.intercept, found.intercept_error), ("calibration_slope", found.slope, found.slope_error),
    ):  # fmt: skip
        yield row(metric, at, at - 1.96 * spread, at + 1.96 * spread, method="logistic, robust to repeats")


def _differences(judged: Mapping[tuple[str, str], JudgedPeople]) -> list[dict[str, Any]]:
    """Compare the AUCs of every two models of a condition in the same people."""
    rows = []
    for condition in dict.fromkeys(name for _, name in judged):
        models = [model for model, name in judged if name == condition]
        for first, second in combinations(models, 2):
            a, b = judged[first, condition], judged[second, condition]
            both = a.people.index.intersection(b.people.index)
            one, two = a.of(a.people.index.isin(both)), b.of(b.people.index.isin(both))
            found = compare_aucs(one.scores, two.scores, one.y)
            rows.append(
                {
                    "system": f"{first} minus {second}", "target_condition": condition, "against": "all", "subgroup": "all", "rule": "none",
                    "metric": "auc", "value": found.difference, "ci_low": found.ci_low, "ci_high": found.ci_high, "n": found.n,
                    "n_cases": found.n_cases, "method": f"paired delong, p = {found.p_value:.3g}",
                }
            )  # fmt: skip
    return rows


def _roc(judged: JudgedPeople, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return sensitivity at fixed false positive rates, mean over the repeats, with Wilson's interval at each rate."""
    rows = []
    for against, which in comparisons(judged).items():
        part = judged.of(which)
        n_cases = int(part.y.sum())
        if against.startswith("source=") or min(n_cases, len(part.y) - n_cases) < LEAST:
            continue
        curve = np.mean([_sensitivity_at(scores, part.y) for scores in part.scores], axis=0)
        for rate, value in zip(FALSE_POSITIVE_RATES, curve, strict=True):
            found = share(np.r_[np.ones(round(value * n_cases)), np.zeros(n_cases - round(value * n_cases))])
            low, high = min(found.ci_low, float(value)), max(found.ci_high, float(value))
            rows.append({**ids, "against": against, "false_positive_rate": rate, "sensitivity": value, "ci_low": low, "ci_high": high})
    return rows


def _sensitivity_at(scores: Floats, y: Any) -> Floats:
    """Return the sensitivity at each false positive rate, by straight lines between the ROC curve's corners."""
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.diff(scores[order]) != 0, True]
    true = np.r_[0, np.cumsum(y[order])[last]] / y.sum()
    false = np.r_[0, np.cumsum(1 - y[order])[last]] / (1 - y).sum()
    return np.asarray(np.interp(FALSE_POSITIVE_RATES, false, true))


def _calibration(judged: JudgedPeople, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    mean = (1 / (1 + np.exp(-judged.scores))).mean(axis=0)
    bins = calibration_curve(mean, judged.y, n_bins=int(np.clip(len(mean) // 30, 2, 10)))
    return [{**ids, "bin": number, **each._asdict()} for number, each in enumerate(bins)]


def _at_prevalences(judged: JudgedPeople, ids: Mapping[str, str], asked: Sequence[float]) -> list[dict[str, Any]]:
    case = judged.y > 0
    rows = []
    for rule, called in judged.calls.items():
        sensitivity, specificity = share(called[:, case]), share(~called[:, ~case])
        rows += [
            {**ids, "rule": rule, "asked": prevalence in asked, **_predictive(sensitivity, specificity, prevalence)}
            for prevalence in sorted({*PREVALENCES, *asked})
        ]
    return rows


def _predictive(sensitivity: Share, specificity: Share, prevalence: float) -> dict[str, float]:
    values = predictive_values(sensitivity, specificity, prevalence)._asdict()
    return {"prevalence": prevalence, **values, **per_people(sensitivity.value, specificity.value, prevalence)}


def _decisions(
    judged: JudgedPeople, ids: Mapping[str, str], asked: Sequence[float], n_bootstrap: int, random_state: int
) -> list[dict[str, Any]]:
    rows = []
    for prevalence in asked:
        log_odds = recalibrate(judged.scores, sample_prevalence=float(judged.y.mean()), prevalence=prevalence)
        value, low, high, everybody = decision_curve(
            1 / (1 + np.exp(-log_odds)), judged.y, ACTED_ON, prevalence=prevalence, n_bootstrap=min(n_bootstrap, 500),
            random_state=random_state,
        )  # fmt: skip
        rows += [
            {
                **ids, "prevalence": prevalence, "threshold": at, "net_benefit": value[i], "ci_low": low[i], "ci_high": high[i],
                "treat_all": everybody[i],
            }
            for i, at in enumerate(ACTED_ON)
        ]  # fmt: skip
    return rows


def _confusions(classes: pd.DataFrame) -> list[dict[str, Any]]:
    """Count observed against most probable diagnosis, mean over the repeats; probabilities are weighed to equally frequent diagnoses."""
    rows: list[dict[str, Any]] = []
    known = classes[classes.observed.notna()]
    for model, own in known.groupby("model_id", sort=False):
        people = own.drop_duplicates(["participant_id", "repeat"])
        frequency = people.observed.value_counts(normalize=True)
        weighed = own.assign(weighed=own.probability / own.diagnosis.map(frequency))
        top = weighed.loc[weighed.groupby(["participant_id", "repeat"]).weighed.idxmax()]
        counts = pd.crosstab(top.observed, top.diagnosis).astype(float) / own["repeat"].nunique()
        for observed, line in counts.iterrows():
            rows += [
                {"model_id": model, "observed": observed, "predicted": predicted, "n": n, "share": n / line.sum()}
                for predicted, n in line.items()
            ]
    return rows
