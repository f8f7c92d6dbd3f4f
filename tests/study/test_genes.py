"""A study with genotypes, from files to the report."""

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
from facies.study.demo import simulate_study
from facies.study.genes import genes_folder
from facies.study.run import run_study
from facies.tables import ASSOCIATIONS, COMPARISONS, GENE_SCORES, PREFLIGHT, SCAN_POINTS, SCANS, SCORE_GROUPS, SCORE_VARIANTS

bed_reader = pytest.importorskip("bed_reader", reason="facies[genes] is not installed")


@pytest.fixture(scope="module")
def genetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = tmp_path_factory.mktemp("genetic") / "study"
    simulate_study(study, encoders=("hog", "pixels"), n_participants=120, random_state=5, size=96, genotypes="bed", n_variants=60)
    text = (study / "study.toml").read_text().replace('encoders = ["hog", "pixels"]', 'encoders = ["pixels"]')
    (study / "study.toml").write_text(text.replace("[genotypes]\n", '[genotypes]\nscan_outcomes = ["cataract"]\ncomponents = 2\n'))
    run_study(study, jobs=2)
    return study


@pytest.fixture
def changed(genetic: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genetic, tmp_path / "study"))


def edit(study: Path, old: str, new: str) -> None:
    text = (study / "study.toml").read_text()
    assert old in text
    (study / "study.toml").write_text(text.replace(old, new))


def test_run__the_gene_score_is_that_of_the_simulated_haplotypes(genetic):
    from facies.simulation import GenotypeSettings, simulate_cohort

    scores = read_table(genetic, GENE_SCORES).set_index("participant_id").mc1r
    truth = simulate_cohort(120, random_state=5, genotypes=GenotypeSettings(n_variants=60)).participants.set_index("participant_id").mc1r
    known = scores.dropna()
    assert len(known) > 100
    assert (known == truth.reindex(known.index)).all()
    assert read_table(genetic, SCORE_VARIANTS).included.all()


def test_run__the_scan_has_a_file_for_each_trait_with_its_description(genetic):
    scans = read_table(genetic, SCANS)
    assert scans.trait.tolist() == ["perceived_age[panel]", "perceived_age[pixels+ridge]", "cataract"]
    assert scans.family.tolist() == ["linear", "linear", "logistic"]
    assert scans.covariates.eq("age+sex+pc1+pc2").all()
    for row in scans.itertuples():
        results = pd.read_csv(genes_folder(genetic) / row.file, sep="\t")
        assert len(results) == row.n_variants > 0
        assert (genes_folder(genetic) / f"{row.file}-meta.yaml").exists()
    points = read_table(genetic, SCAN_POINTS)
    assert set(points.trait) == set(scans.trait)


def test_run__files_for_plink_and_regenie_are_written(genetic):
    folder = genes_folder(genetic) / "export"
    assert {path.name for path in folder.iterdir()} >= {
        "facies.psam",
        "facies.pheno",
        "facies.covar",
        "facies.regenie.covar",
        "commands.txt",
    }
    assert "../../../genotypes/cohort" in (folder / "commands.txt").read_text()
    assert str(genetic) not in (folder / "commands.txt").read_text()


def test_run__plink2_reads_the_exports_and_gives_the_coefficients_of_the_scan(genetic, tmp_path):
    import shlex
    import subprocess

    if shutil.which("plink2") is None:
        pytest.skip("plink2 is not installed")
    folder = genes_folder(genetic) / "export"
    command = next(line for line in (folder / "commands.txt").read_text().splitlines() if line.startswith("plink2") and "--glm" in line)
    words = shlex.split(command)
    words[words.index("--out") + 1] = str(tmp_path / "out")
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    scan = read_table(genetic, SCANS).set_index("trait")
    ours = pd.read_csv(genes_folder(genetic) / scan.file["perceived_age[panel]"], sep="\t").set_index("variant_id")
    theirs = pd.read_csv(next(tmp_path.glob("out.perceived_age_panel*.glm.linear")), sep="\t").set_index("ID")
    both = theirs.join(ours, how="inner")
    sign = np.where(both.effect_allele == both.A1, 1, -1)
    assert len(both) == len(ours) > 5
    assert both.BETA.to_numpy() == pytest.approx(sign * both.beta.to_numpy(), rel=2e-5, abs=1e-5)
    assert both.SE.to_numpy() == pytest.approx(both.standard_error.to_numpy(), rel=2e-5)


def test_run__the_report_shows_groups_scan_and_replication_free_of_identifiers(genetic):
    page = (genetic / "report" / "report.html").read_text()
    for words in ("WT/R", "Manhattan", "rs1805007"):
        assert words in page
    assert "p001" not in page
    results = json.loads((genetic / "report" / "results.json").read_text())
    assert results["score_groups"]
    assert "p001" not in json.dumps(results)


def test_run__the_additive_estimate_is_a_least_squares_fit_written_by_hand(genetic):
    people = pd.read_csv(genetic / "participants.tsv", sep="\t").merge(read_table(genetic, GENE_SCORES), on="participant_id")
    predictions = pd.read_csv(genetic / "derived" / "models" / "participant_predictions.tsv", sep="\t", na_values="n/a")
    rows = people.merge(predictions, on="participant_id").dropna(subset=["mc1r", "observed", "predicted"])
    X = np.column_stack([np.ones(len(rows)), rows.mc1r, rows.age, rows.sex == "male"]).astype(float)
    beta, *_ = np.linalg.lstsq(X, rows.observed.to_numpy(), rcond=None)
    table = read_table(genetic, ASSOCIATIONS).set_index(["exposure", "outcome", "adjustment"])
    found = table.loc[("mc1r", "perceived_age[panel]", "model_1")]
    assert found.estimate == pytest.approx(beta[1], rel=1e-9)
    assert found.n == len(rows)


def test_run__people_who_are_missing_somewhere_stand_in_the_preflight_with_their_reason(changed):
    fam = pd.read_csv(changed / "genotypes" / "cohort.fam", sep=r"\s+", header=None, dtype=str)
    fam.loc[0, 1] = fam.loc[0, 1].upper()
    fam.to_csv(changed / "genotypes" / "cohort.fam", sep="\t", header=False, index=False)
    run_study(changed, jobs=2)
    table = read_table(changed, PREFLIGHT).set_index("participant_id")
    assert table.reason["p0001"] == "not in the genotypes: 'p0001' here is 'P0001' there: upper and lower case differ" or (
        "not in the genotypes" in table.reason["p0001"] and "upper and lower case differ" in table.reason["p0001"]
    )
    assert not table.complete["p0001"]
    assert not table.in_participants["P0001"]


def test_run__other_samples_in_the_genotypes_renew_the_preflight_without_any_score(changed):
    edit(changed, '[[association.traits]]\nname = "mc1r"\nper = 1.0\nequivalence_margin = 0.25\n', "")
    edit(changed, '[[genotypes.scores]]\nname = "mc1r"\n', "")
    run_study(changed, jobs=2)
    assert read_table(changed, PREFLIGHT).set_index("participant_id").genotyped["p0003"]
    fam = changed / "genotypes" / "cohort.fam"
    fam.write_text(fam.read_text().replace("p0003", "x0003"))
    run_study(changed, jobs=2)
    table = read_table(changed, PREFLIGHT).set_index("participant_id")
    assert not table.genotyped["p0003"]
    assert table.reason["x0003"].startswith("not in the participants' table")


def test_run__people_who_withdrew_stand_in_no_table_although_their_genotypes_are_in_the_file(changed):
    people = pd.read_csv(changed / "participants.tsv", sep="\t")
    people.loc[people.participant_id == "p0002", "consent_scope"] = "withdrawn"
    people.to_csv(changed / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    run_study(changed, jobs=2)
    for table in (PREFLIGHT, GENE_SCORES):
        assert "p0002" not in set(read_table(changed, table).participant_id)
    exported = pd.read_csv(genes_folder(changed) / "export" / "facies.pheno", sep="\t")
    assert "p0002" not in set(exported.IID)


def test_run__without_genotypes_their_results_leave_the_folder_and_the_report(changed):
    text = (changed / "study.toml").read_text()
    start, end = text.index("[genotypes]"), text.index("[replication]") if "[replication]" in text else len(text)
    (changed / "study.toml").write_text(text[:start] + text[end:].replace("[replication]\n", ""))
    with pytest.raises(InputError, match="mc1r"):
        run_study(changed, jobs=2)
    edit(changed, '[[association.traits]]\nname = "mc1r"\nper = 1.0\nequivalence_margin = 0.25\n', "")
    run_study(changed, jobs=2)
    assert not genes_folder(changed).exists()
    assert "WT/R" not in (changed / "report" / "report.html").read_text()


def test_run__without_a_scan_its_files_go_and_the_scores_stay(changed):
    edit(changed, 'scan_outcomes = ["cataract"]\n', "")
    edit(changed, next(line for line in (changed / "study.toml").read_text().splitlines() if line.startswith("scan =")) + "\n", "")
    run_study(changed, jobs=2)
    assert not list(genes_folder(changed).glob("*.tsv.gz*"))
    assert read_table(changed, SCORE_GROUPS).shape[0] > 0


def test_run__a_margin_that_is_changed_after_the_run_is_said_in_the_report(changed):
    before = read_table(changed, COMPARISONS).set_index(["variable", "adjustment"]).margin
    edit(changed, "equivalence_margin = 0.25", "equivalence_margin = 2.5")
    run_study(changed, jobs=2)
    after = read_table(changed, COMPARISONS).set_index(["variable", "adjustment"]).margin
    assert (after["mc1r"] == 10 * before["mc1r"]).all()
    log = json.loads((changed / "derived" / "registration" / "margins.json").read_text())
    assert [entry["results_seen"] for entry in log] == [False, True]
    assert "after results had been seen" in (changed / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('file = "genotypes/cohort.bed"', 'file = "genotypes/other.bed"', "other.bed"),
        ('[[genotypes.scores]]\nname = "mc1r"', '[[genotypes.scores]]\nname = "mc1r"\n[[genotypes.scores]]\nname = "mc2r"', "'mc2r'"),
        ('scan_outcomes = ["cataract"]', 'scan_outcomes = ["gout"]', "'gout'"),
        ("components = 2", 'components = 2\nadjustment = "model_9"', "model_9"),
    ],
)
def test_check__what_is_wrong_with_genotypes_is_one_line(changed, capsys, old, new, message):
    edit(changed, old, new)
    assert run(["check", str(changed)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert message in said[0]


def test_check__a_bed_that_is_cut_off_stops_with_one_line(changed, capsys):
    bed = changed / "genotypes" / "cohort.bed"
    bed.write_bytes(bed.read_bytes()[:-7])
    assert run(["check", str(changed)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "cohort.bed" in said[0]
