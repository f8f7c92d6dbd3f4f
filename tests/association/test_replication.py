"""A discovery held against a second cohort: known answers by hand, and a simulated truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from facies.association.replication import replicate_associations
from facies.errors import InputError
from facies.tables import ASSOCIATIONS


def row(coef: float, std_error: float, **other: object) -> dict[str, object]:
    """Return one row of ``associations`` with a Wald p-value; ``coef`` is the logarithm where the scale is a ratio."""
    scale = other.get("scale", "odds_ratio")
    estimate = coef if scale == "difference" else np.exp(coef)
    return {
        "exposure": "perceived_age[panel]", "outcome": "copd", "adjustment": "model_1", "analysis": "complete_case",
        "covariates": "age+sex", "family": "logistic", "per": 5.0, "n": 2679, "n_events": 300.0, "estimate": estimate, "scale": scale,
        "std_error": std_error, "ci_low": np.nan, "ci_high": np.nan, "p_value": 2 * norm.sf(abs(coef) / std_error), "q_value": np.nan,
        "p_holm": np.nan, "p_bonferroni": np.nan, "test_family": "outcomes", "note": None,
    } | other  # fmt: skip


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[column.name for column in ASSOCIATIONS.columns if column.required])


def replicate_one(first: dict[str, object], second: dict[str, object]) -> pd.Series:
    return replicate_associations(table(first), table(second)).iloc[0]


def test_replicate__pools_logarithms_of_ratios_by_inverse_variance():
    found = replicate_one(row(0.2, 0.06), row(0.1, 0.09, n=1158))
    weights = np.array([0.06, 0.09]) ** -2.0
    assert found.coef_pooled == pytest.approx(weights @ [0.2, 0.1] / weights.sum())
    assert found.std_error_pooled == pytest.approx(weights.sum() ** -0.5)
    assert found.q == pytest.approx(0.1**2 / (0.06**2 + 0.09**2))
    assert (found.n_discovery, found.n_validation) == (2679, 1158)
    assert found.p_replication == pytest.approx(norm.sf(0.1 / 0.09))
    assert found.verdict == "same direction"


def test_replicate__uses_differences_as_they_are():
    found = replicate_one(row(0.71, 0.1, scale="difference", family="linear"), row(0.71, 0.28, scale="difference", family="linear"))
    assert (found.coef_discovery, found.coef_validation, found.verdict) == (0.71, 0.71, "replicated")


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((-0.3, 0.1), (-0.3, 0.1), "replicated"),
        ((-0.3, 0.1), (-0.1, 0.1), "same direction"),
        ((-0.3, 0.1), (0.3, 0.1), "opposite direction"),
        ((-0.1, 0.1), (-0.3, 0.1), "not discovered"),
        ((np.nan, np.nan), (-0.3, 0.1), "no estimate"),
        ((-0.3, 0.1), (np.nan, np.nan), "no estimate"),
    ],
)
def test_replicate__its_verdict_is_by_direction_and_one_sided_p(first, second, verdict):
    found = replicate_one(row(*first), row(*second))
    assert found.verdict == verdict
    assert np.isnan(found.coef_pooled) == (verdict == "no estimate")
    assert np.isnan(found.power) == (verdict in {"no estimate", "not discovered"})


def test_replicate__power_is_lower_once_the_winners_curse_is_taken_out():
    found = replicate_one(row(0.25, 0.1), row(0.2, 0.1))
    assert 0 < found.coef_corrected < 0.25
    assert found.power < found.power_uncorrected
    assert found.power == pytest.approx(norm.sf(norm.isf(0.05) - found.coef_corrected / 0.1))


def test_replicate__an_opposite_effect_has_a_one_sided_p_above_a_half():
    assert replicate_one(row(0.3, 0.1), row(-0.2, 0.1)).p_replication == pytest.approx(norm.cdf(2.0))


def test_replicate__every_source_is_held_against_itself_only():
    sources = ("perceived_age[panel]", "perceived_age[hog+ridge]")
    discovery = table(*(row(0.3, 0.1, exposure=source) for source in sources))
    found = replicate_associations(discovery, table(row(0.1, 0.1, exposure=sources[1])))
    assert found.exposure.tolist() == list(sources)
    assert found.n_validation.tolist() == [0, 2679]
    assert found.verdict.tolist() == ["no estimate", "same direction"]
    assert found.note[0] == "not analysed in the validation"


def test_replicate__slopes_between_perceived_ages_and_other_analyses_are_no_effects():
    slope = row(0.9, 0.01, exposure="perceived_age[panel]", outcome="perceived_age[hog+ridge]", scale="difference", family="linear")
    imputed = row(0.3, 0.1, analysis="multiple_imputation")
    found = replicate_associations(table(row(0.3, 0.1), slope, imputed), table(row(0.3, 0.1), slope, imputed))
    assert found[["exposure", "outcome"]].to_numpy().tolist() == [["perceived_age[panel]", "copd"]]


def test_replicate__says_what_differed_between_the_two_analyses():
    found = replicate_one(row(0.3, 0.1, note="9 of 100 left out"), row(0.3, 0.1, family="firth", covariates="age", note="rare: Firth"))
    assert found.note == (
        "regression: logistic in the discovery, firth in the validation; covariates: age+sex in the discovery, age in the validation; "
        "discovery: 9 of 100 left out; validation: rare: Firth"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"per": 10.0}, "the step of .* is 5.0 in the discovery and 10.0 in the validation"),
        ({"scale": "hazard_ratio", "family": "cox"}, "the scale of .* is odds_ratio in the discovery and hazard_ratio"),
        ({"exposure": "delta_pa_rotterdam[panel]"}, r"delta_pa_rotterdam\[panel\] in the validation: analyse both with the same direction"),
        ({"outcome": "asthma"}, "no association in common"),
    ],
)
def test_replicate__refuses_what_is_not_on_one_scale(change, message):
    with pytest.raises(InputError, match=message):
        replicate_one(row(0.3, 0.1), row(0.3, 0.1) | change)


def test_replicate__of_a_true_effect_replicates_as_often_as_its_power_says():
    """A fixed true effect, discovered or not: among discoveries the corrected power is near the share that replicates."""
    rng = np.random.default_rng(4)
    truths = rng.normal(0, 0.2, 4000)
    discovery = table(*(row(t + rng.normal(0, 0.1), 0.1, outcome=f"o{i}") for i, t in enumerate(truths)))
    validation = table(*(row(t + rng.normal(0, 0.15), 0.15, outcome=f"o{i}") for i, t in enumerate(truths)))
    found = replicate_associations(discovery, validation)
    discovered = found[found.verdict != "not discovered"]
    share = (discovered.verdict == "replicated").mean()
    assert abs(discovered.power.mean() - share) < 0.06
    assert discovered.power_uncorrected.mean() - share > 0.08
    covered = (found.ci_low < truths) & (truths < found.ci_high)
    assert covered.mean() == pytest.approx(0.95, abs=0.015)
