"""A whole study on disk: what it writes, what adds up, and what a wrong study says."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pandas as pd
import pytest

from facies.errors import FaciesError, InputError
from facies.records import RunRecord, from_json
from facies.store import read_table, write_tsv
from facies.study.check import check_study
from facies.study.initiate import init_study
from facies.study.run import plan_study, run_study
from facies.tables import (
    ASSOCIATIONS,
    FACES,
    METRICS,
    PANEL_ESTIMATES,
    PARTICIPANT_PREDICTIONS,
    PARTICIPANTS,
    PHOTOGRAPHS,
    PREDICTIONS,
    SPLITS,
)


def edit_config(study, old: str, new: str) -> None:
    text = (study / "study.toml").read_text()
    assert old in text
    (study / "study.toml").write_text(text.replace(old, new))


def test_run__writes_every_table_in_its_schema_and_a_report(finished):
    study, summary = finished
    for table in (PHOTOGRAPHS, FACES, SPLITS, PREDICTIONS, PARTICIPANT_PREDICTIONS, METRICS, ASSOCIATIONS):
        assert len(read_table(study, table)) > 0
    assert summary.report.read_text().startswith("<!doctype html>") or "<html" in summary.report.read_text()[:200]
    assert json.loads((study / "report" / "results.json").read_text())["study"]["simulated"] is True


def test_run__nobody_is_predicted_by_a_model_that_saw_the_person(finished):
    study, _ = finished
    predictions = read_table(study, PARTICIPANT_PREDICTIONS)
    folds = read_table(study, SPLITS).set_index("participant_id").fold
    assert (predictions.fold.to_numpy() == folds[predictions.participant_id].to_numpy()).all()


def test_run__a_model_of_painted_faces_beats_predicting_the_mean(finished):
    study, _ = finished
    metrics = read_table(study, METRICS)
    every = metrics[(metrics.subgroup == "all") & (metrics.metric == "mae")].set_index("system").value
    assert every["hog+ridge"] < 0.7 * every["predicting_the_mean"]
    assert every["hog+ridge"] > every["label_noise_floor"]


def test_run__slopes_between_human_and_computed_age_are_given_the_covariates(finished):
    study, _ = finished
    predictions, people = read_table(study, PARTICIPANT_PREDICTIONS), read_table(study, PARTICIPANTS)
    rows = predictions[predictions.model_id == "hog+ridge"].merge(people, on="participant_id")
    design = np.column_stack([rows.observed, rows.age, rows.sex == "male", np.ones(len(rows))]).astype(float)
    expected = np.linalg.lstsq(design, rows.predicted.to_numpy(), rcond=None)[0][0]
    found = read_table(study, ASSOCIATIONS).set_index(["exposure", "outcome", "adjustment"]).estimate
    assert found["perceived_age[panel]", "perceived_age[hog+ridge]", "model_1"] == pytest.approx(expected)


def test_run__the_flow_adds_up(finished):
    study, _ = finished
    flow = pd.DataFrame(json.loads((study / "report" / "results.json").read_text())["flow"])
    people = flow[flow.level == "participants"]
    n = {step: int(rows.n.sum()) for step, rows in people[people.reason.eq("")].groupby("step")}
    assert n["given"] == 90
    assert n["with label"] == read_table(study, PARTICIPANT_PREDICTIONS).participant_id.nunique()


def test_run__each_stage_leaves_a_record_whose_hashes_hold(finished):
    study, summary = finished
    assert [record.stage for record in summary.records] == ["cohort", "faces", "models", "evaluation", "association", "report"]
    for record in summary.records:
        assert from_json(RunRecord, (study / "derived" / record.stage / "run.json").read_text()) == record
        assert all((study / name).exists() for name in record.outputs)


def test_run__a_changed_setting_runs_only_what_depends_on_it(copied):
    edit_config(copied, "per_years = 5.0", "per_years = 10.0")
    assert run_study(copied, jobs=2).ran == ("association", "report")


def edit_table(study, name: str, change) -> None:
    table = pd.read_csv(study / f"{name}.tsv", sep="\t", dtype=str)
    change(table)
    write_tsv(study / f"{name}.tsv", table)


def test_run__a_corrected_reading_changes_the_models(copied):
    before = read_table(copied, PARTICIPANT_PREDICTIONS).predicted

    def correct(readings):
        readings.loc[readings.photo_id == readings.photo_id[0], "reading"] = "95"

    edit_table(copied, "readings", correct)
    assert run_study(copied).ran == ("cohort", "models", "evaluation", "association", "report")
    assert (read_table(copied, PARTICIPANT_PREDICTIONS).predicted != before).mean() > 0.5


def test_run__a_corrected_covariate_leaves_the_models(copied):
    def correct(participants):
        participants.loc[0, "bmi"] = "31.5"

    edit_table(copied, "participants", correct)
    assert run_study(copied).ran == ("cohort", "evaluation", "association", "report")


def test_run__another_column_under_an_outcomes_name_is_analysed(copied):
    edit_table(copied, "outcomes", lambda outcomes: outcomes.insert(1, "hearing", outcomes.hearing_loss.astype(float) * 2))
    before = run_study(copied) and read_table(copied, ASSOCIATIONS).set_index("outcome").estimate["hearing_loss"]
    edit_config(copied, "[embeddings]", '[inputs.rename.outcomes]\nhearing_loss = "old"\nhearing = "hearing_loss"\n\n[embeddings]')
    run_study(copied)
    after = read_table(copied, ASSOCIATIONS).set_index("outcome").estimate["hearing_loss"]
    np.testing.assert_allclose(after, 2 * before, rtol=1e-6)


def test_run__an_added_photograph_is_read_and_the_others_are_kept(copied, monkeypatch):
    photographs = pd.read_csv(copied / "photographs.tsv", sep="\t", dtype=str)
    source = copied / photographs.path[0]
    added = copied / "photos" / "added.jpg"
    from PIL import Image

    Image.open(source).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(added, quality=95)
    row = photographs.iloc[[0]].assign(photo_id="added", path="photos/added.jpg")
    write_tsv(copied / "photographs.tsv", pd.concat([photographs, row]))
    from facies.study.extraction import Extractor

    read: list[str] = []
    extract = Extractor.extract
    monkeypatch.setattr(Extractor, "extract", lambda self, task: (read.append(task.photo_id), extract(self, task))[1])
    run_study(copied, jobs=2)
    assert read == ["added"]
    assert read_table(copied, FACES).photo_id.nunique() == 91


def test_run__a_damaged_part_of_the_vectors_is_made_again(copied, finished):
    part = next((copied / "derived" / "embeddings" / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:1000])
    run_study(copied, jobs=2)
    original = finished[0] / part.relative_to(copied)
    assert part.read_bytes() == original.read_bytes()


def test_run__another_seed_gives_other_folds(copied):
    before = read_table(copied, SPLITS).fold.to_numpy()
    run_study(copied, jobs=2, seed=99)
    assert not np.array_equal(before, read_table(copied, SPLITS).fold.to_numpy())


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("study.toml", 'name = "copd"', 'name = "asthma"', "association.outcomes names 'asthma'"),
        ("study.toml", '"bmi"', '"weight"', "association.adjustments.model_2 names 'weight'"),
        ("study.toml", 'encoders = ["hog", "pixels"]', 'encoders = ["onnx:absent.onnx"]', "absent.onnx"),
        ("study.toml", 'encoders = ["hog", "pixels"]', 'encoders = ["cnn"]', "cnn"),
        ("participants.tsv", "female", "woman", "participants.tsv, line"),
        (
            "photographs.tsv",
            "p0001_s1_1\tp0001",
            "p0001_s1_1\tnobody",
            "photographs.tsv, line 2: participant_id 'nobody' is not in participants.tsv",
        ),
    ],
)
def test_run__a_wrong_study_is_one_line_that_names_the_place(copied, file, old, new, message):
    text = (copied / file).read_text()
    assert old in text
    (copied / file).write_text(text.replace(old, new))
    with pytest.raises(FaciesError) as caught:
        run_study(copied, jobs=2)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def recode(study, name: str, column: str, values) -> None:
    edit_table(study, name, lambda table: table.__setitem__(column, values(table.get(column))))


@pytest.mark.parametrize(
    ("table", "column", "values", "message"),
    [
        ("outcomes", "copd", lambda y: y.map({"0.0": "false", "1.0": "true"}), "binary outcome 'copd' is coded 'false' and 'true': recode"),
        ("outcomes", "cognition", lambda y: y.map(lambda value: "low"), "continuous outcome 'cognition' holds 'low'"),
        ("participants", "mc1r", lambda x: x.replace("2.0", "3"), "allele count 'mc1r' is outside 0 to 2"),
        ("participants", "bmi", lambda x: [f"text {i}" for i in range(len(x))], "covariate 'bmi' has 90 levels of text"),
    ],
)
def test_run__a_column_that_cannot_be_analysed_stops_before_the_long_work(copied, table, column, values, message):
    recode(copied, table, column, values)
    assert message in str(check_study(copied).problem)
    records = {path: path.read_bytes() for path in copied.glob("derived/*/run.json")}
    with pytest.raises(InputError, match=message):
        run_study(copied)
    assert records == {path: path.read_bytes() for path in copied.glob("derived/*/run.json")}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('[models]\nregressors = ["ridgee"]', "there is no regressor 'ridgee'"),
        ('[models]\nregressors = ["svr", "svr"]', "models.regressors names svr twice"),
        ('[[association.traits]]\nname = "mc1r"', "association names 'mc1r' twice"),
        ('[evaluation]\nsubgroups = ["copd"]', "subgroup 'copd' is no column of participants"),
    ],
)
def test_check__a_setting_that_a_late_stage_would_refuse_is_found(copied, section, message):
    edit_config(copied, "[embeddings]", f"{section}\n\n[embeddings]")
    assert message in str(check_study(copied).problem)


def test_run__seven_labelled_people_get_a_report_whose_errors_have_no_intervals(copied):
    readings = pd.read_csv(copied / "readings.tsv", sep="\t", dtype=str)
    write_tsv(copied / "readings.tsv", readings[readings.photo_id.isin(readings.photo_id.unique()[:7])])
    assert run_study(copied).report.is_file()
    metrics = read_table(copied, METRICS)
    mae = metrics[(metrics.system == "hog+ridge") & (metrics.subgroup == "all") & (metrics.metric == "mae")]
    assert mae.n.tolist() == [7]
    assert mae.ci_low.isna().all()


def test_run__equal_readings_stop_before_the_long_work(copied):
    recode(copied, "readings", "reading", lambda reading: "60")
    assert check_study(copied).problem == "perceived_age is 60 for all 90 participants who have one: correct the table"


def test_run__people_who_withdrew_are_in_no_table_of_results_and_no_analysis(copied):
    recode(copied, "participants", "consent_scope", lambda scope: ["withdrawn"] * 5 + ["analysis"] * 85)
    run_study(copied)
    withdrawn = read_table(copied, PARTICIPANTS).participant_id[:5]
    photographs = read_table(copied, PHOTOGRAPHS)
    theirs = photographs.photo_id[photographs.participant_id.isin(withdrawn)]
    assert not read_table(copied, PARTICIPANT_PREDICTIONS).participant_id.isin(withdrawn).any()
    assert not read_table(copied, PANEL_ESTIMATES).photo_id.isin(theirs).any()
    assert read_table(copied, ASSOCIATIONS).n.max() == 85
    assert not read_table(copied, ASSOCIATIONS).note.fillna("").str.contains("left out").any()


def test_check__says_when_relatives_stand_in_several_folds(copied):
    recode(copied, "participants", "family_id", lambda _: [f"f{i % 45}" for i in range(90)])
    note = next(note for note in check_study(copied).notes if "families" in note)
    assert note.endswith("families stand in several folds: relatives may flatter the errors (set models.group = 'family_id')")
    edit_config(copied, "[embeddings]", "[models]\ngroup = 'family_id'\n\n[embeddings]")
    assert not any("families" in note for note in check_study(copied).notes)


def test_run__no_photograph_at_all_is_an_error_with_the_reasons(copied):
    for path in (copied / "photos").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"none of 90 photographs can be used \(90 missing_file\)"):
        run_study(copied, jobs=2)


def test_check__says_what_a_run_would_use_and_writes_nothing(copied):
    before = set(copied.rglob("*"))
    (copied / "photos" / "p0001_s1_1.jpg").write_bytes(b"")
    found = check_study(copied, jobs=2)
    assert found.problem is None
    assert (found.n_photographs, found.n_participants) == (89, 89)
    assert found.flow.reason.eq("empty_file").sum() == 1
    assert set(copied.rglob("*")) == before


def test_check__unknown_identifiers_are_shown_and_explained(copied):
    text = (copied / "outcomes.tsv").read_text()
    (copied / "outcomes.tsv").write_text(text.replace("p0002", "P0002"))
    found = check_study(copied, jobs=2)
    assert found.problem is not None
    assert "P0002" in found.problem
    assert found.matches.is_fault.any()


def test_init__its_example_study_is_valid_and_check_explains_what_is_missing(tmp_path):
    init_study(tmp_path / "new")
    assert tomllib.loads((tmp_path / "new" / "study.toml").read_text())["study"]["name"] == "My cohort"
    found = check_study(tmp_path / "new")
    assert found.problem is not None
    assert "none of 4 photographs can be used (4 missing_file)" in found.problem


def test_plan__names_every_stage_and_runs_none(finished):
    study, _ = finished
    plan = plan_study(study)
    assert list(plan) == ["random_state", "cohort", "faces", "models", "evaluation", "association", "report"]
    assert all(text.startswith("ran at") for name, text in plan.items() if name != "random_state")
