"""Computed perceived ages have the error and the slopes, both ways, that they are said to have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from facies.errors import InputError
from facies.simulation import Cohort, simulate_cohort, simulate_proxies

N = 40_000


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return simulate_cohort(N, random_state=7, n_unlabelled=N)


def covariates(cohort: Cohort) -> pd.DataFrame:
    people = cohort.participants
    smoking = pd.get_dummies(people.smoking, dtype=float)[["former", "current"]]
    columns = {"age": people.age, "male": (people.sex == "male").astype(float), "bmi": people.bmi, "sun": people.sun_exposure}
    return sm.add_constant(pd.DataFrame(columns).join(smoking))


def fitted(y: pd.Series, x: pd.Series, cohort: Cohort) -> tuple[float, float]:
    fit = sm.OLS(y.to_numpy(), covariates(cohort).assign(x=x.to_numpy())).fit()
    return fit.params["x"], fit.bse["x"]


CASES = [("classical", 0.8, None), ("classical", 0.7, 0.6), ("berkson", 0.8, None), ("mixed", 0.75, None), ("mixed", 0.75, 0.9)]


@pytest.mark.parametrize(("error", "r", "slope"), CASES)
def test_proxies__have_the_stated_slopes_both_ways_and_correlation(cohort: Cohort, error: str, r: float, slope: float | None) -> None:
    proxies = simulate_proxies(cohort.truth, cohort.participants, error=error, r=r, slope=slope, random_state=1)  # type: ignore[arg-type]
    truth, computed = cohort.truth.perceived_age, proxies.computed.predicted
    forward, error_forward = fitted(computed, truth, cohort)
    back, error_back = fitted(truth, computed, cohort)
    assert abs(forward - proxies.slope_computed_on_truth) < 3.5 * error_forward
    assert abs(back - proxies.slope_truth_on_computed) < 3.5 * error_back
    assert np.sqrt(forward * back) == pytest.approx(r, abs=0.01)


def test_proxies__classical_noise_is_independent_of_the_truth_and_berkson_noise_of_the_computed(cohort: Cohort) -> None:
    explained = covariates(cohort).to_numpy()
    for error, independent_of in (("classical", "truth"), ("berkson", "computed")):
        drawn = simulate_proxies(cohort.truth, cohort.participants, error=error, r=0.8, random_state=2)  # type: ignore[arg-type]
        columns = {"truth": cohort.truth.perceived_age.to_numpy(), "computed": drawn.computed.predicted.to_numpy()}
        rest = {name: values - explained @ np.linalg.lstsq(explained, values, rcond=None)[0] for name, values in columns.items()}
        noise = rest["computed"] - rest["truth"]
        assert abs(np.corrcoef(noise, rest[independent_of])[0, 1]) < 4 / np.sqrt(N)
        assert abs(np.corrcoef(noise**2, rest[independent_of] ** 2)[0, 1]) < 6 / np.sqrt(N)
        other = ({"truth", "computed"} - {independent_of}).pop()
        assert abs(np.corrcoef(noise, rest[other])[0, 1]) > 0.3


@pytest.mark.parametrize(("error", "r", "slope"), CASES)
def test_proxies__say_what_effects_become(cohort: Cohort, error: str, r: float, slope: float | None) -> None:
    proxies = simulate_proxies(cohort.truth, cohort.participants, error=error, r=r, slope=slope, random_state=3)  # type: ignore[arg-type]
    gene, error_gene = fitted(proxies.computed.predicted, cohort.participants.mc1r, cohort)
    assert abs(gene - proxies.expected(cohort.planted["mc1r -> perceived_age"])) < 3.5 * error_gene
    hearing, error_hearing = fitted(cohort.outcomes.hearing_loss, proxies.computed.predicted, cohort)
    assert abs(hearing - proxies.expected(cohort.planted["perceived_age -> hearing_loss"])) < 3.5 * error_hearing


def test_proxies__without_error_are_the_truth(cohort: Cohort) -> None:
    proxies = simulate_proxies(cohort.truth, cohort.participants, error="berkson", r=1.0, random_state=1)
    np.testing.assert_allclose(proxies.computed.predicted, cohort.truth.perceived_age)


def test_proxies__are_joined_by_identifier(cohort: Cohort) -> None:
    shuffled = cohort.participants.sample(frac=1, random_state=1)
    one = simulate_proxies(cohort.truth, cohort.participants, error="classical", r=0.8, random_state=1)
    two = simulate_proxies(cohort.truth, shuffled, error="classical", r=0.8, random_state=1)
    pd.testing.assert_frame_equal(one.computed, two.computed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"r": 0.0}, "r is 0.0: choose above 0 to 1"),
        ({"slope": -1.0}, "slope is -1.0"),
        ({"error": "berkson", "slope": 0.5}, "slope has no effect with error 'berkson'"),
        ({"error": "both"}, "error is 'both': choose from classical, berkson, mixed"),
    ],
)
def test_proxies__refuse_settings_that_make_no_sense(settings: dict[str, object], message: str, cohort: Cohort) -> None:
    with pytest.raises(InputError, match=message):
        simulate_proxies(
            cohort.truth, cohort.participants, **{"error": "classical", "r": 0.8, "random_state": 1, **settings}  # type: ignore[arg-type]
        )  # fmt: skip


def test_proxies__need_the_people_of_the_truth(cohort: Cohort) -> None:
    with pytest.raises(InputError, match="39990 people of truth are not among the participants"):
        simulate_proxies(cohort.truth, cohort.participants.head(10), error="classical", r=0.8, random_state=1)
