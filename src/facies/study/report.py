"""The stage that writes the report, from tables and run records alone; faces appear as averages of many people only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from facies import __version__
from facies.association import DIRECTIONS
from facies.cohort import consenting_participants, find_near_duplicates, locate_photograph, summarise_flow
from facies.errors import ImageError
from facies.evaluation import error_by_age
from facies.imaging import align_face, decode_photograph
from facies.records import CropContract, ModelCard, from_json
from facies.report import AverageFace, ReportData, average_faces, looking_thirds, render_report, results_json
from facies.report.averages import RULE
from facies.store import read_json, read_record, read_table, table_path, write_json, write_whole
from facies.study.association import is_asked
from facies.study.config import AssociationSection, StudyConfig, printed_settings
from facies.study.evaluation import AGREEMENT
from facies.study.intake import Cohort, photograph_folders
from facies.study.learning_page import LEARNING_TABLES, read_learning
from facies.study.margins import log_path, read_margins
from facies.study.models import CARDS
from facies.study.pretrained import read_pretraining
from facies.study.stages import Outcome, Stage
from facies.tables import (
    AGE_GAP_SUMMARIES,
    AGE_GAPS,
    ASSOCIATION_CURVES,
    ASSOCIATION_STEPS,
    ASSOCIATIONS,
    COMPARISONS,
    FACES,
    GIVEN_POINTS,
    METRICS,
    PANEL_ESTIMATES,
    PARTICIPANT_PREDICTIONS,
    PARTICIPANTS,
    PHOTOGRAPHS,
    PREFLIGHT,
    PRETRAINING_HELP,
    PROXY_ESTIMATES,
    REPLICATION_METRICS,
    REPLICATIONS,
    SCAN_POINTS,
    SCANS,
    SCORE_GROUPS,
    SCORE_VARIANTS,
    SHIFTS,
    SPLITS,
    Table,
)
from facies.types import Image

STAGES = ("cohort", "faces", "models", "evaluation", "genes", "association", "scan")
OTHER_COMMANDS = ("pretrain", "finetune")
"""Commands of their own whose results the report shows where they are there."""

PORTRAIT = CropContract(
    template=((0.36, 0.42), (0.64, 0.42), (0.5, 0.58), (0.39, 0.72), (0.61, 0.72)),
    size=224,
)
"""How faces are cut for the average faces: wide enough to show hair and chin."""

MAX_AVERAGED = 400
"""People behind one average face at most; more change nothing that is seen."""


def report_stage(study: Path, config: StudyConfig, cohort: Cohort, cards: list[ModelCard]) -> Stage:
    """Return the stage ``report``: ``report/report.html`` and ``report/results.json``."""

    def compute() -> Outcome:
        data = gather_report(study, config, cohort, cards)
        folder = study / "report"
        results = write_json(folder / "results.json", results_json(data))
        page = write_whole(folder / "report.html", render_report(data).encode())
        return Outcome((results, page), 1, 1)

    tables = [PARTICIPANTS, PHOTOGRAPHS, FACES, SPLITS, PANEL_ESTIMATES, PARTICIPANT_PREDICTIONS, METRICS, ASSOCIATIONS]
    places = [table_path(study, table) for table in tables]
    places += [table_path(home, table) for home, table in _further_tables(study, config).values()]
    places += [table_path(study, table) for table in LEARNING_TABLES]
    inputs = {path.stem: path for path in (*places, log_path(study)) if path.exists()}
    recorded = [stage for stage in (*STAGES, *OTHER_COMMANDS) if read_record(study, stage) is not None]
    inputs |= {f"run_{stage}": study / "derived" / stage / "run.json" for stage in recorded}
    named = ("study", "association", "genotypes", "replication", "report")
    settings = {name: section for name, section in config.model_dump().items() if name in named}
    return Stage("report", settings, inputs, compute)


def gather_report(study: Path, config: StudyConfig, cohort: Cohort, cards: list[ModelCard]) -> ReportData:
    """Collect what the report shows from the study's tables and records."""
    faces, predictions = read_table(study, FACES), read_table(study, PARTICIPANT_PREDICTIONS)
    metrics = read_table(study, METRICS)
    associations = read_table(study, ASSOCIATIONS) if config.association.outcomes or config.association.traits else None
    runs = tuple(record for stage in (*STAGES, *OTHER_COMMANDS) if (record := read_record(study, stage)) is not None)
    labelled = pd.Series(True, index=cohort.labels.index)
    return ReportData(
        study_name=config.study.name,
        date=max(run.started_at for run in runs)[:10],
        version=__version__,
        target=config.study.target,
        flow=summarise_flow(cohort.participants, cohort.photographs, faces=faces, labelled=labelled),
        participants=consenting_participants(cohort.participants),
        photographs=cohort.photographs,
        faces=faces,
        splits=cohort.splits,
        panel_estimates=cohort.panel_estimates,
        participant_predictions=predictions,
        metrics=metrics[~metrics.metric.isin(AGREEMENT)],
        bland_altman=metrics[metrics.metric.isin(AGREEMENT)],
        associations=associations,
        runs=runs,
        model_cards=tuple(cards),
        average_faces=average_thirds(study, config, cohort, faces, predictions),
        average_face_rule=RULE,
        duplicates=count_duplicates(study, cohort),
        error_by_age=error_by_age(
            predictions,
            cohort.participants,
            target=config.study.target,
            n_bootstrap=config.evaluation.n_bootstrap,
            random_state=runs[0].random_state,
        ),
        labels=_labels(config.association),
        units={outcome.name: outcome.unit for outcome in config.association.outcomes if outcome.unit},
        warnings=cohort.notes,
        settings=printed_settings(config),
        sign_convention=DIRECTIONS[config.association.direction][1],
        simulated=config.study.simulated,
        margins=tuple(asdict(record) for record in read_margins(study)),
        missing=_reasons(config),
        **read_further_tables(study, config),
        **read_pretraining(study, cohort.participants),
        **read_learning(study, learnt_from=cohort.learnt_from()),
    )


def _labels(asked: AssociationSection) -> dict[str, str]:
    named = {outcome.name: outcome.label for outcome in asked.outcomes} | {exposure.source: exposure.label for exposure in asked.exposures}
    return {name: label for name, label in named.items() if label}


def _reasons(config: StudyConfig) -> dict[str, str]:
    """Return why tables are absent, where the settings are the reason."""
    reasons = {"proxy_estimates": "association.proxy_inference is false"} if not config.association.proxy_inference else {}
    return reasons | ({"associations": "study.toml names neither outcomes nor traits"} if not is_asked(config) else {})


def _further_tables(study: Path, config: StudyConfig) -> dict[str, tuple[Path, Table]]:
    """Return field of the report -> the study folder and table that it is read from, where it is there."""
    own = {
        "association_steps": ASSOCIATION_STEPS,
        "association_curves": ASSOCIATION_CURVES,
        "source_comparisons": COMPARISONS,
        "proxy_estimates": PROXY_ESTIMATES,
        "age_gaps": AGE_GAPS,
        "age_gap_summaries": AGE_GAP_SUMMARIES,
        "preflight": PREFLIGHT,
        "score_variants": SCORE_VARIANTS,
        "score_groups": SCORE_GROUPS,
        "scans": SCANS,
        "scan_points": SCAN_POINTS,
        "pretraining_help": PRETRAINING_HELP,
    }
    places = {name: (study, table) for name, table in own.items()}
    if config.replication.validation is None:
        return places
    validation = study / config.replication.validation
    of_validation = {"replications": REPLICATIONS, "shifts": SHIFTS, "replication_metrics": REPLICATION_METRICS}
    return places | {name: (validation, table) for name, table in of_validation.items()}


def read_further_tables(study: Path, config: StudyConfig) -> dict[str, Any]:
    """Return the report's tables that a study may or may not have."""
    places = _further_tables(study, config)
    return {name: read_table(home, table) for name, (home, table) in places.items() if table_path(home, table).exists()}


def count_duplicates(study: Path, cohort: Cohort) -> dict[str, int]:
    """Count photographs that stand twice: the same bytes, and pairs that look the same under two participants."""
    hashes = read_json(table_path(study, FACES).with_name("perceptual_hashes.json"))
    photographs = cohort.photographs[cohort.photographs.photo_id.isin(hashes)]
    near = _near_pairs(photographs, hashes)
    return {"exact": int(cohort.photographs.exclusion_reason.eq("exact_duplicate").sum()), "near": len(near)}


def _near_pairs(photographs: pd.DataFrame, hashes: dict[str, str]) -> pd.DataFrame:
    import numpy as np

    values = np.array([int(hashes[photo_id], 16) for photo_id in photographs.photo_id], dtype=np.uint64)
    return find_near_duplicates(values, photo_ids=photographs.photo_id.tolist(), participant_ids=photographs.participant_id.tolist())


def average_thirds(
    study: Path, config: StudyConfig, cohort: Cohort, faces: pd.DataFrame, predictions: pd.DataFrame
) -> tuple[AverageFace, ...]:
    """Average the faces of the youngest- and the oldest-looking third, by the reference where there is one, else by the first model."""
    first = predictions[predictions.model_id == predictions.model_id.iloc[0]]
    looks = first.predicted if config.study.target == "age" else first.observed.fillna(first.predicted)
    people = first.assign(perceived_age=looks).merge(
        cohort.participants[["participant_id", "age"]], on="participant_id", validate="one_to_one"
    )
    if people.age.isna().all():
        people = people.assign(age=people.perceived_age.mean())
    thirds = looking_thirds(people)
    chosen = {str(name): str(third) for name, third in thirds.groupby(thirds).head(MAX_AVERAGED).items()}
    return average_faces(_portraits(study, config, cohort, faces, set(chosen)), chosen, min_people=config.report.n_average)


def _portraits(study: Path, config: StudyConfig, cohort: Cohort, faces: pd.DataFrame, people: set[str]) -> Iterator[tuple[str, Image]]:
    """Yield one aligned crop of each person; the first photograph that is used."""
    folders = photograph_folders(study, config)
    used = faces[faces.included].merge(cohort.photographs[["photo_id", "participant_id", "path"]], on="photo_id", validate="many_to_one")
    first = used[used.participant_id.isin(people)].drop_duplicates("participant_id")
    points = first[list(GIVEN_POINTS)].to_numpy(dtype=float).reshape(-1, 5, 2)
    for participant_id, path, five in zip(first.participant_id, first.path, points, strict=True):
        try:
            decoded = decode_photograph(locate_photograph(path, folders), max_pixels=config.faces.max_pixels, target_side=640)
        except ImageError:
            continue  # changed since the faces were read: the next run finds that by its hash
        yield participant_id, align_face(decoded.image, decoded.from_full(five), PORTRAIT)


def read_cards(study: Path) -> list[ModelCard]:
    """Return the cards of the study's models."""
    path = study / "derived" / "models" / CARDS
    return [from_json(ModelCard, json.dumps(card)) for card in read_json(path)]
