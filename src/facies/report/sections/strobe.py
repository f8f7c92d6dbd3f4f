"""A checklist after STROBE and its extension for genetic associations, STREGA: what the page answers, and what only an author can answer.

Items are worded by us after von Elm et al., Lancet 2007;370:1453-1457, and Little et al., PLoS Med 2009;6:e22.
"""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block
from facies.report.compared import comparisons
from facies.report.data import ReportData
from facies.report.effects import adjustment_sets, covariates_text, each, effects
from facies.report.numbers import count, fixed, plural, share
from facies.report.sections.items import Item, checklist_blocks, when


def strobe_blocks(data: ReportData) -> list[Block]:
    """Return the checklist of the associations; nothing when there are none."""
    if data.table("associations") is None:
        return []
    genes = any(data.table(name) is not None for name in ("score_variants", "scans"))
    items = (*STROBE, *STREGA) if genes else STROBE
    caption = "Checklist after STROBE and STREGA" if genes else "Checklist after STROBE"
    return checklist_blocks(data, items, name="table-strobe", caption=caption)


def _adjusted(data: ReportData) -> str:
    covariates = dict(zip(effects(data).adjustment, effects(data).covariates, strict=True))
    sets = "; ".join(f"{data.label(name)}: {covariates_text(data, covariates.get(name))}" for name in adjustment_sets(data))
    return f"Adjustment sets: {sets}; the reason for each covariate needs author"


def _variables(data: ReportData) -> str:
    rows = effects(data)
    outcomes = rows.loc[rows.kind == "risk", "outcome"].nunique()
    traits = rows.loc[rows.kind == "determinant", "exposure"].nunique()
    return f"Settings name {plural(outcomes, 'outcome')} and {plural(traits, 'trait')}; diagnostic criteria need author"


def _measurement(data: ReportData) -> str:
    rows = comparisons(data)
    noise = " Reliability of the human mean is under Human against computed." if len(rows) and rows.reliability.notna().any() else ""
    if data.table("panel_estimates") is None:
        return ""
    return f"Predicted against perceived age: readings a photograph, SD between readers, label-noise floor.{noise}"


def _missing_values(data: ReportData) -> str:
    imputed = (effects(data, analysis=None).analysis == "multiple_imputation").any()
    both = "Complete cases and multiple imputation side by side" if imputed else "Complete cases; nothing was imputed"
    return f"{both}{'; participants at each step are counted' if data.table('association_steps') is not None else ''}"


def _sensitivity(data: ReportData) -> str:
    frame = effects(data, analysis=None)
    done = {
        "multiple imputation": (frame.analysis == "multiple_imputation").any(),
        "sex interaction": (frame.analysis == "sex_interaction").any(),
        "curves": data.table("association_curves") is not None,
        "E-values": "e_value" in frame and frame.e_value.notna().any(),
    }
    names = [name for name, made in done.items() if made]
    return f"Associations: {', '.join(names)}" if names else ""


def _flow(data: ReportData) -> str:
    parts = {"flow": "flow with reasons", "preflight": "people lost between tables, with reasons", "association_steps": "n at each step"}
    found = [text for name, text in parts.items() if data.table(name) is not None]
    return f"Participants and Associations: {'; '.join(found)}" if found else ""


def _events(data: ReportData) -> str:
    rows = effects(data)
    return "Associations: events of every outcome that has them" if rows.n_events.notna().any() else ""


def _multiplicity(data: ReportData) -> str:
    rows = effects(data)
    if rows.test_family.notna().sum() == 0:
        return ""
    return "Associations: q (Benjamini-Hochberg), Holm and Bonferroni within the families of tests that are named"


def _equivalence(data: ReportData) -> str:
    rows = comparisons(data)
    if rows.empty:
        return ""
    early = int((rows.margin.notna() & ~rows.late).sum())
    return f"Human against computed: {share(early, len(rows))} of the comparisons had a margin that was fixed before results were seen"


def _clusters(data: ReportData) -> str:
    people = data.table("participants")
    if people is None or "family_id" not in people or people.family_id.isna().all():
        return "No family_id was given: people were taken as independent"
    several = int((people.family_id.value_counts() > 1).sum())
    return f"{count(several)} {'family' if several == 1 else 'families'} of several people; standard errors of associations are by cluster"


def _variants(data: ReportData) -> str:
    rows = data.table("score_variants")
    if rows is None:
        return ""
    return f"Genes: {plural(len(rows), 'variant')} by name, place and alleles, counted allele and match"


def _call_rate(data: ReportData) -> str:
    rows = data.table("score_variants")
    if rows is None or rows.call_rate.notna().sum() == 0:
        return ""
    return f"Genes: call rate {fixed(rows.call_rate.min(), 3)} to {fixed(rows.call_rate.max(), 3)}; genotyping platform needs author"


def _hardy_weinberg(data: ReportData) -> str:
    rows = data.table("score_variants")
    if rows is None or rows.hwe_p.notna().sum() == 0:
        return ""
    return "Genes: exact Hardy-Weinberg test of every variant, in the group that is named"


def _structure(data: ReportData) -> str:
    covariates = _all_covariates(data)
    components = sorted(name for name in covariates if name.lower().startswith("pc") and name[2:].isdigit())
    scans = data.table("scans")
    inflation = "" if scans is None else f"; λ {fixed(scans.lambda_gc.min(), 3)} to {fixed(scans.lambda_gc.max(), 3)}"
    return f"{plural(len(components), 'principal component')} among the covariates{inflation}" if components or inflation else ""


def _all_covariates(data: ReportData) -> set[str]:
    frames = [frame for name in ("associations", "scans") if (frame := data.table(name)) is not None]
    texts = pd.concat([frame.covariates.dropna() for frame in frames]) if frames else pd.Series(dtype=object)
    return {name for text in texts for name in str(text).split("+")}


def _relatives(data: ReportData) -> str:
    scan = " The scan takes people as independent." if data.table("scans") is not None else ""
    return f"{_clusters(data)}.{scan}"


def _model_of_inheritance(data: ReportData) -> str:
    return "Genes: additive and genotypic (2 degrees of freedom for 3 groups)" if data.table("score_groups") is not None else ""


def _genotype_counts(data: ReportData) -> str:
    rows = data.table("score_groups")
    if rows is None:
        return ""
    first = rows[rows.source == rows.source.iloc[0]]
    return "Genes: n by genotype (" + ", ".join(f"{row.group} {count(row.n)}" for row in each(first)) + ")"


def _second(data: ReportData) -> str:
    rows = data.table("replications")
    return "" if rows is None else f"Replication: {plural(len(rows), 'association')} in a second study, with power and pooling"


STROBE = (
    Item("1", "Title and abstract that name the design"),
    Item("2", "Background and reason"),
    Item("3", "Objectives and hypotheses stated beforehand"),
    Item("4", "Study design"),
    Item("5", "Setting, places and dates"),
    Item(
        "6",
        "Eligibility, sources and selection of participants",
        when("flow", "Participants: exclusions with reasons; recruitment needs author"),
    ),
    Item("7", "Definition of outcomes, exposures, covariates", _variables),
    Item("8", "How each was measured; comparability", _measurement),
    Item("9", "Efforts against bias", when("source_comparisons", "Human and computed estimates in the same people; others need author")),
    Item("10", "How the study size was reached"),
    Item(
        "11",
        "How quantitative variables were handled",
        when("association_curves", "Associations: linear, and curves tested against a line"),
    ),
    Item("12a", "Statistical methods, control of confounding", _adjusted),
    Item("12b", "Subgroups and interactions", _sensitivity),
    Item("12c", "Missing data", _missing_values),
    Item("12d", "Loss to follow-up, or sampling"),
    Item("12e", "Sensitivity analyses", _sensitivity),
    Item("13", "Participants at each stage, reasons", _flow),
    Item("14", "Characteristics, missing values by variable", when("participants", "Participants: characteristics by partition and fold")),
    Item("15", "Numbers of outcome events", _events),
    Item(
        "16",
        "Estimates, unadjusted and adjusted, with intervals",
        when("associations", "Associations: every adjustment set that was asked for"),
    ),
    Item("17", "Other analyses", _equivalence),
    Item("18", "Key results", when("associations", "What was found: headline tables")),
    Item("19", "Limitations", when("associations", "Limitations: those that the numbers show; others need author")),
    Item("20", "Interpretation"),
    Item("21", "Generalisability", _second),
    Item("22", "Funding"),
    Item("–", "Multiplicity of tests (no item of STROBE)", _multiplicity),
    Item("–", "People who belong together (no item of STROBE)", _clusters),
)

STREGA = (
    Item("3", "Whether it is the first report or a replication", _second),
    Item("7b", "Definition of genetic exposures: variants, alleles, nomenclature", _variants),
    Item("8b", "Genotyping methods, call rate, errors, batches", _call_rate),
    Item("12h", "Population stratification", _structure),
    Item("12f", "Hardy-Weinberg equilibrium", _hardy_weinberg),
    Item(
        "12g",
        "Inference of genotypes or haplotypes",
        when("score_variants", "Genes: the unphased sum of counted alleles; no haplotype is inferred"),
    ),
    Item("12i", "Multiple comparisons", _multiplicity),
    Item("12j", "Relatedness of participants", _relatives),
    Item(
        "13a",
        "Numbers with attempted and successful genotyping",
        when("preflight", "Participants: people in the genotypes and in everything else"),
    ),
    Item("14a", "Characteristics by genotype", _genotype_counts),
    Item("–", "Model of inheritance (no item of STREGA)", _model_of_inheritance),
    Item("17c", "Genome-wide results and where all of them are", when("scans", "Genes: hits, λ, and the file of all results")),
)
"""Items of STREGA that go beyond STROBE."""
