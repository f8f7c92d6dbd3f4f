"""Bands and thirds."""

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.binning import band_labels, third_labels


def test_band_labels__a_band_holds_its_lower_end_and_not_its_upper_one():
    assert list(band_labels(np.array([49.99, 50.0, 59.99, 60.0, 9.0]))) == ["40-49", "50-59", "50-59", "60-69", "0-9"]


def test_band_labels__of_one_year_are_the_year():
    assert list(band_labels(np.array([49.9, np.nan]), width=1)) == ["49", ""]


@pytest.mark.parametrize("width", [0, 2.5])
def test_band_labels__odd_widths_are_refused(width):
    with pytest.raises(InputError, match="choose a whole number of years"):
        band_labels(np.array([50.0]), width=width)


def test_third_labels__are_equally_large():
    labels = third_labels(np.random.default_rng(0).normal(size=300))
    assert [int((labels == f"{name} third").sum()) for name in ("lowest", "middle", "highest")] == [100, 100, 100]


def test_third_labels__missing_values_are_in_none():
    assert list(third_labels(np.array([np.nan, np.nan]))) == ["", ""]
