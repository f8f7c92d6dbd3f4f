"""E-values against the published examples and their definition."""

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.e_values import e_value


def test_e_value__equals_the_published_examples():
    found = e_value(3.9, 1.8, 8.7, scale="rate_ratio")  # VanderWeele & Ding 2017: 7.26 and 3.0
    assert (round(found.value, 2), round(found.limit, 2)) == (7.26, 3.0)
    protective = e_value(0.80, 0.71, 0.91, scale="hazard_ratio", share=0.05)  # the same paper, preventive: 1.81 and 1.43
    assert (round(protective.value, 2), round(protective.limit, 2)) == (1.81, 1.43)


def test_e_value__a_confounder_of_that_strength_explains_the_estimate_away_exactly():
    value = e_value(2.2, 1.5, 3.1, scale="rate_ratio").value
    assert value**2 / (2 * value - 1) == pytest.approx(2.2)


def test_e_value__an_interval_that_holds_no_effect_needs_no_confounder():
    assert e_value(1.2, 0.9, 1.6, scale="rate_ratio").limit == 1.0


def test_e_value__is_the_same_for_a_ratio_and_its_inverse():
    assert e_value(0.5, 0.25, 0.8, scale="rate_ratio") == pytest.approx(e_value(2, 1.25, 4, scale="rate_ratio"))


def test_e_value__a_common_outcome_shrinks_odds_and_hazard_ratios():
    assert e_value(4, 2, 8, scale="odds_ratio", share=0.3).value == pytest.approx(e_value(2, 2, 2, scale="rate_ratio").value)
    assert e_value(4, 2, 8, scale="odds_ratio", share=0.1).value == pytest.approx(e_value(4, 2, 8, scale="rate_ratio").value)
    assert e_value(4, 2, 8, scale="odds_ratio").value == e_value(4, 2, 8, scale="odds_ratio", share=0.3).value
    ratio = (1 - 0.5 ** np.sqrt(2)) / (1 - 0.5 ** np.sqrt(0.5))
    assert e_value(2, 2, 2, scale="hazard_ratio", share=0.4).value == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)))


def test_e_value__a_difference_is_standardised():
    found = e_value(-0.5, -0.7, -0.3, scale="difference", sd=2.0)
    assert found.value == pytest.approx(e_value(np.exp(0.91 * 0.25), 1, 1, scale="rate_ratio").value)
    assert found.limit == pytest.approx(e_value(np.exp(0.91 * 0.15), 1, 1, scale="rate_ratio").value)


def test_e_value__wrong_input_is_refused():
    with pytest.raises(InputError, match="give sd above 0"):
        e_value(1, 0, 2, scale="difference")
    with pytest.raises(InputError, match="scale is 'years'"):
        e_value(1, 0, 2, scale="years")
    assert np.isnan(e_value(np.nan, np.nan, np.nan, scale="odds_ratio").value)
