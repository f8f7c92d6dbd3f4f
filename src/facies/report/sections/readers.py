"""Readers: the panel, agreement, and models against readers. Readers are numbered, never named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from facies.report.blocks import Block, Bullets, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.data import ReportData
from facies.report.figures.readers import bias_plot, rater_plot
from facies.report.numbers import DASH, count, fixed, p_value, with_interval

MAX_DRAWN = 40
"""Raters in one figure at most; tables have all."""

TERMS = {
    "intercept": "Mean reading", "position": "Change per place in the order", "previous_face": "Serial dependence on the face before",
    "sd[photograph]": "SD between photographs", "sd[reader]": "SD between readers (leniency)", "sd[residual]": "SD of the residual",
    "sd[residual, unbinned]": "SD of the residual, corrected for bins", "sd[photograph:reader]": "SD of reader by photograph",
    "sd[repeats]": "SD between repeats of a reader", "repeatability": "Repeatability coefficient (1.96 root 2 SD)",
}  # fmt: skip
"""Terms of the panel model as they are printed; others are printed as they are."""


def term_label(term: str) -> str:
    """Return a term of the panel model as it is printed.

    Examples
    --------
    >>> term_label("icc(2,27)"), term_label("sem[agreement]"), term_label("sd[reader]")
    ('ICC(2,27)', 'SEM, agreement', 'SD between readers (leniency)')
    """
    if term.startswith("icc"):
        return term.upper()
    if term.startswith("sem["):
        return f"SEM, {term[4:-1]}"
    return TERMS.get(term, term)


def numbered_readers(data: ReportData) -> dict[str, str]:
    """Return what each reader is called in print: ``reader 1``, ... by the order of their identifiers."""
    names = set(data.reader_ids)
    estimates = data.table("reader_estimates")
    names |= set() if estimates is None else set(estimates.reader_id.astype(str))
    performance = data.table("reader_performance")
    if performance is not None:
        names |= set(performance.rater[performance.kind == "reader"].astype(str))
    return {name: f"reader {number}" for number, name in enumerate(sorted(names), 1)}


def panel_sections(data: ReportData, *, figures: bool) -> list[Section]:
    """Return a section a target that was read on a scale."""
    terms = data.table("panel_model")
    if terms is None and data.target == "facies":
        return []  # calls, which the notes say
    if terms is None:
        return [Section("panel", "The panel", (Missing("Panel model", data.why_missing("panel_model")),))]
    return [_panel(data, str(target), part, figures=figures) for target, part in terms.groupby("target", sort=False)]


def _panel(data: ReportData, target: str, terms: pd.DataFrame, *, figures: bool) -> Section:
    first = terms.iloc[0]
    if "krippendorff_alpha" in set(terms.term):
        return _agreement_in_categories(data, target, terms)
    intro = (
        f"{count(first.n_readings)} readings of {count(first.n_photographs)} photographs of {count(first.n)} people by "
        f"{count(first.n_readers)} "
        "readers. Model: reading = photograph + reader + order, photographs and readers random and crossed, by restricted maximum "
        "likelihood."
    )
    rows = tuple(
        (
            term_label(str(row["term"])),
            with_interval(row["estimate"], row["ci_low"], row["ci_high"], _digits(row)),
            str(row["method"]),
        )
        for row in terms.to_dict("records")
    )
    note = (
        "ICC(2,1): share of the variance of one reading that is due to photographs; ICC(2,k): of a mean of k readers. SEM: standard error "
        "of "
        "measurement. Serial dependence: change per year that the face before looked older; above 0 readings are drawn to it."
    )
    grid = Grid(
        f"table-panel-{_slug(target)}", f"Panel model of {data.label(target)}", ("Term", "Estimate", "Interval"), rows, note, frozenset({2})
    )
    return Section(
        f"panel-{_slug(target)}", f"The panel: {data.label(target)}", (Text(intro), grid, *_readers(data, target, figures=figures))
    )


def _agreement_in_categories(data: ReportData, target: str, terms: pd.DataFrame) -> Section:
    first = terms.iloc[0]
    intro = (
        f"{count(first.n_readings)} first readings by {count(first.n_readers)} readers; {count(first.n_photographs)} photographs of "
        f"{count(first.n)} people had two readers or more."
    )
    names = {"krippendorff_alpha": "Krippendorff's alpha, nominal", "fleiss_kappa": "Fleiss' kappa"}
    rows = tuple(
        (names[str(row["term"])], with_interval(row["estimate"], row["ci_low"], row["ci_high"]), str(row["method"]))
        for row in terms.to_dict("records")
    )
    note = "Agreement beyond chance: 1 is full, 0 what chance gives."
    grid = Grid(
        f"table-agreement-{_slug(target)}",
        f"Agreement on {data.label(target)}",
        ("Statistic", "Value", "Interval"),
        rows,
        note,
        frozenset({2}),
    )
    return Section(f"panel-{_slug(target)}", f"Agreement: {data.label(target)}", (Text(intro), grid))


def _digits(row: Mapping[Any, Any]) -> int:
    return 3 if row["kind"] == "reliability" or abs(row["estimate"]) < 0.5 else 2


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)


def _readers(data: ReportData, target: str, *, figures: bool) -> list[Block]:
    frame = data.table("reader_estimates")
    own = None if frame is None else frame[frame.target == target]
    if own is None or own.empty:
        return [Missing("Readers", data.why_missing("reader_estimates"))]
    names = numbered_readers(data)
    unit = "years" if target.startswith("perceived_age") else "grades"
    svg = bias_plot(own, name=f"bias-{_slug(target)}", unit=unit) if figures else ""
    flagged = own[own.flagged]
    alt = f"{count(len(own))} readers, biases from {fixed(own.bias.min(), 1)} to {fixed(own.bias.max(), 1)}; {len(flagged)} stand out"
    caption = f"Bias of each reader against the others ({unit}), 95 % interval. Diamonds stand out by the rule; they stay in."
    blocks: list[Block] = [Heading("Readers"), Panels((Drawing(f"figure-bias-{_slug(target)}", caption, alt, svg),))]
    rows = tuple(
        (names[str(row["reader_id"])].capitalize(), count(row["n_readings"]), fixed(row["bias"], 2), fixed(row["scale"], 2),
         fixed(row["correlation"], 2), fixed(row["residual_sd"], 2), DASH if pd.isna(row["reason"]) else str(row["reason"]))
        for row in flagged.to_dict("records")
    )  # fmt: skip
    if rows:
        columns = ("Reader", "Readings", "Bias", "Scale", "Correlation with the others", "Residual SD", "Why")
        note = "Nobody is left out by this. Scale: slope of the reader's numbers on what the others would say; 1 is the panel's own."
        blocks.append(Grid(f"table-flagged-{_slug(target)}", "Readers who stand out", columns, rows, note, frozenset({6})))
    else:
        blocks.append(Text("No reader stands out by the rule."))
    return blocks


def agreement_with_model_section(data: ReportData) -> Section | None:
    """Return the computed age as one more reader; None in a study of conditions."""
    frame = data.table("reader_agreement")
    if frame is None:
        if data.target == "facies":
            return None
        return Section("agreement", "The computed age as one more reader", (Missing("Agreement", data.why_missing("reader_agreement")),))
    rows = tuple(
        (str(row["model_id"]), str(row["between"]), AGREEMENT.get(row["statistic"], str(row["statistic"])),
         with_interval(row["value"], row["ci_low"], row["ci_high"]), p_value(row["p_value"]), count(row["n"]), count(row["n_readers"]))
        for row in frame.to_dict("records")
    )  # fmt: skip
    note = (
        "Limits of agreement: within them lie 95 % of differences between the model and a reader drawn at random, of a person drawn at "
        "random. "
        "Equivalence index: how much the mean squared difference grows where the model takes a reader's place (squared years); its p is "
        "one-sided, of the index being the margin or more, and is missing where no margin was fixed. Error less a reader's: each against "
        "the "
        "mean of the other readers; the interval holds for other readers and people."
    )
    columns = ("Model", "Between", "Statistic", "Value (years)", "p", "People", "Readers")
    grid = Grid("table-reader-agreement", "Computed age against single readers", columns, rows, note, frozenset({1, 2}))
    return Section("agreement", "The computed age as one more reader", (grid,))


AGREEMENT = {
    "bias": "Mean difference", "lower_limit": "Lower limit of agreement", "upper_limit": "Upper limit of agreement",
    "sd": "SD of differences", "sd_cases": "SD between people", "sd_readers": "SD between readers", "sd_residual": "Residual SD",
    "equivalence_index": "Individual equivalence index", "mae_less_reader": "Mean absolute error less a reader's",
}  # fmt: skip


def against_readers_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return models against readers by condition; None in a study of ages."""
    if data.target != "facies":
        return None
    performance = data.table("reader_performance")
    if performance is None:
        return Section("against", "Models against readers", (Missing("Comparison", data.why_missing("reader_performance")),))
    blocks: list[Block] = []
    for condition, part in performance.groupby("target_condition", sort=False):
        blocks += [Heading(data.title(str(condition))), *_of_condition(data, str(condition), part, figures=figures)]
    sizes = data.table("reader_study_sizes")
    if sizes is not None:
        blocks += [Heading("Size of a next study"), _sizes(data, sizes)]
    return Section("against", "Models against readers", tuple(blocks))


def _of_condition(data: ReportData, condition: str, part: pd.DataFrame, *, figures: bool) -> list[Block]:
    names = numbered_readers(data)
    order = {"model": 0, "panel": 1, "reader": 2}
    aucs = part[part.metric == "auc"].assign(
        order=part.kind.map(order), label=[names.get(str(rater), str(rater)) for rater in part.rater[part.metric == "auc"]]
    )
    aucs = aucs.sort_values(["order", "value"], ascending=[True, False], kind="stable")
    blocks: list[Block] = []
    if len(aucs):
        drawn = aucs[aucs.value.notna()].head(MAX_DRAWN)
        svg = rater_plot(drawn, name=f"raters-{_slug(condition)}", label="AUC in the same people") if figures else ""
        alt = "; ".join(f"{row['label']} {fixed(row['value'])}" for row in drawn.to_dict("records"))
        caption = f"{data.title(condition)}: AUC of models and readers."
        blocks.append(Panels((Drawing(f"figure-raters-{_slug(condition)}", caption, alt, svg),)))
    rows = tuple(
        (names.get(str(row["rater"]), str(row["rater"])).capitalize() if row["kind"] == "reader" else str(row["rater"]),
         DASH if pd.isna(row["level"]) else str(row["level"]),
         str(row["metric"]), str(row["rule"]), with_interval(row["value"], row["ci_low"], row["ci_high"], 3), count(row["n"]),
         count(row["n_cases"]))
        for row in part[(part.kind != "reader") & part.rule.isin(["none", "call", *_first_rule(part)])].to_dict("records")
    )  # fmt: skip
    columns = ("Rater", "Level", "Metric", "Rule", "Value", "People", "Cases")
    note = "Means of several readers hold for other readers and people (Obuchowski-Rockette, on the logit scale)."
    blocks.append(Grid(f"table-raters-{_slug(condition)}", "Models and panels", columns, rows, note, frozenset({1, 2, 3})))
    return [*blocks, *_comparisons(data, condition, names)]


def _first_rule(part: pd.DataFrame) -> list[str]:
    return [rule for rule in part.rule if rule not in ("none", "call")][:1]


def _comparisons(data: ReportData, condition: str, names: Mapping[str, str]) -> list[Block]:
    frame = data.table("reader_comparison")
    own = None if frame is None else frame[frame.target_condition == condition]
    if own is None or own.empty:
        return [Missing("Differences", data.why_missing("reader_comparison"))]
    first = _first_rule(own)
    with_readers = own.comparison.map(lambda text: any(side in names for side in str(text).split(" minus ")))
    shown = own[~with_readers & own.rule.isin(["none", "call", *first])]
    rows = tuple(
        (str(row["comparison"]), str(row["metric"]), str(row["rule"]), str(row["method"]),
         with_interval(row["estimate"], row["ci_low"], row["ci_high"], 3), fixed(row["df"], 1), p_value(row["p_value"]),
         fixed(row["margin"]),
         p_value(row["p_non_inferior"]))
        for row in shown.to_dict("records")
    )  # fmt: skip
    note = (
        "1T-RRRC (Hillis 2007) holds for other readers and other people and is the test to report; the readers-only t test beside it "
        "takes the people as "
        "given and is shown because papers do. Non-inferiority: one-sided p of a loss of the margin or more, the margin fixed in "
        "study.toml."
    )
    columns = ("Difference", "Metric", "Rule", "Method", "Estimate", "df", "p", "Margin", "p, not inferior")
    blocks: list[Block] = [Grid(f"table-differences-{_slug(condition)}", "Differences", columns, rows, note, frozenset({1, 2, 3}))]
    single = own[with_readers & (own.metric == "auc")]
    better = single[(single.ci_low > 0) | (single.ci_high < 0)]
    if len(single):
        n = len(set(single.comparison))
        blocks.append(Text(f"Against each of {n} single comparisons with a reader, {len(set(better.comparison))} AUC intervals exclude 0."))
    return blocks


def _sizes(data: ReportData, sizes: pd.DataFrame) -> Grid:
    rows = tuple(
        (str(row["comparison"]), data.title(str(row["target_condition"])), count(row["n_readers"]), count(row["n"]), fixed(row["power"]),
         "yes" if row["reached"] else "no")
        for row in sizes.to_dict("records")
    )  # fmt: skip
    first = sizes.iloc[0]
    margin = "" if pd.isna(first.margin) else f", not inferior by {fixed(first.margin)}"
    note = (
        f"For a true difference of AUCs of {fixed(first.difference)}{margin}, from this study's components of variance, which are "
        f"uncertain "
        f"themselves ({count(first.pilot_readers)} readers, {count(first.pilot_n)} people here)."
    )
    columns = ("Comparison", "Condition", "Readers", "People", "Power", "Power reached")
    return Grid("table-sizes", "Readers and people for power", columns, rows, note, frozenset({1, 5}))


def marked_regions_section(data: ReportData) -> Section | None:
    """Return agreement on marked regions; None where nobody marked any."""
    frame = data.table("region_agreement")
    if frame is None:
        return None
    rows = tuple(
        (data.title(str(row["target_condition"])), data.label(str(row["region"])), str(row["measure"]).replace("_", " "),
         with_interval(row["value"], row["ci_low"], row["ci_high"]), count(row["n_readers"]), count(row["n"]))
        for row in frame.to_dict("records")
    )  # fmt: skip
    note = (
        "Fleiss' kappa and the share of markings by region; Dice's coefficient between two readers' sets of regions. Intervals draw people."
    )
    columns = ("Condition", "Region", "Measure", "Value", "Readers", "People")
    grid = Grid("table-region-agreement", "Regions that readers marked", columns, rows, note, frozenset({1, 2}))
    return Section("marked", "Regions that readers marked", (grid,))


def reader_limits(data: ReportData) -> Section:
    """Return what must not be concluded from readers."""
    texts = [
        "A panel's mean is an opinion that many share, not a fact about the person.",
        "Readers of a study are a sample of readers like them; how others would read is what intervals that hold for other readers allow "
        "for.",
        "What a reader could see (screen, light, time, crop) is not what a physician sees in a patient.",
        "A test without difference is no proof of equality: look at the interval, or fix a margin beforehand.",
    ]
    if data.simulated:
        texts.insert(0, "The people and readers are simulated: nothing here says anything about patients or physicians.")
    return Section("limits", "Limitations", (Bullets(tuple(texts)),))


def reader_notes_section(data: ReportData) -> Section | None:
    """Return what was left out, and why."""
    notes = notes_without_names(data)
    return Section("notes", "Read this first", (Bullets(notes),)) if notes else None


def notes_without_names(data: ReportData) -> tuple[str, ...]:
    """Return the notes with readers' numbers for their identifiers.

    An identifier that is a number, or a single letter, is one only after the word reader.

    Examples
    --------
    >>> data = ReportData("A", date="2025-01-31", version="0.5.0", reader_ids=("7", "Dr. Anna Kok"),
    ...                   reader_notes=("1 of 7 readers stands out (reader 7: bias)", "Dr. Anna Kok's readings are few"))
    >>> notes_without_names(data)
    ('1 of 7 readers stands out (reader 1: bias)', "reader 2's readings are few")
    """
    names = numbered_readers(data)
    if not names:
        return data.reader_notes
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    found = re.compile(rf"reader '({either})'|\breader ({either})(?![\w-])|(?<![\w-])({either})(?![\w-])")

    def numbered(match: re.Match[str]) -> str:
        alone = match[3]
        return match[0] if alone is not None and (alone.isdigit() or len(alone) == 1) else names[match[match.lastindex or 0]]

    return tuple(found.sub(numbered, note) for note in data.reader_notes)
