"""The stage that writes the report, from tables and run records alone; faces appear as averages of many people only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

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
from facies.study.config import StudyConfig
from facies.study.evaluation import AGREEMENT
from facies.study.intake import Cohort, photograph_folders
from facies.study.models import CARDS
from facies.study.stages import Outcome, Stage
from facies.tables import (
    ASSOCIATIONS,
    FACES,
    GIVEN_POINTS,
    METRICS,
    PANEL_ESTIMATES,
    PARTICIPANT_PREDICTIONS,
    PARTICIPANTS,
    PHOTOGRAPHS,
    SPLITS,
)
from facies.types import Image

STAGES = ("cohort", "faces", "models", "evaluation", "association")

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
    inputs = {table.name: table_path(study, table) for table in tables if table_path(study, table).exists()}
    inputs |= {f"run_{stage}": study / "derived" / stage / "run.json" for stage in STAGES if read_record(study, stage) is not None}
    settings = {"study": config.study.model_dump(), "association": config.association.model_dump(), "report": config.report.model_dump()}
    return Stage("report", settings, inputs, compute)


def gather_report(study: Path, config: StudyConfig, cohort: Cohort, cards: list[ModelCard]) -> ReportData:
    """Collect what the report shows from the study's tables and records."""
    faces, predictions = read_table(study, FACES), read_table(study, PARTICIPANT_PREDICTIONS)
    metrics = read_table(study, METRICS)
    associations = read_table(study, ASSOCIATIONS) if config.association.outcomes or config.association.traits else None
    runs = tuple(record for stage in STAGES if (record := read_record(study, stage)) is not None)
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
        labels={outcome.name: outcome.label for outcome in config.association.outcomes if outcome.label},
        units={outcome.name: outcome.unit for outcome in config.association.outcomes if outcome.unit},
        warnings=cohort.notes,
        settings=config.model_dump(),
        sign_convention=DIRECTIONS[config.association.direction][1],
        simulated=config.study.simulated,
    )


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
