"""Gene scores: alleles matched, errors found, nothing guessed."""

import numpy as np
import pandas as pd
import pytest
from genotype_files import in_memory, make_counts, make_variants, write_bed

from facies.association.genes.alleles import match_alleles
from facies.association.genes.genotypes import ArrayGenotypes, open_genotypes
from facies.association.genes.scores import MC1R, gene_scores, score_from_table
from facies.errors import InputError
from facies.stats.hardy_weinberg import hardy_weinberg_p

PLACES = [89985844, 89986117, 89986144, 89986546]
FREQUENCIES = [0.12, 0.07, 0.07, 0.02]


def simulate_mc1r(n=3000, seed=1):
    """Risk alleles that never share a chromosome, and the variants as dbSNP has them."""
    rng = np.random.default_rng(seed)
    wild = 1 - sum(FREQUENCIES)
    chromosomes = rng.choice(5, size=(n, 2), p=[wild, *FREQUENCIES])
    counts = np.stack([(chromosomes == which).sum(axis=1) for which in (1, 2, 3, 4)], axis=1).astype(float)
    return counts, MC1R.variants.assign(chromosome="16", position=PLACES)


def score(counts, variants, **asked):
    table, checks = gene_scores(in_memory(counts, variants), [MC1R], **asked)
    return table.mc1r.to_numpy(), checks.set_index("variant_id")


def test_mc1r__is_the_number_of_chromosomes_with_a_risk_allele():
    counts, variants = simulate_mc1r()
    values, checks = score(counts, variants)
    np.testing.assert_array_equal(values, counts.sum(axis=1))
    assert set(np.unique(values)) == {0, 1, 2}
    assert checks.included.all()
    assert (checks.match == "as written").all()
    assert checks.note.isna().all()
    np.testing.assert_allclose(checks.effect_allele_frequency, counts.mean(axis=0) / 2)


COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C"}


def change(counts, variants, row, *, swap=False, flip=False):
    """The same people, with one variant counted by its other allele or spelled on the other strand."""
    counts, variants = counts.copy(), variants.copy()
    if swap:
        counts[:, row] = 2 - counts[:, row]
        variants.loc[row, ["effect_allele", "other_allele"]] = variants.loc[row, ["other_allele", "effect_allele"]].to_numpy()
    if flip:
        for column in ("effect_allele", "other_allele"):
            variants.loc[row, column] = COMPLEMENT[variants.loc[row, column]]
    return counts, variants


@pytest.mark.parametrize(
    ("row", "swap", "flip", "level"),
    [
        (0, True, False, "swapped"),
        (1, False, True, "other strand"),
        (2, True, True, "other strand and swapped"),
        (3, True, False, "swapped"),  # C/G: the frequency decides
        (3, False, True, "other strand"),
        (3, True, True, "other strand and swapped"),
    ],
)
def test_mc1r__is_the_same_from_either_strand_and_either_allele(row, swap, flip, level):
    counts, variants = simulate_mc1r()
    values, checks = score(*change(counts, variants, row, swap=swap, flip=flip))
    np.testing.assert_array_equal(values, counts.sum(axis=1))
    assert checks.match.iloc[row] == level
    np.testing.assert_allclose(checks.effect_allele_frequency, counts.mean(axis=0) / 2)


@pytest.mark.parametrize("build", [0, 1])
def test_mc1r__is_found_by_position_on_either_build(build):
    counts, variants = simulate_mc1r()
    places = [places[build][1] for places in MC1R.places.values()]
    renamed = variants.assign(variant_id=[f"chr16:{place}" for place in places], chromosome="chr16", position=places)
    values, checks = score(counts, renamed)
    np.testing.assert_array_equal(values, counts.sum(axis=1))
    assert checks.note.tolist() == [f"found by position as chr16:{place}" for place in places]


def test_mc1r__a_variant_at_such_a_position_with_other_alleles_is_not_taken():
    counts, variants = simulate_mc1r()
    variants = variants.assign(variant_id=["x1", "rs1805007", "rs1805008", "rs1805009"], effect_allele=["A", "T", "T", "C"])
    values, checks = score(counts, variants)
    assert np.isnan(values).all()
    assert checks.match["rs1805005"] == "alleles differ"
    assert "the genotypes have A/G" in checks.note["rs1805005"]


def test_mc1r__a_variant_that_nobody_carries_is_known_by_its_other_allele():
    counts, variants = simulate_mc1r()
    counts[:, 3] = 0
    variants.loc[3, "effect_allele"] = "0"
    values, checks = score(counts, variants)
    np.testing.assert_array_equal(values, counts.sum(axis=1))
    assert checks.match["rs1805009"] == "as written"
    assert checks.found["rs1805009"] == "0/G"


def test_mc1r__from_a_file_gives_the_years_per_allele_of_a_regression_by_hand(tmp_path):
    from facies.association import associate_traits

    counts, variants = simulate_mc1r(2679)
    path = write_bed(tmp_path / "g.bed", counts, variants, [f"p{i}" for i in range(2679)])
    rng = np.random.default_rng(9)
    age = rng.uniform(51.5, 87.8, 2679)
    perceived = age + 0.79 * counts.sum(axis=1) + rng.normal(0, 4, 2679)
    people = pd.DataFrame({"participant_id": [f"p{i}" for i in range(2679)], "age": age, "perceived_age[panel]": perceived})
    with open_genotypes(path) as genotypes:
        scores, _ = gene_scores(genotypes, [MC1R])
    shuffled = people.sample(frac=1, random_state=1)
    ages = shuffled[["participant_id", "perceived_age[panel]"]]
    row = associate_traits(scores, ages, shuffled[["participant_id", "age"]], adjustments={"m": ["age"]}).iloc[0]
    by_hand = np.linalg.lstsq(np.column_stack([counts.sum(axis=1), age, np.ones(2679)]), perceived, rcond=None)[0][0]
    assert row.estimate == pytest.approx(by_hand, rel=1e-9)
    assert row.ci_low < 0.79 < row.ci_high


def test_mc1r__needs_all_four_variants():
    counts, variants = simulate_mc1r()
    values, checks = score(counts[:, :3], variants[:3])
    assert np.isnan(values).all()
    assert not checks.included.any()
    assert checks.match["rs1805009"] == "absent"
    assert "3 of 4 variants can be used, and the score needs all: nobody has a score" in checks.note["rs1805005"]


def test_mc1r__a_person_with_more_than_two_risk_alleles_has_no_score_and_is_counted():
    counts, variants = simulate_mc1r()
    counts[7] = [2, 1, 0, 0]
    values, checks = score(counts, variants)
    assert np.isnan(values[7])
    assert np.isfinite(np.delete(values, 7)).all()
    assert checks.note["rs1805007"] == "1 person has more than 2 risk alleles, which cannot be (quality error): no score"


def test_mc1r__many_with_more_than_two_mean_wrong_alleles_and_nobody_has_a_score():
    counts, variants = simulate_mc1r()
    counts[:, 1] = np.random.default_rng(3).binomial(2, 0.4, len(counts))  # another variant under this name
    values, checks = score(counts, variants)
    assert np.isnan(values).all()
    assert not checks.included.any()
    assert "alleles or strand of a variant are probably wrong" in checks.note["rs1805005"]
    assert "far from the expected 0.07" in checks.note["rs1805007"]


def test_mc1r__alleles_named_the_wrong_way_round_are_found_by_their_frequency():
    counts, variants = simulate_mc1r()
    counts[:, 2] = 2 - counts[:, 2]  # the file counts C and says T
    values, checks = score(counts, variants)
    assert np.isnan(values).all()
    assert not checks.included["rs1805008"]
    assert "mirrors the expected 0.07" in checks.note["rs1805008"]


def test_mc1r__a_missing_call_matters_unless_two_risk_alleles_are_known():
    counts, variants = simulate_mc1r()
    counts[:3] = [[2, 0, 0, np.nan], [1, 1, np.nan, np.nan], [1, 0, 0, np.nan]]
    values, checks = score(counts, variants)
    assert values[:2].tolist() == [2, 2]
    assert np.isnan(values[2])
    assert checks.n.tolist() == [3000, 3000, 2999, 2997]
    assert "1 person lacks a call and has no score" in checks.note["rs1805005"]


def test_mc1r__dosages_are_turned_into_calls_where_they_are_clear():
    counts, variants = simulate_mc1r()
    counts[0], counts[1] = [0.06, 0.98, 0, 0], [0.3, 0, 0, 0]
    values, _ = score(counts, variants)
    assert values[0] == 1
    assert np.isnan(values[1])


def test_gene_scores__a_variant_with_too_few_calls_is_not_used():
    counts, variants = simulate_mc1r()
    counts[:200, 0] = np.nan
    values, checks = score(counts, variants)
    assert np.isnan(values).all()
    assert "called in 93.3% of people, fewer than 95%" in checks.note["rs1805005"]
    assert np.isfinite(score(counts, variants, min_call_rate=0.9)[0]).any()


def test_gene_scores__hardy_weinberg_is_tested_in_the_largest_group_and_the_others_are_watched():
    counts, variants = simulate_mc1r()
    counts[2500:] = 0
    counts[2500:2750, 0] = 2  # nobody heterozygous in the smaller group
    groups = pd.Series(["north"] * 2500 + ["south"] * 500, index=[f"p{i}" for i in range(3000)])
    _, checks = score(counts, variants, groups=groups)
    first = counts[:2500, 0]
    expected = hardy_weinberg_p(*(int((first == call).sum()) for call in (0, 1, 2)))
    assert checks.hwe_p["rs1805005"] == pytest.approx(expected)
    assert set(checks.hwe_group) == {"north"}
    assert "in south" in checks.note["rs1805005"]


def test_gene_scores__hardy_weinberg_equals_plink2(tmp_path, plink2):
    counts, variants = make_counts(200, 12), make_variants(12)
    counts[:, 3] = np.where(counts[:, 3] == 1, 2, counts[:, 3])
    write_bed(tmp_path / "g.bed", counts, variants, [f"p{i}" for i in range(200)])
    plink2("--bfile", tmp_path / "g", "--hardy", "--out", tmp_path / "h")
    theirs = pd.read_csv(tmp_path / "h.hardy", sep="\t").set_index("ID").P
    weights = variants[["variant_id", "effect_allele", "other_allele"]].assign(weight=1.0)
    with open_genotypes(tmp_path / "g.bed") as genotypes:
        _, checks = gene_scores(genotypes, [score_from_table("all", weights)])
    np.testing.assert_allclose(checks.set_index("variant_id").hwe_p[theirs.index], theirs, rtol=1e-5)


def test_score_from_table__is_the_weighted_sum_of_dosages():
    counts, variants = make_counts(50, 6, missing=0.0), make_variants(6)
    rng = np.random.default_rng(4)
    weights = variants[["variant_id", "effect_allele", "other_allele"]].assign(weight=rng.normal(0, 1, 6))
    counts[0, 0], counts[5, 2] = np.nan, 0.37
    table, checks = gene_scores(in_memory(counts, variants), [score_from_table("own", weights), MC1R])
    np.testing.assert_allclose(table.own, counts @ weights.weight.to_numpy())
    assert table.mc1r.isna().all()
    assert checks.score.tolist() == ["own"] * 6 + ["mc1r"] * 4


def test_score_from_table__a_variant_that_the_frequency_cannot_decide_is_left_out():
    counts, variants = make_counts(500, 3, missing=0.0), make_variants(3)
    counts[:, 1] = np.random.default_rng(5).binomial(2, 0.47, 500)
    variants.loc[1, ["effect_allele", "other_allele"]] = ["A", "T"]
    weights = variants[["variant_id", "effect_allele", "other_allele"]].assign(weight=1.0, expected_frequency=[np.nan, 0.45, np.nan])
    table, checks = gene_scores(in_memory(counts, variants), [score_from_table("own", weights)])
    np.testing.assert_allclose(table.own, counts[:, [0, 2]].sum(axis=1))
    row = checks.iloc[1]
    assert (row.match, row.included) == ("ambiguous", False)
    assert "a frequency near one half cannot decide" in row.note


def test_score_from_table__split_alternatives_and_repeated_variants():
    variants = pd.DataFrame(
        {
            "variant_id": ["rs1", "rs1", "rs2", "rs2", "rs3", "rs3"],
            "chromosome": "1",
            "position": [5, 5, 6, 6, 7, 7],
            "effect_allele": ["A", "T", "A", "A", "A", "T"],
            "other_allele": ["G", "G", "G", "G", "C", "C"],
        }
    )
    counts = np.array([[1.0, 0, 0, 0, 1, 0], [1, 1, 1, 1, 0, 0], [0, 2, 0, 0, 0, 1]])
    weights = pd.DataFrame(
        {"variant_id": ["rs1", "rs2", "rs3"], "effect_allele": ["T", "A", "C"], "other_allele": ["G", "G", "A"], "weight": 1.0}
    )
    table, checks = gene_scores(in_memory(counts, variants), [score_from_table("own", weights)])
    assert table.own.tolist() == [0, 1, 2]
    assert checks.included.tolist() == [True, False, False]
    assert "stands in the genotypes 2 times" in checks.note[1]
    assert "has several alternative alleles" in checks.note[2]


def test_score_from_table__one_allele_is_enough_unless_it_fits_neither():
    counts, variants = make_counts(60, 2, missing=0.0), make_variants(2)
    weights = pd.DataFrame({"variant_id": ["rs100", "rs101"], "effect_allele": ["g", "TT"], "weight": [1.0, 1.0]})
    table, checks = gene_scores(in_memory(counts, variants), [score_from_table("own", weights)])
    np.testing.assert_allclose(table.own, 2 - counts[:, 0])
    assert checks.match.tolist() == ["swapped", "alleles differ"]


def test_gene_scores__people_are_joined_by_name():
    counts, variants = simulate_mc1r(40)
    asked = ["p30", "nobody", "p2"]
    table, checks = gene_scores(in_memory(counts, variants), [MC1R], participant_ids=asked)
    assert table.participant_id.tolist() == ["p30", "p2"]
    assert table.mc1r.tolist() == counts[[30, 2]].sum(axis=1).tolist()
    assert checks.n.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: gene_scores(g, [MC1R], participant_ids=["x"]), "nobody of the study stands in the genotypes"),
        (lambda g: gene_scores(g, [MC1R, MC1R]), "two gene scores are called 'mc1r'"),
        (lambda g: score_from_table("mc1r", MC1R.variants), "cannot be called 'mc1r'"),
        (lambda g: score_from_table("own", MC1R.variants[:0]), "has no variants"),
        (lambda g: score_from_table("own", MC1R.variants.assign(other_allele="T")), "names the same allele twice for rs1805005"),
    ],
)
def test_gene_scores__wrong_requests_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(in_memory(*simulate_mc1r(10)))


def test_gene_scores__without_scores_has_empty_tables():
    table, checks = gene_scores(in_memory(*simulate_mc1r(10)), [])
    assert list(table.columns) == ["participant_id"]
    assert checks.empty


@pytest.mark.parametrize(
    ("alleles", "frequency", "expected", "level"),
    [
        (("A", "T", "A", "T"), 0.1, 0.12, "as written"),
        (("A", "T", "T", "A"), 0.9, 0.12, "swapped"),
        (("A", "T", "A", "T"), 0.9, 0.12, "other strand and swapped"),
        (("A", "T", "T", "A"), 0.1, 0.12, "other strand"),
        (("A", "T", "A", "T"), 0.45, 0.12, "ambiguous"),
        (("A", "T", "A", "T"), np.nan, 0.12, "ambiguous"),
        (("A", "T", "A", "T"), 0.1, None, "ambiguous"),
        (("A", "G", "A", "T"), 0.1, 0.1, "alleles differ"),
        (("AC", "A", "AC", "A"), 0.1, None, "as written"),
        (("AC", "A", "GT", "T"), 0.1, None, "other strand"),
        (("T", "C", "N", "N"), 0.1, 0.2, "as written"),
        (("T", "C", "N", "N"), 0.1, None, "ambiguous"),
        (("C", "G", "0", "G"), 0.0, 0.02, "as written"),
        (("T", "C", ".", "C"), 0.0, None, "as written"),
        (("T", "C", "0", "G"), 0.0, None, "other strand"),
        (("T", "C", "C", "0"), 1.0, None, "swapped"),
        (("T", "C", "0", "0"), np.nan, None, "alleles differ"),
    ],
)
def test_match_alleles__every_case(alleles, frequency, expected, level):
    assert match_alleles(*alleles, frequency=frequency, expected=expected).level == level


def test_gene_scores__hardy_weinberg_is_tested_where_the_genotypes_have_no_positions():
    variants = MC1R.variants.assign(chromosome="0", position=0)
    counts = np.random.default_rng(3).binomial(2, [0.1, 0.0, 0.08, 0.0], (200, 4)).astype(float)
    counts[:, 2] *= counts[:, 0] == 0
    table, checks = gene_scores(ArrayGenotypes([f"p{i}" for i in range(200)], variants, counts), [MC1R])
    assert checks.hwe_p.notna().all()
    assert len(table) == 200
