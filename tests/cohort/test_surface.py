"""What the package offers."""

from __future__ import annotations

import facies.cohort


def test_surface__every_name_is_there_and_documented():
    for name in facies.cohort.__all__:
        assert getattr(facies.cohort, name).__doc__
