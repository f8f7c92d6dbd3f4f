"""The files hold the simulated calls, as programs that know nothing of facies read them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.simulation import GenotypeSettings, SimulatedGenotypes, simulate_cohort, write_genotypes
from facies.simulation.genotypes import MISSING_CALL


@pytest.fixture(scope="module")
def genotypes() -> SimulatedGenotypes:
    cohort = simulate_cohort(41, random_state=3, family_share=0.4, genotypes=GenotypeSettings(n_variants=60, missing_rate=0.05))
    assert cohort.genotypes is not None
    assert (cohort.genotypes.calls == MISSING_CALL).any()
    return cohort.genotypes


def test_write_bed__is_read_back_by_bed_reader(genotypes: SimulatedGenotypes, tmp_path: Path) -> None:
    bed_reader = pytest.importorskip("bed_reader")
    with bed_reader.open_bed(write_genotypes(genotypes, tmp_path / "cohort.bed")) as bed:
        np.testing.assert_array_equal(bed.read(dtype="int8"), genotypes.calls)
        assert list(bed.iid) == list(genotypes.samples.participant_id)
        assert list(bed.allele_1) == list(genotypes.variants.effect_allele)
        assert list(bed.bp_position) == list(genotypes.variants.position)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort.bed", "cohort.bim", "cohort.fam"]


def test_write_bed__families_and_sex_stand_in_the_fam_file(genotypes: SimulatedGenotypes, tmp_path: Path) -> None:
    pytest.importorskip("bed_reader")
    write_genotypes(genotypes, tmp_path / "cohort.bed")
    fam = pd.read_csv(tmp_path / "cohort.fam", sep=r"\s+", header=None, dtype=str)
    family = genotypes.samples.family_id
    assert family.notna().any()
    assert list(fam[0]) == list(family.fillna(genotypes.samples.participant_id))
    assert list(fam[4] == "1") == list(genotypes.samples.sex == "male")


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("suffix", ["bed", "vcf"])
def test_write__plink2_finds_the_frequencies_of_the_effect_alleles(genotypes: SimulatedGenotypes, tmp_path: Path, suffix: str) -> None:
    if suffix == "bed":
        pytest.importorskip("bed_reader")
    path = write_genotypes(genotypes, tmp_path / f"cohort.{suffix}")
    given = ["--bfile", str(path.with_suffix(""))] if suffix == "bed" else ["--vcf", str(path)]
    command = ["plink2", *given, "--freq", "cols=chrom,ref,alt,altfreq,nobs", "--out", str(tmp_path / "out"), "--threads", "1"]
    subprocess.run(command, check=True, capture_output=True)
    found = pd.read_csv(tmp_path / "out.afreq", sep="\t", dtype={"#CHROM": str}).set_index("ID").reindex(genotypes.variants.variant_id)
    dosages = genotypes.dosages().drop(columns="participant_id")
    np.testing.assert_allclose(found.ALT_FREQS, dosages.mean() / 2, rtol=1e-5)
    assert list(found.OBS_CT) == list(2 * dosages.notna().sum())
    assert list(found.ALT) == list(genotypes.variants.effect_allele)
    assert list(found.REF) == list(genotypes.variants.other_allele)


def test_write_vcf__is_read_back_by_cyvcf2(genotypes: SimulatedGenotypes, tmp_path: Path) -> None:
    cyvcf2 = pytest.importorskip("cyvcf2")
    vcf = cyvcf2.VCF(str(write_genotypes(genotypes, tmp_path / "cohort.vcf")), gts012=True)
    calls = np.array([record.gt_types.copy() for record in vcf]).T
    np.testing.assert_array_equal(np.where(calls == 3, MISSING_CALL, calls), genotypes.calls)
    assert vcf.samples == list(genotypes.samples.participant_id)
    vcf.close()


def test_write_dosages__is_a_table_of_the_house(genotypes: SimulatedGenotypes, tmp_path: Path) -> None:
    table = pd.read_csv(write_genotypes(genotypes, tmp_path / "cohort.tsv"), sep="\t", na_values=["n/a"])
    first = genotypes.variants.iloc[0]
    assert list(table.columns[:2]) == ["participant_id", f"{first.variant_id}:{first.effect_allele}:{first.other_allele}"]
    np.testing.assert_array_equal(table.iloc[:, 1:].fillna(MISSING_CALL), genotypes.calls)
    assert list(table.participant_id) == list(genotypes.samples.participant_id)


def test_write__another_ending_is_refused(genotypes: SimulatedGenotypes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cohort.pgen is no file of genotypes: let its name end with .bed, .vcf, .tsv"):
        write_genotypes(genotypes, tmp_path / "cohort.pgen")
