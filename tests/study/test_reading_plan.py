"""Whom a study lets be read."""

from __future__ import annotations

import shutil

import pytest

from facies.errors import InputError
from facies.study.demo import simulate_study
from facies.study.demo_facies import simulate_condition_study
from facies.study.reading.plan import plan_reading


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading") / "study"
    simulate_condition_study(folder, scale=0.055, n_repeats=1, size=64, follow_up=False)
    return folder


def planned(study, tmp_path, lines):
    """Return the photographs of a plan under these settings; the study's folder stays as it is."""
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    with (copy / "study.toml").open("a", encoding="utf-8") as config:
        config.write("\n[reading]\nn_readers = 2\n" + lines)
    return set(plan_reading(copy, write=False).plan.photo_id)


def is_public(photo_id):
    return ":" in photo_id


def test_public_negatives__are_read_unless_the_settings_leave_them_out(study, tmp_path):
    everybody = planned(study, tmp_path / "all", "")
    clinic = planned(study, tmp_path / "own", "public_negatives = false\n")
    assert any(map(is_public, everybody))
    assert clinic == {photo_id for photo_id in everybody if not is_public(photo_id)}


def test_public_negatives_left_out_where_there_are_none__is_refused(tmp_path):
    simulate_study(tmp_path / "study", n_participants=60, size=64)
    with pytest.raises(InputError, match=r"reading.public_negatives needs study.target = 'facies'"):
        planned(tmp_path / "study", tmp_path, "public_negatives = false\n")
