"""Scans: planted effects are found, nothing else is, and PLINK 2 says the same."""

import gzip

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from genotype_files import in_memory, make_counts, make_variants, write_bed

from facies.association.genes import scan as scan_module
from facies.association.genes.genotypes import open_genotypes
from facies.association.genes.gwas_ssf import FIRST_COLUMNS, ssf_files, write_metadata
from facies.association.genes.scan import scan_variants
from facies.association.genes.scan_regions import parse_region, select_variants, unique_names
from facies.association.genes.thinning import lambda_gc, thin_scan
from facies.errors import InputError
from facies.tables import SCAN, SCANS


def make_study(n=400, m=30, missing=0.02, seed=1):
    """Return genotypes in memory, traits and people; variant 3 adds 2 years an allele and doubles the odds of cataract."""
    rng = np.random.default_rng(seed)
    counts, variants, ids = make_counts(n, m, missing, seed), make_variants(m), [f"p{i}" for i in range(n)]
    people = pd.DataFrame({"participant_id": ids, "age": rng.normal(65, 8, n), "sex": rng.choice(["female", "male"], n)})
    planted = np.where(np.isnan(counts[:, 3]), 0.5, counts[:, 3])
    human = people.age + 2 * planted + rng.normal(0, 3, n)
    traits = pd.DataFrame({"participant_id": ids, "human": human, "computed": human + rng.normal(0, 2, n)})
    odds = np.exp(-1.2 + 0.04 * (people.age - 65) + 0.7 * planted)
    traits["cataract"] = (rng.random(n) < odds / (1 + odds)).astype(float)
    return in_memory(counts, variants, ids), traits, people


def covariate_columns(people):
    return sm.add_constant(np.column_stack([people.age, people.sex == "male"]).astype(float))


def test_scan_variants__equals_one_regression_a_variant_with_rows_in_any_order():
    genotypes, traits, people = make_study()
    traits.loc[5:40, "computed"] = np.nan
    traits.loc[300, "human"] = np.nan
    scans = scan_variants(
        genotypes,
        traits.sample(frac=1, random_state=1),
        people.sample(frac=1, random_state=2),
        adjustment=["age", "sex"],
        binary=["cataract"],
    )
    counts, X = genotypes.read(0, 30), covariate_columns(people)
    for trait in ("human", "computed", "cataract"):
        table, y = scans.tables[trait].set_index("variant_id"), traits[trait].to_numpy()
        for column, name in enumerate(genotypes.variants.variant_id):
            kept = ~np.isnan(counts[:, column]) & ~np.isnan(y)
            design = np.column_stack([X, counts[:, column]])[kept]
            known = (
                sm.OLS(y[kept], design).fit() if trait != "cataract" else sm.Logit(y[kept], design).fit(disp=0, method="newton", tol=1e-12)
            )
            found = table.loc[name, ["beta", "standard_error", "p_value"]].astype(float)
            np.testing.assert_allclose(
                found, (known.params[-1], known.bse[-1], known.pvalues[-1]), rtol=2e-5 if trait == "cataract" else 1e-8
            )
            assert table.loc[name, "n"] == kept.sum()
            assert table.loc[name, "effect_allele_frequency"] == pytest.approx(counts[kept, column].mean() / 2)


def test_scan_variants__summaries_name_the_planted_variant_and_what_was_lost():
    genotypes, traits, people = make_study()
    people.loc[:9, "age"] = np.nan
    scans = scan_variants(genotypes, traits, people, adjustment=["age", "sex"], binary=["cataract"], min_frequency=0.2)
    SCANS.validate(scans.summaries)
    row = scans.summaries.set_index("trait").loc["human"]
    rare = (np.minimum(f := np.nanmean(genotypes.read(0, 30)[10:], axis=0) / 2, 1 - f) < 0.2).sum()
    assert (row.top_variant, row.n, row.n_variants, row.n_skipped) == ("rs103", 390, 30 - rare, rare)
    assert f"{rare} variants too rare" in row.note
    assert "10 of 400 left out: 10 without covariates" in row.note
    assert scans.summaries.n_events.tolist()[2] == traits.cataract[10:].sum()


def test_scan_variants__neither_threads_nor_blocks_change_a_digit(monkeypatch):
    genotypes, traits, people = make_study(m=60)
    traits.loc[5:40, "computed"] = np.nan
    once = scan_variants(genotypes, traits, people, adjustment=["age"], binary=["cataract"], threads=1)
    monkeypatch.setattr(scan_module, "BLOCK", 7)
    again = scan_variants(genotypes, traits, people, adjustment=["age"], binary=["cataract"], threads=3)
    for trait, table in once.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[trait], rtol=1e-12)
    pd.testing.assert_frame_equal(once.points, again.points, rtol=1e-12)


def test_scan_variants__variants_without_a_result_are_counted_by_reason():
    genotypes, traits, people = make_study(missing=0.0, m=8)
    counts = genotypes.read(0, 8)
    counts[:, 0], counts[:, 1], counts[:40, 2], counts[:, 4] = 2.0, 0.0, np.nan, np.nan
    counts[:, 5] = 0.0
    counts[7, 5] = 1.0
    people["copy"] = counts[:, 6]
    variants = genotypes.variants.copy()
    variants.loc[7, "chromosome"] = "X"
    scans = scan_variants(in_memory(counts, variants), traits[["participant_id", "human"]], people, adjustment=["copy"])
    assert scans.skipped["human"] == {
        "not on chromosomes 1 to 22": 1,
        "called in too few people": 2,
        "without variation": 2,
        "too rare": 1,
        "determined by the covariates": 1,
    }
    assert scans.tables["human"].variant_id.tolist() == ["rs103"]


def test_scan_variants__a_separated_variant_is_estimated_by_firth_and_says_so():
    genotypes, traits, people = make_study(missing=0.01, m=5)
    counts = genotypes.read(0, 5)
    counts[traits.cataract == 1, 2] = 0.0
    scans = scan_variants(in_memory(counts, genotypes.variants), traits, people, adjustment=["age"], binary=["cataract"], min_frequency=0)
    table = scans.tables["cataract"]
    assert table.method.tolist() == ["logistic", "logistic", "firth", "logistic", "logistic"]
    assert table.beta[2] < -2
    assert table.p_value[2] < 1e-4
    assert "1 variants with Firth estimates" in scans.summaries.note.iloc[-1]


def test_scan_variants__p_values_are_uniform_without_an_effect():
    rng = np.random.default_rng(3)
    n, m = 400, 3000
    genotypes = in_memory(make_counts(n, m, 0.01, 4), make_variants(m))
    ids = list(genotypes.sample_ids)
    traits = pd.DataFrame({"participant_id": ids, "human": rng.normal(60, 5, n), "cataract": (rng.random(n) < 0.3).astype(float)})
    scans = scan_variants(
        genotypes, traits, pd.DataFrame({"participant_id": ids, "age": rng.normal(65, 8, n)}), adjustment=["age"], binary=["cataract"]
    )
    for table in scans.tables.values():
        for level, spread in ((0.5, 0.03), (0.05, 0.013), (0.01, 0.006)):
            assert (table.p_value < level).mean() == pytest.approx(level, abs=spread)
    assert scans.summaries.lambda_gc.between(0.9, 1.1).all()
    assert (scans.summaries.n_genome_wide == 0).all()


def test_scan_variants__relatives_and_rare_outcomes_are_noted():
    genotypes, traits, people = make_study()
    people["family_id"] = ["f1", "f1", *(f"g{i}" for i in range(398))]
    traits["cataract"] = np.r_[np.ones(5), np.zeros(395)]
    scans = scan_variants(genotypes, traits, people, adjustment=["age"], binary=["cataract"])
    human, _, cataract = scans.summaries.itertuples()
    assert "2 people share a family_id" in human.note
    assert (cataract.n_variants, "fewer than 10" in cataract.note) == (0, True)
    assert list(scans.tables) == ["human", "computed"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regions": ["16:9"]}, "region '16:9' is none"),
        ({"regions": ["16:90-80"]}, "ends before it starts"),
        ({"regions": ["3"]}, "region '3' holds no variant"),
        ({"regions": ["X:1-5"]}, "not on chromosomes 1 to 22"),
        ({"adjustment": ["age", "twice"]}, "age is determined by the covariates"),
        ({"adjustment": ["height"]}, "'height' is no column"),
        ({"binary": ["human"]}, "binary outcome 'human' has"),
        ({"binary": []}, "name it among the binary outcomes"),
        ({"min_frequency": 0.9}, "min_frequency is 0.9: choose 0 to 0.5"),
    ],
)
def test_scan_variants__refuses_with_one_line(change, message):
    genotypes, traits, people = make_study()
    people["twice"] = 2 * people.age + 1
    settings = {"adjustment": ["age"], "binary": ["cataract"]} | change
    with pytest.raises(InputError, match=message) as error:
        scan_variants(genotypes, traits, people, **settings)
    assert "\n" not in str(error.value)


def test_scan_variants__refuses_tables_of_other_people():
    genotypes, traits, people = make_study()
    with pytest.raises(InputError, match="nobody has genotypes"):
        scan_variants(genotypes, traits.assign(participant_id="x" + traits.participant_id), people, adjustment=["age"], binary=["cataract"])


def test_select_variants__keeps_the_regions_with_both_ends_and_the_first_of_a_pair():
    variants = make_variants(9)
    variants.loc[8, list(variants)] = variants.loc[7, list(variants)]
    chosen, left_out = select_variants(variants, ["chr16:31000-36,000", "1"])
    assert chosen.tolist() == [0, 1, 2, 6, 7]
    assert left_out == {"the same variant once more": 1}
    assert parse_region("all") is None
    assert unique_names(variants.assign(variant_id="a"))[0] == "1_1000_G_A"


@pytest.mark.parametrize("ending", [".tsv", ".tsv.gz"])
def test_ssf_files__hold_the_table_with_the_standards_columns_first(tmp_path, ending):
    genotypes, traits, people = make_study()
    known = scan_variants(genotypes, traits, people, adjustment=["age"], binary=["cataract"])
    files = {name: name + ending for name in ("human", "computed", "cataract")}
    with ssf_files(tmp_path, files, genotypes.variants) as sinks:
        scans = scan_variants(genotypes, traits, people, adjustment=["age"], binary=["cataract"], sinks=sinks)
        assert not (tmp_path / files["human"]).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files.values())
    assert scans.summaries.file.tolist() == list(files.values())
    assert scans.tables == {}
    for trait, name in files.items():
        read = pd.read_csv(tmp_path / name, sep="\t", dtype={"chromosome": str})
        assert tuple(read.columns[:8]) == FIRST_COLUMNS
        pd.testing.assert_frame_equal(SCAN.validate(read.drop(columns="rsid")), known.tables[trait], check_dtype=False, rtol=1e-14)


def test_ssf_files__nothing_is_left_of_a_scan_that_stops(tmp_path):
    genotypes, traits, people = make_study()
    (tmp_path / "human.tsv").write_text("old")
    with pytest.raises(InputError, match="no column"), ssf_files(tmp_path, {"human": "human.tsv"}, genotypes.variants) as sinks:  # noqa: PT012
        scan_variants(genotypes, traits[["participant_id", "human"]], people, adjustment=["age"], sinks=sinks)
        raise InputError("no column")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_write_metadata__says_what_software_can_know(tmp_path):
    genotypes, traits, people = make_study()
    with ssf_files(tmp_path, {"cataract": "cataract.tsv.gz"}, genotypes.variants) as sinks:
        scans = scan_variants(
            genotypes, traits[["participant_id", "cataract"]], people, adjustment=["age"], binary=["cataract"], sinks=sinks
        )
    file = tmp_path / "cataract.tsv.gz"
    row = scans.summaries.iloc[0].to_dict()
    written = write_metadata(file, row, covariates=["age"], date="2026-01-31", software="facies 1.0", is_sorted=True)
    text = written.read_text()
    assert written.name == "cataract.tsv.gz-meta.yaml"
    for line in (
        "date_metadata_last_modified: 2026-01-31",
        'genome_assembly: "NR"',
        "  - sample_size: 400",
        "    case_control_study: true",
        '  - "age"',
    ):
        assert line in text.splitlines()
    with gzip.open(file) as data:
        assert data.readline().startswith(b"chromosome\tbase_pair_location\teffect_allele")


def test_thin_scan__keeps_small_p_values_and_the_shape():
    rng = np.random.default_rng(1)
    p_values = np.r_[rng.random(50_000), 1e-9, 3e-5]
    variants = pd.DataFrame({"chromosome": "2", "position": np.arange(len(p_values))})
    points = thin_scan(variants, np.arange(len(p_values)), p_values)
    assert len(points) <= 3000
    assert set(p_values[p_values < 1e-3]) <= set(points.p_value)
    ranks = points.p_value.rank() - 1
    assert (points.expected_p.rank() - 1 == ranks).all()
    assert np.corrcoef(points.p_value, points.expected_p)[0, 1] > 0.999
    assert (points.position.diff().dropna() > 0).all()
    many = thin_scan(variants, np.arange(len(p_values)), p_values / 1000, n_points=300)
    assert len(many) <= 300
    assert many.p_value.min() == 1e-12


def test_lambda_gc__is_one_without_and_known_with_inflation():
    from scipy.stats import chi2

    rng = np.random.default_rng(1)
    statistics = rng.chisquare(1, 200_000)
    assert lambda_gc(chi2.sf(statistics, 1)) == pytest.approx(np.median(statistics) / chi2.ppf(0.5, 1), rel=1e-9)
    assert lambda_gc(chi2.sf(1.3 * statistics, 1)) == pytest.approx(1.3, abs=0.02)


def write_for_plink2(folder, traits, people):
    columns = people.assign(sex=(people.sex == "male").astype(float)).rename(columns={"participant_id": "#IID"})
    columns.to_csv(folder / "covar.txt", sep="\t", index=False, na_rep="NA")
    traits.assign(cataract=traits.cataract + 1).rename(columns={"participant_id": "#IID"}).to_csv(
        folder / "pheno.txt", sep="\t", index=False, na_rep="NA"
    )


def test_scan_variants__plink2_says_the_same_from_bed_pgen_and_table(tmp_path, plink2):
    genotypes, traits, people = make_study(n=500, m=40, missing=0.03)
    traits.loc[5:40, "computed"] = np.nan
    bed = write_bed(tmp_path / "g.bed", genotypes.read(0, 40), genotypes.variants, list(genotypes.sample_ids))
    write_for_plink2(tmp_path, traits, people)
    plink2("--bfile", tmp_path / "g", "--make-pgen", "--out", tmp_path / "g")
    plink2(
        "--bfile", tmp_path / "g", "--glm", "hide-covar", "omit-ref", "--pheno", tmp_path / "pheno.txt", "--covar", tmp_path / "covar.txt",
        "--covar-variance-standardize", "--out", tmp_path / "known",
    )  # fmt: skip
    table = pd.DataFrame(
        genotypes.read(0, 40),
        columns=[f"{v.chromosome}:{v.position}:{v.effect_allele}:{v.other_allele}" for v in genotypes.variants.itertuples()],
    )
    table.insert(0, "participant_id", genotypes.sample_ids)
    table.to_csv(tmp_path / "g.tsv", sep="\t", index=False, na_rep="n/a")
    found = {}
    for name in ("g.bed", "g.pgen", "g.tsv"):
        with open_genotypes(tmp_path / name) as opened:
            found[name] = scan_variants(opened, traits, people, adjustment=["age", "sex"], binary=["cataract"])
    for trait, ending in (("human", "linear"), ("computed", "linear"), ("cataract", "logistic.hybrid")):
        known = pd.read_csv(tmp_path / f"known.{trait}.glm.{ending}", sep="\t")
        table = found["g.bed"].tables[trait]
        assert (table.effect_allele == known.A1).all()
        assert (table.n == known.OBS_CT).all()
        beta, std_error = (known.BETA, known.SE) if ending == "linear" else (np.log(known.OR), known["LOG(OR)_SE"])
        np.testing.assert_allclose(table.beta, beta, rtol=1e-5, atol=1e-5 if ending != "linear" else 0)
        np.testing.assert_allclose(table.standard_error, std_error, rtol=1e-5 if ending == "linear" else 5e-5)
        np.testing.assert_allclose(table.p_value, known.P, rtol=1e-5 if ending == "linear" else 5e-4)
        for other in ("g.pgen", "g.tsv"):
            numbers = ["beta", "standard_error", "effect_allele_frequency", "p_value", "n"]
            pd.testing.assert_frame_equal(found[other].tables[trait][numbers], table[numbers], rtol=1e-10)
    assert bed.is_file()


def test_scan_variants__plink2_falls_back_to_the_same_firth_estimates(tmp_path, plink2):
    genotypes, traits, people = make_study(missing=0.01, m=5)
    counts = genotypes.read(0, 5)
    counts[traits.cataract == 1, 2] = 0.0
    write_bed(tmp_path / "g.bed", counts, genotypes.variants, list(genotypes.sample_ids))
    write_for_plink2(tmp_path, traits, people)
    plink2(
        "--bfile", tmp_path / "g", "--glm", "hide-covar", "omit-ref", "--pheno", tmp_path / "pheno.txt", "--pheno-name", "cataract",
        "--covar", tmp_path / "covar.txt", "--covar-variance-standardize", "--out", tmp_path / "known",
    )  # fmt: skip
    known = pd.read_csv(tmp_path / "known.cataract.glm.logistic.hybrid", sep="\t")
    with open_genotypes(tmp_path / "g.bed") as opened:
        table = scan_variants(opened, traits, people, adjustment=["age", "sex"], binary=["cataract"], min_frequency=0).tables["cataract"]
    assert (known["FIRTH?"] == "Y").tolist() == (table.method == "firth").tolist()
    np.testing.assert_allclose(table.beta[2], np.log(known.OR[2]), rtol=1e-3)
    np.testing.assert_allclose(table.standard_error[2], known["LOG(OR)_SE"][2], rtol=1e-3)
