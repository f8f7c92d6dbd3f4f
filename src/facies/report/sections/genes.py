"""Gene scores: the checks of their variants and perceived age by genotype."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Section, Text
from facies.report.data import ReportData
from facies.report.effects import drawn_adjustment, each, effect_text, effects, source_label, source_ranks, trait_unit, wrapped_label
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import DASH, count, effect, fixed, p_value
from facies.report.sections.scan import scan_blocks

CHECKS = (
    "Each variant was matched by its alleles; “swapped” and “other strand” say how. An ambiguous variant (A/T or C/G) can be read on "
    "either "
    "strand, and only its frequency can decide. Hardy-Weinberg p-values are exact and are no tests of an effect: a very small one points "
    "to "
    "faulty calls or to a mixture of groups. A score whose variants never share a chromosome cannot exceed 2; larger sums were counted as "
    "errors and got no score."
)


def genes_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return checks, genotype tables and the scan, or None when the study has no genes."""
    blocks = [*_checks(data), *_groups(data, figures=figures), *scan_blocks(data, figures=figures)]
    return Section("genes", "Genes", tuple(blocks)) if blocks else None


def _checks(data: ReportData) -> list[Block]:
    frame = data.table("score_variants")
    if frame is None:
        return []
    tables = [_variants(data, frame[frame.score == score], number) for number, score in enumerate(dict.fromkeys(frame.score))]
    return [Heading("Variants"), Text(CHECKS), *tables]


def _variants(data: ReportData, part: pd.DataFrame, number: int) -> Grid:
    letters = lettered(part.note)
    rows = tuple(_variant(row, letters) for row in each(part))
    columns = (
        "Variant", "Place", "Counted / other", "Weight", "Found", "Match", "Frequency (expected)", "Call rate (n)", "Hardy-Weinberg p",
        "Used",
    )  # fmt: skip
    caption = f"{data.title(str(part.score.iloc[0]))}: variants of the score"
    texts = frozenset({1, 2, 4, 5, 9})
    return Grid(f"table-variants{_suffix(number)}", caption, columns, rows, note=legend(letters).strip(), text_columns=texts)


def _variant(row: Any, letters: dict[str, str]) -> tuple[str, ...]:
    place = f"{row.chromosome}:{count(row.position)}" if isinstance(row.chromosome, str) and row.position > 0 else DASH
    group = f" ({row.hwe_group})" if isinstance(row.hwe_group, str) and row.hwe_group and pd.notna(row.hwe_p) else ""
    expected = f" ({fixed(row.expected_frequency, 3)})" if pd.notna(row.expected_frequency) else ""
    return (
        str(row.variant_id),
        place,
        f"{row.effect_allele} / {row.other_allele if isinstance(row.other_allele, str) else '?'}",
        f"{row.weight:g}".replace("-", "−"),
        row.found if isinstance(row.found, str) else DASH,
        str(row.match),
        fixed(row.effect_allele_frequency, 3) + expected,
        f"{fixed(row.call_rate, 3)} ({count(row.n)})" if pd.notna(row.call_rate) else DASH,
        p_value(row.hwe_p) + group,
        ("yes" if row.included else "no") + mark(letters, row.note),
    )


def _groups(data: ReportData, *, figures: bool) -> list[Block]:
    frame = data.table("score_groups")
    if frame is None:
        return [] if data.table("score_variants") is None else [Missing("Perceived age by genotype", data.why_missing("score_groups"))]
    ranks = source_ranks(data)
    rows = frame.assign(rank=frame.source.map(ranks)).sort_values("rank", kind="stable")
    blocks: list[Block] = [Heading("Perceived age by genotype")]
    for number, name in enumerate(dict.fromkeys(frame.score)):
        part = rows[rows.score == name]
        blocks += [_drawing(data, part, number, figures=figures), _means(data, part, number), _tests(data, part, number)]
    return blocks


def _suffix(number: int) -> str:
    return f"-{number + 1}" if number else ""


def _drawing(data: ReportData, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    from facies.report.figures.groups import group_means

    known = part[part["mean"].notna() & part.ci_low.notna() & part.ci_high.notna()]
    title = data.title(str(part.score.iloc[0]))
    words = "; ".join(
        f"{source_label(data, source)}: " + ", ".join(f"{row.group} {effect(row.mean, row.ci_low, row.ci_high)}" for row in each(rows))
        for source, rows in known.groupby("source", sort=False)
    )
    name = f"figure-groups{_suffix(number)}"
    labelled = known.assign(label=[wrapped_label(source_label(data, source)) for source in known.source])
    caption = f"{title}: mean perceived age by genotype, adjusted to the cohort's means of the covariates, with 95% intervals."
    svg = group_means(labelled, groups=list(dict.fromkeys(part.group)), name=name) if figures and len(known) else ""
    alt = f"Mean perceived age in years by genotype of {title}. {words or 'No mean could be estimated'}."
    return Drawing(name, caption, alt, svg, wide=True)


def _means(data: ReportData, part: pd.DataFrame, number: int) -> Grid:
    letters = lettered(part.note)
    first = str(part.group.iloc[0])
    rows = tuple(
        (
            source_label(data, row.source),
            str(row.group),
            count(row.n),
            effect(row.mean, row.ci_low, row.ci_high) + mark(letters, row.note),
            DASH if row.group == first else effect(row.difference, row.difference_low, row.difference_high),
        )
        for row in each(part)
    )
    columns = ("Perceived age by", "Genotype", "n", "Mean, years (95% interval)", f"Against {first}, years (95% interval)")
    caption = f"{data.title(str(part.score.iloc[0]))}: perceived age by genotype"
    return Grid(f"table-groups{_suffix(number)}", caption, columns, rows, note=legend(letters).strip(), text_columns=frozenset({1}))


def _tests(data: ReportData, part: pd.DataFrame, number: int) -> Grid:
    score = str(part.score.iloc[0])
    additive = effects(data)
    additive = additive[(additive.kind == "determinant") & (additive.exposure == score) & (additive.adjustment == drawn_adjustment(data))]
    by_source = additive.drop_duplicates("source").set_index("source")
    rows = tuple(_test(data, str(source), rows, by_source) for source, rows in part.groupby("source", sort=False))
    unit = trait_unit(data, score)
    columns = (
        "Perceived age by", "n",
        f"Years per {unit} (95% interval)", "p, additive", "Largest difference, years (95% interval)", "p, genotypic",
    )  # fmt: skip
    note = (
        f"Years per {unit}: the association of the score in adjustment set “{data.label(str(drawn_adjustment(data)))}”; “p, additive” is "
        "of a line through the groups, “p, genotypic” of any difference between them (F test)."
    )
    return Grid(f"table-genotypic{_suffix(number)}", f"{data.title(score)}: additive and genotypic tests", columns, rows, note=note)


def _test(data: ReportData, source: str, rows: pd.DataFrame, by_source: pd.DataFrame) -> tuple[str, ...]:
    known = rows[rows.difference.notna() & (rows.group != rows.group.iloc[0])]
    largest = known.loc[known.difference.abs().idxmax()] if len(known) else None
    per_unit = effect_text(by_source.loc[source]) if source in by_source.index else DASH
    return (
        source_label(data, source),
        count(rows.n.sum()),
        per_unit,
        p_value(rows.p_additive.iloc[0]) if per_unit != DASH or largest is not None else DASH,
        DASH if largest is None else effect(largest.difference, largest.difference_low, largest.difference_high),
        DASH if largest is None else p_value(rows.p_genotypic.iloc[0]),
    )
