"""A whole study of conditions, from photographs to the report, on simulated people."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.store import read_table
from facies.study.check import check_study
from facies.study.conditions.models import read_fold_models
from facies.study.demo_facies import simulate_condition_study
from facies.study.run import plan_study, run_study
from facies.tables import (
    BALANCE,
    CONDITION_CLASSES,
    CONDITION_METRICS,
    CONDITION_PEOPLE,
    CONDITION_SCORES,
    CONDITION_SPLITS,
    CONFOUNDING_VERDICTS,
    NEGATIVE_MATCHES,
    REGION_SHARES,
    SALIENCY_CHECKS,
    SESSION_SCORES,
    TEST_RETEST,
)

QUICK = """
[evaluation]
n_bootstrap = 200

[conditions.saliency]
n_faces = 20
"""


def quicken(study, n_permutations=100):
    """Make the checks cheap: what they find is tested elsewhere."""
    path = study / "study.toml"
    text = path.read_text().replace("n_repeats = 2\n", f"n_repeats = 2\nn_permutations = {n_permutations}\n")
    path.write_text(text + QUICK)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Simulate and run a small study: 24 people with acromegaly, 8 with Cushing's syndrome, 22 controls, five sources of 24."""
    study = tmp_path_factory.mktemp("conditions") / "study"
    simulate_condition_study(study, scale=0.15, random_state=2, encoders=("hog",), n_repeats=2, size=160)
    quicken(study)
    lines: list[str] = []
    run_study(study, jobs=2, tell=lines.append)
    return study, lines


def test_run__does_every_stage_in_order_and_leaves_its_tables(finished):
    study, lines = finished
    stages = [line.partition(":")[0] for line in lines]
    assert stages == ["cohort", "faces", "people", "measures", "models", "evaluation", "confounding", "saliency", "follow_up", "report"]
    for table in (CONDITION_SCORES, CONDITION_METRICS, CONFOUNDING_VERDICTS, REGION_SHARES, SALIENCY_CHECKS, SESSION_SCORES, TEST_RETEST):
        assert len(read_table(study, table)), table.name


def test_run__finds_the_planted_disease_against_the_same_source(finished):
    metrics = read_table(finished[0], CONDITION_METRICS)
    own = metrics[(metrics.metric == "auc") & (metrics.subgroup == "all")].set_index(["target_condition", "against"]).value
    assert own["acromegaly", "same_source"] > 0.75
    assert own["acromegaly", "all"] > 0.85


def test_run__nobody_is_scored_by_a_model_of_the_own_fold_and_people_stand_in_one_fold_a_repeat(finished):
    study, _ = finished
    splits, scores = read_table(study, CONDITION_SPLITS), read_table(study, CONDITION_SCORES)
    assert not splits.duplicated(["participant_id", "repeat"]).any()
    joined = scores.merge(splits, on=["participant_id", "repeat"], suffixes=("", "_assigned"))
    assert (joined.fold == joined.fold_assigned).all()
    counts = (
        splits.merge(read_table(study, CONDITION_PEOPLE), on="participant_id").groupby(["repeat", "fold", "diagnosis"]).size().unstack()
    )
    assert (counts.max() - counts.min()).max() <= 1


def test_run__classes_are_probabilities_and_later_visits_are_not_learnt_from(finished):
    study, _ = finished
    classes = read_table(study, CONDITION_CLASSES)
    assert classes.groupby(["participant_id", "repeat"]).probability.sum().to_numpy() == pytest.approx(1.0)
    scores = read_table(study, CONDITION_SCORES)
    assert set(scores.session_id[scores.learnt_from].dropna()) == {"s1"}
    assert scores.observed[~scores.learnt_from].isna().all()


def test_run__the_fold_models_on_disk_give_the_scores_of_the_table(finished):
    study, _ = finished
    models = read_fold_models(study, "hog+logistic")
    assert {condition for condition, _, _ in models} == {"acromegaly", "cushing"}
    assert sorted({(repeat, fold) for _, repeat, fold in models}) == [(repeat, fold) for repeat in (0, 1) for fold in range(5)]


def test_run__negatives_are_people_of_their_source_and_are_counted(finished):
    study, _ = finished
    people, matches = read_table(study, CONDITION_PEOPLE), read_table(study, NEGATIVE_MATCHES)
    public = people[people.role == "public_negative"]
    assert set(public.source) == {"studio", "web", "official", "students", "archive"}
    assert len(matches) == 120
    assert set(read_table(study, BALANCE).measure) >= {"age", "share female", "sharpness"}


def test_run__again_does_nothing_and_plan_says_so(finished):
    study, _ = finished
    before = {path: path.read_bytes() for path in (study / "derived").rglob("*.tsv")}
    assert run_study(study, jobs=2).ran == ()
    assert {path: path.read_bytes() for path in (study / "derived").rglob("*.tsv")} == before
    assert list(plan_study(study))[-1] == "report"


def test_report__leads_with_the_verdict_shows_no_identifier_and_has_its_calculator(finished):
    study, _ = finished
    page = (study / "report" / "report.html").read_text()
    assert page.index("Is it the disease or the camera?") < page.index("What was found") < page.index("Reporting checklists")
    ids = pd.read_csv(study / "participants.tsv", sep="\t").participant_id
    assert not [name for name in ids if re.search(rf"\b{name}\b", page)]
    assert str(study) not in page
    assert "Simulated people" in page
    assert page.count("not reported: needs author") > 20
    results = json.loads((study / "report" / "results.json").read_text())
    assert results["intended_use"] == "research only"
    assert {row["verdict"] for row in results["confounding_verdicts"]} <= {"no sign", "suspect", "confounded", "undetermined"}
    calculator = (study / "report" / "screening_calculator.html").read_text()
    assert "http" not in re.sub(r"http-equiv|https?://www\.w3\.org", "", calculator)
    assert "Research only" in calculator


def changed(finished, tmp_path, **replaced):
    """Copy the study's inputs and replace text in its files."""
    study = tmp_path / "study"
    study.mkdir()
    for name in ("study.toml", "participants.tsv", "photographs.tsv", "diagnoses.tsv", "truth.json"):
        shutil.copy(finished[0] / name, study / name)
    for name in ("photos", "negatives"):
        (study / name).symlink_to(finished[0] / name)
    for name, edit in replaced.items():
        path = study / f"{name}.{'toml' if name == 'study' else 'tsv'}"
        path.write_text(edit(path.read_text()))
    return study


def test_check__counts_people_by_source_and_names_what_lacks(finished, tmp_path):
    found = check_study(finished[0], jobs=2)
    assert found.problem is None
    assert "24 people with the diagnosis acromegaly from clinic" in found.notes
    study = changed(finished, tmp_path, study=lambda text: text.replace("cushing = [0.05, 0.0001]\n", ""))
    assert any("no prevalence is given for cushing" in note for note in check_study(study, jobs=2).notes)


@pytest.mark.parametrize(("name", "edit", "why"), [
    ("study", lambda text: text.replace('"acromegaly", "cushing"]', '"acromegaly", "cushing", "flu"]'), "nobody has flu"),
    ("study", lambda text: text.replace("n_repeats = 2", "n_repeats = 2\nclassifiers = ['forest']"), "there is no classifier 'forest'"),
    ("study", lambda text: text.replace("acromegaly = [0.1", "flu = [0.1"), "'flu' is none of the target_conditions"),
    ("study", lambda text: text.replace('folder = "negatives/web"', 'folder = "nowhere"'), "there is no folder nowhere"),
    ("study", lambda text: text.replace("n_repeats = 2", "n_repeats = 2\noperating_points = ['best']"), "operating point 'best'"),
    ("study", lambda text: text.replace("[embeddings]", "[models]\nn_folds = 9\n[embeddings]"), "photograph, for 9 folds"),
    ("diagnoses", lambda text: re.sub(r"\t(cushing|control)\t", "\tacromegaly\t", text), "nobody has cushing"),
])  # fmt: skip
def test_check__says_in_one_line_what_would_stop_the_run(finished, tmp_path, name, edit, why):
    study = changed(finished, tmp_path, **{name: edit})
    try:
        problem = check_study(study, jobs=2).problem
    except InputError as error:
        problem = str(error)
    assert problem is not None
    assert why in problem
    assert "\n" not in problem


def test_run__all_cases_from_one_source_and_all_others_from_another_withholds_the_auc(finished, tmp_path):
    """No clinic control is left: camera and disease cannot be told apart."""

    def without_controls(text):
        return "\n".join(line for line in text.split("\n") if "\tcontrol\t" not in line)

    study = changed(finished, tmp_path, diagnoses=without_controls, study=lambda text: text.replace("n_faces = 20", "methods = []"))
    lines: list[str] = []
    run_study(study, jobs=2, tell=lines.append)
    verdicts = read_table(study, CONFOUNDING_VERDICTS)
    assert set(verdicts.verdict) == {"confounded"}
    assert set(verdicts.headline) == {"withheld"}
    page = (study / "report" / "report.html").read_text()
    assert "The AUC is withheld: the verdict is confounded" in page
    assert "camera and disease cannot be told apart" in page
    shown = re.search(r'<section[^>]*id="found".*?</section>', page, re.DOTALL)
    assert shown is not None
    assert not re.search(r"AUC, (all|same)", shown[0])
    text = (study / "study.toml").read_text()
    (study / "study.toml").write_text(text.replace("n_repeats = 2", 'n_repeats = 2\nheadline_despite_confounding = ["acromegaly"]'))
    run_study(study, jobs=2)
    assert "because the study asks for it by name" in (study / "report" / "report.html").read_text()


def test_single_faces__only_of_people_who_consented_to_publication(finished, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(finished[0], study)
    people = pd.read_csv(study / "participants.tsv", sep="\t", dtype=str, keep_default_na=False)
    diagnoses = pd.read_csv(study / "diagnoses.tsv", sep="\t", dtype=str)
    cases = diagnoses.participant_id[diagnoses.diagnosis == "acromegaly"].drop_duplicates()
    agreed = set(cases.iloc[:2])
    people["consent_scope"] = ["publication" if name in agreed else "analysis" for name in people.participant_id]
    people.to_csv(study / "participants.tsv", sep="\t", index=False)
    settings = study / "study.toml"
    settings.write_text(settings.read_text().replace("n_faces = 20\n", "n_faces = 20\nsingle_faces = 3\n"))
    run_study(study, jobs=2)
    folder = study / "derived" / "saliency" / "single_faces"
    listed = pd.read_csv(folder / "single_faces.tsv", sep="\t")
    assert set(listed.participant_id) <= agreed
    assert len(listed) > 0
    assert sorted(path.name for path in folder.glob("*.png")) == sorted(listed.file)


def test_region_marks__give_the_overlap_with_the_model(finished, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(finished[0], study)
    photo = pd.read_csv(study / "photographs.tsv", sep="\t").photo_id[0]
    rows = [f"r{i}\t{photo}\tacromegaly\t{region}\t1" for i in range(3) for region in ("nose", "chin", "jawline")]
    (study / "region_marks.tsv").write_text("\n".join(["reader_id\tphoto_id\ttarget_condition\tregion\tmarked", *rows]) + "\n")
    run_study(study, jobs=2)
    found = pd.read_csv(study / "derived" / "saliency" / "region_overlaps.tsv", sep="\t")
    assert found.measure.tolist() == ["rank_correlation", "dice"]
    assert found.p_value.between(0, 1).all()
    assert np.isfinite(found.value).all()
