"""Every number of the report as plain values for ``results.json``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facies.report.condition_data import ConditionData
from facies.report.data import MISSING, ReportData
from facies.report.effects import drawn_adjustment
from facies.report.metric_values import find_metric, human_error, is_single_reader, mean_error, noise_floor
from facies.report.privacy import Scrubber, scrubber_for
from facies.report.sections.age_gap import gap_bands
from facies.report.sections.agreement import coverage, drawn_predictions
from facies.report.sections.methods import exclusivity_text, known_files
from facies.report.sections.people import counted_consent
from facies.report.sections.preflight import PARTS, reason_counts
from facies.report.sections.readers import notes_without_names, numbered_readers

FORMAT = "facies-results-1"

REPLICATION = ("replications", "shifts", "replication_metrics")
LEARNING = ("learning_ways", "learning_pairs", "learning_associations", "learning_curves", "learning_forecasts")
ROWS = (
    "flow", "metrics", "bland_altman", "error_by_age", "comparisons", "associations", "association_steps", "association_curves",
    "source_comparisons", "proxy_estimates", "age_gap_summaries", "score_variants", "score_groups", "scans", "pretraining_help",
    *LEARNING, *REPLICATION,
)  # fmt: skip
"""Tables about groups of people, which go into the results as they are."""


def results_json(data: ReportData) -> dict[str, Any]:
    """Return every number of the report as plain JSON types; a missing number is ``None``.

    Identifiers of people and photographs and the paths of files are left out, as in the report.

    Examples
    --------
    >>> results_json(ReportData("A study", date="2025-01-31", version="0.1.0"))["summary"]["mae"] is None
    True
    """
    inside, n_intervals = coverage(drawn_predictions(data))
    found: dict[str, Any] = {
        "format": FORMAT,
        "study": {"name": data.study_name, "date": data.date, "version": data.version, "target": data.target, "simulated": data.simulated},
        "sign_convention": data.sign_convention,
        "summary": _summary(data),
        "prediction_interval": {"inside": inside, "n": n_intervals},
        **{name: _rows(data.table(name)) for name in ROWS},
        **_groups(data),
        "pretraining": {name: value for name, value in data.pretraining.items() if name not in ("seconds", "surroundings")},
        "counts": _counts(data),
        "average_faces": [{"label": face.label, "n": face.n} for face in data.average_faces],
        "consent": dict(data.consent) or counted_consent(data),
        "duplicates": dict(data.duplicates),
        "exclusivity": exclusivity_text(data),
        "warnings": list(data.warnings),
        "settings": data.settings,
        "models": [dataclasses.asdict(card) for card in data.model_cards],
        "runs": [_run(dataclasses.asdict(run)) for run in data.runs],
        "missing": {name: data.why_missing(name) for name in _absent(data)},
    }
    plain: dict[str, Any] = _plain(found, scrubber_for(data))
    return plain


def replication_json(data: ReportData) -> dict[str, Any]:
    """Return every number of a replication's own page as plain JSON types; a missing number is ``None``.

    Examples
    --------
    >>> replication_json(ReportData("A study", date="2025-01-31", version="0.1.0"))["replications"]
    []
    """
    found = {
        "format": FORMAT,
        "study": {"name": data.study_name, "date": data.date, "version": data.version, "target": data.target, "simulated": data.simulated},
        "sign_convention": data.sign_convention,
        **{name: _rows(data.table(name)) for name in REPLICATION},
        "warnings": list(data.warnings),
        "settings": data.settings,
        "models": [dataclasses.asdict(card) for card in data.model_cards],
        "runs": [_run(dataclasses.asdict(run)) for run in data.runs],
        "missing": {name: data.why_missing(name) for name in REPLICATION if data.table(name) is None},
    }
    plain: dict[str, Any] = _plain(found, scrubber_for(data))
    return plain


def learning_json(data: ReportData) -> dict[str, Any]:
    """Return every number of the page of ways to learn as plain JSON types; a missing number is ``None``.

    Examples
    --------
    >>> learning_json(ReportData("A study", date="2025-01-31", version="0.1.0"))["learning_ways"]
    []
    """
    names = (*LEARNING, "learning_costs")
    found = {
        "format": FORMAT,
        "study": {"name": data.study_name, "date": data.date, "version": data.version, "target": data.target, "simulated": data.simulated},
        **{name: _rows(data.table(name)) for name in names},
        "notes": list(data.learning_notes),
        "warnings": list(data.warnings),
        "settings": data.settings,
        "runs": [_run(dataclasses.asdict(run)) for run in data.runs],
        "missing": {name: data.why_missing(name) for name in names if data.table(name) is None},
    }
    plain: dict[str, Any] = _plain(found, scrubber_for(data))
    return plain


READERS = (
    "panel_model", "reader_estimates", "reader_performance", "reader_comparison", "reader_agreement", "reader_study_sizes",
    "region_agreement",
)  # fmt: skip


def readers_json(data: ReportData) -> dict[str, Any]:
    """Return every number of the page of readers as plain JSON types; readers are numbered, a missing number is ``None``.

    Examples
    --------
    >>> readers_json(ReportData("A study", date="2025-01-31", version="0.5.0"))["panel_model"]
    []
    """
    names = numbered_readers(data)
    found = {
        "format": FORMAT,
        "study": {"name": data.study_name, "date": data.date, "version": data.version, "target": data.target, "simulated": data.simulated},
        **{name: [_numbered(row, names) for row in _rows(data.table(name))] for name in READERS},
        "notes": list(notes_without_names(data)),
        "settings": data.settings,
        "runs": [_run(dataclasses.asdict(run)) for run in data.runs],
        "missing": {name: data.why_missing(name) for name in READERS if data.table(name) is None},
    }
    plain: dict[str, Any] = _plain(found, scrubber_for(data))
    return plain


def _numbered(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a row with readers' numbers for their identifiers, in ``reader_id``, ``rater`` and 'a minus b'."""
    kept = {name: names.get(str(value), value) if name in ("reader_id", "rater") else value for name, value in row.items()}
    if "comparison" in kept:
        kept["comparison"] = " minus ".join(names.get(side, side) for side in str(kept["comparison"]).split(" minus "))
    return kept


CONDITIONS = (
    "condition_metrics", "roc_points", "prevalence_curves", "decision_curves", "calibration_curves", "confusions", "confounding_probes",
    "confounding_verdicts", "balance", "region_shares", "saliency_checks", "region_overlaps", "test_retest", "trajectories",
)  # fmt: skip
"""Tables of a report on conditions that are about groups of people."""


def condition_json(data: ConditionData) -> dict[str, Any]:
    """Return every number of a report on conditions as plain JSON types; a missing number is ``None``.

    Examples
    --------
    >>> from facies.report.condition_data import ConditionData
    >>> condition_json(ConditionData("A study", date="2025-01-31", version="0.4.0", target="facies"))["confusions"]
    []
    """
    found = {
        "format": FORMAT,
        "study": {"name": data.study_name, "date": data.date, "version": data.version, "target": data.target, "simulated": data.simulated},
        "intended_use": "research only",
        "target_conditions": list(data.target_conditions),
        **{name: _rows(data.table(name)) for name in ("flow", *CONDITIONS)},
        "confounding_rule": data.confounding_rule,
        "sources": [dict(source) for source in data.sources],
        "counts": _counts(data),
        "consent": dict(data.consent) or counted_consent(data),
        "warnings": list(data.warnings),
        "settings": data.settings,
        "models": [dataclasses.asdict(card) for card in data.condition_cards],
        "runs": [_run(dataclasses.asdict(run)) for run in data.runs],
        "missing": {name: data.why_missing(name) for name in CONDITIONS if data.table(name) is None},
    }
    plain: dict[str, Any] = _plain(found, scrubber_for(data))
    return plain


def _groups(data: ReportData) -> dict[str, Any]:
    """Return what is counted or averaged from tables with one row a person, and the log of margins by day."""
    preflight = data.table("preflight")
    people = {} if preflight is None else {"n": len(preflight)} | {name: int(preflight[name].sum()) for name in PARTS}
    margins = [{**entry, "registered_at": str(entry["registered_at"])[:10]} for entry in data.margins]
    return {
        "preflight": people | {"reasons": reason_counts(data)},
        "age_gap_bands": _rows(gap_bands(data)),
        "margins": margins,
    }


def _summary(data: ReportData) -> dict[str, Any]:
    model = data.drawn_model()
    estimates = {metric: find_metric(data, model, metric) for metric in ("mae", "slope", "r")}
    estimates |= {"predicting_the_mean": mean_error(data), "label_noise_floor": noise_floor(data), "single_reader": human_error(data)}
    values = {name: None if estimate is None else dataclasses.asdict(estimate) for name, estimate in estimates.items()}
    return {"model": model, "adjustment": drawn_adjustment(data), **values}


def _rows(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    if frame is not None and "system" in frame:
        frame = frame[~frame.system.map(is_single_reader)]
    return [] if frame is None else [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _counts(data: ReportData) -> dict[str, Any]:
    """Return how many rows each table about people has, and how many of them are used."""
    counts: dict[str, Any] = {}
    for name in ("participants", "photographs", "faces", "splits", "panel_estimates", "participant_predictions"):
        frame = data.table(name)
        counts[name] = {"n": 0 if frame is None else len(frame)}
        if frame is not None and "included" in frame:
            reasons = frame.exclusion_reason.dropna() if "exclusion_reason" in frame else pd.Series(dtype=object)
            counts[name] |= {
                "included": int(frame.included.sum()),
                "excluded": {str(key): int(n) for key, n in reasons[reasons != ""].value_counts().items()},
            }
    return counts


def _run(run: dict[str, Any]) -> dict[str, Any]:
    """Keep the hashes of tables; files whose names may tell who is in them are counted only.

    When and how long a stage ran, and the time of its margins, stay in its own run.json: equal studies give equal results.
    """
    del run["started_at"], run["seconds"]
    run["settings"] = {name: value for name, value in run["settings"].items() if name != "margins_registered_at"}
    for side in ("inputs", "outputs"):
        known = known_files(run[side])
        run[side] = {"tables": known, "further_files": len(run[side]) - len(known)}
    return run


def _absent(data: ReportData) -> list[str]:
    return [name for name in MISSING if getattr(data, name) is None or len(getattr(data, name)) == 0]


def _plain(value: Any, scrub: Scrubber) -> Any:
    """Turn anything into JSON types; text loses identifiers and paths."""
    if isinstance(value, Mapping):
        return {scrub(str(key)): _plain(item, scrub) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, scrub) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    return None if value is pd.NA else scrub(str(value))
