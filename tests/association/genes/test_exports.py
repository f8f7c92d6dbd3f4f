"""Files for PLINK 2 and REGENIE: PLINK 2 reads them and agrees; REGENIE's keep to its documented format."""

import re
import shlex
import subprocess

import numpy as np
import pandas as pd
import pytest
from genotype_files import make_counts, make_variants, write_bed

from facies.association.genes.exports import prepare_exports, write_exports
from facies.association.genes.genotypes import open_genotypes
from facies.errors import InputError
from facies.stats.linear import fit_linear
from facies.stats.logistic import fit_logistic

N, M = 300, 8
IDS = [f"p{i:03d}" for i in range(N)]


def simulate(seed=1):
    rng = np.random.default_rng(seed)
    counts, variants = make_counts(N, M, seed=seed), make_variants(M)
    age = rng.uniform(50, 80, N)
    sex, site = rng.choice(["female", "male"], N), rng.choice(["Den Haag", "Leiden", "Épe"], N)
    perceived = age + 0.8 * np.nan_to_num(counts[:, 0]) + rng.normal(0, 4, N)
    gap = np.round(rng.normal(-8, 3, N))
    copd = (rng.random(N) < 0.3).astype(float)
    phenotypes = pd.DataFrame({"participant_id": IDS, "perceived_age[hog+ridge]": perceived, "gap": gap, "copd": copd})
    covariates = pd.DataFrame({"participant_id": IDS, "age": age, "sex": sex, "site": site, "batch": "one"})
    phenotypes.loc[:9, "perceived_age[hog+ridge]"] = np.nan
    phenotypes.loc[5:20, "copd"] = np.nan
    covariates.loc[30:33, "age"] = np.nan
    covariates.loc[34, "site"] = np.nan
    return counts, variants, phenotypes, covariates


def write(folder, *, fids=None, kind="bed", **asked):
    counts, variants, phenotypes, covariates = simulate()
    path = write_bed(folder / "g.bed", counts, variants, IDS, fids=fids)
    with open_genotypes(path, sample_id="fid_iid" if fids else "iid") as genotypes:
        names = dict(zip(IDS, genotypes.sample_ids, strict=True))
        shuffled = phenotypes.assign(participant_id=phenotypes.participant_id.map(names)).sample(frac=1, random_state=1)
        ready = prepare_exports(
            genotypes.samples, shuffled, covariates.assign(participant_id=covariates.participant_id.map(names)), binary=["copd"],
            sexes=covariates.set_index(covariates.participant_id.map(names)).sex,
        )  # fmt: skip
    write_exports(folder / "out", ready, path, **asked)
    return ready


def our_design(covariates):
    sites = [(covariates.site == site).astype(float).where(covariates.site.notna()) for site in ("Leiden", "Épe")]
    return np.column_stack([covariates.age, (covariates.sex == "male").astype(float), *sites])


def command(folder, start):
    text = (folder / "out" / "commands.txt").read_text()
    return next(line for line in text.splitlines() if line.startswith(start))


def run_there(folder, line):
    done = subprocess.run(shlex.split(line), cwd=folder / "out", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-600:] + done.stderr[-600:]
    return done.stdout


@pytest.mark.parametrize("fids", [None, [f"f{i // 2}" for i in range(N)]])
def test_write_exports__plink2_reads_the_files_unchanged_and_agrees(tmp_path, plink2, fids):
    write(tmp_path, fids=fids)
    output = run_there(tmp_path, command(tmp_path, "plink2 --bfile"))
    assert "3 phenotypes loaded (1 binary, 2 quantitative)" in output
    counts, variants, phenotypes, covariates = simulate()
    design = our_design(covariates)
    for phenotype, file, fit in (
        ("perceived_age[hog+ridge]", "perceived_age_hog_ridge.glm.linear", fit_linear),
        ("gap", "gap.glm.linear", fit_linear),
        ("copd", "copd.glm.logistic.hybrid", fit_logistic),
    ):
        theirs = pd.read_csv(tmp_path / "out" / f"facies.plink2.{file}", sep="\t").set_index("ID")
        for place, variant in enumerate(variants.variant_id):
            turned = theirs.A1[variant] != variants.effect_allele[place]
            y = phenotypes[phenotype].to_numpy()
            X = np.column_stack([2 - counts[:, place] if turned else counts[:, place], design])
            kept = np.isfinite(y) & np.isfinite(X).all(axis=1)
            ours = fit(y[kept], X[kept], names=("g", "a", "s", "l", "e"))
            assert theirs.OBS_CT[variant] == kept.sum()
            beta = np.log(theirs.OR[variant]) if "OR" in theirs else theirs.BETA[variant]
            assert ours.coef[0] == pytest.approx(beta, rel=2e-5, abs=1e-5)
            if fit is fit_logistic:
                assert ours.std_error[0] == pytest.approx(theirs["LOG(OR)_SE"][variant], rel=2e-5)


def test_write_exports__minus_nine_years_is_a_number(tmp_path, plink2):
    write(tmp_path)
    assert (simulate()[2].gap == -9).sum() > 5
    theirs = run_there(tmp_path, command(tmp_path, "plink2 --bfile"))
    assert theirs
    table = pd.read_csv(tmp_path / "out" / "facies.plink2.gap.glm.linear", sep="\t")
    assert table.OBS_CT.max() > N - 25


@pytest.mark.parametrize("kind", ["pgen", "vcf.gz", "bcf"])
def test_write_exports__the_other_formats_are_read_with_the_written_psam(tmp_path, plink2, kind):
    ready = write(tmp_path)
    export = {"pgen": ["--make-pgen"], "vcf.gz": ["--export", "vcf", "bgz"], "bcf": ["--export", "bcf"]}[kind]
    plink2("--bfile", tmp_path / "g", *export, "--out", tmp_path / "h")
    write_exports(tmp_path / "out", ready, tmp_path / f"h.{kind}")
    run_there(tmp_path, command(tmp_path, "plink2 --"))
    run_there(tmp_path, next(line for line in lines_of(tmp_path) if "--make-pgen" in line))
    psam = (tmp_path / "out" / "facies.genotypes.psam").read_text().splitlines()
    assert psam[0].split("\t")[:3] == ["#FID", "IID", "SEX"]
    run_there(tmp_path, next(line for line in lines_of(tmp_path) if "--write-snplist" in line))


def lines_of(folder):
    return (folder / "out" / "commands.txt").read_text().splitlines()


def table_of(folder, name):
    return pd.read_csv(folder / "out" / name, sep="\t", dtype=str, keep_default_na=False)


def test_write_exports__regenie_files_keep_to_the_documented_format(tmp_path):
    write(tmp_path, fids=[f"f{i // 2}" for i in range(N)])
    quantitative, binary = (table_of(tmp_path, f"facies.regenie.{kind}.pheno") for kind in ("quantitative", "binary"))
    covariates = table_of(tmp_path, "facies.regenie.covar")
    assert list(quantitative.columns) == ["FID", "IID", "perceived_age_hog_ridge", "gap"]
    assert list(binary.columns) == ["FID", "IID", "copd"]
    assert list(covariates.columns) == ["FID", "IID", "age", "sex_male", "site_Leiden", "site_pe"]
    assert set(binary.copd) == {"0", "1", "NA"}
    assert (quantitative.perceived_age_hog_ridge == "NA").sum() == 10
    assert len(covariates) == N - 5  # no missing values are allowed there
    for table in (quantitative, binary, covariates):
        assert not table.map(lambda cell: bool(re.search(r"\s", cell)) or cell == "").any(axis=None)
        assert table.FID.tolist() == [f"f{int(iid[1:]) // 2}" for iid in table.IID]
        for column in table.columns[2:]:
            assert pd.to_numeric(table[column].replace("NA", np.nan)).notna().any()


def test_write_exports__regenie_is_called_in_two_steps_with_its_options(tmp_path):
    write(tmp_path)
    steps = [line for line in lines_of(tmp_path) if line.startswith("regenie")]
    assert len(steps) == 4
    words = [shlex.split(line) for line in steps]
    known = {
        "--step", "--bed", "--phenoFile", "--covarFile", "--extract", "--keep", "--bsize", "--lowmem", "--lowmem-prefix", "--out", "--pred",
        "--bt", "--firth", "--approx", "--pThresh",
    }  # fmt: skip
    assert {word for line in words for word in line if word.startswith("--")} <= known
    for line in words:
        for option in ("--phenoFile", "--covarFile"):
            assert (tmp_path / "out" / line[line.index(option) + 1]).is_file()
        assert ("--bt" in line) == ("binary" in line[line.index("--phenoFile") + 1])
    first, second = words[0], words[1]
    assert second[second.index("--pred") + 1] == f"{first[first.index('--out') + 1]}_pred.list"


def test_write_exports__the_psam_has_everybody_of_the_genotypes_in_their_order(tmp_path):
    ready = write(tmp_path)
    psam = table_of(tmp_path, "facies.psam")
    assert list(psam.columns) == ["#FID", "IID", "SEX"]
    assert psam.IID.tolist() == IDS
    assert psam.SEX.tolist() == ["1" if sex == "male" else "2" for sex in simulate()[3].sex]
    assert ready.notes == ("batch has one value, or none, and was left out",)
    assert "#   perceived_age_hog_ridge: perceived_age[hog+ridge]" in lines_of(tmp_path)
    pheno = table_of(tmp_path, "facies.pheno")
    assert set(pheno.copd) == {"1", "2", "NA"}
    assert pheno.gap.map(lambda cell: cell.lstrip("-").isdecimal()).all()


def test_write_exports__without_covariates_or_binary_phenotypes_there_are_no_such_files(tmp_path, plink2):
    counts, variants, phenotypes, covariates = simulate()
    path = write_bed(tmp_path / "g.bed", counts, variants, IDS)
    with open_genotypes(path) as genotypes:
        ready = prepare_exports(genotypes.samples, phenotypes.drop(columns="copd"), covariates[["participant_id"]])
    files = write_exports(tmp_path / "out", ready, path)
    assert {file.name for file in files} == {"facies.psam", "facies.pheno", "facies.regenie.quantitative.pheno", "commands.txt"}
    run_there(tmp_path, command(tmp_path, "plink2 --bfile"))
    assert len([line for line in lines_of(tmp_path) if line.startswith("regenie")]) == 2


def test_write_exports__a_table_of_dosages_has_no_commands(tmp_path):
    ready = write(tmp_path)
    write_exports(tmp_path / "out", ready, tmp_path / "g.tsv")
    assert lines_of(tmp_path)[-1] == "# Neither program reads g.tsv: no commands."


def test_prepare_exports__people_without_genotypes_are_left_out_and_names_never_clash():
    from facies.association.genes.genotypes import sample_table

    phenotypes = pd.DataFrame({"participant_id": ["b", "x", "a"], "pa[m+1]": [1.5, 2.5, 3.5], "pa[m-1]": [4.5, 5.5, 6.5]})
    covariates = pd.DataFrame({"participant_id": ["a", "b", "x"], "sex": [0.0, 1.0, 0.0]})
    ready = prepare_exports(sample_table(["a", "c", "b"]), phenotypes, covariates)
    assert ready.quantitative.to_numpy().tolist() == [["0", "a", 3.5, 6.5], ["0", "b", 1.5, 4.5]]
    assert ready.names == {"pa_m_1": "pa[m+1]", "pa_m_1_2": "pa[m-1]", "sex_": "sex"}
    assert ready.people.IID.tolist() == ["a", "c", "b"]
    assert ready.people.SEX.isna().all()


@pytest.mark.parametrize(
    ("samples", "phenotypes", "binary", "message"),
    [
        (["a", "b c"], {"y": [1.5, 2.5]}, (), "the sample 'b c' has a space in its name"),
        (["q", "r"], {"y": [1.5, 2.5]}, (), "nobody with a phenotype stands in the genotypes"),
        (["a", "b"], {"y": [1.0, 2.0]}, (), "'y' has only the values 0, 1 and 2"),
        (["a", "b"], {"y": [1.0, 2.0]}, ("y",), "is coded 1 and 2"),
        (["a", "b"], {"y": [1.5, 2.5]}, ("z",), "binary phenotype 'z' is no column"),
        (["a", "b"], {"y": ["u", "v"]}, (), "phenotype 'y' holds 'u'"),
    ],
)
def test_prepare_exports__what_the_programs_would_misread_is_refused(samples, phenotypes, binary, message):
    from facies.association.genes.genotypes import sample_table

    table = pd.DataFrame({"participant_id": ["a", "b"], **phenotypes})
    with pytest.raises(InputError, match=message):
        prepare_exports(sample_table(samples), table, table[["participant_id"]], binary=binary)
