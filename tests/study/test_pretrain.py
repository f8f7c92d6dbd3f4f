"""``facies pretrain`` from a study's photographs to the encoder ``ssl``, and what the report then says."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.cli.app import run as command
from facies.embeddings import load_encoder
from facies.embeddings.pretrain.recipe import parse_recipe, read_recipe
from facies.errors import InputError
from facies.models import read_bundle
from facies.store import read_table, write_tsv
from facies.study.check import check_study
from facies.study.config import read_config
from facies.study.demo import simulate_study
from facies.study.intake import gather_cohort
from facies.study.pretrain import gather_unlabelled, held_out_people, make_probe, plan_pretraining, pretrain_study
from facies.study.pretrained import read_pretraining
from facies.study.run import run_study
from facies.tables import PARTICIPANT_PREDICTIONS, PRETRAINING_HELP

pytest.importorskip("torch")
pytest.importorskip("lightly")

RECIPE = """\
method = "simclr"
backbone = "resnet10t"
size = 32
batch_size = 16
steps = 4
hidden_dim = 16
projection_dim = 8
[monitor]
every = 2
"""


SETTINGS = """\
[study]
name = "small"
target = "perceived_age"
[embeddings]
encoders = ["pixels", "ssl"]
[evaluation]
n_bootstrap = 200
subgroups = []
"""


@pytest.fixture(scope="module")
def unread(tmp_path_factory) -> Path:
    """Return a simulated study that has not run; do not write in it."""
    study = tmp_path_factory.mktemp("unread") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=40, random_state=3, size=96)
    (study / "recipe.toml").write_text(RECIPE)
    (study / "study.toml").write_text(SETTINGS)
    return study


@pytest.fixture(scope="module")
def pretrained(unread, tmp_path_factory) -> Path:
    """Return the study after ``facies pretrain``; do not write in it."""
    study = Path(shutil.copytree(unread, tmp_path_factory.mktemp("pretrained") / "study"))
    assert command(["pretrain", str(study), "--recipe", str(study / "recipe.toml"), "--jobs", "2"]) == 0
    return study


@pytest.fixture
def copied(pretrained, tmp_path) -> Path:
    return Path(shutil.copytree(pretrained, tmp_path / "study"))


def details(study: Path) -> dict[str, object]:
    return json.loads((study / "derived" / "pretrain" / "pretraining.json").read_text())


def test_pretrain__learns_from_all_but_the_validation_fold(pretrained):
    config = read_config(pretrained)
    cohort = gather_cohort(pretrained, config, jobs=2, random_state=config.study.random_state)
    validation = set(cohort.splits.participant_id[cohort.splits.fold == 0])
    told = details(pretrained)
    assert validation
    assert not validation & set(told["learnt_from"])
    assert told["n_held_out_people"] == len(validation)
    assert set(told["learnt_from"]) | validation == set(cohort.photographs.participant_id[cohort.photographs.included])


def test_pretrain__says_whether_it_helped_in_everybody_and_in_those_never_seen(pretrained):
    helped = read_table(pretrained, PRETRAINING_HELP).set_index(["people", "model_id"])
    assert list(helped.index) == [
        (people, f"{name}+ridge") for people in ("all", "held_out") for name in ("ssl", "untrained", "pixels")
    ]  # fmt: skip
    whole = helped.loc["all"]
    assert np.isnan(whole.difference["ssl+ridge"])
    expected = whole.mae["ssl+ridge"] - whole.mae["pixels+ridge"]
    assert whole.difference["pixels+ridge"] == pytest.approx(expected)
    assert helped.n["held_out", "ssl+ridge"] == details(pretrained)["n_held_out_people"]


def test_pretrain__the_encoder_is_an_ordinary_network_with_its_description(pretrained):
    encoder = load_encoder(f"onnx:{pretrained / 'derived' / 'pretrain' / 'encoder.onnx'}")
    assert encoder.card.name == "ssl"
    assert encoder.card.crop.size == 32
    n = details(pretrained)["n_photographs"]
    assert f"{n} photographs" in encoder.card.trained_on


def test_pretrain__again_changes_nothing(copied):
    before = {path: path.read_bytes() for path in (copied / "derived" / "pretrain").glob("*.*")}
    summary = pretrain_study(copied, recipe=read_recipe(copied / "recipe.toml"))
    assert not summary.ran
    assert {path: path.read_bytes() for path in before} == before


def test_pretrain__another_recipe_after_a_finished_run_starts_anew(copied):
    settings = tomllib.loads(RECIPE) | {"batch_size": 8, "steps": 1}
    recipe = parse_recipe(settings)
    summary = pretrain_study(copied, recipe=recipe, include_validation=True)
    told = details(copied)
    assert summary.ran
    assert (told["steps"], told["n_held_out_people"], told["validation_fold"]) == (1, 0, "included")
    assert set(summary.helped.people) == {"all"}
    (pixels,) = (copied / "derived" / "pretrain" / "held_out").glob("*.rgb")
    assert pixels.stat().st_size == 0


def test_run__ssl_is_an_encoder_of_the_study_and_its_bundle_carries_the_network(copied):
    run_study(copied, jobs=2)
    assert set(read_table(copied, PARTICIPANT_PREDICTIONS).model_id) == {"pixels+ridge", "ssl+ridge"}
    bundle = read_bundle(copied / "derived" / "models" / "ssl+ridge.bundle")
    assert bundle.encoder_file.read_bytes() == (copied / "derived" / "pretrain" / "encoder.onnx").read_bytes()
    assert "Encoder learnt from this study" in (copied / "report" / "report.html").read_text()

    people = pd.read_csv(copied / "participants.tsv", sep="\t", dtype=str)
    gone = details(copied)["learnt_from"][0]
    write_tsv(copied / "participants.tsv", people.assign(consent_scope=np.where(people.participant_id == gone, "withdrawn", "analysis")))
    run_study(copied, jobs=2)
    rows = pd.concat(pd.read_csv(file, sep="\t", dtype=str) for file in (copied / "derived" / "pretrain").glob("*/crops-*.tsv"))
    assert gone not in set(rows.participant_id)
    assert "1 participant who withdrew or left the study since" in (copied / "report" / "report.html").read_text()


def test_ssl__before_it_is_learnt_is_one_line_that_says_what_to_run(unread, capsys):
    assert "run `facies pretrain" in check_study(unread, jobs=2).problem
    assert command(["run", str(unread)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(InputError, match=r"name it in study\.toml after `facies pretrain STUDY`"):
        load_encoder("ssl")


def test_dry_run__counts_and_writes_nothing(unread, capsys):
    assert command(["pretrain", str(unread), "--recipe", str(unread / "recipe.toml"), "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["n_people"] + plan["n_held_out_people"] == 40
    assert plan["n_steps"] == 4
    assert not (unread / "derived" / "pretrain").exists()


def test_command_line__changes_the_recipes_method_and_length(unread, capsys):
    arguments = ["pretrain", str(unread), "--recipe", str(unread / "recipe.toml"), "--dry-run", "--json"]
    assert command([*arguments, "--epochs", "3"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["n_steps"] == 3 * (plan["n_photographs"] // 16)
    assert command([*arguments, "--method", "mae"]) == 2
    assert "mae takes no hidden_dim" in capsys.readouterr().err


def test_recipe__whose_backbone_is_absent_is_one_line(unread, capsys):
    recipe = unread.parent / "absent.toml"
    recipe.write_text(RECIPE.replace("resnet10t", "resnet10"))
    assert command(["pretrain", str(unread), "--recipe", str(recipe)]) == 2
    assert capsys.readouterr().err.startswith("facies: no network 'resnet10': did you mean")


def test_gather_unlabelled__with_fewer_labelled_people_than_folds_goes_on_and_says_so(unread, tmp_path):
    study = Path(shutil.copytree(unread, tmp_path / "study"))
    readings = pd.read_csv(study / "readings.tsv", sep="\t", dtype=str)
    write_tsv(study / "readings.tsv", readings[readings.photo_id.isin(readings.photo_id.unique()[:3])])
    config = read_config(study)
    cohort, lacking = gather_unlabelled(study, config, jobs=2, random_state=1)
    assert lacking.startswith("3 labelled people for 5 folds")
    assert held_out_people(cohort, config) == []
    (study / "readings.tsv").unlink()
    recipe = read_recipe(study / "recipe.toml")
    assert plan_pretraining(study, recipe=recipe)["not_told"].startswith("0 labelled people for 5 folds")
    with pytest.raises(InputError, match="only 40 crops for batches of 128: set batch_size to 40 or less"):
        plan_pretraining(study)


def test_probe__knows_nobody_of_the_validation_fold_and_keeps_families_together(unread):
    config = read_config(unread)
    cohort, _ = gather_unlabelled(unread, config, jobs=2, random_state=1)
    config = config.model_copy(update={"models": config.models.model_copy(update={"group": "family_id"})})
    people = sorted(cohort.participants.participant_id)
    cohort.participants["family_id"] = [f"f{place // 2}" for place, _ in enumerate(people)]
    away = held_out_people(cohort, config)

    class Some:
        participant_ids = tuple(person for person in people if person not in away)

    probe = make_probe(cohort, config, Some(), random_state=1)
    assert probe.labels
    assert not set(probe.labels) & set(away)
    fold_of = cohort.participants.set_index("participant_id").family_id.to_frame().assign(fold=pd.Series(probe.folds)).dropna()
    assert fold_of.groupby("family_id").fold.nunique().max() == 1


def test_read_pretraining__a_study_that_learnt_none_has_none(unread):
    assert read_pretraining(unread, pd.DataFrame({"participant_id": []})) == {}
