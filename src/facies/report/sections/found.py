"""What was found, in plain sentences made from the numbers."""

from __future__ import annotations

from facies.records import Estimate
from facies.report.blocks import Block, Bullets, Heading, Missing, Section, Text, Tile, Tiles
from facies.report.data import ReportData
from facies.report.metric_values import find_metric, human_error, mean_error, noise_floor
from facies.report.numbers import DASH, fixed, interval, plural
from facies.report.sections.headline import headline_blocks
from facies.report.sections.replication import replication_sentences
from facies.report.sections.scan import scan_sentences

REFERENCES = {"perceived_age": "the panel's mean", "age": "calendar age"}


def reference_noun(data: ReportData) -> str:
    """Return what the predictions are held against, in words."""
    return REFERENCES.get(data.target, data.label(data.target))


def found_section(data: ReportData) -> Section:
    """Return the summary: warnings, five numbers, what they mean, and human beside computed associations."""
    blocks: list[Block] = []
    if data.warnings:
        blocks += [Heading("Read this first"), Bullets(data.warnings)]
    return Section("found", "What was found", (*blocks, *_agreement(data), *headline_blocks(data), *_further(data)))


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


def _further(data: ReportData) -> list[Block]:
    """Return a sentence each on the scan and the replication, where there are such."""
    return [Text(sentence) for sentence in (*scan_sentences(data), *replication_sentences(data))]
