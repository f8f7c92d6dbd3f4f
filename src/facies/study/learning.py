"""``facies compare-learning``: classical features, a frozen network, self-supervised and fine-tuned learning side by side on one study.

::

    derived/learning/          learning_ways, learning_pairs, learning_associations, learning_costs; notes.json; run.json
    derived/learning_curves/   learning_curves, learning_forecasts; notes.json; run.json
    report/learning.html, report/learning.json

The study's own results stay as they are. Vectors of encoders that only the comparison uses are deleted when it is done, so that nothing of
a person who withdraws later is left behind.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from facies.cohort import consenting_participants
from facies.evaluation import compare_pairs, evaluate_predictions
from facies.records import Embeddings, RunRecord
from facies.store import locked, read_frame, read_json, read_table, table_path, write_json, write_table
from facies.study.association import Material, compare_with_human, estimate_associations, is_asked, join_people, with_scores
from facies.study.check import require_columns
from facies.study.config import EmbeddingSection, StudyConfig, read_config
from facies.study.crops import forget_crops
from facies.study.extraction import Extractor, Progress, collect_embeddings, extract_parts, plan_tasks
from facies.study.faces import faces_stage, make_extractor, read_embeddings
from facies.study.finetuned import STAGE as FINETUNE_FOLDER
from facies.study.finetuned import forget_finetuned, read_finetuned
from facies.study.genes import read_scores
from facies.study.intake import Cohort, gather_cohort, input_files, intake_stage, photograph_folders, values_hash
from facies.study.learning_curves import draw_curves, draw_readers
from facies.study.learning_page import learning_page, page_path
from facies.study.learning_tables import association_table, ways_table
from facies.study.learning_ways import FINETUNED, SSL, WaysPlan, plan_ways, way_of
from facies.study.models import cross_fit_study, require_regressors
from facies.study.stages import Outcome, Stage, run_stage
from facies.tables import (
    ASSOCIATIONS,
    COMPARISONS,
    FACES,
    FOLD_PREDICTIONS,
    LEARNING_ASSOCIATIONS,
    LEARNING_COSTS,
    LEARNING_CURVES,
    LEARNING_FORECASTS,
    LEARNING_PAIRS,
    LEARNING_WAYS,
    SPLITS,
    Table,
)

STAGE, CURVES_STAGE = "learning", "learning_curves"
NOTES = "notes.json"
N_TIMED = 40
"""Photographs that an encoder is timed on."""

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class LearningSummary:
    """What a comparison found, and which of its stages ran now."""

    records: tuple[RunRecord, ...]
    ran: tuple[str, ...]
    ways: pd.DataFrame
    pairs: pd.DataFrame
    sentences: tuple[str, ...]
    folder: Path
    page: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        ways, pairs = _plain_rows(self.ways), _plain_rows(self.pairs)
        return {
            "folder": str(self.folder), "page": str(self.page), "ran": list(self.ran), "ways": ways, "pairs": pairs,
            "sentences": list(self.sentences), "stages": [asdict(record) for record in self.records],
        }  # fmt: skip


def _plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.astype(object).to_dict("records")
    return [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in rows]


def compare_learning(
    study: Path, *, skip: Sequence[str] = (), jobs: int = 1, seed: int | None = None, progress: Progress | None = None,
    tell: Tell | None = None,
) -> LearningSummary:  # fmt: skip
    """Learn a study's target in every way there is and compare the errors, the associations and the cost.

    What is missing is made first: the study's own network (``ssl``) and the fine-tuned one, as ``facies pretrain`` and ``facies finetune``
    make them with their defaults. A way that cannot be had is named in the table with the reason. What was done before and still holds
    is not done again.

    Parameters
    ----------
    study
        The study folder.
    skip
        Ways to leave out: classical, dft, ssl, finetuned.
    jobs
        Cores for reading photographs.
    seed
        Instead of ``study.random_state``.
    progress
        Called with what is done and all there is to do.
    tell
        Called with a line at each stage.

    Raises
    ------
    InputError
        When the study is wrong; the message names file, row and remedy.
    StoreError
        When the folder cannot be written, or another run is at work in it.

    Examples
    --------
    >>> compare_learning(Path("no-such-study"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no-such-study has no study.toml: make one with `facies init no-such-study`
    """
    config = read_config(study)
    require_regressors(config)
    plan = plan_ways(study, config, skip=skip)
    _learn_what_is_missing(study, plan, jobs=jobs, seed=seed, progress=progress, tell=tell)
    random_state = config.study.random_state if seed is None else seed
    with locked(study):
        return _Comparison(study, config, plan, random_state, jobs, progress, tell or _silent).run()


def _silent(line: str) -> None:
    del line


def _learn_what_is_missing(
    study: Path, plan: WaysPlan, *, jobs: int, seed: int | None, progress: Progress | None, tell: Tell | None
) -> None:  # fmt: skip
    if plan.pretrain:
        from facies.study.pretrain import pretrain_study

        pretrain_study(study, jobs=jobs, seed=seed, progress=progress, tell=tell)
    if plan.finetune:
        from facies.study.finetune import finetune_study

        finetune_study(study, jobs=jobs, seed=seed, progress=progress, tell=tell)


def plan_comparison(study: Path, *, skip: Sequence[str] = ()) -> dict[str, Any]:
    """Say what a comparison would do, without computing."""
    plan = plan_ways(study, read_config(study), skip=skip)
    return {
        "encoders": list(plan.own), "further_encoders": list(plan.further), "would_pretrain": plan.pretrain,
        "would_finetune": plan.finetune, "finetuned": plan.finetuned, "left_out": dict(plan.left_out),
    }  # fmt: skip


@dataclass(frozen=True)
class _Fitted:
    """One model: its predictions by person, its way and what it cost."""

    model_id: str
    way: str
    predictions: pd.DataFrame
    costs: dict[str, float] = field(default_factory=dict)


class _Comparison:
    """One comparison in progress."""

    def __init__(
        self, study: Path, config: StudyConfig, plan: WaysPlan, random_state: int, jobs: int, progress: Progress | None, tell: Tell
    ) -> None:
        self.study = study
        self.config = config
        self.plan = plan
        self.random_state = random_state
        self.jobs = jobs
        self.progress = progress
        self.tell = tell
        self.records: list[RunRecord] = []
        self.ran: list[str] = []

    def run(self) -> LearningSummary:
        forget_crops(self.study, self.cohort.photographs)
        forget_finetuned(self.study, self.cohort.photographs)
        require_columns(self.config, self.cohort)
        self._do(intake_stage(self.study, self.config, self.cohort))
        self._do(faces_stage(self.study, self.config, self.cohort.photographs, self.extractor, jobs=self.jobs, progress=self.progress))
        self._do(self._learning())
        self._do(self._curves())
        page = learning_page(self.study, self.config, tuple(self.records), notes=self.cohort.notes)
        self._do(page)
        shutil.rmtree(self._further_parts, ignore_errors=True)
        return _summary(self.study, tuple(self.records), tuple(self.ran))

    def _do(self, stage: Stage) -> None:
        record, ran = run_stage(self.study, stage, random_state=self.random_state)
        self.records.append(record)
        self.ran += [record.stage] * ran
        self.tell(f"{record.stage}: {record.n_in} in, {record.n_out} out; {f'{record.seconds:.1f} s' if ran else 'unchanged'}")

    @cached_property
    def cohort(self) -> Cohort:
        return gather_cohort(self.study, self.config, jobs=self.jobs, random_state=self.random_state)

    @cached_property
    def extractor(self) -> Extractor:
        return make_extractor(self.study, self.config)

    @cached_property
    def further(self) -> Extractor | None:
        """What encodes by the encoders that only the comparison uses; None where there are none."""
        return make_extractor(self.study, self._further_config) if self.plan.further else None

    @cached_property
    def _further_config(self) -> StudyConfig:
        asked = EmbeddingSection(encoders=list(self.plan.further), margin=self.config.embeddings.margin)
        return self.config.model_copy(update={"embeddings": asked})

    @property
    def _further_parts(self) -> Path:
        return self.study / "derived" / STAGE / "parts"

    @cached_property
    def faces(self) -> pd.DataFrame:
        return read_table(self.study, FACES)

    @cached_property
    def encoded(self) -> dict[str, Embeddings]:
        """Vectors of the study's included faces by the encoder's specification, own encoders first."""
        own = read_embeddings(self.study, self.config, self.cohort.photographs, self.extractor)
        named = dict(zip(self.config.embeddings.encoders, own, strict=True))
        kept = {spec: named[spec] for spec in self.plan.own}
        return kept | dict(zip(self.plan.further, self._encode_further(), strict=True))

    def _encode_further(self) -> list[Embeddings]:
        if self.further is None:
            return []
        tasks = plan_tasks(self.cohort.photographs, photograph_folders(self.study, self.config), self.further)
        index = extract_parts(tasks, self.further, self._further_parts, jobs=self.jobs, progress=self.progress)
        included = set(self.faces.face_id[self.faces.included])
        found = collect_embeddings(tasks, index, [encoder.card for encoder in self.further.encoders])
        return [_only(embeddings, included) for embeddings in found]

    def _encoders(self) -> dict[str, Any]:
        """Return name to card of all encoders that are compared."""
        own = dict(zip(self.config.embeddings.encoders, self.extractor.encoders, strict=True))
        further = [] if self.further is None else list(self.further.encoders)
        return {spec: own[spec].card for spec in self.plan.own} | {
            spec: encoder.card for spec, encoder in zip(self.plan.further, further, strict=True)
        }

    def _inputs(self) -> dict[str, Path]:
        inputs = {"faces": table_path(self.study, FACES), "splits": table_path(self.study, SPLITS)} | input_files(self.study)
        return inputs | {way: self.study / "derived" / folder / "run.json" for way, folder in self._learnt().items()}

    def _learnt(self) -> dict[str, str]:
        named = {SSL: "pretrain"} if SSL in self._encoders() else {}
        return named | ({FINETUNED: "finetune"} if self.plan.finetuned else {})

    def _settings(self) -> dict[str, Any]:
        return {
            "encoders": {spec: asdict(card) for spec, card in self._encoders().items()}, "left_out": dict(self.plan.left_out),
            "models": self.config.models.model_dump(), "target": self.config.study.target,
            "n_bootstrap": self.config.evaluation.n_bootstrap, "learnt_from": self.cohort.learnt_from(),
        }  # fmt: skip

    def _learning(self) -> Stage:
        association = self.config.association.model_dump() | {"people": values_hash(self._people)}
        return Stage(STAGE, self._settings() | {"association": association}, self._inputs(), self._compute)

    def _compute(self) -> Outcome:
        models = [*self._frozen_ways(), *self._finetuned()]
        predictions = pd.concat([model.predictions for model in models], ignore_index=True)
        ways = {model.model_id: model.way for model in models}
        metrics = self._metrics(predictions)
        associations, notes = self._associations(predictions, ways)
        tables: dict[Table, pd.DataFrame] = {
            LEARNING_WAYS: ways_table(metrics, ways, self.plan.left_out),
            LEARNING_PAIRS: self._pairs(predictions),
            LEARNING_ASSOCIATIONS: associations,
            LEARNING_COSTS: pd.DataFrame([{"way": model.way, "model_id": model.model_id, **model.costs} for model in models]),
        }
        written = [write_table(self.study, table, frame) for table, frame in tables.items()]
        written.append(write_json(self.study / "derived" / STAGE / NOTES, notes))
        return Outcome(tuple(written), len(self.cohort.labels), int(tables[LEARNING_WAYS].n.max()))

    def _frozen_ways(self) -> list[_Fitted]:
        found = []
        for spec, embeddings in self.encoded.items():
            rate = self._rate(self._alone(spec))
            for regressor in self.config.models.regressors:
                start = time.perf_counter()
                fit = cross_fit_study(
                    embeddings, self.cohort, self.faces, self.config, regressor=regressor, random_state=self.random_state
                )  # fmt: skip
                costs = self._costs(rate) | {"fitting_minutes": (time.perf_counter() - start) / 60}
                costs |= {"pretraining_minutes": pretraining_minutes(self.study)} if spec == SSL else {}
                found.append(_Fitted(f"{embeddings.card.name}+{regressor}", way_of(spec), fit.participant_predictions, costs))
        return found

    def _finetuned(self) -> list[_Fitted]:
        if not self.plan.finetuned:
            return []
        found = read_finetuned(self.study, self.config, self.cohort, self.faces.face_id[self.faces.included].tolist())
        asked = EmbeddingSection(
            encoders=[f"onnx:derived/{FINETUNE_FOLDER}/{found.encoder_file.name}"], margin=self.config.embeddings.margin
        )
        rate = self._rate(make_extractor(self.study, self.config.model_copy(update={"embeddings": asked})))
        costs = self._costs(rate) | {"finetuning_minutes": finetuning_minutes(self.study)}
        return [_Fitted(FINETUNED, FINETUNED, found.fit.participant_predictions, costs)]

    def _costs(self, rate: float) -> dict[str, float]:
        """Return what encoding costs; what has no learning of its own costs nothing for it."""
        n = int(self.cohort.photographs.included.sum())
        return {
            "n_photographs": n, "photographs_per_second": rate, "pretraining_minutes": 0.0, "finetuning_minutes": 0.0,
            "embedding_minutes": n / rate / 60, "fitting_minutes": 0.0,
        }  # fmt: skip

    def _alone(self, spec: str) -> Extractor:
        """Return an extractor of one encoder."""
        extractor, specs = (self.extractor, self.config.embeddings.encoders)
        if spec in self.plan.further and self.further is not None:
            extractor, specs = self.further, list(self.plan.further)
        return replace(extractor, encoders=[extractor.encoders[specs.index(spec)]])

    def _rate(self, alone: Extractor) -> float:
        """Return photographs a second, file to vector, on one thread; the first one warms up and does not count."""
        tasks = plan_tasks(self.cohort.photographs, photograph_folders(self.study, self.config), alone)
        tasks = tasks[:: max(1, len(tasks) // N_TIMED)]
        alone.extract(tasks[0])
        start = time.perf_counter()
        for task in tasks:
            alone.extract(task)
        return len(tasks) / (time.perf_counter() - start)

    def _metrics(self, predictions: pd.DataFrame) -> pd.DataFrame:
        return evaluate_predictions(
            predictions, self.cohort.participants, target=self.config.study.target, subgroups=(),
            n_bootstrap=self.config.evaluation.n_bootstrap, noise=self.cohort.noise, random_state=self.random_state,
        )  # fmt: skip

    def _pairs(self, predictions: pd.DataFrame) -> pd.DataFrame:
        return compare_pairs(
            predictions, self.cohort.participants, target=self.config.study.target, n_bootstrap=self.config.evaluation.n_bootstrap,
            random_state=self.random_state,
        )  # fmt: skip

    @cached_property
    def _people(self) -> pd.DataFrame:
        people = join_people(consenting_participants(self.cohort.participants), self.cohort.outcomes)
        return with_scores(people, read_scores(self.study))

    def _associations(self, predictions: pd.DataFrame, ways: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
        """Return table ``learning_associations`` of every model beside the human perceived age, and what to know about it."""
        if not is_asked(self.config):
            return LEARNING_ASSOCIATIONS.empty(), ["study.toml names neither outcomes nor traits: associations were not compared"]
        absent = [trait.name for trait in self.config.association.traits if trait.name not in self._people]
        traits = [trait for trait in self.config.association.traits if trait.name not in absent]
        asked = self.config.association.model_copy(update={"exposures": [], "traits": traits, "sex_interaction": False})
        notes = [f"{name} was not compared: its gene score is not there yet, run `facies run` first" for name in absent]
        if not traits and not asked.outcomes:
            return LEARNING_ASSOCIATIONS.empty(), notes
        material = Material(
            predictions, FOLD_PREDICTIONS.empty(), self._people, self.cohort.noise, asked, self.config.study.target, self.random_state
        )
        compared = compare_with_human(material) if material.has_human else COMPARISONS.empty()
        return association_table(ASSOCIATIONS.validate(estimate_associations(material)), compared, ways), notes

    def _curves(self) -> Stage:
        return Stage(CURVES_STAGE, self._settings() | {"left_out": {}}, self._inputs(), self._compute_curves)

    def _compute_curves(self) -> Outcome:
        self.tell("learning curves: models of part of the people, and of fewer readers' labels")
        photo_of = self.faces.set_index("face_id").photo_id
        owners = photo_of.map(self.cohort.photographs.set_index("photo_id").participant_id)
        readers, why_not = draw_readers(self.study, self.config, self.cohort, random_state=self.random_state)
        curves, forecasts = draw_curves(
            list(self.encoded.values()), self.cohort, self.config, owners, readers, random_state=self.random_state
        )  # fmt: skip
        notes = [why_not] if why_not else []
        if not (curves.along == "people").any():
            notes.append("no curve over people: too few of them have labels")
        written = (
            write_table(self.study, LEARNING_CURVES, curves),
            write_table(self.study, LEARNING_FORECASTS, forecasts),
            write_json(self.study / "derived" / CURVES_STAGE / NOTES, notes),
        )
        return Outcome(written, len(self.cohort.labels), int(curves.n.max()) if len(curves) else 0)


def _only(embeddings: Embeddings, included: set[str]) -> Embeddings:
    kept = [face_id for face_id in embeddings.face_ids if face_id in included]
    return Embeddings(tuple(kept), embeddings.rows_of(kept), embeddings.card)


def pretraining_minutes(study: Path) -> float:
    """Return how long learning the study's own network took, interruptions left out."""
    return float(read_json(study / "derived" / "pretrain" / "pretraining.json")["seconds"]) / 60


def finetuning_minutes(study: Path) -> float:
    """Return how long adapting the network took, all folds and the one on all together."""
    return float(read_frame(study / "derived" / FINETUNE_FOLDER / "folds.tsv").minutes.astype(float).sum())


def _summary(study: Path, records: tuple[RunRecord, ...], ran: tuple[str, ...]) -> LearningSummary:
    from facies.report.sections.learning import learning_sentences
    from facies.study.learning_page import learning_data

    config = read_config(study)
    data = learning_data(study, config, records)
    return LearningSummary(
        records=records, ran=ran, ways=read_table(study, LEARNING_WAYS), pairs=read_table(study, LEARNING_PAIRS),
        sentences=tuple(learning_sentences(data)), folder=study / "derived" / STAGE, page=page_path(study),
    )  # fmt: skip
