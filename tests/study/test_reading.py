"""Readers of a study: the plan, readings from elsewhere, and the comparison, on small simulated studies."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from reading_studies import LEVELS, diagnose, diagnoses_of, owner_of, owners, set_reading, withdraw, write_levels

from facies.cohort.files import read_user_table
from facies.errors import InputError
from facies.readers import panel_means
from facies.store import read_frame, read_table, write_tsv
from facies.study.check import check_study
from facies.study.config import parse_config, read_config
from facies.study.demo import simulate_study
from facies.study.demo_facies import simulate_condition_study
from facies.study.intake import gather_cohort
from facies.study.reading.compare import compare_study_readers
from facies.study.reading.files import ImportedFile, import_file, write_imrmc
from facies.study.reading.plan import plan_reading, read_plan
from facies.study.run import run_study
from facies.tables import (
    PANEL_VALUES,
    PARTICIPANT_PREDICTIONS,
    READER_AGREEMENT,
    READER_COMPARISON,
    READER_ESTIMATES,
    READER_PERFORMANCE,
    READINGS,
)

QUICK = "\n[evaluation]\nn_bootstrap = 200\n\n[conditions.saliency]\nn_faces = 10\n"


@pytest.fixture(scope="module")
def ages(tmp_path_factory):
    """Return a study of the ages of 40 people, not run yet; do not write in it."""
    study = tmp_path_factory.mktemp("ages") / "study"
    simulate_study(study, n_participants=40, encoders=("pixels",), size=96, random_state=3)
    return study


@pytest.fixture
def study(ages, tmp_path):
    """Return a copy that a test may change."""
    return Path(shutil.copytree(ages, tmp_path / "study"))


@pytest.fixture(scope="module")
def clinic_run(tmp_path_factory):
    """Return a study of conditions that was run, planned and read by four simulated readers; do not write in it."""
    study = tmp_path_factory.mktemp("clinic") / "study"
    simulate_condition_study(study, scale=0.12, encoders=("pixels",), n_repeats=1, size=96, follow_up=False, random_state=2)
    path = study / "study.toml"
    path.write_text(path.read_text().replace("n_repeats = 1\n", "n_repeats = 1\nn_permutations = 100\n") + QUICK)
    set_reading(study, n_photographs=40, case_share=0.4, repeat_fraction=0.1, gap=5, margins={"auc": 0.1})
    write_levels(study)
    run_study(study, jobs=2)
    plan = plan_reading(study).plan
    write_tsv(study / "readings.tsv", diagnose(study, plan, "acromegaly"))
    return study


@pytest.fixture
def clinic(clinic_run, tmp_path):
    """Return a copy that a test may change."""
    return Path(shutil.copytree(clinic_run, tmp_path / "study"))


def readings_of(study: Path) -> pd.DataFrame:
    return read_user_table(study / "readings.tsv", READINGS)


# The plan


def test_plan__gives_every_reader_one_photograph_of_each_person(study):
    set_reading(study, n_readers=3, repeat_fraction=0)
    found = plan_reading(study)
    assert found.added == ("r01", "r02", "r03")
    people = read_frame(study / "photographs.tsv").drop_duplicates("participant_id").participant_id
    for _, own in read_plan(study).groupby("reader_id"):
        assert sorted(owner_of(study, photo_id) for photo_id in own.photo_id) == sorted(people)


def test_plan__that_is_only_asked_about_writes_nothing_at_all(study):
    set_reading(study, n_readers=2)
    before = sorted(study.rglob("*"))
    plan_reading(study, write=False)
    assert sorted(study.rglob("*")) == before


def test_new_reader__leaves_the_rows_of_the_others_as_they_are(study):
    set_reading(study, n_readers=2, n_photographs=20, gap=5)
    before = plan_reading(study).plan
    set_reading(study, n_readers=3, n_photographs=20, gap=5)
    found = plan_reading(study)
    assert found.added == ("r03",)
    pd.testing.assert_frame_equal(found.plan.head(len(before)), before)
    assert set(found.plan.photo_id) == set(before.photo_id)


def test_settings_that_change_after_the_plan__change_nothing_and_that_is_said(study):
    set_reading(study, n_readers=2, n_photographs=20, gap=5)
    before = plan_reading(study)
    text = before.path.read_bytes()
    set_reading(study, n_readers=2, n_photographs=30, repeat_fraction=0.5)
    after = plan_reading(study)
    assert after.added == ()
    assert before.path.read_bytes() == text
    assert "the plan stays as it is" in after.notes[0]
    assert any("20 people of the study are not in the plan" in note for note in after.notes)


def test_withdrawn_people__leave_the_plan_and_readers_can_still_be_added(study):
    set_reading(study, n_readers=2, n_photographs=20, gap=5)
    before = plan_reading(study).plan
    gone = before.photo_id.iloc[0]
    withdraw(study, owner_of(study, gone))
    set_reading(study, n_readers=3, n_photographs=20, gap=5)
    after = plan_reading(study)
    assert gone not in set(read_plan(study).photo_id)
    assert after.added == ("r03",)
    assert "1 photographs of people who withdrew were taken out of the plan" in after.notes
    kept = before[before.photo_id != gone].reset_index(drop=True)
    pd.testing.assert_frame_equal(after.plan.head(len(kept)), kept)


def test_photograph_that_is_lost__is_an_error_not_a_withdrawal(study):
    set_reading(study, n_readers=1)
    plan = plan_reading(study).plan
    path = read_frame(study / "photographs.tsv").set_index("photo_id").path[plan.photo_id.iloc[0]]
    (study / path).unlink()
    with pytest.raises(InputError, match=r"is no usable photograph any more \(1 such\): restore it"):
        plan_reading(study)


def test_training_case_of_somebody_who_withdrew__is_not_shown_to_a_new_reader(study):
    first = sorted(read_frame(study / "photographs.tsv").photo_id)[0]
    set_reading(study, n_readers=1, training=[first])
    plan_reading(study)
    withdraw(study, owner_of(study, first))
    set_reading(study, n_readers=2, training=[first])
    with pytest.raises(InputError, match="training or attention cases is no usable photograph"):
        plan_reading(study)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_case_share__that_rounds_to_nobody_or_everybody_is_refused(clinic, share):
    shutil.rmtree(clinic / "reading")
    set_reading(clinic, n_photographs=4, case_share=share)
    with pytest.raises(InputError, match="case_share"):
        plan_reading(clinic)


def test_case_share__is_met(clinic_run):
    ill, owner = diagnoses_of(clinic_run), owners(clinic_run)
    photos = read_plan(clinic_run).photo_id.drop_duplicates()
    assert len(photos) == 40
    assert photos.map(owner).map(ill).isin(["acromegaly", "cushing"]).sum() == 16


def test_case_share__in_a_study_of_ages_is_refused(study):
    set_reading(study, n_readers=2, n_photographs=10, case_share=0.5)
    with pytest.raises(InputError, match=r"case_share needs study\.target"):
        plan_reading(study)


def test_nobody_to_read__says_how_to_name_readers(study):
    with pytest.raises(InputError, match=r"reader_levels\.tsv .* or reading\.n_readers"):
        plan_reading(study)


# Readings from elsewhere


@pytest.fixture
def unread(study):
    (study / "readings.tsv").unlink()
    return study


def wide(study: Path, name: str = "panel.csv", **columns: object) -> Path:
    photo_ids = sorted(read_frame(study / "photographs.tsv").photo_id)[:4]
    path = study.parent / name
    frame = pd.DataFrame({"photo_id": photo_ids, **(columns or {"anna": ["50-54", "57", "<20", ""], "ben": ["61", "", "40", "85+"]})})
    frame.to_csv(path, index=False)
    return path


def test_wide_spreadsheet__becomes_readings(unread):
    found = import_file(unread, ImportedFile(wide(unread)))
    assert found.path == unread / "readings.tsv"
    assert readings_of(unread).groupby("reader_id").reading.apply(list).to_dict() == {"anna": [52, 57, 17], "ben": [61, 40, 87]}


def test_faults_of_a_spreadsheet__are_all_told_under_the_files_own_name(unread):
    with pytest.raises(InputError) as found:
        import_file(unread, ImportedFile(wide(unread, anna=["old", "57", "14-Oct", ""])))
    lines = str(found.value).splitlines()
    assert lines[0] == "panel.csv has 2 faults:"
    assert [line.partition(":")[0] for line in lines[1:]] == ["panel.csv, line 2", "panel.csv, line 4"]
    assert not (unread / "readings.tsv").exists()


def test_one_fault__is_one_line(unread):
    with pytest.raises(InputError) as found:
        import_file(unread, ImportedFile(wide(unread, anna=["50", "57", "14-Oct", ""])))
    assert str(found.value).startswith("panel.csv, line 4: column anna")
    assert "\n" not in str(found.value)


def test_unknown_photograph__is_named_with_its_line(unread):
    path = wide(unread)
    path.write_text(path.read_text() + "nobody,50,50\n")
    with pytest.raises(InputError, match=r"panel\.csv, line 6: photograph 'nobody' is not in the photographs"):
        import_file(unread, ImportedFile(path))


def test_age_that_nobody_has__is_refused_before_it_is_written(unread):
    with pytest.raises(InputError, match=r"panel\.csv: the reading of .* by anna is 520"):
        import_file(unread, ImportedFile(wide(unread, anna=["520", "57", "40", ""])))
    assert not (unread / "readings.tsv").exists()


def test_target_that_the_study_does_not_judge__is_refused(unread):
    with pytest.raises(InputError, match="target is 'acromegalia': choose one of perceived_age"):
        import_file(unread, ImportedFile(wide(unread), target="acromegalia"))


def test_import_that_is_only_asked_about__writes_nothing_at_all(unread):
    path = wide(unread)
    before = sorted(unread.rglob("*"))
    assert len(import_file(unread, ImportedFile(path), write=False).readings) == 6
    assert sorted(unread.rglob("*")) == before


def test_second_import__adds_and_the_same_one_again_is_refused(unread):
    import_file(unread, ImportedFile(wide(unread)))
    import_file(unread, ImportedFile(wide(unread, "more.csv", carl=["50", "51", "52", "53"])))
    assert readings_of(unread).reader_id.value_counts().to_dict() == {"anna": 3, "ben": 3, "carl": 4}
    before = (unread / "readings.tsv").read_bytes()
    with pytest.raises(InputError, match=r"more\.csv: the reading of .* by carl .* is in readings\.tsv already, and 3 others"):
        import_file(unread, ImportedFile(unread.parent / "more.csv"))
    assert (unread / "readings.tsv").read_bytes() == before


def test_readings_of_people_who_withdrew__are_left_out_and_counted(unread):
    path = wide(unread)
    first = pd.read_csv(path).photo_id[0]
    withdraw(unread, owner_of(unread, first))
    found = import_file(unread, ImportedFile(path))
    assert found.notes == ("2 readings of people who withdrew were left out",)
    assert first not in set(readings_of(unread).photo_id)


def test_readings_beside_ready_panel_means__are_refused(unread):
    ids = sorted(read_frame(unread / "photographs.tsv").photo_id)
    means = {"photo_id": ids, "target": "perceived_age", "panel_mean": 50.0, "n_readers": 10, "reading_sd": 5.0, "std_error": 1.6}
    write_tsv(unread / "panel_estimates.tsv", pd.DataFrame(means))
    with pytest.raises(InputError, match=r"move panel_estimates\.tsv away first"):
        import_file(unread, ImportedFile(wide(unread)))


def test_redcap_export__becomes_readings(unread):
    ids = sorted(read_frame(unread / "photographs.tsv").photo_id)[:2]
    path = unread.parent / "redcap.csv"
    rows = [f"r1,age,1,{ids[0]},2", f"r1,age,2,{ids[1]},1"]
    path.write_text("record_id,redcap_repeat_instrument,redcap_repeat_instance,face,seen\n" + "\n".join(rows) + "\n")
    asked = ImportedFile(
        path, redcap=True, reader_field="record_id", photo_column="face", reading_field="seen", choices="1, <20 | 2, 20-24"
    )
    assert import_file(unread, asked).readings.reading.tolist() == [22, 17]
    path.write_text(path.read_text().replace(",2\n", ",7\n", 1))
    (unread / "readings.tsv").unlink()
    with pytest.raises(InputError, match=r"^redcap\.csv, line 2"):
        import_file(
            unread, ImportedFile(path, redcap=True, reader_field="record_id", photo_column="face", reading_field="seen", choices="1, 18")
        )


def test_file_of_another_kind_or_encoding__is_one_line(unread):
    path = unread.parent / "panel.doc"
    path.write_text("x")
    with pytest.raises(InputError, match=r"panel\.doc is not a table"):
        import_file(unread, ImportedFile(path))
    listed = unread.parent / "list.imrmc"
    listed.write_bytes("é\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"list\.imrmc cannot be read as UTF-8"):
        import_file(unread, ImportedFile(listed))


def test_imrmc_list__comes_back_as_it_went_out_without_the_models(clinic):
    before = readings_of(clinic)
    path = write_imrmc(clinic, "acromegaly")
    (clinic / "readings.tsv").unlink()
    found = import_file(clinic, ImportedFile(path, target="acromegaly")).readings
    assert set(found.reader_id) == set(LEVELS)
    assert set(found.target) == {"acromegaly"}
    calls = before[before["repeat"] == 0].set_index(["reader_id", "photo_id"])
    once = ~before.duplicated(["reader_id", "photo_id"], keep=False)
    single = before[once].set_index(["reader_id", "photo_id"])
    signed = (2 * single.reading - 1) * single.confidence
    back = found.set_index(["reader_id", "photo_id"]).reading
    assert len(back) == len(calls)
    pd.testing.assert_series_equal(back.reindex(signed.index), signed, check_names=False)


def test_imrmc_list_with_one_foreign_modality__is_unaided_and_with_two_is_refused(clinic):
    person = read_frame(clinic / "participants.tsv").participant_id.iloc[0]
    path = clinic.parent / "list.imrmc"
    path.write_text(f"x\nBEGIN DATA:\n-1,{person},0,1\nanna2,{person},CT,60\n")
    assert import_file(clinic, ImportedFile(path, target="acromegaly"), write=False).readings.target.tolist() == ["acromegaly"]
    path.write_text(path.read_text() + f"anna2,{person},MR,60\n")
    with pytest.raises(InputError, match="modality CT is neither unaided nor aided"):
        import_file(clinic, ImportedFile(path, target="acromegaly"), write=False)


def owner_of_clinic_reading(study: Path) -> str:
    read = readings_of(study).photo_id.map(owners(study))
    return str(read[read.isin(diagnoses_of(study).index)].iloc[0])


def test_imrmc_list__holds_nobody_who_withdrew(clinic):
    person = owner_of_clinic_reading(clinic)
    withdraw(clinic, person)
    assert f": {person}\n" not in write_imrmc(clinic, "acromegaly").read_text()


# The check


def test_check__says_what_there_is_for_readers(clinic):
    notes = check_study(clinic).notes
    n = len(readings_of(clinic))
    assert "reader_levels: 4 readers, levels expert, resident" in notes
    assert f"reading_plan.tsv: {n} readings of 40 photographs by 4 readers" in notes
    assert f"readings.tsv: {n} readings of 40 photographs by 4 readers" in notes
    rows = readings_of(clinic)
    write_tsv(clinic / "readings.tsv", rows.assign(photo_id=rows.photo_id.mask(rows.index == 3, "nobody")))
    said = "readings.tsv: photo_id nobody is no photograph of the study (1 such): `facies compare` will refuse the table"
    assert said in check_study(clinic).notes
    write_tsv(clinic / "reader_levels.tsv", pd.DataFrame({"reader_id": ["anna"], "grade": ["expert"]}))
    assert "level" in str(check_study(clinic).problem)


# The comparison


def test_comparison_of_ages__is_about_the_readings_that_are_there(ages, tmp_path):
    study = Path(shutil.copytree(ages, tmp_path / "study"))
    (study / "study.toml").write_text((study / "study.toml").read_text() + QUICK.partition("[cond")[0])
    run_study(study, jobs=2)
    found = compare_study_readers(study)
    assert [record.stage for record in found.records] == ["panel", "readers", "readers_report"]
    readings = readings_of(study)
    estimates = read_table(study, READER_ESTIMATES)
    assert set(estimates.reader_id) == set(readings.reader_id)
    means = read_table(study, PANEL_VALUES).query("estimator == 'mean'").set_index("photo_id").value
    plain = readings.groupby(["photo_id", "reader_id"]).reading.mean().groupby("photo_id").mean()
    assert means.to_dict() == pytest.approx(plain.to_dict())
    predicted = read_table(study, PARTICIPANT_PREDICTIONS)
    agreement = read_table(study, READER_AGREEMENT)
    between = agreement[(agreement.statistic == "bias") & agreement.between.str.contains("model")]
    bias = between.set_index("model_id").value
    model = bias.index[0]
    own = predicted[predicted.model_id == model].set_index("participant_id").predicted
    owner = owners(study)
    difference = readings.photo_id.map(owner).map(own) - readings.reading
    assert bias[model] == pytest.approx(difference.mean(), abs=0.5)

    person = owner[readings.photo_id.iloc[0]]
    withdraw(study, person)
    compare_study_readers(study)
    assert readings.photo_id.iloc[0] not in set(read_table(study, PANEL_VALUES).photo_id)
    assert read_table(study, READER_AGREEMENT).n.max() == 39


def test_comparison_in_a_study_that_was_not_run__fits_the_panel_and_notes_the_rest(study):
    found = compare_study_readers(study)
    assert any("the study has no participant_predictions yet" in note for note in found.notes)
    assert len(read_table(study, READER_ESTIMATES))
    assert str(study) not in (study / "report" / "readers.html").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[rows.reader_id == rows.reader_id.iloc[0]], "all readings are of one reader"),
        (lambda rows: rows.assign(reading=50.0), "perceived_age: the panel model was not fitted"),
        (lambda rows: rows.head(1), "perceived_age: the panel model was not fitted"),
        (lambda rows: rows.assign(target="acromegaly"), "readings judge 'acromegaly', which the study does not"),
    ],
)
def test_readings_that_allow_no_panel__are_noted_and_leave_a_page(study, change, said):
    write_tsv(study / "readings.tsv", change(readings_of(study)))
    found = compare_study_readers(study)
    assert any(said in note for note in found.notes), found.notes
    assert not any("readings are calls" in note for note in found.notes)
    assert found.page.is_file()


def test_comparison_without_readings__says_where_they_come_from(unread):
    with pytest.raises(InputError, match=r"has no readings\.tsv: let people read"):
        compare_study_readers(unread)


def test_comparison__again_computes_nothing_anew_and_gives_the_same_bytes(study):
    first = compare_study_readers(study)
    page = first.page.read_bytes()
    assert compare_study_readers(study).records == first.records
    assert first.page.read_bytes() == page


def test_comparison_of_a_condition__counts_people_and_readers_once(clinic_run):
    study = clinic_run
    compare_study_readers(study)
    found = read_table(study, READER_PERFORMANCE)
    own = found[(found.target_condition == "acromegaly") & (found.metric == "auc")].set_index("rater")
    assert set(LEVELS) <= set(own.index)
    assert set(own.n) == {40}
    read = readings_of(study)
    signed = read.assign(score=(2 * read.reading - 1) * read.confidence).groupby(["reader_id", "photo_id"]).score.mean()
    ill, owner = diagnoses_of(study), owners(study)
    for reader in LEVELS:
        scores = signed[reader]
        case = (owner[scores.index].map(ill) == "acromegaly").to_numpy()
        above = scores.to_numpy()[case][:, None] - scores.to_numpy()[~case][None, :]
        assert own.value[reader] == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())
    comparison = read_table(study, READER_COMPARISON)
    assert comparison.margin[(comparison.metric == "auc") & comparison.margin.notna()].eq(0.1).all()
    assert not read_frame(study / "derived" / "readers" / "reader_comparison.tsv").empty


def test_condition_that_nobody_read__is_left_out(clinic_run):
    compare_study_readers(clinic_run)
    assert set(read_table(clinic_run, READER_PERFORMANCE).target_condition) == {"acromegaly"}


def test_withdrawn_people__are_not_in_the_comparison(clinic):
    withdraw(clinic, owner_of_clinic_reading(clinic))
    compare_study_readers(clinic)
    assert read_table(clinic, READER_PERFORMANCE).n.max() == 39


def test_reading_or_mark_of_an_unknown_photograph__stops_the_comparison(clinic):
    rows = readings_of(clinic)
    write_tsv(clinic / "readings.tsv", rows.assign(photo_id=rows.photo_id.mask(rows.index == 3, "nobody")))
    with pytest.raises(InputError, match=r"readings\.tsv: photo_id nobody is no photograph of the study"):
        compare_study_readers(clinic)
    write_tsv(clinic / "readings.tsv", rows)
    mark = {"reader_id": ["anna"], "photo_id": "nobody", "target_condition": "acromegaly", "region": "nose", "marked": 1.0}
    write_tsv(clinic / "region_marks.tsv", pd.DataFrame(mark))
    with pytest.raises(InputError, match=r"region_marks\.tsv: photo_id nobody is no photograph of the study"):
        compare_study_readers(clinic)


def test_page_of_readers__names_no_reader_person_or_photograph(clinic):
    write_levels(clinic, LEVELS | {"wilhelmina": "expert"})
    rows = readings_of(clinic)
    careless = rows[rows.reader_id == "anna"].assign(reader_id="wilhelmina", target="perceived_age", reading=1.0)
    years = pd.Series(40.0 + pd.factorize(rows.photo_id)[0] + rows.index.to_numpy() % 3, rows.index)
    aged = [rows[rows.reader_id == name].assign(target="perceived_age", reading=years + len(name)) for name in LEVELS]
    write_tsv(clinic / "readings.tsv", pd.concat([rows, careless, *aged]))
    set_reading(clinic, n_photographs=40, training=[rows.photo_id.iloc[0]], database="postgresql://boss@secret.example.org/room")
    found = compare_study_readers(clinic)
    assert any("wilhelmina" in note for note in found.notes), found.notes
    people = read_frame(clinic / "participants.tsv").participant_id
    for name in ("readers.html", "readers.json"):
        text = (clinic / "report" / name).read_text()
        for reader in ("zoe smith", "wilhelmina", "anna"):
            assert reader not in text, (name, reader)
        assert not [one for one in (*rows.photo_id, *people) if f'"{one}"' in text or f" {one} " in text or f">{one}<" in text]
        assert "secret.example.org" not in text


def test_page_of_readers__shows_the_numbers_of_the_tables(clinic_run):
    compare_study_readers(clinic_run)
    found = json.loads((clinic_run / "report" / "readers.json").read_text())
    table = read_table(clinic_run, READER_PERFORMANCE)
    assert [row["value"] for row in found["reader_performance"]] == pytest.approx(table.value.tolist(), nan_ok=True)
    numbers = {name: f"reader {place}" for place, name in enumerate(sorted(LEVELS), 1)}
    assert [row["rater"] for row in found["reader_performance"]] == [numbers.get(name, name) for name in table.rater]
    model = table[(table.kind == "model") & (table.metric == "auc")].iloc[0]
    assert f"{model.value:.3f}" in (clinic_run / "report" / "readers.html").read_text()


# Labels


def test_estimator__makes_the_panels_values_the_labels(study):
    def labels(estimator: str) -> pd.Series:
        set_reading(study, estimator=estimator)
        return gather_cohort(study, read_config(study), jobs=1, random_state=1).labels.observed

    found = {name: labels(name) for name in ("mean", "blue", "blup")}
    means = panel_means(readings_of(study), target="perceived_age").set_index("photo_id").panel_mean
    owner = owners(study)
    assert found["mean"].to_dict() == pytest.approx(means.groupby(owner).mean().to_dict())
    assert found["blup"].std() < found["blue"].std()
    assert found["blue"].corr(found["mean"]) > 0.98
    values = PANEL_VALUES
    compare_study_readers(study)
    table = read_table(study, values)
    for name in ("blue", "blup"):
        own = table[table.estimator == name].set_index("photo_id").value.groupby(owner).mean()
        assert found[name].to_dict() == pytest.approx(own.to_dict())


@pytest.mark.parametrize("url", ["postgresql://a:geheim@host/room", "postgresql://host/room?user=a&password=geheim"])
def test_password_in_the_settings__is_refused_and_not_repeated(url):
    with pytest.raises(InputError, match="PGPASSWORD") as found:
        parse_config({"study": {"name": "A"}, "reading": {"database": url}})
    assert "geheim" not in str(found.value)
