"""Perceived age by group of a gene score."""

import numpy as np
import pandas as pd
import pytest

from facies.association.genes.groups import score_groups
from facies.errors import InputError


def simulate(n=2679, seed=1, effects=(0.0, 0.79, 1.58), families=False):
    rng = np.random.default_rng(seed)
    ids = [f"p{i:04d}" for i in range(n)]
    mc1r, age = rng.binomial(2, 0.28, n), rng.uniform(51.5, 87.8, n)
    sex = rng.choice(["female", "male"], n)
    human = age + np.array(effects)[mc1r] + (sex == "male") + rng.normal(0, 4, n)
    ages = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": human, "perceived_age[net+ridge]": human + rng.normal(0, 2, n)})
    people = pd.DataFrame({"participant_id": ids, "age": age, "sex": sex})
    if families:
        people["family_id"] = [f"f{i // 2}" for i in range(n)]
    return pd.DataFrame({"participant_id": ids, "mc1r": mc1r.astype(float)}), ages, people


@pytest.mark.parametrize("families", [False, True])
def test_score_groups__equals_statsmodels(families):
    import statsmodels.formula.api as smf

    scores, ages, people = simulate(400, families=families)
    ages.loc[5, "perceived_age[panel]"] = np.nan
    people.loc[9, "age"] = np.nan
    table = score_groups(scores, ages.sample(frac=1, random_state=1), people, covariates=["age", "sex"])
    data = scores.merge(ages).merge(people).dropna().rename(columns={"perceived_age[panel]": "pa"})
    data["c_age"], data["c_male"] = data.age - data.age.mean(), (data.sex == "male") - (data.sex == "male").mean()
    how = {"cov_type": "HC3"} if not families else {"cov_type": "cluster", "cov_kwds": {"groups": pd.factorize(data.family_id)[0]}}
    theirs = smf.ols("pa ~ C(mc1r) + c_age + c_male", data).fit(use_t=True, **how)
    ours = table[table.source == "panel"].set_index("group")
    assert ours.n.to_dict() == {"WT/WT": (data.mc1r == 0).sum(), "WT/R": (data.mc1r == 1).sum(), "R/R": (data.mc1r == 2).sum()}
    intervals = theirs.conf_int()
    for group, name in (("WT/R", "C(mc1r)[T.1.0]"), ("R/R", "C(mc1r)[T.2.0]")):
        expected = [theirs.params[name], *intervals.loc[name]]
        np.testing.assert_allclose(ours.loc[group, ["difference", "difference_low", "difference_high"]].astype(float), expected, rtol=1e-6)
        total = theirs.t_test(f"Intercept + {name} = 0")
        expected = [total.effect[0], *total.conf_int()[0]]
        np.testing.assert_allclose(ours.loc[group, ["mean", "ci_low", "ci_high"]].astype(float), expected, rtol=1e-6)
    joint = theirs.f_test("C(mc1r)[T.1.0] = 0, C(mc1r)[T.2.0] = 0")
    assert ours.p_genotypic.iloc[0] == pytest.approx(float(joint.pvalue), rel=1e-6)
    slope = smf.ols("pa ~ mc1r + c_age + c_male", data).fit(use_t=True, **how)
    assert ours.p_additive.iloc[0] == pytest.approx(slope.pvalues["mc1r"], rel=1e-6)


def test_score_groups__shows_the_planted_years_and_a_bend_only_to_the_genotypic_test():
    table = score_groups(*simulate(6000, effects=(0.0, 0.0, 1.5)), covariates=["age", "sex"])
    row = table[(table.source == "panel") & (table.group == "R/R")].iloc[0]
    assert row.difference_low < 1.5 < row.difference_high
    assert row.p_genotypic < row.p_additive


def test_score_groups__the_genotypic_test_keeps_its_size():
    p_values = [score_groups(*simulate(300, seed, effects=(0, 0, 0)), covariates=["age"]).p_genotypic.iloc[0] for seed in range(120)]
    assert 0.015 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_score_groups__all_sources_speak_of_the_same_people():
    scores, ages, people = simulate(200)
    ages.loc[:49, "perceived_age[panel]"] = np.nan
    same = score_groups(scores, ages, people, covariates=["age"])
    assert same.groupby("source").n.sum().to_dict() == {"panel": 150, "net+ridge": 150}
    each = score_groups(scores, ages, people, covariates=["age"], same_participants=False)
    assert each.groupby("source").n.sum().to_dict() == {"panel": 150, "net+ridge": 200}
    assert "50 without outcome" in each[each.source == "panel"].note.iloc[0]


def test_score_groups__a_group_of_one_has_its_count_and_a_reason():
    scores, ages, people = simulate(100)
    scores["mc1r"] = [2.0] + [0.0, 1.0] * 49 + [0.0]
    table = score_groups(scores, ages, people, covariates=["age"]).set_index(["source", "group"])
    assert table.n["panel", "R/R"] == 1
    assert np.isnan(table["mean"]["panel", "R/R"])
    assert "rests on one participant" in table.note["panel", "R/R"]
    assert np.isfinite(table.p_additive["panel", "R/R"])


def test_score_groups__a_group_that_only_people_without_perceived_age_have_is_shown_empty():
    scores, ages, people = simulate(100)
    scores["mc1r"] = [2.0] * 2 + [0.0, 1.0] * 49
    table = score_groups(scores, ages[2:], people, covariates=[]).set_index(["source", "group"])
    assert table.n["panel", "R/R"] == 0
    assert np.isfinite(table.difference["panel", "WT/R"])


@pytest.mark.parametrize("covariates", [[], ["age"]])
def test_score_groups__one_group_alone_has_a_mean_and_no_test(covariates):
    scores, ages, people = simulate(100)
    scores["mc1r"] = [2.0] * 2 + [0.0] * 98
    table = score_groups(scores, ages[2:], people, covariates=covariates).set_index(["source", "group"])
    assert table.n.to_dict()["panel", "WT/WT"] == 98
    assert table.loc["panel", ["difference_low", "p_genotypic", "p_additive"]].isna().all(axis=None)
    assert table["mean"]["panel", "WT/WT"] == pytest.approx(ages[2:]["perceived_age[panel]"].mean())


@pytest.mark.parametrize("values", [[0.2, 1.3] * 50, list(range(100)), [1.0] * 100])
def test_score_groups__a_score_without_groups_has_no_rows(values):
    scores, ages, people = simulate(100)
    scores["mc1r"] = [float(value) for value in values]
    assert score_groups(scores, ages, people, covariates=["age"]).empty


def test_score_groups__wrong_requests_are_refused():
    scores, ages, people = simulate(30)
    with pytest.raises(InputError, match="covariate of the gene scores' adjustment 'bmi' is no column"):
        score_groups(scores, ages, people, covariates=["bmi"])
    with pytest.raises(InputError, match="at least one column"):
        score_groups(scores, ages[["participant_id"]], people, covariates=["age"])
