"""The log of equivalence margins: only added to, and honest about what had been seen."""

from __future__ import annotations

import math

import pytest

from facies.errors import StoreError
from facies.study.config import parse_config
from facies.study.margins import coefficient_margins, log_path, mark_compared, read_margins, register_margins


def asked(**margins: float):
    kinds = {"copd": "binary", "cognition": "continuous"}
    outcomes = [{"name": name, "kind": kinds[name], "equivalence_margin": margin} for name, margin in margins.items() if name in kinds]
    traits = [{"name": "mc1r", "equivalence_margin": margins["mc1r"]}] if "mc1r" in margins else []
    return parse_config({"study": {"name": "A"}, "association": {"outcomes": outcomes, "traits": traits}}).association


def test_coefficient_margins__a_factor_becomes_its_logarithm_and_a_difference_stays():
    assert coefficient_margins(asked(copd=1.1, cognition=0.05, mc1r=0.2)) == {"copd": math.log(1.1), "cognition": 0.05, "mc1r": 0.2}


def test_register_margins__the_same_margins_are_noted_once(tmp_path):
    first = register_margins(tmp_path, asked(copd=1.1))
    assert len(first) == 1
    assert not first[0].results_seen
    assert register_margins(tmp_path, asked(copd=1.1)) == first == read_margins(tmp_path)


def test_register_margins__a_study_without_margins_has_no_log(tmp_path):
    assert register_margins(tmp_path, asked()) == ()
    assert not log_path(tmp_path).exists()


def test_register_margins__a_change_is_added_and_says_that_results_had_been_seen(tmp_path):
    register_margins(tmp_path, asked(copd=1.1))
    before = register_margins(tmp_path, asked(copd=1.2))
    assert [record.results_seen for record in before] == [False, False]
    mark_compared(tmp_path)
    after = register_margins(tmp_path, asked(copd=1.4))
    assert [record.results_seen for record in after] == [False, False, True]
    assert after[:2] == before
    back = register_margins(tmp_path, asked(copd=1.1))
    assert back[-1].results_seen
    withdrawn = register_margins(tmp_path, asked())
    assert (withdrawn[-1].margins, withdrawn[-1].results_seen) == ({}, True)


def test_read_margins__a_log_that_was_changed_by_hand_stops_with_one_line(tmp_path):
    register_margins(tmp_path, asked(copd=1.1))
    log_path(tmp_path).write_text('[{"margins": 3}]')
    with pytest.raises(StoreError, match="was changed by hand"):
        read_margins(tmp_path)
