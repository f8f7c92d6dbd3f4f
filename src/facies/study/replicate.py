"""The frozen models and analyses of one study in the people of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies.association.genes import gene_scores
from facies.association.replication import replicate_associations
from facies.cohort import consenting_participants
from facies.errors import InputError
from facies.evaluation.recalibration import evaluate_replication
from facies.evaluation.shift import Distances, describe_shift, measure_people
from facies.models import Bundle
from facies.models.frozen import OUT_OF_RANGE, half_width
from facies.records import Embeddings, RunRecord
from facies.store import locked, read_table, write_table, write_whole
from facies.study.association import Material, join_people, with_scores
from facies.study.config import CONFIG_NAME, StudyConfig, read_config
from facies.study.discovery import Discovery, encoder_place, make_frozen_extractor, read_discovery
from facies.study.extraction import (
    Extractor,
    Progress,
    Task,
    collect_embeddings,
    collect_faces,
    collect_hashes,
    extract_parts,
    keep_used_parts,
    plan_tasks,
)
from facies.study.frozen_associations import Feasible, associate_validation, find_feasible
from facies.study.genes import open_study_genotypes, study_scores
from facies.study.intake import Cohort, gather_validation, input_files, photograph_folders, values_hash
from facies.study.overlap import count_alike, require_other_people
from facies.study.replication_page import page_path, replication_page
from facies.study.stages import Outcome, Stage, run_stage
from facies.tables import (
    FOLD_PREDICTIONS,
    REPLICATION_ASSOCIATIONS,
    REPLICATION_FACE_PREDICTIONS,
    REPLICATION_FACES,
    REPLICATION_METRICS,
    REPLICATION_PREDICTIONS,
    REPLICATION_SCORE_VARIANTS,
    REPLICATIONS,
    SHIFTS,
    Table,
)

STAGE = "replication"

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class ReplicationSummary:
    """What a replication found, and whether it was computed now or still held."""

    record: RunRecord
    ran: bool
    n_participants: int
    n_warned: int
    verdicts: Mapping[str, int]
    folder: Path
    page: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {
            "folder": str(self.folder),
            "page": str(self.page),
            "ran": self.ran,
            "n_participants": self.n_participants,
            "n_warned": self.n_warned,
            "verdicts": dict(self.verdicts),
            "record": asdict(self.record),
        }


def replicate_study(
    discovery: Path,
    validation: Path,
    *,
    jobs: int = 1,
    random_state: int | None = None,
    output: Path | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> ReplicationSummary:
    """Take a finished study's frozen models and analyses to another study's people.

    Faces are found, cut and encoded there as the models expect, predictions are made, and the discovery's associations are computed again
    with its steps, signs, adjustment sets and thresholds. Tables are written to ``derived/replication/`` of the validation, the page to its
    ``report/replication.html``; what was done before and still holds is not done again.

    Parameters
    ----------
    discovery
        The folder of a study that has been run, or what travels of it (see :mod:`facies.study.discovery`).
    validation
        A study folder with its own ``study.toml``, participants, photographs and outcomes; readings are optional.
    jobs
        Cores to use.
    random_state
        Seed of the bootstrap; None for the discovery's.
    output
        Where a copy of the page goes.
    progress
        Called with the photographs done and all photographs.
    tell
        Called with a line at the end.

    Raises
    ------
    InputError
        When one of the two is wrong, or a person is in both; the message says what to do.
    CropContractError
        When faces cannot be cut as the models expect.
    WeightsError
        When a bundle is cut off or altered, or a network is absent.
    StoreError
        When the validation's folder cannot be written.

    Examples
    --------
    >>> replicate_study(Path("no-such-study"), Path("another"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no-such-study has no study.toml: make one with `facies init no-such-study`
    """
    replication = prepare_replication(discovery, validation, jobs=jobs, random_state=random_state)
    with locked(validation):
        _remove_leftovers(validation)
        record, ran = run_stage(validation, replication.stage(jobs, progress), random_state=replication.random_state)
        run_stage(validation, replication.page(record), random_state=replication.random_state)
    page = page_path(validation)
    if output is not None:
        page = write_whole(output, page.read_bytes())
    summary = _summarise(validation, record, ran, page)
    if tell is not None:
        tell(_line(summary))
    return summary


def prepare_replication(discovery: Path, validation: Path, *, jobs: int = 1, random_state: int | None = None) -> Replication:
    """Read both studies and check that the one can be taken to the other, before any long work and without writing.

    Raises
    ------
    InputError, CropContractError, WeightsError
        As :func:`replicate_study`.
    """
    known = read_discovery(discovery)
    if discovery.resolve() == validation.resolve():
        raise InputError(f"{validation} is the discovery itself: name the folder of another study")
    config = read_config(validation)
    if config.study.target != known.target:
        raise InputError(
            f"the discovery's models predict {known.target}, {CONFIG_NAME} of {validation} says {config.study.target}: "
            f"write study.target = '{known.target}' there"
        )
    extractor = make_frozen_extractor(known, validation, config)
    cohort = gather_validation(validation, config, jobs=jobs)
    require_other_people(discovery, cohort.participants, cohort.photographs)
    people = join_people(consenting_participants(cohort.participants), cohort.outcomes)
    scores, checks = frozen_scores(known, validation, config, people)
    people = with_scores(people, scores)
    feasible = None if known.associations is None else _feasible(known, cohort, people)
    seed = known.config.study.random_state if random_state is None else random_state
    return Replication(known, validation, config, extractor, cohort, people, checks, feasible, seed)


def frozen_scores(
    known: Discovery, validation: Path, config: StudyConfig, people: pd.DataFrame
) -> tuple[pd.DataFrame | None, pd.DataFrame]:
    """Return the discovery's gene scores of people here, by table ``gene_scores``, and table ``score_variants`` of the genotypes here.

    No scores where the discovery has none, or this study has no genotypes: a column of the score's name may take their place.
    """
    asked, here = known.config.genotypes, config.genotypes
    if here.file is None or not asked.scores:
        return None, REPLICATION_SCORE_VARIANTS.empty()
    with open_study_genotypes(validation, here) as genotypes:
        groups = None if here.group is None else people.set_index("participant_id")[here.group]
        return gene_scores(
            genotypes, study_scores(known.folder, asked), participant_ids=people.participant_id.tolist(), groups=groups,
            min_call_rate=asked.min_call_rate,
        )  # fmt: skip


def _feasible(known: Discovery, cohort: Cohort, people: pd.DataFrame) -> Feasible:
    has_readings = known.target == "perceived_age" and len(cohort.labels) > 0
    return find_feasible(known.config.association, people, model_ids=known.model_ids, has_readings=has_readings)


def plan_replication(discovery: Path, validation: Path, *, jobs: int = 1) -> dict[str, Any]:
    """Say what a replication would do: models, people, and which analyses the validation cannot follow. Nothing is written."""
    replication = prepare_replication(discovery, validation, jobs=jobs)
    usable = replication.cohort.photographs[replication.cohort.photographs.included]
    lacking = {} if replication.feasible is None else replication.feasible.lacking
    return {
        "models": replication.discovery.model_ids,
        "n_participants": int(usable.participant_id.nunique()),
        "n_photographs": len(usable),
        "n_with_reference": len(replication.cohort.labels),
        "outcomes": [] if replication.feasible is None else [outcome.name for outcome in replication.feasible.asked.outcomes],
        "traits": [] if replication.feasible is None else [trait.name for trait in replication.feasible.asked.traits],
        "lacking": {f"{kind} {name}": reason for (kind, name), reason in lacking.items()},
        "discovery_summary": replication.discovery.summary is not None,
    }


@dataclass(frozen=True, eq=False)
class Replication:
    """Both studies, read and checked."""

    discovery: Discovery
    validation: Path
    config: StudyConfig
    extractor: Extractor
    cohort: Cohort
    people: pd.DataFrame
    score_checks: pd.DataFrame
    feasible: Feasible | None
    random_state: int

    def stage(self, jobs: int, progress: Progress | None) -> Stage:
        """Return the stage ``replication``."""

        def compute() -> Outcome:
            faces, embeddings, n_tasks, n_alike = self._read_faces(jobs, progress)
            tables = self._tables(faces, embeddings, n_alike)
            paths = tuple(write_table(self.validation, table, frame) for table, frame in tables.items())
            reasons = faces.exclusion_reason.dropna().value_counts()
            n_out = int(faces.loc[faces.included, "photo_id"].nunique())
            return Outcome(paths, n_tasks, n_out, {str(reason): int(n) for reason, n in reasons.items()})

        settings = {
            "models": {bundle.card.model_id: bundle.sha256 for bundle in self.discovery.bundles},
            "association": self.discovery.config.association.model_dump(),
            "n_bootstrap": self.discovery.config.evaluation.n_bootstrap,
            "target": self.discovery.target,
            "faces": self.extractor.digest(),
            "people": values_hash(self.people),
            "photographs": values_hash(self.cohort.photographs),
            "learnt_from": self.cohort.learnt_from(),
        }
        return Stage(STAGE, settings, input_files(self.validation) | self.discovery.files, compute)

    def page(self, record: RunRecord) -> Stage:
        """Return the stage that writes the page, from the tables that the stage ``replication`` wrote."""
        notes = list(self.cohort.notes)
        if self.discovery.summary is None:
            notes.append("the discovery's cohort_summary.json was not at hand: how this cohort differs from it cannot be told")
        return replication_page(self.validation, self.config, self.discovery, record, warnings=tuple(notes))

    def _read_faces(self, jobs: int, progress: Progress | None) -> tuple[pd.DataFrame, list[Embeddings], int, int]:
        """Find, cut and encode the faces of all photographs that no part holds yet."""
        tasks: list[Task] = plan_tasks(self.cohort.photographs, photograph_folders(self.validation, self.config), self.extractor)
        parts = parts_folder(self.validation)
        index = extract_parts(tasks, self.extractor, parts, jobs=jobs, progress=progress)
        index = keep_used_parts(tasks, index, parts)
        hashes = collect_hashes(tasks, index)
        n_alike = count_alike(self.discovery.folder, hashes, self.cohort.participants, self.cohort.photographs)
        faces = collect_faces(tasks, index)
        _require_faces(faces)
        return faces, collect_embeddings(tasks, index, [encoder.card for encoder in self.extractor.encoders]), len(tasks), n_alike

    def _tables(self, faces: pd.DataFrame, embeddings: list[Embeddings], n_alike: int) -> dict[Table, pd.DataFrame]:
        owner = faces[faces.included].merge(self.cohort.photographs[["photo_id", "participant_id"]], on="photo_id", validate="one_to_one")
        owners = owner.set_index("face_id").participant_id
        found = [predict_faces(bundle, embeddings[encoder_place(self.discovery, bundle)], owners) for bundle in self.discovery.bundles]
        pairs = zip(self.discovery.bundles, found, strict=True)
        predictions = pd.concat([predict_people(bundle, rows, self.cohort.labels) for bundle, rows in pairs], ignore_index=True)
        tables = {
            REPLICATION_FACES: faces,
            REPLICATION_FACE_PREDICTIONS: pd.concat([_face_table(rows) for rows in found], ignore_index=True),
            REPLICATION_PREDICTIONS: predictions,
            SHIFTS: self._shifts(faces, predictions, found, n_alike),
            REPLICATION_METRICS: self._metrics(predictions),
            REPLICATION_SCORE_VARIANTS: self.score_checks,
        }
        return tables | self._associations(predictions)

    def _shifts(self, faces: pd.DataFrame, predictions: pd.DataFrame, found: list[pd.DataFrame], n_alike: int) -> pd.DataFrame:
        measured = measure_people(self.cohort.participants, self.cohort.photographs, faces)
        pairs = zip(self.discovery.bundles, found, strict=True)
        distances = {bundle.card.model_id: measure_distances(bundle, rows) for bundle, rows in pairs}
        return describe_shift(self.discovery.summary, measured, predictions, distances, n_alike=n_alike)

    def _metrics(self, predictions: pd.DataFrame) -> pd.DataFrame:
        summary = self.discovery.summary
        return evaluate_replication(
            predictions,
            self.cohort.participants,
            target=self.discovery.target,
            discovery_mean=None if summary is None or summary.reference is None else summary.reference.mean,
            noise=self.cohort.noise,
            n_bootstrap=self.discovery.config.evaluation.n_bootstrap,
            random_state=self.random_state,
        )

    def _associations(self, predictions: pd.DataFrame) -> dict[Table, pd.DataFrame]:
        """Return the associations here and beside the discovery's; without rows where the discovery asks for none."""
        known = self.discovery.associations
        if known is None or self.feasible is None:
            return {REPLICATION_ASSOCIATIONS: REPLICATION_ASSOCIATIONS.empty(), REPLICATIONS: REPLICATIONS.empty()}
        material = Material(
            predictions=predictions,
            fold_predictions=FOLD_PREDICTIONS.empty(),
            people=self.people,
            noise=self.cohort.noise,
            asked=self.feasible.asked,
            target=self.discovery.target,
            random_state=self.random_state,
        )
        try:
            found = associate_validation(material, known, self.feasible)
        except InputError as error:
            raise InputError(f"{self.validation}: {error}") from error
        return {REPLICATION_ASSOCIATIONS: found, REPLICATIONS: replicate_associations(known, found)}


def parts_folder(validation: Path) -> Path:
    """Return where the vectors of a validation's faces lie."""
    return validation / "derived" / STAGE / "parts"


def predict_faces(bundle: Bundle, embeddings: Embeddings, owners: pd.Series) -> pd.DataFrame:
    """Predict each face: ``face_id``, ``participant_id``, ``model_id``, ``target``, prediction, interval, warning and ``distance``.

    Parameters
    ----------
    owners
        participant_id of each face, by face_id.
    """
    rows: pd.DataFrame = bundle.predict_vectors(embeddings.vectors).assign(
        face_id=embeddings.face_ids,
        participant_id=owners[list(embeddings.face_ids)].to_numpy(),
        model_id=bundle.card.model_id,
        target=bundle.card.target,
        fold=-1,
        distance=bundle.frozen.unlikeness.distances(embeddings.vectors),
    )
    return rows.sort_values("face_id", ignore_index=True)


def _face_table(rows: pd.DataFrame) -> pd.DataFrame:
    table = rows.drop(columns=["participant_id", "distance"])
    table["warning"] = table.warning.where(table.warning.ne(""), np.nan)
    return table[[column.name for column in REPLICATION_FACE_PREDICTIONS.columns]]


def predict_people(bundle: Bundle, rows: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Average the photographs of each person and put the reference beside them, where there is one.

    Parameters
    ----------
    rows
        From :func:`predict_faces`.
    labels
        ``observed`` and ``n_readers`` by participant_id.

    Returns
    -------
    Table ``replication_predictions`` of one model.
    """
    half = half_width(bundle.frozen.calibration.participant, bundle.frozen.level)
    people = rows.groupby("participant_id").predicted.agg(predicted="mean", n_photographs="size").reset_index()
    known = labels.reindex(people.participant_id)
    n_readers = known.n_readers.to_numpy(dtype=np.float64)
    mean = np.nanmean(n_readers) if np.isfinite(n_readers).any() else np.nan
    table = people.assign(
        model_id=bundle.card.model_id,
        target=bundle.card.target,
        fold=-1,
        ci_low=people.predicted - half,
        ci_high=people.predicted + half,
        observed=known.observed.to_numpy(dtype=np.float64),
        label_weight=n_readers / mean,
    )
    return REPLICATION_PREDICTIONS.validate(table[[column.name for column in REPLICATION_PREDICTIONS.columns]])


def measure_distances(bundle: Bundle, rows: pd.DataFrame) -> Distances:
    """Return how far each person's faces lie from the training faces, and whose faces are predicted outside the training range."""
    out = rows.warning.str.split(";").map(lambda words: OUT_OF_RANGE in words)
    by_person = rows.assign(out=out).groupby("participant_id")
    calibration = bundle.frozen.calibration
    return Distances(by_person.distance.mean(), by_person.out.any(), calibration.farthest, calibration.n_participants)


def _require_faces(faces: pd.DataFrame) -> None:
    if not faces.included.any():
        reasons = ", ".join(f"{n} {reason}" for reason, n in faces.exclusion_reason.value_counts().items())
        raise InputError(
            f"no photograph of the validation shows a usable face ({reasons}): look at them, or set faces.gate in {CONFIG_NAME}"
        )


def _remove_leftovers(validation: Path) -> None:
    """Delete files that an interrupted write left behind."""
    page = page_path(validation)
    for path in [*(validation / "derived" / STAGE).rglob(".*.part"), *page.parent.glob(f".{page.stem}.*.part")]:
        path.unlink(missing_ok=True)


def _summarise(validation: Path, record: RunRecord, ran: bool, page: Path) -> ReplicationSummary:
    faces = read_table(validation, REPLICATION_FACE_PREDICTIONS)
    verdicts = read_table(validation, REPLICATIONS).verdict.value_counts()
    return ReplicationSummary(
        record=record,
        ran=ran,
        n_participants=int(read_table(validation, REPLICATION_PREDICTIONS).participant_id.nunique()),
        n_warned=int(faces.face_id[faces.warning.notna()].nunique()),
        verdicts={str(verdict): int(n) for verdict, n in verdicts.items()},
        folder=validation / "derived" / STAGE,
        page=page,
    )


def _line(summary: ReplicationSummary) -> str:
    record = summary.record
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(summary.verdicts.items())) or "no associations"
    done = f"{record.seconds:.1f} s" if summary.ran else "unchanged"
    return (
        f"{STAGE}: {record.n_in} photographs in, {record.n_out} out, {summary.n_participants} participants, "
        f"{summary.n_warned} photographs with a warning; {verdicts}; {done}"
    )
