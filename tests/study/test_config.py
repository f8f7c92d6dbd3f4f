"""``study.toml``: what is accepted, and what the refusal says."""

from __future__ import annotations

import tomllib
from dataclasses import fields

import pytest

from facies.errors import InputError, StoreError
from facies.faces import QualityGate
from facies.study.config import StudyConfig, parse_config, read_config
from facies.study.demo import simulate_study
from facies.study.initiate import commented_config, init_study


def test_commented_config__is_the_defaults():
    assert parse_config(tomllib.loads(commented_config())) == StudyConfig.model_validate({"study": {"name": "My cohort"}})


@pytest.mark.parametrize(("target", "unused"), [("perceived_age", {"conditions"}), ("facies", {"association", "genotypes", "replication"})])
def test_commented_config__names_and_explains_every_setting_that_the_kind_of_study_uses(target, unused):
    text = commented_config(target=target)
    for section, field in StudyConfig.model_fields.items():
        assert (f"\n[{section}]\n" in text) == (section not in unused)
        if section in unused:
            continue
        for setting, described in field.annotation.model_fields.items():
            assert setting in text
            if described.description:
                assert described.description in text


def test_commented_config__of_a_study_of_conditions_is_read_back():
    config = parse_config(tomllib.loads(commented_config(target="facies")))
    assert (config.study.target, config.conditions.target_conditions) == ("facies", ["acromegaly", "cushing"])


def test_commented_config__shows_every_threshold_of_the_gate():
    text = commented_config()
    assert [field.name for field in fields(QualityGate) if field.name not in text] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "study.toml, study is missing: add it"),
        ({"study": {"name": "A", "colour": "red"}}, "study.toml, study.colour is not a setting of facies: remove or rename it"),
        ({"study": {"name": "A"}, "models": {"n_folds": 1}}, "study.toml, models.n_folds is 1: input should be greater than or equal to 2"),
        ({"study": {"name": "A"}, "embeddings": {"encoders": ["hog", "hog"]}}, "an encoder stands twice"),
        ({"study": {"name": "A", "target": "age"}, "association": {"traits": [{"name": "mc1r"}]}}, "needs target perceived_age"),
    ],
)
def test_parse_config__a_wrong_setting_is_named_with_the_remedy(settings, message):
    with pytest.raises(InputError, match=r"study\.toml") as caught:
        parse_config(settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_config__a_folder_without_study_toml_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="facies init"):
        read_config(tmp_path)


def test_read_config__broken_toml_is_one_line(tmp_path):
    (tmp_path / "study.toml").write_text("[study\nname = 1")
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_config(tmp_path)
    assert "\n" not in str(caught.value)


def test_init_study__writes_nothing_over(tmp_path):
    init_study(tmp_path)
    (tmp_path / "study.toml").write_text("mine")
    with pytest.raises(InputError, match="already holds"):
        init_study(tmp_path)
    assert (tmp_path / "study.toml").read_text() == "mine"


def test_init_study__tables_that_are_there_stay_and_get_no_examples_beside_them(tmp_path):
    (tmp_path / "Participants.csv").write_text("participant_id,age\nmine,50\n")
    assert [path.name for path in init_study(tmp_path)] == ["study.toml"]
    assert (tmp_path / "Participants.csv").read_text() == "participant_id,age\nmine,50\n"
    assert not (tmp_path / "readings.tsv").exists()


def test_init_study__a_place_that_cannot_be_a_folder_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"choose another place|make the folder"):
        init_study(tmp_path / "file" / "study")


def test_simulate_study__a_folder_with_anything_of_the_users_is_left_alone(tmp_path):
    (tmp_path / "participants.tsv").write_text("mine")
    with pytest.raises(InputError, match="choose another folder"):
        simulate_study(tmp_path, encoders=("hog", "pixels"), n_participants=60, size=64)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
