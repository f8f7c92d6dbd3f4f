"""Models against readers: performance side by side, differences that hold for other readers and cases, and agreement in years."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople, judged_people
from facies.evaluation.reader_rows import EVERYBODY, levels_of, panels_of, read_people
from facies.evaluation.reader_study import FEWEST, Asked, Study, contrast_row, finite, left_out, require_classes, table_of
from facies.stats.auc import auc_interval
from facies.stats.diagnostic import share
from facies.stats.mrmc.anova import compare_tests, mean_of_readers
from facies.stats.mrmc.standalone import (
    McNemar,
    ReaderDifferences,
    Standalone,
    auc_differences,
    compare_with_panel,
    compare_with_reader,
    mcnemar,
    mean_differences,
    some_readers,
)
from facies.tables import CONDITION_PEOPLE, READER_COMPARISON, READER_PERFORMANCE

METRICS = ("auc", "sensitivity", "specificity")


@dataclass(frozen=True, eq=False)
class ReaderComparison:
    """Tables :data:`facies.tables.READER_PERFORMANCE` and ``READER_COMPARISON``."""

    performance: pd.DataFrame
    comparison: pd.DataFrame


def compare_readers(
    readings: pd.DataFrame,
    photographs: pd.DataFrame,
    scores: pd.DataFrame,
    operating_points: pd.DataFrame,
    people: pd.DataFrame,
    *,
    reader_levels: pd.DataFrame | None = None,
    margins: Mapping[str, float] | None = None,
    call_at: float | None = None,
    covariance: str = "jackknife",
    level: float = 0.95,
) -> ReaderComparison:
    """Compare models that recognise conditions with readers of the same people.

    All raters are judged in the people whom every model of a condition judged and somebody read. A reader who read part of them meets
    the model in these. Beside the test that holds for other readers and cases (1T-RRRC) stands the t test over readers alone, which
    takes the cases as given; each reader is compared with the model too.

    Parameters
    ----------
    readings, photographs
        Tables :data:`facies.tables.READINGS` and ``PHOTOGRAPHS``; the target of a reading is the condition. See
        :func:`facies.evaluation.reader_rows.read_people` for what is a score and what a call.
    scores, operating_points, people
        Tables ``CONDITION_SCORES``, ``OPERATING_POINTS`` and ``CONDITION_PEOPLE``: cross-fitted scores of people.
    reader_levels
        Table ``READER_LEVELS``; with two or more levels each is a panel of its own, and levels are compared with each other.
    margins
        By metric (``auc``, ``sensitivity``, ``specificity``): the largest loss against readers that would not matter, fixed beforehand.
    call_at
        From which reading on a reader is for the condition, where readings are no calls.
    covariance
        Of AUCs: ``"jackknife"``, ``"delong"`` or ``"bootstrap"``.
    level
        Of the intervals.

    Raises
    ------
    InputError
        When no condition was both judged and read, those who were read are of one class, or a margin is of no metric.
    """
    performance: list[dict[str, Any]] = []
    comparison: list[dict[str, Any]] = []
    for study in judged_and_read(
        readings, photographs, scores, operating_points, people, reader_levels=reader_levels, margins=margins, call_at=call_at,
        covariance=covariance, level=level,
    ):  # fmt: skip
        performance += _performance(study)
        comparison += _comparisons(study)
    return ReaderComparison(table_of(READER_PERFORMANCE, performance), table_of(READER_COMPARISON, comparison))


def judged_and_read(
    readings: pd.DataFrame, photographs: pd.DataFrame, scores: pd.DataFrame, operating_points: pd.DataFrame, people: pd.DataFrame, *,
    reader_levels: pd.DataFrame | None = None, margins: Mapping[str, float] | None = None, call_at: float | None = None,
    covariance: str = "jackknife", level: float = 0.95,
) -> Iterator[Study]:  # fmt: skip
    """Yield for each condition its models and readers, of the people whom every model judged and somebody read.

    Parameters and errors are those of :func:`compare_readers`.
    """
    unknown = [name for name in margins or {} if name not in METRICS]
    if unknown:
        raise InputError(f"margins name '{unknown[0]}': choose from {', '.join(METRICS)}")
    known = CONDITION_PEOPLE.validate(people[[column.name for column in CONDITION_PEOPLE.columns]]).set_index("participant_id")
    for condition in _conditions(scores, readings):
        judged = _judged(scores, operating_points, known, condition)
        first = next(iter(judged.values()))
        panel = read_people(
            readings, photographs, first.people.index, target=condition, sessions=first.people.session_id, call_at=call_at
        )  # fmt: skip
        seen = panel.seen()
        asked = Asked(condition, levels_of(reader_levels, panel.readers), margins or {}, covariance, level)
        one = Study({name: each.of(seen) for name, each in judged.items()}, panel.of(seen), first.y[seen], asked)
        require_classes(one.y, condition)
        yield one


def _conditions(scores: pd.DataFrame, readings: pd.DataFrame) -> list[str]:
    found = [name for name in dict.fromkeys(scores.target_condition) if name in set(readings.target)]
    if not found:
        have, read = (", ".join(sorted(set(names))) or "none" for names in (scores.target_condition, readings.target))
        raise InputError(f"models judge {have} and readers {read}: name the target of the readings after the condition")
    return found


def _judged(scores: pd.DataFrame, points: pd.DataFrame, people: pd.DataFrame, condition: str) -> dict[str, JudgedPeople]:
    """Return each model's scores of the people whom all models judged."""
    names = list(dict.fromkeys(scores.model_id[scores.target_condition == condition]))
    found = {name: judged_people(scores, points, people, model_id=name, condition=condition) for name in names}
    shared = pd.concat([each.people.index.to_series() for each in found.values()]).value_counts()
    by_all = shared.index[shared == len(found)]
    return {name: each.of(each.people.index.isin(by_all)) for name, each in found.items()}


def _performance(study: Study) -> Iterator[dict[str, Any]]:
    for name, judged in study.models.items():
        yield from _model_rows(study, name, judged)
    for metric in study.metrics():
        for row, reader in enumerate(study.read.readers):
            yield _reader_row(study, metric, row, reader)
        for panel, members in panels_of(study.asked.levels).items():
            yield _panel_row(study, metric, panel, members)


def _model_rows(study: Study, name: str, judged: JudgedPeople) -> Iterator[dict[str, Any]]:
    base = _rater(study, name, "model") | study.counts(study.class_of("auc")) | {"n_readers": 0}
    found = auc_interval(judged.scores, judged.y, level=study.asked.level)
    yield base | _value("auc", "none", found.value, found.ci_low, found.ci_high, found.method)
    for rule, called in judged.calls.items():
        for metric in ("sensitivity", "specificity"):
            one = share(study.right(metric, called.astype(float)), level=study.asked.level)
            yield base | _value(metric, rule, one.value, one.ci_low, one.ci_high, "wilson")


def _reader_row(study: Study, metric: str, row: int, reader: str) -> dict[str, Any]:
    seen = study.seen_by(row)
    base = _rater(study, reader, "reader", study.asked.levels.iloc[row]) | study.counts(seen) | {"n_readers": 1}
    rule = "none" if metric == "auc" else "call"
    if not study.enough(metric)[row]:
        return base | _value(metric, rule, np.nan, note=f"saw fewer than {FEWEST} people of a class")
    if metric == "auc":
        found = auc_interval(study.read.scores[row, seen], study.y[seen], level=study.asked.level)
        return base | _value(metric, rule, found.value, found.ci_low, found.ci_high, found.method)
    own = study.figures(metric)[row]
    one = share(own[~np.isnan(own)], level=study.asked.level)
    return base | _value(metric, rule, one.value, one.ci_low, one.ci_high, "wilson")


def _panel_row(study: Study, metric: str, panel: str, members: NDArray[np.bool_]) -> dict[str, Any]:
    counted = members & study.enough(metric)
    named = None if panel == EVERYBODY else panel
    base = _rater(study, panel, "panel", named) | study.counts(study.class_of("auc")) | {"n_readers": int(counted.sum())}
    rule = "none" if metric == "auc" else "call"
    if counted.sum() < FEWEST:
        return base | _value(metric, rule, np.nan, note="a panel needs two readers who saw enough people")
    found = mean_of_readers(study.merits(metric, counted), level=study.asked.level, on_logit=True)
    method = "random readers and cases, logit"
    return base | _value(metric, rule, found.value, found.ci_low, found.ci_high, method, left_out(members, counted))


def _comparisons(study: Study) -> Iterator[dict[str, Any]]:
    for name, judged in study.models.items():
        for metric in study.metrics():
            for rule, found in _against(study, judged, metric):
                yield from _against_panels(study, name, metric, rule, found)
        yield from _mcnemar_rows(study, name, judged)
    for metric in study.metrics():
        yield from _level_rows(study, metric)


def _against(study: Study, judged: JudgedPeople, metric: str) -> Iterator[tuple[str, ReaderDifferences]]:
    """Yield a model's differences from the readers who saw enough, by the rule that fixed its threshold."""
    enough = study.enough(metric)
    if not enough.any():
        return
    if metric == "auc":
        yield "none", auc_differences(judged.scores, study.read.scores[enough], study.y, covariance=study.asked.covariance)
        return
    readers = study.figures(metric)[enough]
    for rule, called in judged.calls.items():
        own = study.right(metric, called.astype(float))
        yield rule, mean_differences(own, readers)


def _against_panels(study: Study, name: str, metric: str, rule: str, found: ReaderDifferences) -> Iterator[dict[str, Any]]:
    enough, margin = study.enough(metric), study.asked.margins.get(metric, float("nan"))
    counts = _counts_of(study, metric)
    for panel, members in panels_of(study.asked.levels).items():
        part = some_readers(found, members[enough])
        note = left_out(members, members & enough)
        for generalise in ("readers and cases", "readers") if len(part.readers) >= FEWEST else ():
            one = compare_with_panel(part, generalise=generalise, margin=margin, level=study.asked.level)
            yield _compared(study, f"{name} minus {panel}", metric, rule, one) | counts | {"note": note}
    for row, reader in enumerate(np.flatnonzero(enough)):
        one = compare_with_reader(found, row, level=study.asked.level)
        yield _compared(study, f"{name} minus {study.read.readers[reader]}", metric, rule, one) | _seen_by(study, metric, int(reader))


def _mcnemar_rows(study: Study, name: str, judged: JudgedPeople) -> Iterator[dict[str, Any]]:
    """Yield McNemar's test of the model and each reader; the model's calls are those that most of its repeats made."""
    for metric in study.metrics()[1:]:
        readers = study.figures(metric)
        for rule, called in judged.calls.items():
            most = (called.mean(axis=0, keepdims=True) >= 0.5).astype(float)
            own = study.right(metric, most)[0]
            for row, reader in enumerate(study.read.readers):
                found = mcnemar(own, readers[row])
                yield _discordant(study, f"{name} minus {reader}", metric, rule, found) | _seen_by(study, metric, row)


def _discordant(study: Study, comparison: str, metric: str, rule: str, found: McNemar) -> dict[str, Any]:
    return {
        "comparison": comparison, "target_condition": study.asked.condition, "metric": metric, "rule": rule, "method": "mcnemar, exact",
        "p_value": found.p_value, "note": f"right by the model alone {found.only_system}, by the reader alone {found.only_reader}",
    }  # fmt: skip


def _level_rows(study: Study, metric: str) -> Iterator[dict[str, Any]]:
    """Yield the differences between levels of expertise: readers nested in levels, all with the same people."""
    levels, enough = study.asked.levels, study.enough(metric)
    sizes = levels[enough & levels.notna().to_numpy()].value_counts()
    for first, second in combinations(sorted(sizes.index[sizes >= FEWEST]), 2):
        which = np.concatenate([np.flatnonzero(enough & (levels == name).to_numpy()) for name in (first, second)])
        readers = [study.read.readers[row] for row in which]
        found = compare_tests(study.merits(metric, which), levels.iloc[which].tolist(), readers, level=study.asked.level)
        row = contrast_row(found, study.asked.condition, metric, "readers nested in levels")
        yield row | {"n_readers": len(which)} | _counts_of(study, metric)


def _counts_of(study: Study, metric: str) -> dict[str, int]:
    return study.counts(study.class_of(metric))


def _seen_by(study: Study, metric: str, row: int) -> dict[str, Any]:
    return study.counts(study.class_of(metric) & study.seen_by(row)) | {"n_readers": 1}


def _compared(study: Study, comparison: str, metric: str, rule: str, found: Standalone) -> dict[str, Any]:
    own = found._asdict()
    names = ("method", "estimate", "std_error", "statistic", "p_value", "ci_low", "ci_high", "margin", "p_non_inferior", "n_readers")
    return {
        "comparison": comparison, "target_condition": study.asked.condition, "metric": metric, "rule": rule, "df": finite(found.df),
        **{name: own[name] for name in names},
    }  # fmt: skip


def _rater(study: Study, name: str, kind: str, level: Any = None) -> dict[str, Any]:
    return {"rater": name, "kind": kind, "level": level, "target_condition": study.asked.condition}


def _value(
    metric: str, rule: str, value: float, low: float = np.nan, high: float = np.nan, method: str | None = None, note: str | None = None
) -> dict[str, Any]:
    return {"metric": metric, "rule": rule, "value": value, "ci_low": low, "ci_high": high, "method": method, "note": note}
