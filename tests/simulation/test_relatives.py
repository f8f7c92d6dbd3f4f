"""Relatives share genes, looks and outcomes as far as they should, and other people do not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from facies.simulation import Cohort, GenotypeSettings, simulate_cohort, write_genotypes
from facies.simulation.relatives import LOOKS_CORRELATION, Likeness
from facies.tables import PARTICIPANTS


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    settings = GenotypeSettings(n_variants=1210, group_shares=(1.0,), f_st=0.0, missing_rate=0.0, block_size=4, min_frequency=0.1)
    return simulate_cohort(3000, random_state=2, n_unlabelled=3000, family_share=0.6, genotypes=settings, further_outcomes=True)


@pytest.fixture(scope="module")
def pairs(cohort: Cohort) -> pd.DataFrame:
    """Return the pairs of relatives: rows of the people and what the two are to each other."""
    people = pd.DataFrame({"row": range(3000), "family": cohort.relatives.family, "relation": cohort.relatives.relation})
    related = people[people.family >= 0]
    both = related.merge(related, on="family", suffixes=("_1", "_2"))
    kinds = {
        ("sibling", "sibling"): "siblings", ("parent", "child"): "parent and child", ("child", "parent"): "parent and child",
        ("child", "child"): "siblings",
    }  # fmt: skip
    both = both[both.row_1 < both.row_2]
    return both.assign(kind=[kinds[pair] for pair in zip(both.relation_1, both.relation_2, strict=True)])


def simulated_calls(cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
    assert cohort.genotypes is not None
    simulated = (cohort.genotypes.truth.block >= 0).to_numpy()
    return cohort.genotypes.calls[:, simulated].astype(float), cohort.genotypes.truth.frequency.to_numpy()[simulated]


def kinship(calls: np.ndarray, p: np.ndarray, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    centred = calls - 2 * p
    return (centred[one] * centred[two]).sum(axis=1) / (4 * p * (1 - p)).sum()


@pytest.mark.parametrize("kind", ["siblings", "parent and child"])
def test_relatives__of_the_first_degree_have_a_kinship_of_a_quarter(cohort: Cohort, pairs: pd.DataFrame, kind: str) -> None:
    chosen = pairs[pairs.kind == kind]
    found = kinship(*simulated_calls(cohort), chosen.row_1.to_numpy(), chosen.row_2.to_numpy())
    assert len(found) > 150
    assert found.mean() == pytest.approx(0.25, abs=4 * found.std() / np.sqrt(len(found)))
    assert found.std() < 0.06


def test_relatives__other_people_have_none(cohort: Cohort) -> None:
    alone = np.flatnonzero(cohort.relatives.family < 0)
    found = kinship(*simulated_calls(cohort), alone[:-1], alone[1:])
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))


def test_relatives__a_child_shares_an_allele_with_its_parent_everywhere_and_siblings_do_not(cohort: Cohort, pairs: pd.DataFrame) -> None:
    assert cohort.genotypes is not None
    calls = cohort.genotypes.calls
    opposite = {kind: (np.abs(calls[group.row_1].astype(int) - calls[group.row_2]) == 2).mean() for kind, group in pairs.groupby("kind")}
    assert opposite["parent and child"] == 0
    assert opposite["siblings"] > 0.005


def test_relatives__inherit_mc1r_too(cohort: Cohort, pairs: pd.DataFrame) -> None:
    mc1r = cohort.participants.mc1r.to_numpy()
    assert np.corrcoef(mc1r[pairs.row_1], mc1r[pairs.row_2])[0, 1] == pytest.approx(0.5, abs=4 / np.sqrt(len(pairs)))
    parents = pairs[pairs.kind == "parent and child"]
    assert (np.abs(mc1r[parents.row_1] - mc1r[parents.row_2]) < 2).all()


def test_relatives__share_family_and_site_and_are_as_old_as_relatives_are(cohort: Cohort, pairs: pd.DataFrame) -> None:
    PARTICIPANTS.validate(cohort.participants)
    people = cohort.participants
    assert people.family_id.notna().mean() == pytest.approx(0.6, abs=0.01)
    one, two = people.iloc[pairs.row_1].reset_index(drop=True), people.iloc[pairs.row_2].reset_index(drop=True)
    assert (one.family_id == two.family_id).all()
    assert (one.site == two.site).all()
    gap = (one.age - two.age).abs().to_numpy()
    assert (gap[pairs.kind == "parent and child"] >= 19.99).all()
    siblings = pairs[(pairs.relation_1 == "sibling")].index
    assert np.median(gap[pairs.index.isin(siblings)]) < 5
    assert people.age.between(51.5, 87.8).all()


def test_relatives__look_alike_beyond_their_measured_causes(cohort: Cohort, pairs: pd.DataFrame) -> None:
    design = pd.get_dummies(cohort.participants[["mc1r", "bmi", "sun_exposure", "smoking"]], dtype=float).to_numpy()
    older = cohort.truth.years_looking_older.to_numpy()
    residual = older - design @ np.linalg.lstsq(design, older, rcond=None)[0]
    r = np.corrcoef(residual[pairs.row_1], residual[pairs.row_2])[0, 1]
    assert r == pytest.approx(LOOKS_CORRELATION, abs=4 / np.sqrt(len(pairs)))


def test_relatives__have_alike_outcomes_of_every_kind(cohort: Cohort, pairs: pd.DataFrame) -> None:
    alone = np.flatnonzero(cohort.relatives.family < 0)
    for name in ("hearing_loss", "falls", "frailty", "cataract"):
        values = cohort.outcomes[name].to_numpy()
        among = np.corrcoef(values[pairs.row_1], values[pairs.row_2])[0, 1]
        assert among > 2.5 / np.sqrt(len(pairs)), name
        assert abs(np.corrcoef(values[alone[:-1]], values[alone[1:]])[0, 1]) < 4 / np.sqrt(len(alone)), name


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
def test_relatives__plink2_finds_them(tmp_path: Path) -> None:
    pytest.importorskip("bed_reader")
    settings = GenotypeSettings(n_variants=3010, group_shares=(1.0,), f_st=0.0, block_size=1, min_frequency=0.1)
    cohort = simulate_cohort(150, random_state=2, family_share=0.5, genotypes=settings)
    assert cohort.genotypes is not None
    path = write_genotypes(cohort.genotypes, tmp_path / "cohort.bed")
    command = ["plink2", "--bfile", str(path.with_suffix("")), "--make-king-table", "--out", str(tmp_path / "out"), "--threads", "1"]
    subprocess.run(command, check=True, capture_output=True)
    found = pd.read_csv(tmp_path / "out.kin0", sep="\t")
    family = cohort.participants.set_index("participant_id").family_id
    one, two = (family.reindex(found[name]).to_numpy() for name in ("IID1", "IID2"))
    related = pd.Series(one == two) & pd.Series(one).notna()
    assert found.KINSHIP[related].between(0.177, 0.354).all()  # the first degree, by KING's limits
    assert (found.KINSHIP[~related] < 0.0884).all()
    assert related.sum() > 30


def test_relatives__one_person_alone_makes_no_family() -> None:
    cohort = simulate_cohort(5, random_state=1, family_share=0.2, further_outcomes=True)
    assert cohort.participants.family_id.isna().all()
    assert set(cohort.relatives.relation) == {"unrelated"}


def test_likeness__leaves_each_persons_own_distribution_as_it_is() -> None:
    rng = np.random.default_rng(1)
    family = np.repeat(np.arange(-1, 3999), 2)
    alike = Likeness(family, 0.4, rng)
    numbers = alike.uniform(rng.random(8000))
    assert kstest(numbers, "uniform").pvalue > 0.001
    first, second = numbers[2::2], numbers[3::2]
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(6 / np.pi * np.arcsin(0.2), abs=0.06)


def test_relatives__everybody_else_keeps_what_was_drawn() -> None:
    plain, families = simulate_cohort(200, random_state=3), simulate_cohort(200, random_state=3, family_share=0.5)
    alone = families.relatives.family < 0
    columns = list(plain.participants.columns)
    pd.testing.assert_frame_equal(families.participants[columns][alone], plain.participants[alone])
    pd.testing.assert_frame_equal(families.outcomes[alone], plain.outcomes[alone])
    assert "family_id" not in plain.participants
