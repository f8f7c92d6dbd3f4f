"""A simulated study on disk: what is asked for is there, and nothing of an earlier one is left."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from facies.errors import InputError
from facies.study.config import read_config
from facies.study.demo import simulate_study
from facies.study.margins import coefficient_margins


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values=["n/a"])


def hashes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): hash(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("studies")
    simulate_study(
        folder / "first", n_participants=60, n_unlabelled=10, size=64, genotypes="tsv", n_variants=40, further_outcomes=True,
        family_share=0.3, validation=folder / "second", n_validation=30,
    )  # fmt: skip
    return folder / "first", folder / "second"


def test_simulate_study__mc1r_stands_in_the_genotypes_and_no_longer_among_the_participants(studies: tuple[Path, Path]) -> None:
    for study in studies:
        people, calls = read(study / "participants.tsv"), read(study / read_config(study).genotypes.file)
        assert list(calls.participant_id) == list(people.participant_id)
        assert "mc1r" not in people
        assert set(people.ancestry) <= {"A", "B"}
        truth = pd.DataFrame(json.loads((study / "truth.json").read_text())["people"])
        called = calls.filter(regex="^rs18050").dropna()
        assert len(called) > 10
        assert (called.sum(axis=1) == truth.mc1r[called.index]).all()
        carried = (truth[["haplotype_1", "haplotype_2"]] != "wild type").sum(axis=1)
        assert (carried == truth.mc1r).all()


def test_simulate_study__the_settings_name_genotypes_validation_margins_and_every_outcome(studies: tuple[Path, Path]) -> None:
    first, second = (read_config(study) for study in studies)
    assert first.genotypes.file == "genotypes/cohort.tsv"
    assert [score.name for score in first.genotypes.scores] == ["mc1r"]
    assert first.genotypes.group == "ancestry"
    assert first.replication.validation is not None
    assert (studies[0] / first.replication.validation).resolve() == studies[1].resolve()
    assert second.replication.validation is None
    kinds = {outcome.name: outcome.kind for outcome in first.association.outcomes}
    assert (kinds["fracture"], kinds["falls"], kinds["frailty"]) == ("time_to_event", "count", "ordinal")
    assert set(coefficient_margins(first.association)) == {*kinds, "mc1r"}
    assert set(kinds) | {"fracture_years", "falls_years", "participant_id"} == set(read(studies[0] / "outcomes.tsv").columns)
    assert first.association == second.association


def test_simulate_study__the_validation_has_other_people_photographs_and_no_readings(studies: tuple[Path, Path]) -> None:
    first, second = studies
    assert len(list((second / "photos").iterdir())) == 30
    assert (first / "readings.tsv").exists()
    assert not (second / "readings.tsv").exists()
    assert not set(read(first / "participants.tsv").participant_id) & set(read(second / "participants.tsv").participant_id)


def test_simulate_study__again_with_other_settings_leaves_nothing_behind(tmp_path: Path) -> None:
    study, second = tmp_path / "first", tmp_path / "second"
    common = {"n_participants": 60, "size": 64}
    simulate_study(study, genotypes="vcf", n_variants=12, validation=second, n_validation=3, validation_readings=True, **common)
    assert (study / "genotypes" / "cohort.vcf").exists()
    assert (second / "readings.tsv").exists()
    simulate_study(study, genotypes="tsv", n_variants=12, validation=second, n_validation=3, **common)
    assert [path.name for path in (study / "genotypes").iterdir()] == ["cohort.tsv"]
    assert not list(second.glob("readings.*"))
    before = hashes(study)
    simulate_study(study, genotypes="tsv", n_variants=12, validation=second, n_validation=3, **common)
    assert hashes(study) == before
    simulate_study(study, **common)
    assert not (study / "genotypes" / "cohort.tsv").exists()
    assert "mc1r" in read(study / "participants.tsv")
    assert "genotypes" not in tomllib.loads((study / "study.toml").read_text())


@pytest.mark.parametrize(("genotypes", "scanned"), [("tsv", []), ("vcf", ["16:89800000-90000000"])])
def test_simulate_study__scans_around_mc1r_where_the_file_says_positions(tmp_path: Path, genotypes: str, scanned: list[str]) -> None:
    simulate_study(tmp_path / "study", n_participants=3, size=64, genotypes=genotypes, n_variants=12)
    assert read_config(tmp_path / "study").genotypes.scan == scanned


def test_simulate_study__genotypes_do_not_change_the_faces(tmp_path: Path, studies: tuple[Path, Path]) -> None:
    for name, genotypes in (("with", "tsv"), ("without", None)):
        simulate_study(tmp_path / name, n_participants=60, size=64, genotypes=genotypes, n_variants=12)
    photographs = [hashes(tmp_path / name / "photos") for name in ("with", "without")]
    assert photographs[0] == photographs[1]


def test_simulate_study__progress_counts_the_photographs_of_both_studies(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate_study(
        tmp_path / "a", n_participants=4, size=64, validation=tmp_path / "b", n_validation=3, progress=lambda *done: seen.append(done)
    )
    assert seen == [(done, 7) for done in range(1, 8)]


def test_simulate_study__refuses_before_it_writes(tmp_path: Path) -> None:
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="users already holds something else"):
        simulate_study(tmp_path / "new", n_participants=4, size=64, validation=tmp_path / "users")
    with pytest.raises(InputError, match="cannot be its own validation"):
        simulate_study(tmp_path / "new", n_participants=4, size=64, validation=tmp_path / "new")
    with pytest.raises(InputError, match="genotypes is 'pgen': choose from tsv, vcf, bed"):
        simulate_study(tmp_path / "new", n_participants=4, size=64, genotypes="pgen")
    assert not (tmp_path / "new").exists()
