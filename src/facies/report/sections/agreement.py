"""Predicted against the reference: the labels, the models, figures and subgroups."""

from __future__ import annotations

import pandas as pd

from facies.records import Estimate
from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.data import ReportData
from facies.report.metric_values import METRIC_LABELS, estimate_in, find_metric, human_error, mean_error, noise_floor, printed, subgroups
from facies.report.numbers import DASH, count, fixed, interval, mean_sd, plural, share, with_interval
from facies.report.sections.found import reference_noun

LIMITS = {
    "mean_difference": "Bias",
    "limit_low": "Lower 95% limit",
    "limit_high": "Upper 95% limit",
    "proportional_bias": "Proportional bias",
}
"""Metrics of the Bland-Altman table and their column heads."""


def agreement_section(data: ReportData, *, figures: bool) -> Section:
    """Return the reference's own noise, the models side by side, the figures and the subgroups."""
    blocks = (
        Heading("The reference"), *_reference(data),
        Heading("Models side by side"), *_models(data), *_comparisons(data),
        Heading("Agreement"), *_drawings(data, figures=figures), *_limits(data),
        Heading("Subgroups"), *_subgroups(data),
    )  # fmt: skip
    return Section("agreement", f"Predicted against {'perceived age' if data.target == 'perceived_age' else reference_noun(data)}", blocks)


def drawn_predictions(data: ReportData) -> pd.DataFrame:
    """Return the rows of PARTICIPANT_PREDICTIONS of the drawn model that have a reference; empty when there are none."""
    frame = data.table("participant_predictions")
    if frame is None:
        return pd.DataFrame(columns=["participant_id", "observed", "predicted", "ci_low", "ci_high", "fold"])
    return frame[(frame.model_id == data.drawn_model()) & (frame.target == data.target) & frame.observed.notna()]


def coverage(predictions: pd.DataFrame) -> tuple[int, int]:
    """Return how many references lie in their prediction interval, and how many have one."""
    rows = predictions.dropna(subset=["observed", "ci_low", "ci_high"])
    return int(((rows.observed >= rows.ci_low) & (rows.observed <= rows.ci_high)).sum()), len(rows)


def limits_of(data: ReportData, model: str | None) -> dict[str, Estimate] | None:
    """Return bias and limits of agreement of one model by metric, or ``None`` when one of the three is missing."""
    frame = data.table("bland_altman")
    found = {metric: estimate_in(frame, model, metric, target=data.target) for metric in LIMITS}
    known = {metric: estimate for metric, estimate in found.items() if estimate is not None}
    return known if {"mean_difference", "limit_low", "limit_high"} <= set(known) else None


def _reference(data: ReportData) -> list[Block]:
    panel = data.table("panel_estimates")
    panel = None if panel is None else panel[panel.target == data.target]
    if panel is None or panel.empty:
        if data.target == "age":
            return [Text("The reference is calendar age, so there are no readers and no label-noise floor.")]
        return [Missing("Human readings", data.why_missing("panel_estimates"))]
    readers, human = panel.n_readers, human_error(data)
    sentences = [
        f"{plural(len(panel), 'photograph')} had a panel mean, each from {_readings(readers)}.",
        f"The standard deviation between readers of one photograph was {mean_sd(panel.reading_sd)} years, the standard error of a mean "
        f"{mean_sd(panel.std_error, 2)} years (mean and SD over photographs).",
        f"Label-noise floor: {printed(noise_floor(data))} years.",
        "" if human is None else f"One reader against the mean of the others: {printed(human)} years.",
    ]
    return [Text(" ".join(sentences).strip())]


def _readings(readers: pd.Series) -> str:
    if readers.min() == readers.max():
        return plural(readers.min(), "reading")
    return f"{count(readers.min())} to {count(readers.max())} readings (median {fixed(readers.median(), 0)})"


def _models(data: ReportData) -> list[Block]:
    found = {model: {metric: find_metric(data, model, metric) for metric in METRIC_LABELS} for model in data.model_ids()}
    found = {model: values for model, values in found.items() if any(values.values())}
    if not found:
        return [Missing("Model comparison", data.why_missing("metrics"))]
    shown = [metric for metric in METRIC_LABELS if any(values[metric] for values in found.values())]
    rows = [_model_row(data, model, [values[metric] for metric in shown], values["mae"]) for model, values in found.items()]
    baseline = mean_error(data)
    rows.append(("Predicting the mean", _n(baseline), *(printed(baseline) if metric == "mae" else DASH for metric in shown)))
    note = (
        "Estimate (95% interval); n counts participants, and intervals resample participants. "
        "Slope is of predicted on reference unless said otherwise. "
        "Coverage is the share of references in their prediction interval. The order is that of the study's settings: "
        "no model was chosen by this table."
    )
    columns = ("Model", "n", *(METRIC_LABELS[metric] for metric in shown))
    caption = f"Every model against {reference_noun(data)}"
    return [Grid("table-models", caption, columns, tuple(rows), note=note)]


def _model_row(data: ReportData, model: str, values: list[Estimate | None], mae: Estimate | None) -> tuple[str, ...]:
    return (data.label(model), _n(mae), *map(printed, values))


def _n(estimate: Estimate | None) -> str:
    return count(None if estimate is None else estimate.n)


def _comparisons(data: ReportData) -> list[Block]:
    frame = data.table("comparisons")
    frame = data.table("metrics") if frame is None else frame
    if frame is None:
        return []
    rows = frame[(frame.target == data.target) & (frame.subgroup == "all") & frame.system.str.contains(" minus ", regex=False)]
    if rows.empty:
        return []
    table = tuple(
        (_pair_label(data, str(row.system)), _metric_name(str(row.metric)), count(row.n), with_interval(row.value, row.ci_low, row.ci_high))
        for row in rows.itertuples()
    )
    note = "Both models predicted the same people; a negative difference of errors speaks for the model that is named first."
    columns = ("Models", "Difference of", "n", "Difference (95% interval)")
    return [
        Grid("table-comparisons", "Differences between models in the same people", columns, table, note=note, text_columns=frozenset({1}))
    ]


def _pair_label(data: ReportData, system: str) -> str:
    return " minus ".join(data.label(part) for part in system.split(" minus "))


def _metric_name(metric: str) -> str:
    name = metric.removesuffix("_difference")
    return METRIC_LABELS.get(name, name.replace("_", " "))


def _drawings(data: ReportData, *, figures: bool) -> list[Block]:
    predictions = drawn_predictions(data)
    if predictions.empty:
        return [Missing("Figures of agreement", data.why_missing("participant_predictions"))]
    intro = (
        f"Unless several models are named, the figures show {data.label(str(data.drawn_model()))}: "
        "one value a participant, predicted by a model that never saw them."
    )
    optional = (*_model_errors(data, figures=figures), *_bands(data, figures=figures))
    drawings = (_scatter(data, predictions, figures=figures), _bland_altman(data, predictions, figures=figures), *optional)
    absent = (
        []
        if any(drawing.id == "figure-bands" for drawing in optional)
        else [Missing("Error by age band", data.why_missing("error_by_age"))]
    )
    return [Text(intro), Panels(drawings), *absent]


def _scatter(data: ReportData, predictions: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.agreement import predicted_against_observed

    inside, n = coverage(predictions)
    r, slope = (printed(find_metric(data, data.drawn_model(), metric)) for metric in ("r", "slope"))
    band = (
        f" {share(inside, n)} of {plural(n, 'reference')} lie in their prediction interval."
        if n
        else " No prediction intervals were given."
    )
    alt = f"Scatter of predicted against observed for {plural(len(predictions), 'participant')}: r {r}, slope {slope}.{band}"
    svg = (
        predicted_against_observed(predictions, observed_label=_observed_label(data), predicted_label="Predicted, years") if figures else ""
    )
    return Drawing("figure-scatter", f"Predicted against {reference_noun(data)}.{band}", alt, svg)


def _observed_label(data: ReportData) -> str:
    return {"perceived_age": "Perceived age (panel mean), years", "age": "Age, years"}.get(data.target, f"{data.label(data.target)}, years")


def _bland_altman(data: ReportData, predictions: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.agreement import bland_altman

    limits = limits_of(data, data.drawn_model())
    words, lines = f"Limits of agreement are missing: {data.why_missing('bland_altman')}.", {}
    if limits is not None:
        lines = {name: limits[name].value for name in ("mean_difference", "limit_low", "limit_high")}
        ends = interval(lines["limit_low"], lines["limit_high"])
        words = f"Bias {fixed(lines['mean_difference'])} years; 95% limits of agreement {ends} years."
    alt = f"Bland-Altman plot of predicted minus reference over their mean for {plural(len(predictions), 'participant')}. {words}"
    noun = {"perceived_age": "panel mean", "age": "age"}.get(data.target, data.label(data.target))
    svg = bland_altman(predictions, lines, observed_label=noun) if figures else ""
    return Drawing("figure-bland-altman", f"Differences over means (Bland-Altman). {words}", alt, svg)


def _model_errors(data: ReportData, *, figures: bool) -> tuple[Drawing, ...]:
    from facies.report.figures.models import error_by_model

    found = {data.label(model): find_metric(data, model, "mae") for model in data.model_ids()}
    known = {label: estimate for label, estimate in found.items() if estimate is not None}
    if not known:
        return ()
    rows = [(label, estimate.value, estimate.ci_low, estimate.ci_high) for label, estimate in known.items()]
    guess, floor = mean_error(data), noise_floor(data)
    words = "; ".join(f"{label} {printed(estimate)}" for label, estimate in known.items())
    alt = f"Mean absolute error in years by model: {words}. Predicting the mean {printed(guess)}, label-noise floor {printed(floor)}."
    errors = pd.DataFrame(rows, columns=["label", "value", "ci_low", "ci_high"])
    lines = {"predicting\nthe mean": guess, "noise\nfloor": floor}
    svg = error_by_model(errors, lines={name: line.value for name, line in lines.items() if line is not None}) if figures else ""
    return (
        Drawing(
            "figure-models",
            "Mean absolute error of every model with its 95% interval; dashed: what a perfect model and a guess would have.",
            alt,
            svg,
        ),
    )


def _bands(data: ReportData, *, figures: bool) -> tuple[Drawing, ...]:
    from facies.report.figures.bands import error_by_band

    model = str(data.drawn_model())
    bands = subgroups(data.table("error_by_age"), model, target=data.target)
    if bands.empty:
        rows = subgroups(data.table("metrics"), model, target=data.target)
        bands = rows[rows.column == "age_band"]
    bands = bands[bands.metric.isin(["mae", "bias"]) & bands.value.notna()]
    if bands.empty:
        return ()
    mae = bands[bands.metric == "mae"]
    words = "; ".join(f"{row.level}: {fixed(row.value)} (n={count(row.n)})" for row in mae.itertuples())
    svg = error_by_band(bands) if figures else ""
    caption = "Mean absolute error and bias by age band, with 95% intervals."
    return (Drawing("figure-bands", caption, f"Mean absolute error in years by age band. {words}.", svg),)


def _limits(data: ReportData) -> list[Block]:
    found = {model: limits_of(data, model) for model in data.model_ids()}
    rows = tuple(_limits_row(data, model, limits) for model, limits in found.items() if limits is not None)
    if not rows:
        return [Missing("Limits of agreement", data.why_missing("bland_altman"))]
    note = "Years. Proportional bias is the slope of the difference on the mean of both: 0 when the error does not depend on the age."
    caption = f"Limits of agreement, predicted − {reference_noun(data).removeprefix('the ')}"
    return [Grid("table-limits", caption, ("Model", "n", *LIMITS.values()), rows, note=note)]


def _limits_row(data: ReportData, model: str, limits: dict[str, Estimate]) -> tuple[str, ...]:
    return (data.label(model), _n(limits["mean_difference"]), *(printed(limits.get(metric)) for metric in LIMITS))


def _subgroups(data: ReportData) -> list[Block]:
    model = str(data.drawn_model())
    rows = subgroups(data.table("metrics"), model, target=data.target)
    if rows.empty:
        reason = data.why_missing("metrics") if data.table("metrics") is None else "metrics hold no subgroups of the drawn model"
        return [Missing("Subgroups", reason)]
    shown = [metric for metric in ("mae", "bias", "slope", "r") if (rows.metric == metric).any()]
    table = [
        _subgroup_row(data, str(column), str(level), part, shown) for (column, level), part in rows.groupby(["column", "level"], sort=False)
    ]
    note = "Descriptive: subgroups differ in more than their name, and small ones have wide intervals or none."
    columns = ("Subgroup", "Level", "n", *(METRIC_LABELS[metric] for metric in shown))
    return [
        Grid("table-subgroups", f"Errors of {data.label(model)} by subgroup", columns, tuple(table), note=note, text_columns=frozenset({1}))
    ]


def _subgroup_row(data: ReportData, column: str, level: str, part: pd.DataFrame, shown: list[str]) -> tuple[str, ...]:
    by_metric = part.drop_duplicates("metric").set_index("metric")[["value", "ci_low", "ci_high"]]
    cells = (with_interval(*by_metric.loc[metric]) if metric in by_metric.index else DASH for metric in shown)
    return (data.title(column), level, count(part.n.max()), *cells)
