"""Slopes between human and computed perceived age."""

import numpy as np
import pandas as pd
import pytest

from facies.association import associate, associate_traits, proxy_slopes
from facies.errors import InputError

ADJUSTMENTS = {"model_1": ["age"]}


def simulate(n=60_000):
    """A gene acts on the human perceived age, which acts on cognition; the computed one sees the human one only."""
    rng = np.random.default_rng(0)
    people = pd.DataFrame({"participant_id": [f"p{i}" for i in range(n)], "age": rng.uniform(50, 80, n)})
    ids = people[["participant_id"]]
    mc1r = rng.binomial(2, 0.3, n)
    human = people.age + 0.8 * mc1r + rng.normal(0, 4, n)
    computed = people.age + 0.7 * (human - people.age) + rng.normal(0, 3, n)
    exposures = ids.assign(**{"perceived_age[panel]": human, "perceived_age[hog+ridge]": computed})
    return ids.assign(mc1r=mc1r), exposures, ids.assign(cognition=-0.1 * human + rng.normal(0, 1, n)), people


def test_proxy_slopes__say_what_an_effect_shrinks_to():
    genes, exposures, outcomes, people = simulate()
    of_computed, of_human = proxy_slopes(exposures, people, adjustments=ADJUSTMENTS).estimate
    traits = associate_traits(genes, exposures, people, adjustments=ADJUSTMENTS).set_index("outcome").estimate
    assert of_computed == pytest.approx(0.7, abs=0.01)
    assert traits["perceived_age[hog+ridge]"] == pytest.approx(of_computed * traits["perceived_age[panel]"], abs=0.06)
    kinds = {"cognition": "continuous"}
    effects = associate(exposures, outcomes, people, outcome_kinds=kinds, adjustments=ADJUSTMENTS).set_index("exposure").estimate
    assert effects["perceived_age[hog+ridge]"] == pytest.approx(of_human * effects["perceived_age[panel]"], rel=0.03)


def test_proxy_slopes__wrong_input_is_refused():
    _, exposures, _, people = simulate(50)
    with pytest.raises(InputError, match="human perceived age 'panel' is no column of exposures"):
        proxy_slopes(exposures, people, adjustments=ADJUSTMENTS, human="panel")
    with pytest.raises(InputError, match="no computed perceived age"):
        proxy_slopes(exposures.iloc[:, :2], people, adjustments=ADJUSTMENTS)
    with pytest.raises(InputError, match="covariate of m 'bmi' is no column"):
        proxy_slopes(exposures, people, adjustments={"m": ["bmi"]})
