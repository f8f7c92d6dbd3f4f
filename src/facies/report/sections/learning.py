"""Ways to learn side by side: errors, what differs, associations, cost, and what more people or readers would bring."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.report.blocks import Block, Bullets, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.data import ReportData
from facies.report.effects import RATIOS, each, first_capital, wrapped_label
from facies.report.figures.forest import forest
from facies.report.figures.learning import learning_curves
from facies.report.metric_values import PANEL
from facies.report.numbers import DASH, count, effect, fixed, p_value, plural, with_interval

WAYS = {
    "classical": "Classical",
    "dft": "Frozen network (DFT)",
    "ssl": "Self-supervised (SSL)",
    "finetuned": "Fine-tuned",
}
"""Levels of ``way`` as they are printed."""

MEANING = (
    "Classical: features that were never trained. Frozen network: trained elsewhere on other pictures, its weights unchanged (deep feature "
    "transfer). Self-supervised: a network pretrained on this cohort's photographs without labels. Fine-tuned: a network adapted to the "
    "target. All were cross-fitted with the same folds: everybody is predicted by a model that saw neither the person nor, where families "
    "are kept together, a relative."
)
PAIRS_NOTE = (
    "First minus second, in the people whom every model predicted, by one paired bootstrap of participants or families. The interval is "
    "for one pair; the simultaneous one and the adjusted p hold for all pairs of a metric together (largest studentised difference of each "
    "draw). A negative difference of MAE says that the first errs less."
)
CURVES_NOTE = (
    "Ridge regression on each encoder's vectors, fitted on random subsets of the other folds' people (or on the labels of randomly drawn "
    "readers) and judged by the full reference of people whom it did not see. Intervals draw people and subsets anew. "
    "Fitted: floor + b × size^−c; over readers c is 1."
)
FORECAST_NOTE = (
    "From the fitted curve. Miss: what the curve through the sizes up to half the largest gave for the largest, minus what was found; "
    "intervals are widened by it. The gain of readers counts better labels to learn from only: against means of more readers the measured "
    "error would fall further, since the reference itself is then less noisy."
)
ALONG = {"people": "Labelled people fitted on", "readers": "Readers a photograph"}
METRICS = {"mae": "MAE, years", "slope": "Slope", "r": "r"}


def learning_section(data: ReportData, *, figures: bool) -> Section | None:
    """Return the comparison of ways to learn, or None where there was none."""
    ways = data.table("learning_ways")
    if ways is None:
        return None
    blocks = (
        Text(MEANING), Bullets(tuple(learning_sentences(data))), *_errors(data, ways, figures=figures),
        Heading("Which differ"), _pairs(data),
        Heading("Associations by way"), *_associations(data, figures=figures),
        Heading("Cost"), _costs(data),
        Heading("Learning curves"), *_curves(data, figures=figures),
    )  # fmt: skip
    return Section("learning", "Ways to learn", blocks)


def learning_sentences(data: ReportData) -> list[str]:
    """Return what was found: the least error, how many pairs differ, what was left out, and what more would bring."""
    ways = data.table("learning_ways")
    if ways is None:
        return []
    notes = [first_capital(note) + "." for note in data.learning_notes]
    return [*_best(data, ways), *_left_out(ways), *design_sentences(data), *notes]


def _best(data: ReportData, ways: pd.DataFrame) -> list[str]:
    shown = ways[ways.n > 0]
    if shown.empty:
        return []
    best = next(each(shown.sort_values("mae", kind="stable")))
    mae = with_interval(best.mae, best.mae_low, best.mae_high)
    sentences = [
        f"Of {plural(len(shown), 'model')}, {data.label(best.model_id)} ({WAYS[best.way].lower()}) had the least error: MAE {mae} years in "
        f"{plural(best.n, 'participant')}. The least of several looks a little better than it is."
    ]
    pairs = data.table("learning_pairs")
    if pairs is not None:
        mine = pairs[pairs.metric == "mae"]
        clear = int((mine.p_adjusted < 0.05).sum())
        sentences.append(f"{count(clear)} of {plural(len(mine), 'pair')} differ in MAE when all are tested together (adjusted p < 0.05).")
    return sentences


def _left_out(ways: pd.DataFrame) -> list[str]:
    return [f"{WAYS[row.way]}: {row.note}." for row in each(ways[ways.n == 0])]


def design_sentences(data: ReportData) -> list[str]:
    """Return what more labelled people and more readers would bring, by the first model that has curves."""
    forecasts = data.table("learning_forecasts")
    if forecasts is None:
        return []
    mine = forecasts[forecasts.model_id == forecasts.model_id.iloc[0]]
    parts = [_gain(row, asked) for along, asked in (("people", 500), ("readers", 10)) for row in each(_more(mine, along, asked))]
    doubled = [
        f" With twice as many labelled people ({count(row.size)}) it would be about {with_interval(row.mae, row.mae_low, row.mae_high)}."
        for row in each(mine[(mine.along == "people") & (mine["size"] == 2 * mine.start)])
    ]
    if not parts:
        return []
    model = data.label(str(mine.model_id.iloc[0]))
    return [f"{first_capital('; '.join(parts))} ({model}, ridge regression).{''.join(doubled)}"]


def _more(rows: pd.DataFrame, along: str, more: int) -> pd.DataFrame:
    return rows[(rows.along == along) & (rows["size"] == rows.start + more)]


def _gain(row: Any, more: int) -> str:
    gain = effect(row.gain, row.gain_low, row.gain_high)
    words = {"people": "labelled people would lower the MAE by about", "readers": "readers a photograph would lower it by about"}
    return f"another {more} {words[row.along]} {gain} years"


def _errors(data: ReportData, ways: pd.DataFrame, *, figures: bool) -> list[Block]:
    shown = ways[ways.n > 0]
    if shown.empty:
        return [_ways_grid(data, ways)]
    mean = float(shown.mae_predicting_the_mean.max())
    drawings: tuple[Drawing, ...] = (
        _ways_forest(
            data, shown, "mae", mean, "Mean absolute error, years", f"The line is the error of predicting the mean, {fixed(mean)}."
        ),
        _ways_forest(data, shown, "slope", 1.0, "Slope of predicted on reference", "At 1 differences between people keep their size."),
    )
    if not figures:
        drawings = tuple(Drawing(one.id, one.caption, one.alt) for one in drawings)
    return [Panels(drawings), _ways_grid(data, ways)]


def _ways_forest(data: ReportData, shown: pd.DataFrame, metric: str, line: float, axis: str, words: str) -> Drawing:
    rows = pd.DataFrame([
        {"head": WAYS[row.way], "label": wrapped_label(data.label(row.model_id)), "rank": place + 1, "estimate": getattr(row, metric),
         "ci_low": getattr(row, f"{metric}_low"), "ci_high": getattr(row, f"{metric}_high"),
         "text": with_interval(getattr(row, metric), getattr(row, f"{metric}_low"), getattr(row, f"{metric}_high"))}
        for place, row in enumerate(each(shown))
    ])  # fmt: skip
    name = f"figure-learning-{metric}"
    said = "; ".join(f"{row.head}, {row.label}: {row.text}".replace("\n", " ") for row in each(rows))
    svg = forest(rows, axis_label=axis, ratio=False, name=name, nothing=line)
    return Drawing(name, f"{axis} by way to learn, 95% intervals. {words}", f"{axis}. {said}.", svg)


def _ways_grid(data: ReportData, ways: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            WAYS[row.way], data.label(row.model_id), count(row.n) if row.n else DASH, with_interval(row.mae, row.mae_low, row.mae_high),
            fixed(row.label_noise_floor), fixed(row.mae_predicting_the_mean), with_interval(row.slope, row.slope_low, row.slope_high),
            with_interval(row.r, row.r_low, row.r_high), row.note if isinstance(row.note, str) else "",
        )
        for row in each(ways)
    )  # fmt: skip
    columns = ("Way", "Model", "n", "MAE, years", "Label-noise floor", "Predicting the mean", "Slope", "r", "Remark")
    return Grid("table-learning-ways", "Errors by way to learn", columns, cells, text_columns=frozenset({1, 8}))


def _pairs(data: ReportData) -> Block:
    pairs = data.table("learning_pairs")
    if pairs is None:
        return Missing("Differences between models", data.why_missing("learning_pairs"))
    shown = pairs[pairs.metric.isin(list(METRICS))]
    shown = shown.sort_values("metric", key=lambda names: names.map({name: k for k, name in enumerate(METRICS)}), kind="stable")
    cells = tuple(
        (
            f"{data.label(row.model_id)} − {data.label(row.against)}", METRICS[row.metric], count(row.n),
            effect(row.difference, row.ci_low, row.ci_high),
            effect(row.difference, row.simultaneous_low, row.simultaneous_high).partition(" ")[2].strip("()") or DASH,
            p_value(row.p_adjusted),
        )
        for row in each(shown)
    )  # fmt: skip
    columns = ("Models", "Metric", "n", "Difference (95% interval)", "Simultaneous interval", "Adjusted p")
    return Grid("table-learning-pairs", "Every pair of models", columns, cells, note=PAIRS_NOTE, text_columns=frozenset({1}))


def _associations(data: ReportData, *, figures: bool) -> list[Block]:
    rows = data.table("learning_associations")
    if rows is None:
        return [Missing("Associations by way", data.why_missing("learning_associations"))]
    chosen = rows[(rows.adjustment == rows.adjustment.iloc[0]) & rows.estimate.notna()]
    groups = [(str(name), part) for name, part in chosen.groupby("variable", sort=False)]
    drawings = tuple(_association_forest(data, name, part, number, figures=figures) for number, (name, part) in enumerate(groups))
    return [*([Panels(drawings)] if drawings else []), _association_grid(data, rows)]


def _association_forest(data: ReportData, name: str, part: pd.DataFrame, number: int, *, figures: bool) -> Drawing:
    ratio = part["scale"].iloc[0] in RATIOS
    drawn = pd.DataFrame([
        {"head": _way(row), "label": wrapped_label(_source(data, row.source)), "rank": place, "estimate": row.estimate,
         "ci_low": row.ci_low, "ci_high": row.ci_high, "text": effect(row.estimate, row.ci_low, row.ci_high)}
        for place, row in enumerate(each(part))
    ])  # fmt: skip
    axis = _scale(part.iloc[0])
    figure = f"figure-learning-association-{number + 1}"
    svg = forest(drawn, axis_label=axis, ratio=ratio, name=figure) if figures else ""
    words = "; ".join(f"{row.head}, {row.label}: {row.text}".replace("\n", " ") for row in each(drawn))
    caption = f"{data.title(name)} by way to learn: {axis[:1].lower()}{axis[1:]}, 95% intervals{'; logarithmic axis' if ratio else ''}."
    return Drawing(figure, caption, f"{data.title(name)}, {axis}. {words}.", svg)


def _way(row: Any) -> str:
    return WAYS[row.way] if isinstance(row.way, str) else "People"


def _source(data: ReportData, source: str) -> str:
    return data.labels.get(PANEL, "Human") if source == PANEL else data.label(source)


def _scale(row: Any) -> str:
    per = f" per {row.per:g} {'years of perceived age' if row.role == 'exposure' else 'of the trait'}"
    return first_capital(RATIOS.get(row.scale, "difference")) + per


def _association_grid(data: ReportData, rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            data.title(row.variable), data.label(row.adjustment), _way(row), _source(data, row.source), count(row.n), _scale(row),
            effect(row.estimate, row.ci_low, row.ci_high), _ratio(row),
        )
        for row in each(rows)
    )  # fmt: skip
    columns = ("Variable", "Adjustment", "Way", "Source", "n", "Scale", "Estimate (95% interval)", "Coefficient / human")
    note = "The last column is the ratio of coefficients (of logarithms for ratios) in the same people, with its interval (Fieller)."
    return Grid(
        "table-learning-associations", "Associations by way to learn", columns, cells, note=note, text_columns=frozenset({1, 2, 3, 5})
    )  # fmt: skip


def _ratio(row: Any) -> str:
    if pd.isna(row.ratio):
        return "1" if row.source == PANEL else DASH
    bounded = pd.notna(row.ratio_low) and pd.notna(row.ratio_high)
    return effect(row.ratio, row.ratio_low, row.ratio_high) if bounded else f"{fixed(row.ratio)} (unbounded)"


def _costs(data: ReportData) -> Block:
    rows = data.table("learning_costs")
    if rows is None:
        return Missing("Cost", data.why_missing("learning_costs"))
    names = ("pretraining_minutes", "finetuning_minutes", "embedding_minutes", "fitting_minutes")
    cells = tuple(
        (WAYS[row.way], data.label(row.model_id), fixed(row.photographs_per_second, 1), *(fixed(getattr(row, name)) for name in names))
        for row in each(rows)
    )
    columns = ("Way", "Model", "Photographs a second", "Pretraining, min", "Fine-tuning, min", "Embedding, min", "Fitting, min")
    note = (
        "On the machine of this run. Photographs a second: file to vector, one thread, timed on up to 40 photographs; embedding: all "
        "photographs at that rate."
    )
    return Grid("table-learning-costs", "Cost by way to learn", columns, cells, note=note, text_columns=frozenset({1}))


def _curves(data: ReportData, *, figures: bool) -> list[Block]:
    rows = data.table("learning_curves")
    if rows is None:
        return [Missing("Learning curves", data.why_missing("learning_curves"))]
    ranks = {name: place + 1 for place, name in enumerate(dict.fromkeys(rows.model_id))}
    drawn = rows.assign(label=rows.model_id.map(data.label), rank=rows.model_id.map(ranks))
    drawings = tuple(_curve(part, str(along), figures=figures) for along, part in drawn.groupby("along", sort=False))
    return [Text(CURVES_NOTE), Panels(drawings), _curve_grid(data, rows), *_forecasts(data)]


def _curve(part: pd.DataFrame, along: str, *, figures: bool) -> Drawing:
    name = f"figure-learning-{along}"
    svg = learning_curves(part, x_label=ALONG[along], name=name) if figures else ""
    words = "; ".join(f"{row.label} at {row.size}: {with_interval(row.mae, row.ci_low, row.ci_high)}" for row in each(part))
    caption = f"{ALONG[along]}: mean absolute error, 95% intervals, and the fitted curve; logarithmic axis."
    return Drawing(name, caption, f"{ALONG[along]}. {words}.", svg)


def _curve_grid(data: ReportData, rows: pd.DataFrame) -> Grid:
    cells = tuple(
        (
            data.label(row.model_id), ALONG[row.along], count(row.size), count(row.n),
            with_interval(row.mae, row.ci_low, row.ci_high), fixed(row.repeat_sd), fixed(row.fitted), fixed(row.label_noise_floor),
        )
        for row in each(rows)
    )  # fmt: skip
    columns = ("Model", "What grows", "Size", "n", "MAE, years", "SD between subsets", "Fitted", "Noise of the labels")
    return Grid("table-learning-curves", "Learning curves", columns, cells, text_columns=frozenset({1}))


def _forecasts(data: ReportData) -> list[Block]:
    rows = data.table("learning_forecasts")
    if rows is None:
        return [Missing("What more would bring", data.why_missing("learning_forecasts"))]
    cells = tuple(
        (
            data.label(row.model_id), ALONG[row.along], f"{count(row.start)} → {count(row.size)}", fixed(row.mae_start),
            with_interval(row.mae, row.mae_low, row.mae_high), effect(row.gain, row.gain_low, row.gain_high), fixed(row.asymptote),
            fixed(row.exponent), fixed(row.miss),
        )
        for row in each(rows)
    )  # fmt: skip
    columns = ("Model", "What grows", "From → to", "MAE now", "MAE then", "Gain, years", "Floor", "Exponent", "Miss")
    return [Grid("table-learning-forecasts", "What more would bring", columns, cells, note=FORECAST_NOTE, text_columns=frozenset({1}))]
