"""Where the model looks."""

from __future__ import annotations

import base64
import io

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Portrait, Portraits, Section, Text
from facies.report.condition_data import ConditionData, RegionMap
from facies.report.figures.conditions import region_bars
from facies.report.numbers import count, fixed, p_value, with_interval

PEOPLE = {
    "cases": "Cases", "others": "Others", "cases_found": "Cases found", "cases_missed": "Cases missed", "false_alarms": "False alarms",
}  # fmt: skip
CHECKS = {
    "deletion": "Deletion: log-odds kept while the most important parts are covered first (less is better)",
    "deletion_random": "The same in random order",
    "insertion": "Insertion: log-odds regained while they are shown first (more is better)",
    "insertion_random": "The same in random order",
    "randomised": "Likeness of the shares to those of models fitted to shuffled diagnoses (near 0: the map is the model's own)",
    "background": "Share of the background",
}
METHODS = {"occlusion": "occlusion", "integrated_gradients": "integrated gradients", "grad_cam": "Grad-CAM"}


def regions_section(data: ConditionData, *, figures: bool) -> Section:
    """Return region shares, checks of the maps, average maps and the overlap with readers."""
    shares = data.table("region_shares")
    if shares is None:
        return Section("regions", "Where the model looks", (Missing("Regions", data.why_missing("region_shares")),))
    blocks: list[Block] = [Text(data.atlas)] if data.atlas else []
    for condition in data.target_conditions:
        own = shares[(shares.model_id == data.first_model()) & (shares.target_condition == condition)]
        for method, part in own.groupby("method", sort=False):
            blocks += [
                Heading(f"{data.title(condition)}, {METHODS[str(method)]}"),
                *_of_method(data, part, condition, str(method), figures=figures),
            ]
    return Section("regions", "Where the model looks", (*blocks, *_maps(data), *_checks(data), *_overlaps(data)))


def _of_method(data: ConditionData, part: pd.DataFrame, condition: str, method: str, *, figures: bool) -> list[Block]:
    cases = part[part.people == "cases"].sort_values("share", ascending=False)
    drawings = []
    if len(cases):
        svg = region_bars(cases.assign(label=cases.region.map(data.label)), name=f"regions-{condition}-{method}") if figures else ""
        alt = "; ".join(f"{row['region']} {fixed(row['share'])}" for row in cases.to_dict("records"))
        caption = (
            f"{data.title(condition)}, cases (n = {count(cases.n.max())}): share of the attribution by region, 95 % interval by person."
        )
        drawings.append(Drawing(f"figure-regions-{condition}-{method}", caption, alt, svg))
    groups = [name for name in PEOPLE if name in set(part.people)]
    rows = []
    for region in dict.fromkeys([*cases.sort_values("enrichment", ascending=False, kind="stable").region, *part.region]):
        line = part[part.region == region].set_index("people")
        cells = [with_interval(line.share[name], line.ci_low[name], line.ci_high[name]) if name in line.index else "" for name in groups]
        enrichment = fixed(line.enrichment["cases"], 1) if "cases" in line.index else ""
        rows.append((data.title(str(region)), fixed(line.area.iloc[0]), *cells, enrichment))
    numbers = {name: int(part.n[part.people == name].max()) for name in groups}
    columns = ("Region", "Area", *(f"{PEOPLE[name]} (n = {count(numbers[name])})" for name in groups), "Cases: share over area")
    note = (
        "Each face by the models that were fitted without the person (the mean over the repeats). Share: positive part of what covering "
        "the region takes from the log-odds, less what it takes on average in people without the condition. Both sides are covered "
        "together; a band along the outline of the cheeks, the jaw and the chin is theirs, not the background's. Share over area: 1 is "
        "what chance gives; regions stand in its order, since a large region takes more whatever it shows."
    )
    grid = Grid(f"table-regions-{condition}-{method}", "Region shares", columns, tuple(rows), note)
    return [Panels(tuple(drawings)), grid] if drawings else [grid]


def _maps(data: ConditionData) -> list[Block]:
    if not data.region_maps:
        return []
    portraits = tuple(
        Portrait(one.label, f"n = {count(one.n)}", f"Mean map of {one.n} people on their average face: {one.label}.", _png(one))
        for one in data.region_maps
    )
    caption = "Mean attribution on the average face of at least 10 people, in which nobody can be recognised. Warm: raises the log-odds."
    return [Heading("Average maps"), Portraits(caption, portraits)]


def _png(one: RegionMap) -> str:
    from PIL import Image as Picture

    picture = Picture.fromarray(one.image)
    picture.thumbnail((320, 320))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _checks(data: ConditionData) -> list[Block]:
    checks = data.table("saliency_checks")
    if checks is None:
        return []
    own = checks[checks.model_id == data.first_model()]
    rows = tuple(
        (data.title(str(row["target_condition"])), METHODS[str(row["method"])], CHECKS[str(row["check"])],
         with_interval(row["value"], row["ci_low"], row["ci_high"]), "alarm" if row["alarm"] else "")
        for row in own.to_dict("records")
    )  # fmt: skip
    columns = ("Condition", "Method", "Check", "Value", "Alarm")
    return [
        Heading("Can the maps be believed?"),
        Grid("table-saliency-checks", "Checks of the maps", columns, rows, "", frozenset({1, 2, 4})),
    ]


def _overlaps(data: ConditionData) -> list[Block]:
    overlaps = data.table("region_overlaps")
    if overlaps is None:
        return [Missing("Overlap with the regions that readers marked", data.why_missing("region_overlaps"))]
    rows = tuple(
        (data.title(str(row["target_condition"])), METHODS[str(row["method"])], data.label(str(row["measure"])),
         with_interval(row["value"], row["ci_low"], row["ci_high"]), p_value(row["p_value"]), count(row["n"]))
        for row in overlaps.to_dict("records")
    )  # fmt: skip
    columns = ("Condition", "Method", "Measure", "Value", "p", "People")
    return [Heading("Readers' regions"), Grid("table-overlaps", "Model's and readers' regions", columns, rows, "", frozenset({1, 2}))]
