"""Ways to learn side by side: what is compared, what is left out and why, what is kept, and that it is the same again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.cli.app import run
from facies.errors import InputError
from facies.store import read_table
from facies.study import learning_ways
from facies.study.config import read_config
from facies.study.demo import simulate_study
from facies.study.learning import LearningSummary, compare_learning, plan_comparison
from facies.study.learning_page import read_learning
from facies.study.learning_ways import plan_ways, way_of
from facies.study.run import run_study
from facies.tables import (
    LEARNING_ASSOCIATIONS,
    LEARNING_COSTS,
    LEARNING_CURVES,
    LEARNING_FORECASTS,
    LEARNING_PAIRS,
    LEARNING_WAYS,
    METRICS,
    PARTICIPANT_PREDICTIONS,
    PARTICIPANTS,
)

SETTINGS = """[study]
name = "Ways"
target = "perceived_age"
simulated = true

[embeddings]
encoders = ["pixels"]

[evaluation]
n_bootstrap = 200

[association]
n_bootstrap = 200
adjustments = { model_1 = ["age", "sex"] }

[[association.outcomes]]
name = "hearing_loss"
kind = "continuous"
"""
SKIPPED = ("dft", "ssl", "finetuned")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LearningSummary]:
    """Return a study of 45 simulated people whose classical ways were compared; do not write in it."""
    study = tmp_path_factory.mktemp("learning") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=45, random_state=3, size=96)
    (study / "study.toml").write_text(SETTINGS)
    return study, compare_learning(study, skip=SKIPPED)


def test_compare_learning__shows_every_way_or_why_it_is_left_out(compared):
    ways = compared[1].ways.set_index("model_id")
    assert list(ways.index) == ["pixels+ridge", "hog+ridge", "dft", "ssl", "finetuned"]
    assert (ways.loc[["hog+ridge", "pixels+ridge"], "n"] == 45).all()
    assert set(ways.note.dropna()) == {"left out by --skip"}
    assert (ways.mae_low < ways.mae)[:2].all()
    assert (ways.label_noise_floor < ways.mae)[:2].all()


def test_compare_learning__gives_the_numbers_of_an_ordinary_run(compared, tmp_path):
    study, summary = compared
    copy = Path(shutil.copytree(study, tmp_path / "study"))
    run_study(copy)
    metrics = read_table(copy, METRICS)
    mae = metrics[(metrics.system == "pixels+ridge") & (metrics.metric == "mae") & (metrics.subgroup == "all")].iloc[0]
    row = summary.ways.set_index("model_id").loc["pixels+ridge"]
    assert (row.mae, row.mae_low, row.mae_high) == pytest.approx((mae.value, mae.ci_low, mae.ci_high))
    page = (copy / "report" / "report.html").read_text()
    assert "Ways to learn" in page
    assert json.loads((copy / "report" / "results.json").read_text())["learning_curves"]
    predictions = read_table(copy, PARTICIPANT_PREDICTIONS)
    assert set(predictions.model_id) == {"pixels+ridge"}


def test_compare_learning__curves_end_where_the_cross_fit_is(compared):
    study, summary = compared
    curves = read_table(study, LEARNING_CURVES)
    people = curves[(curves.along == "people") & (curves.model_id == "pixels+ridge")].sort_values("size")
    mae = summary.ways.set_index("model_id").mae["pixels+ridge"]
    assert people.mae.iloc[-1] == pytest.approx(mae)
    readers = curves[(curves.along == "readers") & (curves.model_id == "pixels+ridge")].sort_values("size")
    assert np.diff(readers.label_noise_floor).max() < 0
    assert readers.mae.iloc[0] > readers.mae.iloc[-1]


def test_compare_learning__answers_how_many_more_people_and_readers_in_a_sentence(compared):
    study, summary = compared
    asked = [sentence for sentence in summary.sentences if "another 500 labelled people" in sentence.lower()]
    assert "another 10 readers a photograph would lower it by about" in asked[0]
    forecasts = read_table(study, LEARNING_FORECASTS)
    assert set(forecasts["size"] - forecasts.start) >= {10, 500, 45}
    assert (forecasts.gain_low <= forecasts.gain).all()


def test_compare_learning__sets_each_way_beside_the_human_association(compared):
    rows = read_table(compared[0], LEARNING_ASSOCIATIONS).set_index("source")
    assert list(rows.index) == ["panel", "pixels+ridge", "hog+ridge"]
    assert rows.ratio.isna().tolist() == [True, False, False]
    assert set(rows.variable) == {"hearing_loss"}


def test_compare_learning__keeps_no_vectors_of_encoders_that_it_alone_used(compared):
    study, _ = compared
    assert not (study / "derived" / "learning" / "parts").exists()
    costs = read_table(study, LEARNING_COSTS).set_index("model_id")
    assert (costs.photographs_per_second > 0).all()
    assert (costs.pretraining_minutes == 0).all()


def test_compare_learning__is_not_done_again_and_is_the_same_when_it_is(compared, tmp_path):
    study, summary = compared
    assert compare_learning(study, skip=SKIPPED).ran == ()
    copy = Path(shutil.copytree(study, tmp_path / "study"))
    for name in ("learning", "learning_curves"):
        shutil.rmtree(copy / "derived" / name)
    again = compare_learning(copy, skip=SKIPPED)
    pd.testing.assert_frame_equal(again.ways, summary.ways)
    for table in (LEARNING_PAIRS, LEARNING_CURVES, LEARNING_FORECASTS, LEARNING_ASSOCIATIONS):
        pd.testing.assert_frame_equal(read_table(copy, table), read_table(study, table))


def test_compare_learning__page_asks_the_network_for_nothing_and_names_nobody(compared):
    study, summary = compared
    page = summary.page.read_text()
    people = read_table(study, PARTICIPANTS).participant_id
    assert "http" not in page.replace("http-equiv", "")
    assert not any(f">{person}<" in page for person in people)
    assert "Every pair of models" in page
    assert "What more would bring" in page


def test_cli__compares_and_prints_one_json_object(compared, capsys):
    study, summary = compared
    assert run(["compare-learning", str(study), "--skip", ",".join(SKIPPED), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["model_id"] for row in shown["ways"]] == summary.ways.model_id.tolist()
    assert run(["compare-learning", str(study), "--skip", "magic"]) == 2
    assert "choose from classical, dft, ssl, finetuned" in capsys.readouterr().err


def test_plan__without_the_training_packages_their_ways_are_left_out_by_name(compared, monkeypatch):
    study, _ = compared
    monkeypatch.setattr(learning_ways, "TRAINING_PACKAGES", ("no_such_package",))
    plan = plan_ways(study, read_config(study))
    for way in ("ssl", "finetuned"):
        assert plan.left_out[way] == "left out, no_such_package is not installed: pip install 'facies[train]'"
    assert not plan.pretrain
    assert not plan.finetuned


def test_plan__says_what_would_be_learnt_first(compared):
    plan = plan_comparison(compared[0], skip=("finetuned",))
    assert plan["would_pretrain"]
    assert plan["further_encoders"][-1] == "ssl"


def test_plan__leaving_out_everything_is_refused(compared):
    study, _ = compared
    with pytest.raises(InputError, match="keep one or more"):
        plan_ways(study, read_config(study), skip=("classical", *SKIPPED))


def test_ways__pairs_are_those_of_a_comparison_of_two(compared):
    study, _ = compared
    pairs = read_table(study, LEARNING_PAIRS)
    assert set(zip(pairs.model_id, pairs.against, strict=True)) == {("pixels+ridge", "hog+ridge")}
    assert way_of("timm:resnet18") == "dft"
    assert LEARNING_WAYS.validate(read_table(study, LEARNING_WAYS)).way.nunique() == 4


def test_report__a_comparison_of_other_people_or_labels_is_called_out_of_date(compared):
    found = read_learning(compared[0], learnt_from="another hash")
    assert any("run `facies compare-learning` again" in note for note in found["learning_notes"])
