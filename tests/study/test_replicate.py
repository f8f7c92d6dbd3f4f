"""One study's models and analyses taken to another study: what is written, what is refused, and what adds up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.association.replication import is_effect
from facies.errors import CropContractError, FaciesError, InputError
from facies.evaluation.recalibration import DISCOVERY_MEAN, RECALIBRATED
from facies.evaluation.shift import ALIKE, DISTANCE, GIVEN_AGE
from facies.records import RunRecord, from_json
from facies.simulation import simulate_validation
from facies.simulation.photographs import write_photographs
from facies.store import read_table, write_tsv
from facies.study.discovery import summary_path, write_cohort_summary
from facies.study.extraction import Extractor
from facies.study.predict import predict_photographs
from facies.study.replicate import plan_replication, replicate_study
from facies.study.run import run_study
from facies.tables import (
    ASSOCIATIONS,
    PARTICIPANT_PREDICTIONS,
    PARTICIPANTS,
    PHOTOGRAPHS,
    REPLICATION_ASSOCIATIONS,
    REPLICATION_FACE_PREDICTIONS,
    REPLICATION_FACES,
    REPLICATION_METRICS,
    REPLICATION_PREDICTIONS,
    REPLICATIONS,
    SHIFTS,
)

TABLES = (
    REPLICATION_FACES,
    REPLICATION_FACE_PREDICTIONS,
    REPLICATION_PREDICTIONS,
    REPLICATION_ASSOCIATIONS,
    REPLICATIONS,
    SHIFTS,
    REPLICATION_METRICS,
)
CONFIG = '[study]\nname = "Second cohort"\nsimulated = true\n'


def write_validation(folder: Path, *, n: int = 40, readings: bool = True) -> Path:
    """Write a study folder of other people, seen elsewhere."""
    cohort = simulate_validation(n, random_state=5, readings=readings)
    write_photographs(cohort, folder, size=96)
    tables = {"participants": cohort.participants, "photographs": cohort.photographs, "outcomes": cohort.outcomes}
    for name, table in (tables | ({"readings": cohort.readings} if readings else {})).items():
        write_tsv(folder / f"{name}.tsv", table)
    (folder / "study.toml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def discovery(finished: tuple[Path, object]) -> Path:
    """Return a finished study of 90 simulated people; do not write in it."""
    return finished[0]


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a second study as it came in; do not write in it."""
    return write_validation(tmp_path_factory.mktemp("validation") / "validation")


@pytest.fixture(scope="module")
def replicated(discovery: Path, validation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the second study after its replication; do not write in it."""
    study = Path(shutil.copytree(validation, tmp_path_factory.mktemp("replicated") / "validation"))
    replicate_study(discovery, study, jobs=2)
    return study


@pytest.fixture
def first(discovery: Path, tmp_path: Path) -> Path:
    """Return a copy of the discovery that a test may change."""
    return Path(shutil.copytree(discovery, tmp_path / "discovery"))


@pytest.fixture
def second(validation: Path, replicated: Path, tmp_path: Path) -> Path:
    """Return a copy of the second study that a test may change; its photographs have been read, nothing has been computed."""
    study = Path(shutil.copytree(validation, tmp_path / "validation"))
    parts = "derived/replication/parts"
    shutil.copytree(replicated / parts, study / parts)
    return study


@pytest.fixture
def done(replicated: Path, tmp_path: Path) -> Path:
    """Return a copy of the replicated study that a test may change."""
    return Path(shutil.copytree(replicated, tmp_path / "replicated"))


def travelling(discovery: Path, folder: Path) -> Path:
    """Copy only what may leave the discovery's site: no table of persons, no photograph, no vector."""
    shutil.copytree(discovery / "derived" / "models", folder / "derived" / "models")
    for name in ("predictions", "participant_predictions", "fold_predictions"):
        for path in (folder / "derived" / "models").glob(f"{name}.*"):
            path.unlink()
    (folder / "derived" / "association").mkdir()
    for name in ("associations.tsv", "associations.json"):
        shutil.copy(discovery / "derived" / "association" / name, folder / "derived" / "association")
    shutil.copy(discovery / "study.toml", folder)
    return folder


def results_of(study: Path) -> dict[str, bytes]:
    """Return the bytes of all that a replication wrote, run records apart."""
    folders = (study / "derived", study / "report")
    files = {path.relative_to(study).as_posix(): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if not name.endswith(("run.json", ".lock", "replication.html", "replication.json"))}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def edit_table(file: Path, change) -> None:
    table = pd.read_csv(file, sep="\t", dtype=str)
    write_tsv(file, change(table))


def test_replicate__writes_every_table_in_its_schema_a_record_and_a_page(replicated):
    for table in TABLES:
        assert len(read_table(replicated, table)) > 0, table.name
    record = from_json(RunRecord, (replicated / "derived" / "replication" / "run.json").read_text())
    assert (record.stage, record.n_in, record.n_out + sum(record.excluded.values())) == ("replication", 40, 40)
    assert "Replication report" in (replicated / "report" / "replication.html").read_text()
    assert json.loads((replicated / "report" / "replication.json").read_text())["replications"]


def test_replicate__has_a_row_for_every_effect_of_the_discovery(discovery, replicated):
    associations = read_table(discovery, ASSOCIATIONS)
    effects = associations[is_effect(associations)]
    found = read_table(replicated, REPLICATIONS)
    assert list(map(tuple, found[["exposure", "outcome", "adjustment"]].to_numpy())) == list(
        map(tuple, effects[["exposure", "outcome", "adjustment"]].to_numpy())
    )
    np.testing.assert_array_equal(found.n_discovery, effects.n)


def test_replicate__predicts_as_facies_predict_does(discovery, replicated):
    bundle = discovery / "derived" / "models" / "hog+ridge.bundle"
    plain = predict_photographs(bundle, replicated / "photographs.tsv", None).table.set_index("photo_id")[["predicted", "ci_low"]]
    rows = read_table(replicated, REPLICATION_FACE_PREDICTIONS).merge(read_table(replicated, REPLICATION_FACES), on="face_id")
    rows = rows[rows.model_id == "hog+ridge"].set_index("photo_id")[["predicted", "ci_low"]]
    pd.testing.assert_frame_equal(rows.sort_index(), plain.sort_index())


def test_replicate__its_associations_equal_a_regression_by_hand(discovery, replicated):
    predictions = read_table(replicated, REPLICATION_PREDICTIONS)
    people = pd.read_csv(replicated / "participants.tsv", sep="\t").merge(pd.read_csv(replicated / "outcomes.tsv", sep="\t"))
    rows = predictions[predictions.model_id == "hog+ridge"].merge(people, on="participant_id")
    design = np.column_stack([rows.predicted - rows.age, rows.age, rows.sex == "male", np.ones(len(rows))]).astype(float)
    expected = 5 * np.linalg.lstsq(design, rows.hearing_loss.to_numpy(), rcond=None)[0][0]
    found = read_table(replicated, REPLICATIONS).set_index(["exposure", "outcome", "adjustment"])
    row = found.loc[("years_looking_older[hog+ridge]", "hearing_loss", "model_1")]
    assert row.coef_validation == pytest.approx(expected)
    assert row.per == 5
    weights = np.array([row.std_error_discovery, row.std_error_validation]) ** -2.0
    assert row.coef_pooled == pytest.approx(weights @ [row.coef_discovery, row.coef_validation] / weights.sum())


def test_replicate__the_means_over_photographs_are_those_of_persons(replicated):
    predictions = read_table(replicated, REPLICATION_PREDICTIONS)
    readings = pd.read_csv(replicated / "readings.tsv", sep="\t").merge(pd.read_csv(replicated / "photographs.tsv", sep="\t"))
    expected = readings.groupby("participant_id").reading.mean()
    np.testing.assert_allclose(predictions.observed, expected[predictions.participant_id])
    assert (predictions.fold == -1).all()


def test_replicate__shift_and_calibration_tell_the_other_camera_and_ages(discovery, replicated):
    shift = read_table(replicated, SHIFTS).set_index(["measure", "model_id"])
    ages = [pd.read_csv(study / "participants.tsv", sep="\t").age for study in (discovery, replicated)]
    assert shift.loc[("age", "all"), ["discovery", "validation"]].tolist() == pytest.approx([values.mean() for values in ages])
    metrics = read_table(replicated, REPLICATION_METRICS).set_index(["system", "metric"]).value
    assert np.sign(shift.loc[(GIVEN_AGE, "hog+ridge"), "validation"]) == np.sign(metrics["hog+ridge", "bias"])
    assert abs(metrics[f"hog+ridge{RECALIBRATED}", "bias"]) < abs(metrics["hog+ridge", "bias"])
    observed = read_table(discovery, PARTICIPANT_PREDICTIONS).drop_duplicates("participant_id").observed.mean()
    here = read_table(replicated, REPLICATION_PREDICTIONS).drop_duplicates("participant_id").observed
    assert metrics[DISCOVERY_MEAN, "mae"] == pytest.approx((here - observed).abs().mean())
    assert metrics["label_noise_floor", "mae"] < metrics["hog+ridge", "mae"]
    assert shift.loc[(DISTANCE, "hog+ridge"), "discovery_high"] > 0


def test_replicate__the_second_time_nothing_is_computed_again(discovery, done):
    before = results_of(done)
    assert not replicate_study(discovery, done).ran
    assert results_of(done) == before


def test_replicate__only_what_travels_is_needed_and_gives_the_same_bytes(discovery, replicated, second, tmp_path):
    if not summary_path(discovery).exists():
        pytest.skip("the discovery's run writes no cohort_summary.json yet")
    replicate_study(travelling(discovery, tmp_path / "travelled"), second, jobs=1)
    assert results_of(second) == results_of(replicated)


def test_replicate__interrupted_while_reading_goes_on_and_gives_the_same_bytes(discovery, replicated, second, monkeypatch):
    shutil.rmtree(second / "derived")
    monkeypatch.setattr("facies.study.extraction.PART_SIZE", 8)
    extract, read = Extractor.extract, []

    def interrupted(self, task):
        read.append(task.photo_id)
        if len(read) == 25:
            raise KeyboardInterrupt
        return extract(self, task)

    monkeypatch.setattr(Extractor, "extract", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replicate_study(discovery, second)
    kept = list((second / "derived" / "replication" / "parts").iterdir())
    assert kept
    read.clear()
    monkeypatch.setattr(Extractor, "extract", lambda self, task: (read.append(task.photo_id), extract(self, task))[1])
    replicate_study(discovery, second)
    assert len(read) == 40 - 8 * len(kept)
    without_parts = {name: data for name, data in results_of(second).items() if "/parts/" not in name}
    assert without_parts == {name: data for name, data in results_of(replicated).items() if "/parts/" not in name}


def test_replicate__a_changed_outcome_is_analysed_anew_without_reading_photographs(discovery, done, monkeypatch):
    monkeypatch.setattr(Extractor, "extract", lambda self, task: pytest.fail("a photograph was read again"))
    before = read_table(done, REPLICATIONS).set_index(["exposure", "outcome", "adjustment"]).coef_validation
    edit_table(done / "outcomes.tsv", lambda table: table.assign(hearing_loss=(table.hearing_loss.astype(float) * 2).astype(str)))
    assert replicate_study(discovery, done).ran
    after = read_table(done, REPLICATIONS).set_index(["exposure", "outcome", "adjustment"]).coef_validation
    key = ("years_looking_older[hog+ridge]", "hearing_loss", "model_1")
    assert after[key] == pytest.approx(2 * before[key])


@pytest.fixture(scope="module")
def poor(discovery: Path, validation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a replication that lacks much: no summary of the discovery, no readings, few columns, a photograph without a face."""
    from PIL import Image

    base = tmp_path_factory.mktemp("poor")
    study = Path(shutil.copytree(validation, base / "validation"))
    (study / "readings.tsv").unlink()
    edit_table(study / "participants.tsv", lambda table: table.drop(columns=["bmi", "mc1r"]))
    edit_table(study / "outcomes.tsv", lambda table: table.drop(columns=["copd"]))
    names = pd.read_csv(study / "photographs.tsv", sep="\t").path
    Image.new("RGB", (96, 96), (90, 120, 90)).save(study / names[0], "JPEG")
    folder = travelling(discovery, base / "travelled")
    summary_path(folder).unlink(missing_ok=True)
    replicate_study(folder, study)
    return study


def test_replicate__without_readings_models_are_replicated_and_the_panel_says_why_not(poor):
    found = read_table(poor, REPLICATIONS)
    panel = found.exposure.str.contains("[panel]", regex=False) | found.outcome.str.contains("[panel]", regex=False)
    assert (found.verdict[panel] == "no estimate").all()
    assert found.note[panel].str.contains("no readings").all()
    assert found.coef_pooled[~panel].notna().any()
    assert read_table(poor, REPLICATION_METRICS).empty
    assert "nobody in the validation has a reference" in (poor / "report" / "replication.html").read_text()


def test_replicate__absent_columns_are_rows_with_the_reason(poor):
    found = read_table(poor, REPLICATIONS)
    for rows, column in (
        (found[found.outcome == "copd"], "copd"),
        (found[found.adjustment == "model_2"], "bmi"),
        (found[found.exposure == "mc1r"], "mc1r"),
    ):
        assert len(rows)
        assert (rows.n_validation == 0).all()
        assert rows.note.str.contains(f"no column '{column}'").all()
    computed = found.exposure == "years_looking_older[hog+ridge]"
    assert found.coef_pooled[computed & (found.outcome == "hearing_loss") & (found.adjustment == "model_1")].notna().all()


def test_replicate__a_photograph_without_a_face_is_a_row_with_its_reason(poor):
    assert read_table(poor, REPLICATION_FACES).exclusion_reason.dropna().tolist() == ["no_face"]
    assert read_table(poor, REPLICATION_PREDICTIONS).participant_id.nunique() == 39
    assert from_json(RunRecord, (poor / "derived" / "replication" / "run.json").read_text()).excluded == {"no_face": 1}


def test_replicate__without_any_number_of_the_discoverys_cohort_the_shift_says_so(poor):
    shift = read_table(poor, SHIFTS)
    assert shift[shift.measure == "age"].warning.item() == "the discovery's cohort_summary.json is absent: ask for it"
    assert shift[shift.measure == "age"].validation.notna().all()
    assert "cohort_summary.json is absent: ask for it" in (poor / "report" / "replication.html").read_text()


def test_write_cohort_summary__names_nobody(first):
    path = write_cohort_summary(
        first, read_table(first, PARTICIPANTS), read_table(first, PHOTOGRAPHS), read_table(first, PARTICIPANT_PREDICTIONS)
    )
    assert "p0001" not in path.read_text()
    assert json.loads(path.read_text())["n_participants"] == 90


def test_plan__says_what_would_be_done_and_writes_nothing(discovery, second):
    edit_table(second / "outcomes.tsv", lambda table: table.drop(columns=["copd"]))
    before = set(second.rglob("*"))
    plan = plan_replication(discovery, second)
    assert plan["models"] == ["hog+ridge", "pixels+ridge"]
    assert (plan["n_participants"], plan["n_with_reference"]) == (40, 40)
    assert plan["lacking"] == {"variable copd": "no column 'copd'"}
    assert set(second.rglob("*")) == before


def refused(discovery: Path, validation: Path) -> str:
    """Return the one line that stops a replication; nothing may have been written."""
    with pytest.raises(FaciesError) as caught:
        replicate_study(discovery, validation)
    assert "\n" not in str(caught.value)
    assert not (validation / "derived" / "replication" / "replications.tsv").exists()
    return str(caught.value)


def test_replicate__a_discovery_that_was_never_run_is_refused(first, second):
    shutil.rmtree(first / "derived")
    assert "has no models (model_cards.json is absent): run `facies run" in refused(first, second)


def test_replicate__a_discovery_without_associations_is_refused(first, second):
    shutil.rmtree(first / "derived" / "association")
    assert "has no associations (associations.tsv is absent)" in refused(first, second)


def test_replicate__an_altered_bundle_is_refused(first, second):
    part = first / "derived" / "models" / "hog+ridge.bundle" / "regressor.safetensors"
    part.write_bytes(part.read_bytes()[:-1])
    assert "regressor.safetensors in the bundle hog+ridge.bundle is cut off or altered" in refused(first, second)


def test_replicate__a_bundle_of_another_run_is_refused(first, second):
    edit(first / "derived" / "models" / "model_cards.json", '"n_participants": 90', '"n_participants": 91')
    assert "the bundle of hog+ridge and model_cards.json come from different runs" in refused(first, second)


def test_replicate__settings_changed_after_the_run_are_refused(first, second):
    if not (first / "derived" / "association" / "run.json").exists():
        pytest.skip("the discovery has no record of its associations")
    edit(first / "study.toml", "per_years = 5.0", "per_years = 10.0")
    assert "association.per_years in study.toml of" in refused(first, second)


def test_replicate__other_steps_than_the_associations_have_are_refused(discovery, second, tmp_path):
    folder = travelling(discovery, tmp_path / "travelled")
    edit(folder / "study.toml", "per_years = 5.0", "per_years = 10.0")
    assert "is 5.0 in the discovery and 10.0 in the validation" in refused(folder, second)


def test_replicate__the_other_direction_than_the_associations_have_is_refused(discovery, second, tmp_path):
    folder = travelling(discovery, tmp_path / "travelled")
    edit(folder / "study.toml", "per_years = 5.0", 'per_years = 5.0\ndirection = "delta_pa_rotterdam"')
    assert "analyse both with the same direction" in refused(folder, second)


def test_replicate__the_discovery_itself_is_refused(discovery):
    assert "is the discovery itself: name the folder of another study" in refused(discovery, discovery)


def test_replicate__another_target_is_refused(discovery, second):
    edit(second / "study.toml", "simulated", 'target = "age"\nsimulated')
    assert "the discovery's models predict perceived_age, study.toml of" in refused(discovery, second)


def test_replicate__another_detector_is_refused(discovery, second):
    edit(second / "study.toml", "[study]", '[faces]\ndetector = "given"\n\n[study]')
    assert "the models' faces were found by facies-finder, study.toml of the validation asks for given" in refused(discovery, second)


def test_replicate__a_detector_with_other_weights_is_refused(discovery, second, monkeypatch):
    contract = Extractor.contract
    monkeypatch.setattr(Extractor, "contract", lambda self, card: contract(self, card).found_by("facies-finder", "0" * 64))
    with pytest.raises(CropContractError, match=r"hog\+ridge: the model expects faces cut with detector_sha256"):
        replicate_study(discovery, second)


def test_replicate__no_usable_photograph_is_refused(discovery, second):
    from PIL import Image

    for path in (second / "photos").iterdir():
        Image.new("RGB", (96, 96), (4 * int(path.stem[1:5]), 120, 90)).save(path, "JPEG")
    assert "no photograph of the validation shows a usable face (40 no_face)" in refused(discovery, second)


def test_replicate__no_common_outcome_is_refused(discovery, second):
    (second / "outcomes.tsv").unlink()
    edit_table(second / "participants.tsv", lambda table: table.drop(columns=["mc1r"]))
    message = "none of the discovery's outcomes and traits (osteoporosis, copd, cataract, hearing_loss, cognition, mc1r)"
    assert message in refused(discovery, second)


def test_replicate__an_outcome_coded_otherwise_is_refused_and_the_study_is_named(discovery, second):
    edit_table(second / "outcomes.tsv", lambda table: table.assign(copd=table.copd.map({"0.0": "1", "1.0": "2"})))
    line = refused(discovery, second)
    assert line.startswith(f"{second}: binary outcome 'copd' is coded 1 and 2")


def test_replicate__the_same_participant_in_both_is_refused(discovery, second):
    for name in ("participants", "photographs", "outcomes"):
        edit_table(second / f"{name}.tsv", lambda table: table.assign(participant_id=table.participant_id.replace("v0001", "p0001")))
    assert "1 participants have the same participant_id in both studies, first p0001" in refused(discovery, second)


def photographs_of(study: Path) -> Iterator[Path]:
    return iter(study / path for path in pd.read_csv(study / "photographs.tsv", sep="\t").path)


def test_replicate__the_same_photograph_in_both_is_refused(discovery, second):
    shutil.copy(next(photographs_of(discovery)), next(photographs_of(second)))
    assert "1 photographs are in both studies, first v0001_s1_1 of the validation, which is p0001_s1_1" in refused(discovery, second)


def show_a_photograph_of_the_discovery(discovery: Path, study: Path, **person: str) -> None:
    """Compress a photograph of the discovery again, in its own name, and give its person this age and sex."""
    from PIL import Image

    with Image.open(next(photographs_of(discovery))) as picture:
        picture.save(next(photographs_of(study)), "JPEG", quality=95)
    edit_table(study / "participants.tsv", lambda table: table.assign(**{k: [v, *table[k][1:]] for k, v in person.items()}))


def test_replicate__the_same_picture_compressed_again_is_refused(discovery, second):
    owner = pd.read_csv(discovery / "participants.tsv", sep="\t", dtype=str).iloc[0]
    show_a_photograph_of_the_discovery(discovery, second, age=owner.age, sex=owner.sex)
    assert "1 photographs look the same in both studies, first v0001_s1_1 of the validation and p0001_s1_1" in refused(discovery, second)


def test_replicate__pictures_that_look_alike_of_people_of_other_ages_are_counted(discovery, second):
    show_a_photograph_of_the_discovery(discovery, second, age="20")
    replicate_study(discovery, second)
    shift = read_table(second, SHIFTS).set_index("measure")
    assert shift.loc[ALIKE, "validation"] == 1
    assert shift.loc[ALIKE, "warning"] == "look at them: nobody may be in both cohorts"


def test_replicate__a_discovery_of_age_is_held_against_ages(first, second):
    for study in (first, second):
        (study / "study.toml").write_text(
            '[study]\nname = "Ages"\ntarget = "age"\n[embeddings]\nencoders = ["pixels"]\n[evaluation]\nn_bootstrap = 200\n'
            '[association]\n[[association.outcomes]]\nname = "hearing_loss"\nkind = "continuous"\n'
        )
    run_study(first, jobs=2)
    (second / "readings.tsv").unlink()
    replicate_study(first, second)
    predictions = read_table(second, REPLICATION_PREDICTIONS)
    ages = pd.read_csv(second / "participants.tsv", sep="\t").set_index("participant_id").age
    np.testing.assert_allclose(predictions.observed, ages[predictions.participant_id])
    assert set(read_table(second, REPLICATION_METRICS).target) == {"age"}
    assert read_table(second, REPLICATIONS).exposure.tolist() == ["age[pixels+ridge]"]


def test_command__prints_one_json_object_and_copies_the_page(discovery, done, tmp_path):
    command = [sys.executable, "-m", "facies", "replicate", "--json", "-o", str(tmp_path / "page.html"), str(discovery), str(done)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    said = json.loads(ran.stdout)
    assert (said["ran"], said["n_participants"], said["page"]) == (False, 40, str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text() == (done / "report" / "replication.html").read_text()


def test_command__a_wrong_folder_is_one_line_and_status_2(discovery, tmp_path):
    command = [sys.executable, "-m", "facies", "replicate", str(discovery), str(tmp_path / "absent")]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert ran.returncode == 2
    assert ran.stderr.startswith("facies: ")
    assert ran.stderr.count("\n") == 1


def test_raises__an_input_error_where_the_validation_lacks_every_adjustment_set(discovery, second):
    edit_table(second / "participants.tsv", lambda table: table.drop(columns=["sex"]))
    with pytest.raises(InputError, match="lacks covariates of every adjustment set"):
        replicate_study(discovery, second)
