"""What was found, in plain sentences made from the numbers."""

from __future__ import annotations

import pandas as pd

from facies.records import Estimate
from facies.report.blocks import Block, Bullets, Grid, Heading, Missing, Section, Text, Tile, Tiles
from facies.report.data import ReportData
from facies.report.effects import drawn_adjustment, drawn_risks, effect_text, exposure_words, looks_older, scale_text, source_label
from facies.report.metric_values import PANEL, find_metric, human_error, mean_error, noise_floor
from facies.report.numbers import DASH, count, fixed, interval, plural

REFERENCES = {"perceived_age": "the panel's mean", "age": "calendar age"}


def reference_noun(data: ReportData) -> str:
    """Return what the predictions are held against, in words."""
    return REFERENCES.get(data.target, data.label(data.target))


def found_section(data: ReportData) -> Section:
    """Return the summary: warnings, five numbers, what they mean, and human beside computed associations."""
    blocks: list[Block] = []
    if data.warnings:
        blocks += [Heading("Read this first"), Bullets(data.warnings)]
    return Section("found", "What was found", (*blocks, *_agreement(data), *_associations(data)))


def _agreement(data: ReportData) -> list[Block]:
    model = data.drawn_model()
    mae = find_metric(data, model, "mae")
    if model is None or mae is None:
        return [Missing("Agreement with the reference", data.why_missing("metrics"))]
    sentences = [
        f"The model {data.label(model)} estimated the {data.label(data.target)} of {plural(mae.n, 'participant')}. Its mean absolute error "
        f"against {reference_noun(data)} was {fixed(mae.value)} years{_ci(mae)}.",
        *_comparisons(data, mae),
        *_slope_sentence(data, model),
    ]
    return [_tiles(data, model, mae), Text(" ".join(sentences))]


def _ci(estimate: Estimate) -> str:
    ends = interval(estimate.ci_low, estimate.ci_high)
    return "" if ends == DASH else f" (95% interval {ends})"


def _comparisons(data: ReportData, mae: Estimate) -> list[str]:
    guess, floor, human = mean_error(data), noise_floor(data), human_error(data)
    sentences = []
    if guess is not None:
        verb = "is off by" if mae.value < guess.value else "would do no worse: it is off by"
        sentences.append(f"Giving everybody the group's mean {verb} {fixed(guess.value)} years{_ci(guess)}.")
    if floor is not None:
        sentences.append(
            "Because the reference is itself a mean of readers who differ, even a perfect model would err by about "
            f"{fixed(floor.value)} years (the label-noise floor)."
        )
    if human is not None:
        sentences.append(f"A single reader differs from the mean of the other readers by {fixed(human.value)} years{_ci(human)}.")
    return sentences


def _slope_sentence(data: ReportData, model: str) -> list[str]:
    slope = find_metric(data, model, "slope")
    if slope is None:
        return []
    kind = (
        "compressed towards the mean" if slope.value < 0.95 else "stretched" if slope.value > 1.05 else "neither compressed nor stretched"
    )
    return [
        f"Two people who are 10 years apart by {reference_noun(data)} are on average {fixed(10 * slope.value, 1)} years apart by the "
        f"model: "
        f"estimates are {kind}. Slope {fixed(slope.value)}{_ci(slope)}."
    ]


def _tiles(data: ReportData, model: str, mae: Estimate) -> Tiles:
    named = [
        ("Mean absolute error", mae, " years"),
        ("Predicting the mean", mean_error(data), " years"),
        ("Label-noise floor", noise_floor(data), " years"),
        ("Slope", find_metric(data, model, "slope"), ""),
        ("Correlation r", find_metric(data, model, "r"), ""),
    ]
    return Tiles(tuple(_tile(name, estimate, unit) for name, estimate, unit in named))


def _tile(name: str, estimate: Estimate | None, unit: str) -> Tile:
    if estimate is None:
        return Tile(name, DASH, "not available")
    ends = interval(estimate.ci_low, estimate.ci_high)
    return Tile(name, fixed(estimate.value) + unit, "" if ends == DASH else f"95% CI {ends}")


def _associations(data: ReportData) -> list[Block]:
    risks, model = drawn_risks(data), data.drawn_model()
    if risks.empty:
        return [Missing("Associations with outcomes", data.why_missing("associations"))]
    wide = {str(source): rows.drop_duplicates("outcome").set_index("outcome") for source, rows in risks.groupby("source")}
    first = risks.iloc[0]
    sentence = (
        f"Associations below are per {exposure_words(risks)}, adjusted for {_covariates(data, first.covariates)} "
        f"(adjustment set “{data.label(str(drawn_adjustment(data)))}”). "
        f"{_tally(wide.get(PANEL), wide.get(str(model)), data.label(str(model)))}"
    )
    return [Text(sentence.strip()), _headline(data, risks, wide, str(model))]


def _covariates(data: ReportData, covariates: object) -> str:
    names = [data.label(name) for name in covariates.split("+")] if isinstance(covariates, str) and covariates else []
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "nothing"


def _tally(human: pd.DataFrame | None, computed: pd.DataFrame | None, name: str) -> str:
    """Say how the human and the computed associations compare, without matching significance."""
    if human is None or computed is None:
        return "Only one source of perceived age is available, so nothing can be set beside it."
    both = human.join(computed, lsuffix="_human", rsuffix="_computed", how="inner").dropna(subset=["estimate_human", "estimate_computed"])
    if both.empty:
        return "No outcome has an estimate for both human and computed perceived age, so nothing can be set beside each other."
    nothing = (both.scale_human == "odds_ratio").astype(float)
    same = int((((both.estimate_human - nothing) * (both.estimate_computed - nothing)) > 0).sum())
    return (
        f"Human and computed perceived age ({name}) point the same way for {count(same)} of {plural(len(both), 'outcome')}. "
        "Equal direction is not equality: that needs a paired comparison in the same people."
    )


def _headline(data: ReportData, risks: pd.DataFrame, wide: dict[str, pd.DataFrame], model: str) -> Grid:
    sources = [source for source in (PANEL, model) if source in wide]
    rows = [
        (data.title(str(outcome)), scale_text(data, rows.iloc[0]), *(_cell(wide[source], str(outcome)) for source in sources))
        for outcome, rows in risks.groupby("outcome", sort=False)
    ]
    looks = "older" if looks_older(risks) else "younger"
    return Grid(
        "table-headline",
        "Human and computed perceived age, side by side (estimate and 95% interval)",
        ("Outcome", "Estimate is", *(source_label(data, source) for source in sources)),
        tuple(rows),
        note=f"Positive differences and odds ratios above 1: more of the outcome in people who look {looks}. {data.sign_sentence()}",
        text_columns=frozenset({1}),
    )


def _cell(rows: pd.DataFrame, outcome: str) -> str:
    found = rows[rows.index == outcome]
    return DASH if found.empty else effect_text(found.iloc[0])
