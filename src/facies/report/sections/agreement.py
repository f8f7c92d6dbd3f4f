"""Predicted against the reference: the labels, the models, figures and subgroups."""

from __future__ import annotations

import pandas as pd

from facies.report.blocks import Block, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.data import ReportData
from facies.report.metric_values import METRIC_LABELS, find_metric, human_error, mean_error, noise_floor, printed, subgroups
from facies.report.numbers import DASH, count, fixed, interval, mean_sd, plural, share, with_interval
from facies.report.sections.found import reference_noun


def agreement_section(data: ReportData, *, figures: bool) -> Section:
    """Return the reference's own noise, the models side by side, the figures and the subgroups."""
    blocks = (
        Heading("The reference"), *_reference(data),
        Heading("Models side by side"), *_models(data),
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


def _reference(data: ReportData) -> list[Block]:
    panel = data.table("panel_estimates")
    panel = None if panel is None else panel[panel.target == data.target]
    if panel is None or panel.empty:
        return [
            Text("The reference is calendar age.")
            if data.target == "age"
            else Missing("Human readings", data.why_missing("panel_estimates"))
        ]
    readers = panel.n_readers
    text = (
        f"{plural(len(panel), 'photograph')} had a panel mean, from {fixed(readers.min(), 0)} to {fixed(readers.max(), 0)} readings each "
        f"(median {fixed(readers.median(), 0)}). The standard deviation between readers of one photograph was {mean_sd(panel.reading_sd)} years, "
        f"the standard error of a mean {mean_sd(panel.std_error, 2)} years (mean and SD over photographs). Label-noise floor: {printed(noise_floor(data))} years."
    )
    human = human_error(data)
    return [Text(text if human is None else f"{text} One reader against the mean of the others: {printed(human)} years.")]


def _models(data: ReportData) -> list[Block]:
    found = [(model, {metric: find_metric(data, model, metric) for metric in METRIC_LABELS}) for model in data.model_ids()]
    found = [(model, values) for model, values in found if any(values.values())]
    if not found:
        return [Missing("Model comparison", data.why_missing("metrics"))]
    shown = [metric for metric in METRIC_LABELS if any(values[metric] for _, values in found)]
    rows = [
        (data.label(model), *_card_cells(data, model), _n(values["mae"]), *(printed(values[metric]) for metric in shown))
        for model, values in found
    ]
    rows.append(
        (
            "Predicting the mean",
            DASH,
            DASH,
            _n(mean_error(data)),
            *(printed(mean_error(data)) if metric == "mae" else DASH for metric in shown),
        )
    )
    columns = ("Model", "Encoder", "Regressor", "n", *(METRIC_LABELS[metric] for metric in shown))
    note = "Mean (95% interval). n counts participants. Intervals resample participants. No model was chosen by this table: the order is that of the study's settings."
    return [
        Grid("table-models", f"Every model against {reference_noun(data)}", columns, tuple(rows), note=note, text_columns=frozenset({1, 2}))
    ]


def _card_cells(data: ReportData, model: str) -> tuple[str, str]:
    for card in data.model_cards:
        if card.model_id == model:
            return card.encoder.name, card.regressor
    return DASH, DASH


def _n(estimate: object) -> str:
    return count(getattr(estimate, "n", None))


def _drawings(data: ReportData, *, figures: bool) -> list[Block]:
    predictions = drawn_predictions(data)
    if predictions.empty:
        return [Missing("Figures of agreement", data.why_missing("participant_predictions"))]
    model = data.label(str(data.drawn_model()))
    intro = Text(f"The figures show {model}; each point is one participant, predicted by a model that never saw them or their relatives.")
    bands = _bands(data, figures=figures)
    drawings = (_scatter(data, predictions, figures=figures), _bland_altman(data, predictions, figures=figures), *bands)
    absent = [] if bands else [Missing("Error by age band", "metrics hold no subgroup by age band")]
    return [intro, Panels(drawings), *absent]


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
    labels = {"observed_label": _observed_label(data), "predicted_label": "Predicted, years"}
    svg = predicted_against_observed(predictions, **labels) if figures else ""
    return Drawing("figure-scatter", f"Predicted against {reference_noun(data)}.{band}", alt, svg)


def _observed_label(data: ReportData) -> str:
    return {"perceived_age": "Perceived age (panel mean), years", "age": "Age, years"}.get(data.target, f"{data.label(data.target)}, years")


def limits_row(data: ReportData, model: str | None) -> pd.Series | None:
    """Return the limits of agreement of one model, or ``None``."""
    frame = data.table("bland_altman")
    rows = None if frame is None else frame[(frame.model_id == model) & (frame.target == data.target)]
    return None if rows is None or rows.empty else rows.iloc[0]


def _bland_altman(data: ReportData, predictions: pd.DataFrame, *, figures: bool) -> Drawing:
    from facies.report.figures.agreement import bland_altman

    limits = limits_row(data, data.drawn_model())
    words = (
        f"Limits of agreement are missing: {data.why_missing('bland_altman')}."
        if limits is None
        else f"Bias {fixed(limits.bias)} years; 95% limits of agreement {interval(limits.limit_low, limits.limit_high)} years."
    )
    alt = f"Bland-Altman plot of predicted minus reference over their mean for {plural(len(predictions), 'participant')}. {words}"
    noun = {"perceived_age": "panel mean", "age": "age"}.get(data.target, data.label(data.target))
    svg = bland_altman(predictions, limits, observed_label=noun) if figures else ""
    return Drawing("figure-bland-altman", f"Agreement (Bland-Altman). {words}", alt, svg)


def _bands(data: ReportData, *, figures: bool) -> tuple[Drawing, ...]:
    from facies.report.figures.bands import error_by_band

    rows = subgroups(data, str(data.drawn_model()))
    bands = rows[rows.column.str.contains("age") & rows.metric.isin(["mae", "bias"]) & rows.value.notna()]
    if bands.empty:
        return ()
    mae = bands[bands.metric == "mae"]
    words = "; ".join(f"{row.level}: {fixed(row.value)} (n={count(row.n)})" for row in mae.itertuples())
    svg = error_by_band(bands) if figures else ""
    return (
        Drawing(
            "figure-bands",
            "Mean absolute error and bias by age band, with 95% intervals.",
            f"Mean absolute error in years by age band. {words}.",
            svg,
        ),
    )


def _limits(data: ReportData) -> list[Block]:
    frame = data.table("bland_altman")
    if frame is None:
        return [Missing("Limits of agreement", data.why_missing("bland_altman"))]
    rows = tuple(
        (
            data.label(row.model_id), count(row.n), with_interval(row.bias, row.get("bias_ci_low"), row.get("bias_ci_high")), fixed(row.sd),
            with_interval(row.limit_low, row.get("limit_low_ci_low"), row.get("limit_low_ci_high")),
            with_interval(row.limit_high, row.get("limit_high_ci_low"), row.get("limit_high_ci_high")),
        )
        for _, row in frame[frame.target == data.target].iterrows()
    )  # fmt: skip
    columns = ("Model", "n", "Bias, years", "SD of differences", "Lower 95% limit", "Upper 95% limit")
    return [Grid("table-limits", f"Limits of agreement, predicted − {reference_noun(data).removeprefix('the ')}", columns, rows)]


def _subgroups(data: ReportData) -> list[Block]:
    rows = subgroups(data, str(data.drawn_model()))
    if rows.empty:
        return [
            Missing(
                "Subgroups",
                data.why_missing("metrics") if data.table("metrics") is None else "metrics hold no subgroups of the drawn model",
            )
        ]
    shown = [metric for metric in ("mae", "bias", "slope", "r") if (rows.metric == metric).any()]
    table = []
    for (column, level), part in rows.groupby(["column", "level"], sort=False):
        by_metric = part.drop_duplicates("metric").set_index("metric")
        cells = (_metric_cell(by_metric, metric) for metric in shown)
        table.append((f"{_capital(data.label(str(column)))}: {level}", count(part.n.max()), *cells))
    note = "Descriptive: subgroups differ in more than their name, and small ones have wide intervals."
    columns = ("Subgroup", "n", *(METRIC_LABELS[metric] for metric in shown))
    return [Grid("table-subgroups", f"Errors of {data.label(str(data.drawn_model()))} by subgroup", columns, tuple(table), note=note)]


def _metric_cell(by_metric: pd.DataFrame, metric: str) -> str:
    if metric not in by_metric.index:
        return DASH
    row = by_metric.loc[metric]
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
