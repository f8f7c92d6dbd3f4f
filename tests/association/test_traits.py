"""Allele counts on perceived ages."""

import numpy as np
import pandas as pd
import pytest

from facies.association import associate_traits
from facies.errors import InputError

ADJUSTMENTS = {"model_1": ["age", "sex"]}


def simulate(seed=0, n=2679, effect=0.79, slope=0.9):
    rng = np.random.default_rng(seed)
    ids = [f"p{i:04d}" for i in range(n)]
    mc1r, age = rng.binomial(2, 0.15, n), rng.uniform(51.5, 87.8, n)
    human = age + effect * mc1r + rng.normal(0, 4, n)
    computed = age + slope * (human - age) + rng.normal(0, 2, n)
    genes = pd.DataFrame({"participant_id": ids, "mc1r": mc1r})
    traits = pd.DataFrame({"participant_id": ids, "perceived_age[panel]": human, "perceived_age[net+ridge]": computed})
    return genes, traits, pd.DataFrame({"participant_id": ids, "age": age, "sex": rng.choice(["female", "male"], n)})


def test_associate_traits__recovers_years_per_allele_and_the_attenuation_of_a_computed_age():
    estimates = []
    for seed in range(20):
        table = associate_traits(*simulate(seed), adjustments=ADJUSTMENTS).set_index("outcome")
        estimates.append(table.estimate.tolist())
    human, computed = np.mean(estimates, axis=0)
    assert human == pytest.approx(0.79, abs=0.1)
    assert computed == pytest.approx(0.9 * 0.79, abs=0.1)


def test_associate_traits__equals_statsmodels():
    import statsmodels.formula.api as smf

    genes, traits, people = simulate(n=300)
    row = associate_traits(genes, traits, people, adjustments=ADJUSTMENTS).iloc[0]
    data = genes.merge(people).assign(pa=traits["perceived_age[panel]"])
    theirs = smf.ols("pa ~ mc1r + age + sex", data).fit(cov_type="HC3", use_t=True)
    assert row.estimate == pytest.approx(theirs.params["mc1r"], rel=1e-8)
    assert row.std_error == pytest.approx(theirs.bse["mc1r"], rel=1e-8)
    assert (row.exposure, row.outcome, row.family, row.scale, row.per) == ("mc1r", "perceived_age[panel]", "linear", "difference", 1)


def test_associate_traits__human_and_computed_stand_on_the_same_people():
    genes, traits, people = simulate(n=300)
    traits.loc[:99, "perceived_age[panel]"] = np.nan
    assert associate_traits(genes, traits, people, adjustments=ADJUSTMENTS).n.tolist() == [200, 200]
    own = associate_traits(genes, traits, people, adjustments=ADJUSTMENTS, same_participants=False)
    assert own.n.tolist() == [200, 300]


def test_associate_traits__nobody_with_the_allele_gives_a_row_with_a_note():
    genes, traits, people = simulate(n=100)
    table = associate_traits(genes.assign(mc1r=0), traits, people, adjustments=ADJUSTMENTS)
    assert table.note.tolist() == ["mc1r has the same value for everybody"] * 2


def test_associate_traits__impossible_counts_and_wrong_names_are_refused():
    genes, traits, people = simulate(n=100)
    with pytest.raises(InputError, match="allele count 'mc1r' is outside 0 to 2 for 100 participants, first 3"):
        associate_traits(genes.assign(mc1r=3), traits, people, adjustments=ADJUSTMENTS)
    with pytest.raises(InputError, match="allele count 'mc1r' holds 'WT/R'"):
        associate_traits(genes.assign(mc1r="WT/R"), traits, people, adjustments=ADJUSTMENTS)
    with pytest.raises(InputError, match="covariate of m 'bmi' is no column"):
        associate_traits(genes, traits, people, adjustments={"m": ["bmi"]})
    with pytest.raises(InputError, match="nothing to associate"):
        associate_traits(genes, traits, people, adjustments={})
