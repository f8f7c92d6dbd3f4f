"""How the statistics were done, in sentences made from what the tables hold; and which analyses were not made."""

from __future__ import annotations

from facies.report.blocks import Block, Bullets, Heading, Text
from facies.report.data import ReportData
from facies.report.effects import effects, per_text
from facies.report.numbers import count, plural

FAMILIES = {
    "linear": "continuous outcomes by least squares with heteroscedasticity-consistent (HC3) or, where people belong together, "
    "cluster-robust "
    "standard errors",
    "linear_mixed": "continuous outcomes by a linear mixed model with a random intercept for people who belong together (REML)",
    "logistic": "binary outcomes by logistic regression",
    "firth": "binary outcomes with few events or separation by Firth's penalised logistic regression, with p-values and intervals from the "
    "penalised likelihood",
    "cox": "times to an event by Cox regression",
    "poisson": "counts by Poisson regression",
    "negative_binomial": "counts by negative binomial regression",
    "ordinal": "ordered outcomes by the proportional odds model",
}
"""Levels of ``family`` as methods sections say it."""

OPTIONAL = {
    "association_curves": "Curves",
    "source_comparisons": "Comparison of human and computed perceived age",
    "proxy_estimates": "Proxy inference",
    "age_gap_summaries": "Age gap",
    "age_gaps": "Figure of the age gap",
    "preflight": "Participants across tables",
    "association_steps": "Participants at each step of the associations",
    "score_variants": "Checks of a gene score's variants",
    "score_groups": "Perceived age by genotype",
    "scans": "Scan of variants",
    "scan_points": "Manhattan and QQ plots",
    "replications": "Replication in a second study",
    "shifts": "Shift between two studies",
    "replication_metrics": "Calibration in a second study",
    "learning_ways": "Ways to learn",
    "margins": "Equivalence margins",
}
"""Parts that a study may ask for, and what they are called where they are absent."""


def analysis_blocks(data: ReportData) -> list[Block]:
    """Return the statistical methods of what was analysed, and the list of what was not with reasons."""
    parts = (_regressions, _multiplicity, _imputation, _comparison, _proxies, _gaps, _scores, _scan, _second)
    sentences = [Text(text) for part in parts if (text := part(data))]
    blocks: list[Block] = [Heading("Statistical analysis"), *sentences] if sentences else []
    return [*blocks, *absent_blocks(data)]


def replication_analysis(data: ReportData) -> list[Block]:
    """Return the statistical methods of a replication."""
    text = _second(data)
    return [Heading("Statistical analysis"), Text(text)] if text else []


def absent_blocks(data: ReportData) -> list[Block]:
    """Return which optional parts are not in this report, and why."""
    absent = tuple(f"{label}: {data.why_missing(name)}." for name, label in OPTIONAL.items() if _is_absent(data, name))
    return [Heading("Not part of this report"), Bullets(absent)] if absent else []


def _is_absent(data: ReportData, name: str) -> bool:
    part = getattr(data, name)
    return part is None or len(part) == 0


def _regressions(data: ReportData) -> str:
    rows = effects(data)
    if rows.empty:
        return ""
    families = [FAMILIES[name] for name in FAMILIES if (rows.family == name).any()]
    steps = sorted(set(rows.loc[rows.kind == "risk", "per"]))
    per = f" Estimates with perceived age as exposure are per {' or '.join(map(per_text, steps))} years." if steps else ""
    return (
        f"Regressions: {'; '.join(families)}. Human and computed estimates of one outcome come from the same people. p-values are "
        "two-sided, "
        f"intervals are at 95%.{per} {plural(int(rows.estimate.isna().sum()), 'association')} of {count(len(rows))} got no estimate, "
        "for the reason that stands in its row."
    )


def _multiplicity(data: ReportData) -> str:
    rows = effects(data)
    if rows.empty or rows.test_family.notna().sum() == 0:
        return ""
    tests = rows[rows.test_family.notna() & rows.estimate.notna()]
    n = tests.test_family.nunique()
    return (
        f"Multiplicity: {plural(len(tests), 'test')} in {count(n)} {'family' if n == 1 else 'families'} (one perceived age, one "
        "adjustment set, "
        "the outcomes that the study put together); "
        "within each the p-values were adjusted by Benjamini-Hochberg, Holm and Bonferroni. Nothing is adjusted across families."
    )


def _imputation(data: ReportData) -> str:
    rows = effects(data, analysis=None)
    if rows.empty or not (rows.analysis == "multiple_imputation").any():
        return "" if rows.empty else "Missing data: complete cases; nothing was imputed."
    return (
        "Missing data: complete cases, and beside them multiple imputation of missing covariates by chained equations with outcome and "
        "exposure in "
        "the imputation model, pooled by Rubin's rules. Outcomes and perceived ages were never imputed."
    )


def _comparison(data: ReportData) -> str:
    if data.table("source_comparisons") is None:
        return ""
    return (
        "Human against computed: difference of coefficients in the same people with a standard error by stacked estimating equations and "
        "an interval "
        "by drawing participants (or whole families); equivalence by two one-sided tests at 5% against the margins of study.toml; ratio "
        "with "
        "Fieller's interval; slopes given the same covariates."
    )


def _proxies(data: ReportData) -> str:
    if data.table("proxy_estimates") is None:
        return ""
    return (
        "People without readings: prediction-powered inference (PPI++, Angelopoulos et al. 2023) with cross-fitted predictions, tuned "
        "for the "
        "coefficient that is reported."
    )


def _gaps(data: ReportData) -> str:
    if data.table("age_gap_summaries") is None:
        return ""
    return "Age gap: corrections for age were fitted on the other folds only; its correlation with age has an interval by drawing people."


def _scores(data: ReportData) -> str:
    variants = data.table("score_variants")
    if variants is None:
        return ""
    used = int(variants.included.sum())
    return (
        f"Gene scores: {count(used)} of {plural(len(variants), 'variant')} used, alleles matched by name and strand, Hardy-Weinberg "
        "proportions by "
        "the exact test; effects per unit of the score (additive) and by groups (genotypic F test)."
    )


def _scan(data: ReportData) -> str:
    scans = data.table("scans")
    if scans is None:
        return ""
    return (
        f"Scan: each of {plural(int(scans.n_variants.max()), 'variant')} with each of {plural(len(scans), 'trait')}, complete cases by "
        "variant, "
        "people taken as independent; genome-wide significance at 5e-8."
    )


def _second(data: ReportData) -> str:
    if data.table("replications") is None:
        return ""
    return (
        "Replication: frozen models and settings; one-sided p in the direction of the discovery; fixed-effect inverse-variance pooling "
        "with "
        "Cochran's Q, no between-study variance (it cannot be estimated from two studies); power after correcting the discovery's "
        "estimate for the "
        "winner's curse by conditional maximum likelihood."
    )
