"""Genotypes, gene scores and scans."""

from __future__ import annotations

from facies.tables.columns import CI, N_EVENTS, NOTE, PARTICIPANT, N, id_column, number
from facies.tables.schema import Column, Table

GENE_SCORES = Table("gene_scores", ("participant_id",), (PARTICIPANT,), "genes", open_ended=True)

COMPONENTS = Table("components", ("participant_id",), (PARTICIPANT,), "genes", open_ended=True)

SCORE_WEIGHTS = Table(
    "score_weights",
    ("variant_id",),
    (
        id_column("variant_id", "as the genotypes name it"),
        id_column("effect_allele", "the allele that is counted, such as T"),
        id_column("other_allele", "the other one; without it the strand cannot be checked", required=False, nullable=True),
        number("weight", "what one allele adds to the score", nullable=False),
        number(
            "expected_frequency", "of the effect allele in such people; decides the strand of A/T and C/G variants",
            required=False, minimum=0, maximum=1,
        ),
        Column("chromosome", "text", "to find a variant that the genotypes name otherwise", required=False, nullable=True),
        Column("position", "integer", "the same, on the genotypes' build", "base pairs", required=False, nullable=True, minimum=1),
    ),
    "the user",
)  # fmt: skip

SCORE_VARIANTS = Table(
    "score_variants",
    ("score", "variant_id"),
    (
        Column("score", "text", "the gene score, such as mc1r"),
        id_column("variant_id", "as the score names it"),
        Column("chromosome", "text", "as the genotypes have it", nullable=True),
        Column("position", "integer", "in base pairs, as the genotypes have it", nullable=True),
        Column("effect_allele", "text", "the allele that is counted"),
        Column("other_allele", "text", "the other one", nullable=True),
        number("weight", "what one allele adds", nullable=False),
        Column("found", "text", "the alleles in the genotypes", nullable=True),
        Column(
            "match", "category", "how the alleles were matched",
            levels=("as written", "swapped", "other strand", "other strand and swapped", "ambiguous", "alleles differ", "absent"),
        ),
        number("effect_allele_frequency", "in these people", minimum=0, maximum=1),
        number("expected_frequency", "as the score's table says", minimum=0, maximum=1),
        number("call_rate", "share of people with a call", minimum=0, maximum=1),
        Column("n", "integer", "people with a call", minimum=0),
        number("hwe_p", "of Hardy-Weinberg proportions, exact, in the largest group", minimum=0, maximum=1),
        Column("hwe_group", "text", "in whom", nullable=True),
        Column("included", "boolean", "whether the score uses it"),
        NOTE,
    ),
    "genes",
)  # fmt: skip

SCORE_GROUPS = Table(
    "score_groups",
    ("score", "group", "source"),
    (
        Column("score", "text", "the gene score, such as mc1r"),
        Column("group", "text", "WT/WT, WT/R, R/R, or the score's value"),
        Column("source", "text", "whose perceived age: panel or a model_id"),
        number("value", "the score of this group"),
        Column("n", "integer", "participants", minimum=0),
        number("mean", "perceived age, adjusted to the cohort's means of the covariates", "years"),
        *CI,
        number("difference", "against the first group, adjusted", "years"),
        number("difference_low", "lower end of its interval", "years"),
        number("difference_high", "upper end of the same", "years"),
        number("p_genotypic", "of any difference between the groups (2 degrees of freedom for 3), F test"),
        number("p_additive", "of a line through the groups"),
        NOTE,
    ),
    "genes",
)

SCAN = Table(
    "scan",
    ("variant_id", "effect_allele"),
    (
        Column("chromosome", "text", "1 to 22, X, Y, MT; GWAS-SSF writes 23, 24 and 25 for the last"),
        Column("base_pair_location", "integer", "position", "base pairs", minimum=0),
        Column("effect_allele", "text", "the allele that beta is for"),
        Column("other_allele", "text", "the other one"),
        number("beta", "difference an allele, or the logarithm of the odds ratio"),
        number("standard_error", "of beta"),
        number("effect_allele_frequency", "in the people analysed", minimum=0, maximum=1),
        number("p_value", "two-sided", minimum=0, maximum=1),
        id_column("variant_id", "as the genotypes have it"),
        Column("n", "integer", "people analysed", minimum=0),
        Column("method", "category", "how", levels=("linear", "score", "logistic", "firth"), required=False),
    ),
    "genes",
)

SCANS = Table(
    "scans",
    ("trait",),
    (
        Column("trait", "text", "perceived age by source, or a binary outcome"),
        Column("family", "category", "the regression", levels=("linear", "logistic")),
        Column("covariates", "text", "joined by +", nullable=True),
        N,
        N_EVENTS,
        Column("n_variants", "integer", "tested", minimum=0),
        Column("n_skipped", "integer", "not tested: monomorphic, rare, or with too few calls", minimum=0),
        number("lambda_gc", "median of the test statistic over its expectation; 1 is no inflation"),
        Column("n_genome_wide", "integer", "variants with p below 5e-8", minimum=0),
        Column("top_variant", "text", "with the smallest p", nullable=True),
        number("top_p", "its p-value"),
        Column("file", "text", "the results, in the study's folder; empty where none were written", nullable=True),
        NOTE,
    ),
    "genes",
)

SCAN_POINTS = Table(
    "scan_points",
    ("trait", "point"),
    (
        Column("trait", "text", "perceived age by source, or a binary outcome"),
        Column("point", "integer", "number of the point", minimum=0),
        Column("chromosome", "text", "1 to 22, X, Y, MT"),
        Column("position", "integer", "in base pairs", minimum=0),
        number("p_value", "two-sided", minimum=0, maximum=1, nullable=False),
        number("expected_p", "p-value expected at this rank among all variants of the trait", minimum=0, maximum=1, nullable=False),
    ),
    "genes",
)
