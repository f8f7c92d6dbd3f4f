"""Multiple imputation of covariates: beside the complete cases, the same for one seed, and right where complete cases are wrong."""

import numpy as np
import pandas as pd
import pytest

from facies.association import OutcomeSpec, associate, associate_traits

SETTINGS = {"adjustments": {"m": ["age", "bmi", "smoking"]}, "multiple_imputation": True}


def simulate(seed, n=400, missing=True):
    """BMI and smoking confound; where cognition is low and the person looks old they were often not asked for."""
    rng = np.random.default_rng(seed)
    bmi, age = rng.normal(26, 4, n), rng.uniform(50, 85, n)
    smoking = rng.choice(["never", "former", "current"], n, p=[0.5, 0.3, 0.2])
    harm = pd.Series(smoking).map({"never": 0.0, "former": 1.0, "current": 2.0}).to_numpy()
    x = 0.3 * (bmi - 26) + 1.5 * harm + rng.normal(0, 2, n)
    y = 0.5 * x + 0.2 * (bmi - 26) + harm + rng.normal(size=n)
    gone = rng.uniform(size=(2, n)) < 1 / (1 + np.exp(2 - y / 2)) if missing else np.zeros((2, n), dtype=bool)
    ids = [f"p{i}" for i in range(n)]
    people = pd.DataFrame({"participant_id": ids, "age": age, "bmi": np.where(gone[0], np.nan, bmi), "smoking": smoking})
    people.loc[gone[1], "smoking"] = np.nan
    event = (rng.uniform(size=n) < 1 / (1 + np.exp(1 - 0.3 * x))) * 1
    years = np.minimum(rng.exponential(8, n), 10)
    outcomes = pd.DataFrame({"participant_id": ids, "cognition": y, "copd": event, "years": years})
    return pd.DataFrame({"participant_id": ids, "gap": x}), outcomes, people


def test_associate__imputation_takes_the_bias_that_complete_cases_have():
    found = associate(*simulate(1, 3000), outcome_kinds={"cognition": "continuous"}, n_imputations=5, **SETTINGS).set_index("analysis")
    assert found.estimate["complete_case"] < 0.47
    assert found.estimate["multiple_imputation"] == pytest.approx(0.5, abs=0.03)
    assert found.n["multiple_imputation"] == 3000 > found.n["complete_case"]
    assert "5 imputed tables" in found.note["multiple_imputation"]
    assert "of bmi" in found.note["multiple_imputation"]
    assert "of smoking" in found.note["multiple_imputation"]


def test_associate__imputation_depends_on_the_seed_alone_and_not_on_other_outcomes():
    tables = simulate(2, 150)
    kinds = {"cognition": "continuous", "copd": "binary"}
    once, again = (associate(*tables, outcome_kinds=kinds, n_imputations=2, random_state=3, **SETTINGS) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    other = associate(*tables, outcome_kinds=kinds, n_imputations=2, random_state=4, **SETTINGS)
    assert other.estimate[1] != once.estimate[1]
    alone = associate(*tables, outcome_kinds={"copd": "binary"}, n_imputations=2, random_state=3, **SETTINGS)
    assert alone.estimate.tolist() == once.estimate[once.outcome == "copd"].tolist()


@pytest.mark.parametrize("spec", [
    OutcomeSpec("copd", "time_to_event", duration="years"),
    OutcomeSpec("copd", "time_to_event", duration="years", time_scale="age"),
    OutcomeSpec("copd", "count", person_time="years", count_model="poisson"),
])  # fmt: skip
def test_associate__every_kind_can_be_imputed(spec):
    found = associate(*simulate(3, 300), outcome_kinds={"copd": spec}, n_imputations=2, **SETTINGS).set_index("analysis")
    assert found.n["multiple_imputation"] == 300
    assert found.estimate["multiple_imputation"] == pytest.approx(found.estimate["complete_case"], rel=0.1)
    assert found.std_error["multiple_imputation"] < found.std_error["complete_case"]


def test_associate__without_gaps_imputation_is_the_complete_case():
    found = associate(*simulate(4, 200, missing=False), outcome_kinds={"cognition": "continuous"}, n_imputations=3, **SETTINGS)
    first, second = found.iloc[0], found.iloc[1]
    assert second.estimate == pytest.approx(first.estimate, rel=1e-12)
    assert second.std_error == pytest.approx(first.std_error, rel=1e-12)
    assert "no covariate is missing: as complete case" in second.note


def test_associate__a_covariate_that_nobody_has_gives_a_row_with_a_note():
    exposures, outcomes, people = simulate(5, 100)
    found = associate(
        exposures, outcomes, people.assign(bmi=np.nan), outcome_kinds={"cognition": "continuous"}, n_imputations=2, **SETTINGS
    )
    assert found.estimate.isna().all()
    assert found.note[1].startswith("bmi has 0 values: more than 5 are needed")


def test_associate_traits__imputes_covariates_too():
    exposures, _, people = simulate(6, 500)
    genes = exposures[["participant_id"]].assign(mc1r=np.random.default_rng(0).binomial(2, 0.2, 500))
    found = associate_traits(genes, exposures, people, n_imputations=2, **SETTINGS).set_index("analysis")
    assert found.n["multiple_imputation"] == 500 > found.n["complete_case"]
    assert found.test_family["complete_case"] == "traits, gap, m"
    assert pd.isna(found.test_family["multiple_imputation"])
