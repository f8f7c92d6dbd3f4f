"""Crops on disk: those of the study's usable photographs, cut once, and gone with the people who withdraw."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from facies.errors import InputError
from facies.faces import load_detector
from facies.imaging import align_face
from facies.imaging.decode import decode_photograph
from facies.study import crops as crops_module
from facies.study.config import read_config
from facies.study.crops import PARTS, cut_crops, forget_crops, training_contract
from facies.study.demo import simulate_study
from facies.study.intake import gather_cohort

SIZE = 32


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a study of 30 people, its settings, its cohort and how crops are cut; do not write in its folder."""
    study = tmp_path_factory.mktemp("small") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=30, random_state=3, size=96)
    config = read_config(study)
    return study, config, gather_cohort(study, config, jobs=2, random_state=1), training_contract(study, config, size=SIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "study" / "derived" / "pretrain" / "crops"


def of_people(cohort, people):
    return dataclasses.replace(cohort, photographs=cohort.photographs[cohort.photographs.participant_id.isin(people)])


def test_cut_crops__are_the_aligned_faces_of_all_usable_photographs(small, folder):
    study, config, cohort, contract = small
    crops = cut_crops(study, config, cohort, contract, folder, 2)
    assert crops.crops.shape == (len(crops), SIZE, SIZE, 3)
    photo_ids = [face_id.rpartition("_f")[0] for face_id in crops.face_ids]
    owners = cohort.photographs.set_index("photo_id")
    assert photo_ids == sorted(owners.index[owners.included])
    assert list(crops.participant_ids) == owners.participant_id[photo_ids].tolist()
    picture = decode_photograph(study / owners.path[photo_ids[4]]).image
    (face,) = load_detector(config.faces.detector).detect(picture)
    assert np.array_equal(crops.crops[4], align_face(picture, face.points, contract))
    assert not (folder / PARTS).exists()


def test_cut_crops__again_reads_no_photograph_and_with_more_people_only_theirs(small, folder, monkeypatch):
    study, config, cohort, contract = small
    people = sorted(cohort.participants.participant_id)
    some = cut_crops(study, config, of_people(cohort, people[5:]), contract, folder, 1)
    read = []
    extract = crops_module.extract_parts
    monkeypatch.setattr(
        crops_module, "extract_parts", lambda tasks, *args, **named: read.append(len(tasks)) or extract(tasks, *args, **named)
    )
    again = cut_crops(study, config, of_people(cohort, people[5:]), contract, folder, 1)
    assert again.sha256 == some.sha256
    cut_crops(study, config, cohort, contract, folder, 1)
    n_first = int(cohort.photographs.participant_id.isin(people[:5]).sum())
    assert read == [0, n_first]


def test_cut_crops__in_two_goes_gives_the_bytes_of_one(small, folder, tmp_path):
    study, config, cohort, contract = small
    people = sorted(cohort.participants.participant_id)
    cut_crops(study, config, of_people(cohort, people[::2]), contract, folder, 2)
    both = cut_crops(study, config, cohort, contract, folder, 2)
    assert both.sha256 == cut_crops(study, config, cohort, contract, tmp_path / "at_once", 1).sha256


def test_cut_crops__an_interrupted_pass_goes_on_from_its_parts(small, folder, monkeypatch):
    study, config, cohort, contract = small
    stop = KeyboardInterrupt()

    def interrupted(*_args, **_named):
        raise stop

    with monkeypatch.context() as patch:
        patch.setattr("facies.embeddings.pretrain.crops.write_crops", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cut_crops(study, config, cohort, contract, folder, 1)
    assert list((folder / PARTS).glob("*.safetensors"))
    monkeypatch.setattr("facies.study.extraction.read_photograph", interrupted)
    assert len(cut_crops(study, config, cohort, contract, folder, 1)) == int(cohort.photographs.included.sum())


def test_forget_crops__parts_of_an_interrupted_pass_stay_unless_they_hold_somebody_who_withdrew(small, folder):
    study, config, cohort, contract = small
    parts = folder / PARTS
    extractor = crops_module._extractor(study, config, contract)
    tasks = crops_module.plan_tasks(cohort.photographs, [study, study / config.inputs.photographs_folder], extractor)
    crops_module.extract_parts(tasks[:2], extractor, parts, jobs=1)
    crops_module.extract_parts(tasks[2:4], extractor, parts, jobs=1)
    forget_crops(folder.parents[2], cohort.photographs)
    assert len(list(parts.iterdir())) == 2
    forget_crops(folder.parents[2], cohort.photographs[cohort.photographs.photo_id != tasks[3].photo_id])
    assert len(list(parts.iterdir())) == 1


def test_cut_crops__crops_that_do_not_belong_to_their_index_are_cut_anew(small, folder):
    study, config, cohort, contract = small
    whole = cut_crops(study, config, cohort, contract, folder, 2)
    (pixels,) = folder.glob("*.rgb")
    pixels.write_bytes(pixels.read_bytes()[:-7])
    assert cut_crops(study, config, cohort, contract, folder, 2).sha256 == whole.sha256


def test_cut_crops__without_a_usable_face_is_one_line_unless_none_is_needed(small, folder):
    study, config, cohort, contract = small
    strict = config.model_copy(update={"faces": config.faces.model_copy(update={"gate": {"min_inter_eye_distance": 5000.0}})})
    with pytest.raises(InputError, match=r"none of \d+ photographs shows a usable face: .*the gate in study.toml"):
        cut_crops(study, strict, cohort, contract, folder, 2)
    assert len(cut_crops(study, strict, cohort, contract, folder, 2, required=False)) == 0


def test_forget_crops__of_people_who_withdrew_are_deleted_and_all_others_stay(small, folder):
    study, config, cohort, contract = small
    crops = cut_crops(study, config, cohort, contract, folder, 2)
    held_out = Path(shutil.copytree(folder, folder.with_name("held_out")))
    gone = crops.participant_ids[3]
    before = {face: np.array(crop) for face, crop in zip(crops.face_ids, crops.crops, strict=True)}
    photographs = cohort.photographs.assign(included=cohort.photographs.included & (cohort.photographs.participant_id != gone))
    home = folder.parents[2]
    n = 2 * crops.participant_ids.count(gone)
    assert forget_crops(home, photographs) == n
    assert forget_crops(home, photographs) == 0
    for place in (folder, held_out):
        left = crops_module.read_held(place).crops
        assert gone not in left.participant_ids
        assert len(left) == len(before) - n // 2
        assert all(np.array_equal(before[face], crop) for face, crop in zip(left.face_ids, left.crops, strict=True))
        assert len(list(place.glob("*.rgb"))) == 1


def test_forget_crops__a_study_without_crops_is_left_as_it_is(tmp_path, small):
    assert forget_crops(tmp_path, small[2].photographs) == 0
    assert list(tmp_path.iterdir()) == []
