"""Prediction-powered inference: against the authors' package, a slow second implementation, and simulated truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.logistic import fit_logistic
from facies.stats.planning import correlation_found, plan_readings, readings_needed, variance_ratio
from facies.stats.prediction_powered import prediction_powered

REFERENCE = Path(__file__).parents[1] / "reference"


def study(
    seed: int, *, n: int = 120, others: int = 260, folds: int = 3, role: str = "exposure", family: str = "logistic"
) -> dict[str, Any]:
    """Arguments of a study with families, unequal folds and a person of one fold only."""
    rng = np.random.default_rng(seed)
    total = n + others
    labelled = np.zeros(total, dtype=bool)
    labelled[rng.permutation(total)[:n]] = True
    age = rng.normal(size=total)
    human = 0.6 * age + rng.normal(size=total)
    noise = rng.normal(scale=0.7, size=total)
    proxies = 0.8 * human[:, None] + noise[:, None] + rng.normal(scale=0.2, size=(total, folds))
    fold = rng.choice(folds, size=total, p=[0.5, 0.3, 0.2])
    proxies[labelled] = np.where(np.arange(folds) == fold[labelled][:, None], proxies[labelled], np.nan)
    alone = np.flatnonzero(~labelled)[:9]
    proxies[alone] = np.where(np.arange(folds) == fold[alone][:, None], proxies[alone], np.nan)
    counts = np.bincount(fold[labelled], minlength=folds)
    given = {
        "proxies": proxies,
        "labelled": labelled,
        "shares": counts / counts.sum(),
        "proxied": role,
        "family": family,
        "clusters": np.array([f"f{i}" for i in rng.permutation(total) // 3]),
    }
    if role == "outcome":
        return {**given, "y": np.where(labelled, human, np.nan), "X": np.column_stack([rng.binomial(2, 0.3, total), age])}
    linear = 0.5 * human + 0.3 * age
    y = linear + rng.normal(size=total) if family == "linear" else (rng.uniform(size=total) < 1 / (1 + np.exp(0.5 - linear))) * 1.0
    return {**given, "y": y, "X": np.column_stack([np.where(labelled, human, np.nan), age])}


def slowly(
    y: Any, X: Any, proxies: Any, labelled: Any, *, proxied: str, family: str, shares: Any, clusters: Any, tuning: float
) -> tuple[float, float]:  # fmt: skip
    """Write the published estimating equation out person by person: root by scipy, sandwich by numerical derivatives."""
    from scipy.optimize import root

    n, others, k = labelled.sum(), (~labelled).sum(), X.shape[1] + 1

    def psi(theta: Any, y_i: float, x_i: Any) -> Any:
        x_i = np.append(x_i, 1.0)
        mean = x_i @ theta if family == "linear" else 1 / (1 + np.exp(-(x_i @ theta)))
        return x_i * (y_i - mean)

    def predicted(theta: Any, i: int) -> Any:
        known = np.isfinite(proxies[i])
        weight = shares[known] / shares[known].sum()
        values = [
            psi(theta, value, X[i]) if proxied == "outcome" else psi(theta, y[i], np.append(value, X[i, 1:])) for value in proxies[i, known]
        ]
        return np.average(values, axis=0, weights=weight)

    def parts(theta: Any) -> tuple[Any, Any]:
        measured = np.array([psi(theta, y[i], X[i]) - tuning * predicted(theta, i) for i in np.flatnonzero(labelled)])
        return measured, np.array([tuning * predicted(theta, i) for i in np.flatnonzero(~labelled)])

    def equation(theta: Any) -> Any:
        measured, rest = parts(theta)
        return measured.mean(axis=0) + rest.mean(axis=0)

    theta = root(equation, np.zeros(k), tol=1e-13).x
    step = 1e-5
    slope = np.column_stack([(equation(theta + step * e) - equation(theta - step * e)) / (2 * step) for e in np.eye(k)])
    measured, rest = parts(theta)
    score = np.zeros((len(y), k))
    score[labelled] = (measured - measured.mean(axis=0)) / n
    score[~labelled] = (rest - rest.mean(axis=0)) / others
    each = score @ np.linalg.inv(slope).T
    sums = pd.DataFrame(each).groupby(clusters).sum().to_numpy()
    groups = len(np.unique(clusters[labelled]))
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    return theta[0], np.sqrt(factor * (sums[:, 0] ** 2).sum())


@pytest.mark.parametrize(("role", "family"), [("outcome", "linear"), ("exposure", "linear"), ("exposure", "logistic")])
def test_prediction_powered__equals_a_slow_second_implementation(role, family):
    given = study(3, role=role, family=family)
    for tuning in (0.0, 0.4):
        found = prediction_powered(**given, tuning=tuning)
        coef, std_error = slowly(**given, tuning=tuning)
        assert found.coef == pytest.approx(coef, rel=1e-6)
        assert found.std_error == pytest.approx(std_error, rel=1e-6)


def test_prediction_powered__logistic_coefficients_equal_the_authors_package():
    table = pd.read_csv(REFERENCE / "proxy_inference.tsv", sep="\t")
    expected = pd.read_csv(REFERENCE / "proxy_inference_expected.tsv", sep="\t")
    X, labelled = table[["gene", "age"]].to_numpy(dtype=float), (table.labelled == 1).to_numpy()
    for row in expected.itertuples():
        y, proxy = ("human", "computed") if row.case == "linear" else ("old", "chance")
        given = (table[y].to_numpy(dtype=float), X, table[[proxy]].to_numpy(dtype=float), labelled)
        found = prediction_powered(*given, proxied="outcome", family=row.case, tuning=row.tuning)
        exact = row.case == "logistic" or row.tuning == 0
        # ppi_py's least squares solves labelled and unlabelled people apart; both have the same limit
        assert found.coef == pytest.approx(row.coef, **({"abs": 1e-6} if exact else {"abs": 0.05 * row.std_error}))
        assert found.std_error == pytest.approx(row.std_error, rel=0.05)


def test_prediction_powered__without_weight_it_is_the_estimate_of_the_labelled_alone():
    given = study(5)
    known = given["labelled"]
    found = prediction_powered(**given, tuning=0.0)
    alone = fit_logistic(given["y"][known], given["X"][known], names=("x", "age"), clusters=given["clusters"][known])
    assert found.coef == pytest.approx(alone.coef[0], rel=1e-8)
    assert found.std_error == pytest.approx(alone.std_error[0], rel=1e-8)
    assert found.n_effective == pytest.approx(known.sum())


@pytest.mark.parametrize(("role", "family"), [("outcome", "linear"), ("exposure", "logistic")])
def test_prediction_powered__the_chosen_weight_gives_about_the_smallest_standard_error(role, family):
    given = study(7, n=400, others=1600, role=role, family=family)
    chosen = prediction_powered(**given)
    errors = [prediction_powered(**given, tuning=tuning).std_error for tuning in np.linspace(0, 1, 11)]
    assert chosen.std_error <= min(errors) * 1.01
    assert 0 < chosen.tuning < 1


def test_prediction_powered__useless_predictions_change_next_to_nothing():
    given = study(9, n=400, others=1600, role="outcome", family="linear")
    noise = np.random.default_rng(1).normal(size=given["proxies"].shape)
    given["proxies"] = np.where(np.isfinite(given["proxies"]), noise, np.nan)
    found, alone = prediction_powered(**given), prediction_powered(**given, tuning=0.0)
    assert found.tuning < 0.15
    assert found.std_error == pytest.approx(alone.std_error, rel=0.02)


def test_prediction_powered__shuffled_people_give_the_same():
    given = study(11)
    order = np.random.default_rng(2).permutation(len(given["y"]))
    shuffled = {name: value[order] if name in {"y", "X", "proxies", "labelled", "clusters"} else value for name, value in given.items()}
    first, second = prediction_powered(**given), prediction_powered(**shuffled)
    assert (second.coef, second.std_error, second.tuning) == pytest.approx((first.coef, first.std_error, first.tuning), rel=1e-9)


def test_prediction_powered__everybody_twice_in_one_family_does_not_narrow_the_interval():
    given = study(13, role="outcome", family="linear")
    who = np.arange(len(given["y"]))
    once = prediction_powered(**{**given, "clusters": who})
    each = {name: np.concatenate([value, value]) for name, value in given.items() if name in {"y", "X", "proxies", "labelled"}}
    twice = prediction_powered(**{**given, **each, "clusters": np.tile(who, 2)})
    assert twice.coef == pytest.approx(once.coef)
    assert twice.std_error == pytest.approx(once.std_error, rel=0.02)


def test_prediction_powered__says_why_there_is_no_estimate():
    given = study(15)
    separated = {**given, "y": np.where(given["labelled"], given["X"][:, 0] > 0, given["y"] > 0) * 1.0}
    assert "separated" in prediction_powered(**separated).note
    everybody = {**study(15, role="outcome", family="linear")}
    everybody["y"] = np.nan_to_num(everybody["y"])
    assert "nobody to add" in prediction_powered(**{**everybody, "labelled": np.ones(380, dtype=bool)}).note


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"proxied": "both"}, "outcome or exposure"),
        ({"family": "cox"}, "linear or logistic"),
        ({"labelled": np.ones(3, dtype=bool)}, "one row a person"),
    ],
)
def test_prediction_powered__wrong_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        prediction_powered(**{**study(1), **change})


def test_prediction_powered__a_person_without_prediction_is_refused():
    given = study(1)
    given["proxies"][0] = np.nan
    with pytest.raises(InputError, match="no prediction"):
        prediction_powered(**given)


def simulated(kind: str, role: str, rng: np.random.Generator, *, n: int = 250, others: int = 750) -> dict[str, Any]:
    """A study with effect 0.3; classical: computed = human + noise, Berkson: human = computed + noise."""
    total = n + others
    age, gene = rng.normal(size=total), rng.binomial(2, 0.3, total) * 1.0
    shift = 0.3 * gene * (role == "outcome")
    if kind == "classical":
        human = 0.7 * age + shift + rng.normal(size=total)
        computed = human + rng.normal(size=total)
    else:
        computed = 0.7 * age + rng.normal(scale=0.8, size=total)
        human = computed + shift + rng.normal(scale=0.6, size=total)
    labelled = np.arange(total) < n
    seen = np.where(labelled, human, np.nan)
    given = {"proxies": computed[:, None], "labelled": labelled, "proxied": role}
    if role == "outcome":
        return {**given, "y": seen, "X": np.column_stack([gene, age])}
    chance = 1 / (1 + np.exp(0.7 - 0.3 * human - 0.2 * age))
    return {**given, "y": (rng.uniform(size=total) < chance) * 1.0, "X": np.column_stack([seen, age]), "family": "logistic"}


@pytest.mark.parametrize("kind", ["classical", "berkson"])
@pytest.mark.parametrize("role", ["outcome", "exposure"])
def test_prediction_powered__covers_the_human_effect_whatever_the_error_of_the_proxy(kind, role):
    rng = np.random.default_rng(17)
    found = [prediction_powered(**simulated(kind, role, rng)) for _ in range(400)]
    covered = np.mean([each.ci_low <= 0.3 <= each.ci_high for each in found])
    assert covered == pytest.approx(0.95, abs=0.035)
    assert np.mean([each.std_error for each in found]) == pytest.approx(np.std([each.coef for each in found]), rel=0.12)


def test_prediction_powered__holds_where_the_naive_way_fails():
    from facies.stats.linear import fit_linear

    rng = np.random.default_rng(23)
    naive, powered = [], []
    for _ in range(60):
        given = simulated("berkson", "outcome", rng)
        taken = fit_linear(given["proxies"][:, 0], given["X"], names=("gene", "age"))
        found = prediction_powered(**given)
        naive.append(taken.ci_low[0] <= 0.3 <= taken.ci_high[0])
        powered.append(found.ci_low <= 0.3 <= found.ci_high)
    assert np.mean(naive) < 0.1
    assert np.mean(powered) > 0.85


def test_plan_readings__expects_the_interval_that_simulated_studies_have():
    rng = np.random.default_rng(19)
    n, others, r = 400, 1200, 0.75
    widths, effective = [], []
    for _ in range(150):
        gene = rng.binomial(2, 0.3, n + others) * 1.0
        human = rng.normal(size=n + others)
        computed = r * human + np.sqrt(1 - r**2) * rng.normal(size=n + others)
        labelled = np.arange(n + others) < n
        found = prediction_powered(np.where(labelled, human, np.nan), gene[:, None], computed[:, None], labelled, proxied="outcome")
        widths.append(found.ci_high - found.ci_low)
        effective.append(found.n_effective)
    plan = plan_readings(n, others, r, sd=1 / np.sqrt(0.42)).iloc[0]
    assert np.mean(widths) == pytest.approx(plan.width, rel=0.02)
    assert np.mean(effective) == pytest.approx(plan.n_same, rel=0.03)
    assert correlation_found(plan.n_same, n, others) == pytest.approx(r, abs=1e-3)


def test_readings_needed__gives_the_plan_back():
    total, r, sd = 2000, 0.8, 6.0
    needed = readings_needed(0.2, total, r, sd=sd)
    assert needed is not None
    here, before = (plan_readings(n, total - n, r, sd=sd).std_error[0] for n in (needed, needed - 1))
    assert here <= 0.2 < before


def test_variance_ratio__is_refused_outside_of_its_range():
    with pytest.raises(InputError, match="between -1 and 1"):
        variance_ratio(1.2, 10, 10)
