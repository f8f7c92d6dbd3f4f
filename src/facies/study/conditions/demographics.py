"""What age, sex and BMI tell without the photograph, and what a model adds to them in the same people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople
from facies.evaluation.confounding import LEAST, SAME, Probe, same_source
from facies.models.probe import permuted_probe
from facies.stats.auc import auc_interval, compare_aucs
from facies.types import Floats

KNOWN = 0.8
"""A covariate is used where it is known of so large a share of the cases and of the others."""


class UsableCovariates(NamedTuple):
    """Names of the covariates that enter, and for each of the others why not."""

    names: tuple[str, ...]
    left_out: tuple[str, ...]


def usable_covariates(people: pd.DataFrame, y: NDArray[np.int64], names: list[str]) -> UsableCovariates:
    """Choose the covariates that are known of most cases and of most others.

    One that is known of patients alone would, in people who have all of them, leave nobody to compare with.

    Parameters
    ----------
    people
        One row a person, with the covariates.
    y
        1 with the condition, (n_people,).

    Examples
    --------
    >>> people = pd.DataFrame({"age": [50.0, 60.0, 40.0, 30.0], "bmi": [30.0, 31.0, np.nan, np.nan]})
    >>> usable_covariates(people, np.array([1, 1, 0, 0]), ["age", "sex", "bmi"])
    UsableCovariates(names=('age',), left_out=('no sex', 'bmi is known of 100% of the cases and 0% of the others'))
    """
    kept, left_out = [], []
    for name in names:
        if name not in people.columns:
            left_out.append(f"no {name}")
            continue
        known = people[name].notna().to_numpy()
        of_cases, of_others = known[y > 0].mean(), known[y == 0].mean()
        if min(of_cases, of_others) >= KNOWN:
            kept.append(name)
        else:
            left_out.append(f"{name} is known of {of_cases:.0%} of the cases and {of_others:.0%} of the others")
    return UsableCovariates(tuple(kept), tuple(left_out))


def covariate_columns(people: pd.DataFrame, names: tuple[str, ...] | list[str]) -> Floats:
    """Return covariates as columns of numbers, (n_people, p): numbers with their squares, words as one indicator a level.

    The square lets a disease of middle age, or both ends of BMI, be told by a straight rule. Columns that do not vary are left out.

    Raises
    ------
    InputError
        When a value is missing.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [40.0, 50.0, 60.0], "ethnicity": ["b", "c", "a"]})
    >>> covariate_columns(people, ["age", "ethnicity"]).tolist()
    [[-10.0, 100.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0], [10.0, 100.0, 1.0, 0.0, 0.0]]
    """
    found: list[Floats] = []
    for name in names:
        column = people[name]
        if column.isna().any():
            raise InputError(f"{name} is missing for {int(column.isna().sum())} people: leave such people out")
        if column.dtype.kind in "bif":
            centred = column.to_numpy(dtype=float) - float(column.mean())
            found += [centred, centred**2]
        else:
            words = column.astype(str).to_numpy(dtype=object)
            found += [np.asarray(words == level, dtype=np.float64) for level in sorted(set(words))]
    columns = np.column_stack(found) if found else np.empty((len(people), 0))
    return np.asarray(columns[:, np.ptp(columns, axis=0) > 1e-12] if len(people) else columns)


def demographic_probes(
    judged: JudgedPeople, folds: NDArray[np.int64], covariates: list[str], *, n_permutations: int, random_state: int
) -> list[Probe]:
    """Set age, sex and BMI alone beside what they and the model tell together, among all and within the cases' source.

    Parameters
    ----------
    judged
        One model's scores of one condition; ``people`` has the covariates, source and role.
    folds
        Fold of each judged person, (n_repeats, n_people).

    Returns
    -------
    list of Probe
        ``demographics``, ``demographics_and_model`` and ``model_beyond_demographics``, the last a paired difference with DeLong's interval,
        and the same with ``@same_source``. Where too few people have any covariate, ``demographics`` alone, without an AUC and with
        the reason.
    """
    everybody = np.ones(len(judged.y), dtype=bool)
    found: list[Probe] = []
    for which, suffix in ((everybody, ""), (same_source(judged.people, judged.y), SAME)):
        if which is not None:
            found += _among(judged.of(which), folds[:, which], covariates, suffix, n_permutations, random_state)
    return found


def _among(
    judged: JudgedPeople, folds: NDArray[np.int64], covariates: list[str], suffix: str, n_permutations: int, random_state: int
) -> list[Probe]:  # fmt: skip
    usable = usable_covariates(judged.people, judged.y, covariates)
    known = judged.people[list(usable.names)].notna().all(axis=1).to_numpy()
    own, folds = judged.of(known), folds[:, known]
    n, n_cases = own.counts()
    X = covariate_columns(own.people, usable.names)
    if min(n_cases, n - n_cases) < LEAST or not X.shape[1]:
        reason = "; ".join(
            [*usable.left_out, *([] if X.shape[1] else ["no covariate that varies"]), f"{n_cases} cases and {n - n_cases} others"]
        )
        return [Probe(f"demographics{suffix}", np.nan, np.nan, np.nan, np.nan, n, n_cases, reason)]
    note = "; ".join([f"{', '.join(usable.names)} of people who have all of them", *usable.left_out])
    alone = permuted_probe(X, own.y, folds=folds, n_permutations=n_permutations, random_state=random_state)
    together = _together(X, own, folds)
    return _rows(own, alone.scores[: len(together)], together, alone.p_value, suffix, note)


def _together(X: Floats, judged: JudgedPeople, folds: NDArray[np.int64]) -> Floats:
    """Return scores by the covariates and the model's score, repeat by repeat, (n_repeats, n)."""
    found = [
        permuted_probe(np.column_stack([X, score]), judged.y, folds=fold, n_permutations=0, random_state=0).scores[0]
        for score, fold in zip(judged.scores, folds, strict=False)
    ]  # fmt: skip
    return np.stack(found)


def _rows(judged: JudgedPeople, alone: Floats, together: Floats, p_value: float, suffix: str, note: str) -> list[Probe]:
    rows = []
    for name, scores, p in (("demographics", alone, p_value), ("demographics_and_model", together, np.nan)):
        found = auc_interval(scores, judged.y)
        rows.append(Probe(f"{name}{suffix}", found.value, found.ci_low, found.ci_high, p, found.n, found.n_cases, note))
    gain = compare_aucs(together, alone, judged.y)
    ends = (gain.difference, gain.ci_low, gain.ci_high, gain.p_value, gain.n, gain.n_cases)
    return [*rows, Probe(f"model_beyond_demographics{suffix}", *ends, "paired difference")]
