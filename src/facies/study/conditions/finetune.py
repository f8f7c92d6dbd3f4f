"""``facies finetune`` of a study of conditions: a network fitted in every fold anew, read by ``facies run`` without torch.

::

    derived/finetune/
    ├── crops/                           the faces that were learnt from
    ├── checkpoints/                     where an interrupted fold goes on; empty when all is done
    ├── folds/fold_0.safetensors ...     what the network that never saw fold 0 makes of every face, its head, who calibrates it
    │         all.safetensors            the same of the network fitted on all
    ├── recipe.toml  folds.tsv           every choice; people, epochs and minutes of each fold
    ├── encoder.onnx (.json)             the network fitted on all
    └── run.json
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from facies.embeddings import load_encoder
from facies.embeddings.sidecar import sidecar_path
from facies.errors import InputError, StoreError
from facies.models.classifiers.fitting import fit_condition
from facies.models.classifiers.training import prepare_training
from facies.models.condition_fit import ConditionFit
from facies.models.network_fit import CLASSIFIER, NetworkFold, cross_fit_networks
from facies.records import EncoderCard, RunRecord
from facies.stats.auc import auc
from facies.store import locked, read_arrays, read_table, value_sha256, write_arrays
from facies.study.conditions.intake import ConditionCohort, condition_cohort_stage, gather_conditions
from facies.study.conditions.people import people_stage
from facies.study.config import StudyConfig
from facies.study.crops import forget_crops
from facies.study.extraction import Progress
from facies.study.faces import faces_stage, make_extractor, make_gate
from facies.study.finetune_run import FinetuneRun, Tell, encode_crops, fold_name, read_folds
from facies.study.finetune_start import Start
from facies.study.finetuned import ENCODER, MODEL_ID, STAGE, fold_numbers, fold_path, forget_finetuned, photo_id, require_record
from facies.study.intake import values_hash
from facies.study.stages import Outcome, Stage, run_stage
from facies.tables import CONDITION_PEOPLE, CONDITION_SPLITS, FACES
from facies.types import Floats

if TYPE_CHECKING:
    from facies.embeddings.finetune.network import Head
    from facies.embeddings.finetune.recipe import FinetuneRecipe
    from facies.embeddings.finetune.training import FineTuned, LabelledRows

CALIBRATION_SHARE = 0.25
"""Share of each network's people on whom it is not fitted: they calibrate its scores and fix its thresholds."""


@dataclass(frozen=True, eq=False)
class ConditionFinetuneSummary:
    """What a fine-tuning did.

    Parameters
    ----------
    record, ran
        The run's record, and whether it ran now.
    folds
        People, photographs, epochs and minutes by fold, -1 for the network fitted on all.
    auc, n_cases, n
        By condition: the AUC against all others of ``n`` people, each scored by a network that never saw the person or a relative.
    """

    record: RunRecord
    ran: bool
    folds: pd.DataFrame
    auc: Mapping[str, float]
    n_cases: Mapping[str, int]
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {
            "ran": self.ran, "auc": dict(self.auc), "n_cases": dict(self.n_cases), "n": self.n, "folds": self.folds.to_dict("records"),
            "run": asdict(self.record),
        }  # fmt: skip


class Faces(NamedTuple):
    """Faces of people with a diagnosis: which rows of the crops, whose and of which visit."""

    rows: list[int]
    face_ids: list[str]
    participant_ids: list[str]
    session_ids: list[Any]


def finetune_conditions(
    study: Path, config: StudyConfig, recipe: FinetuneRecipe, start: Start, *, random_state: int, jobs: int, progress: Progress | None,
    tell: Tell,
) -> ConditionFinetuneSummary:  # fmt: skip
    """Fit a network to the conditions in every fold of the first repeat anew; see :func:`facies.study.finetune.finetune_study`."""
    with locked(study):
        cohort = gather_conditions(study, config, jobs=jobs)
        forget_crops(study, cohort.photographs)
        forget_finetuned(study, cohort.photographs)
        extractor = make_extractor(study, config)
        run_stage(study, condition_cohort_stage(study, config, cohort), random_state=random_state)
        faces = faces_stage(study, config, cohort.photographs, extractor, jobs=jobs, progress=progress)
        run_stage(study, faces, random_state=random_state)
        chosen = people_stage(study, config, cohort, read_table(study, FACES), random_state=random_state)
        run_stage(study, chosen, random_state=random_state)
        return _ConditionFinetuning(study, config, recipe, start, random_state, jobs, progress, tell, cohort).run()


@dataclass(frozen=True, eq=False)
class _ConditionFinetuning(FinetuneRun):
    """One run in progress."""

    gathered: ConditionCohort

    @property
    def cohort(self) -> ConditionCohort:
        """Who and what takes part."""
        return self.gathered

    def folds(self) -> list[int]:
        """Return the folds of the first repeat, then -1."""
        return [*sorted({int(fold) for fold in self.fold_of.unique() if fold >= 0}), -1]

    def run(self) -> ConditionFinetuneSummary:
        record, ran = run_stage(self.study, self._stage(), random_state=self.random_state)
        fit = read_condition_finetuned(self.study, self.config, self.cohort)
        scores = fit.scores[fit.scores.learnt_from & fit.scores.observed.notna() & (fit.scores.fold >= 0)]
        by_condition = {str(name): part for name, part in scores.groupby("target_condition", sort=False)}
        aucs = {name: auc(part.score, part.observed) for name, part in by_condition.items()}
        cases = {name: int(part.observed.sum()) for name, part in by_condition.items()}
        folds = read_folds(self.folder / "folds.tsv")
        return ConditionFinetuneSummary(record, ran, folds, aucs, cases, int(scores.participant_id.nunique()))

    @cached_property
    def people(self) -> pd.DataFrame:
        """Table ``condition_people`` by participant_id."""
        return read_table(self.study, CONDITION_PEOPLE).set_index("participant_id")

    @cached_property
    def fold_of(self) -> pd.Series:
        """Each person's fold in the first repeat."""
        splits = read_table(self.study, CONDITION_SPLITS)
        first = splits[splits["repeat"] == splits["repeat"].min()]
        return pd.Series(first["fold"].to_numpy(), index=first["participant_id"])

    @cached_property
    def faces(self) -> Faces:
        """The crops of people with a diagnosis."""
        return faces_of(self.crops.face_ids, self.cohort, self.people)

    def training(self, fold: int) -> LabelledRows:
        """Return what a fold's network may learn from: faces of the learnt visit of people outside the fold who count."""
        from facies.embeddings.finetune.training import LabelledRows

        faces, people = self.faces, self.people
        own = people.reindex(faces.participant_ids)
        placed = self.fold_of.reindex(faces.participant_ids).fillna(-1).to_numpy()
        learnt = np.array([_same(a, b) for a, b in zip(faces.session_ids, own.session_id, strict=True)], dtype=bool)
        counts = (own.weight > 0).to_numpy() & (placed >= 0) & (placed != fold) & learnt
        named = {name: number + 1 for number, name in enumerate(self.config.conditions.target_conditions)}
        y = own.diagnosis.map(named).fillna(0).to_numpy().astype(np.float64)
        photographs = pd.Series(counts).groupby(np.array(faces.participant_ids)).transform("sum").clip(lower=1).to_numpy()
        weights = own.weight.to_numpy(dtype=np.float64) / photographs
        families = _families(self.config, self.cohort).reindex(faces.participant_ids)
        groups = np.array([f"person {one}" if pd.isna(family) else f"family {family}"
                           for one, family in zip(faces.participant_ids, families, strict=True)], dtype=object)  # fmt: skip
        return LabelledRows(np.array(faces.rows, dtype=np.int64), y, weights, groups).take(counts)

    def _stage(self) -> Stage:
        self.use_threads()
        settings = {
            "recipe": self.recipe.model_dump(mode="json"), "start": self.start.describe(),
            "made_from": made_from(self.study, self.config, self.cohort),
        }  # fmt: skip
        self.crops  # noqa: B018  cut now, so that its hash is that of what is learnt from
        return Stage(STAGE, settings, {"crops": self.folder / "crops" / "crops.json"}, self._compute, precision=self.precision())

    def _compute(self) -> Outcome:
        for fold in self.folds():
            self._fold(fold)
        for fold in set(fold_numbers(self.folder)) - set(self.folds()):
            fold_path(self.folder, fold).unlink()
        encoder = self.folder / ENCODER
        written = [self.write_recipe(), self.folder / "folds.tsv", encoder, sidecar_path(encoder)]
        written += [fold_path(self.folder, fold) for fold in self.folds()]
        return Outcome(tuple(written), int(self.cohort.photographs.included.sum()), len(self.faces.rows))

    def _fold(self, fold: int) -> None:
        """Fit one fold's network, unless its result is there, whole and made from the same."""
        from facies.embeddings.finetune.training import hold_out

        path, training = fold_path(self.folder, fold), self.training(fold)
        key = self._key(training)
        if _holds(path, key) and (fold >= 0 or (self.folder / ENCODER).is_file()):
            self.tell(f"{fold_name(fold)}: kept")
            return
        clock = time.monotonic()
        held_out = hold_out(training, share=CALIBRATION_SHARE, random_state=self.recipe.random_state)
        self._require_both(training.take(held_out), training.take(~held_out), fold)
        fine_tuned = self._fine_tune(training.take(~held_out), fold, key)
        owner = np.array(self.crops.participant_ids, dtype=object)
        counts = {"n_photographs": int((~held_out).sum()), "n_participants": len(set(owner[training.rows[~held_out]]))}
        vectors = self.export(fine_tuned, **counts) if fold < 0 else encode_crops(fine_tuned, self.crops.crops)
        network = NetworkFold(vectors, fine_tuned.head.coef, fine_tuned.head.intercept, frozenset(owner[training.rows[held_out]]))
        _write_network(path, network, self.crops.face_ids, key)
        shutil.rmtree(self.checkpoints(fold), ignore_errors=True)
        self.note(fold, fine_tuned, (time.monotonic() - clock) / 60, **counts)

    def _require_both(self, held_out: LabelledRows, kept: LabelledRows, fold: int) -> None:
        for number, name in enumerate(self.config.conditions.target_conditions):
            for part, doing in ((held_out, "to calibrate the network"), (kept, "to learn from")):
                n = len(np.unique(part.groups[part.y == number + 1]))
                if n < 2:
                    raise InputError(
                        f"{name}, {fold_name(fold)}: {n} cases are left {doing} and 2 are needed: give more people with it, or leave it to "
                        "the frozen encoders"
                    )

    def _key(self, training: LabelledRows) -> str:
        plain = [part.tolist() for part in training]
        return value_sha256([self.recipe.model_dump(mode="json"), self.start.describe(), self.crops.sha256, self.random_state, plain])

    def _fine_tune(self, training: LabelledRows, fold: int, key: str) -> FineTuned:
        """Fit a head to the starting network's vectors, and go on from there."""
        from facies.embeddings.finetune.objective import ConditionObjective, class_balance
        from facies.embeddings.finetune.training import fine_tune

        n = len(self.config.conditions.target_conditions)
        even = self.config.conditions.class_weights
        balance = class_balance(training.y.astype(np.int64), training.weights, n) if even else np.ones((n, 2))
        return fine_tune(
            self.crops.crops, training, backbone=self.backbone(), head=self._head(training, balance), recipe=self.recipe,
            folder=self.checkpoints(fold), objective=ConditionObjective(balance), key=key, random_start=self.start.weights is None,
            progress=self.progress_of(fold), tell=self.tell,
        )  # fmt: skip

    def _head(self, training: LabelledRows, balance: Floats) -> Head:
        """Return where the head starts: fitted to the starting network's vectors; at the shares of cases where its weights are random."""
        from facies.embeddings.finetune.network import Head

        n = len(balance)
        if self.start.weights is None:
            case = training.y[:, None] == np.arange(1, n + 1)
            weighed = training.weights[:, None] * np.where(case, balance[:, 1], balance[:, 0])
            share = (weighed * case).sum(axis=0) / weighed.sum(axis=0)
            return Head(np.zeros((self.start_vectors.shape[1], n)), np.log(share / (1 - share)), np.arange(float(n)), 1.0)
        owner = np.array(self.crops.participant_ids, dtype=object)[training.rows]
        _, first, person = np.unique(owner.astype(str), return_index=True, return_inverse=True)
        given = prepare_training(
            self.start_vectors[training.rows], person=person.ravel(),
            weights=np.bincount(person.ravel(), training.weights).astype(np.float64),
            groups=training.groups[first], diagnosis=training.y[first], random_state=self.random_state,
        )  # fmt: skip
        columns = []
        even = self.config.conditions.class_weights
        for number in range(n):
            y = (training.y[first] == number + 1).astype(np.float64)
            share = float(np.average(y, weights=given.weights))
            fitted = fit_condition(given, y, classifier=CLASSIFIER, rules=(), class_weights=even, share=share)
            columns.append(fitted.model.coefficients())
        linear = [found for found in columns if found is not None]
        return Head(np.column_stack([coef for coef, _ in linear]), np.array([add for _, add in linear]), np.arange(float(n)), 1.0)


def _same(session: Any, other: Any) -> bool:
    return bool(pd.isna(other) if pd.isna(session) else session == other)


def _families(config: StudyConfig, cohort: ConditionCohort) -> pd.Series:
    people = cohort.participants.set_index("participant_id")
    return people["family_id"] if config.models.group == "family_id" else pd.Series(np.nan, people.index, dtype=object)


def faces_of(face_ids: tuple[str, ...], cohort: ConditionCohort, people: pd.DataFrame) -> Faces:
    """Return the faces of people with a diagnosis, ``people`` by participant_id; all is joined by identifier."""
    photographs = cohort.photographs.set_index("photo_id")
    visits = photographs["session_id"] if "session_id" in photographs.columns else pd.Series(np.nan, photographs.index, dtype=object)
    owners = [str(photographs["participant_id"][photo_id(face_id)]) for face_id in face_ids]
    rows = [row for row, owner in enumerate(owners) if owner in people.index]
    kept = [face_ids[row] for row in rows]
    return Faces(rows, kept, [owners[row] for row in rows], [visits[photo_id(face_id)] for face_id in kept])


def made_from(study: Path, config: StudyConfig, cohort: ConditionCohort) -> str:
    """Return a hash of everything that fine-tuned scores depend on: photographs, how faces are cut, who is learnt from, folds."""
    usable = cohort.photographs[cohort.photographs.included].sort_values("photo_id")
    faces = [
        config.faces.detector, asdict(make_gate(config.faces.gate)), config.faces.max_pixels, config.embeddings.margin,
        config.conditions.harmonise, config.conditions.target_conditions, config.conditions.class_weights, config.models.group,
    ]  # fmt: skip
    tables = [values_hash(read_table(study, table)) for table in (CONDITION_PEOPLE, CONDITION_SPLITS)]
    return value_sha256([faces, values_hash(usable[["photo_id", "participant_id", "sha256"]]), tables, cohort.learnt_from()])


def _write_network(path: Path, network: NetworkFold, face_ids: tuple[str, ...], key: str) -> Path:
    arrays: dict[str, Any] = {"vectors": network.vectors, "coef": network.coef, "intercept": network.intercept}
    texts = {"key": key, "face_ids": json.dumps(face_ids), "calibration": json.dumps(sorted(network.calibration))}
    return write_arrays(path, arrays, texts)


def _read_network(path: Path) -> tuple[NetworkFold, tuple[str, ...], str]:
    """Read what a fold gave: network, faces, key.

    Raises
    ------
    StoreError
        When the file is absent, cut off or altered.
    """
    arrays, texts = read_arrays(path)
    try:
        calibration = frozenset(json.loads(texts["calibration"]))
        network = NetworkFold(arrays["vectors"], arrays["coef"], arrays["intercept"], calibration)
        return network, tuple(json.loads(texts["face_ids"])), texts["key"]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path.name} is no result of a fold: run `facies finetune` again") from error


def _holds(path: Path, key: str) -> bool:
    try:
        return _read_network(path)[2] == key
    except StoreError:
        return False


def read_condition_finetuned(study: Path, config: StudyConfig, cohort: ConditionCohort) -> ConditionFit:
    """Cross-fit the study's fine-tuned networks from what they left behind; nothing is trained here.

    Raises
    ------
    InputError
        When there is no fine-tuned model, or it was made from something else than the study has now.
    """
    record = require_record(study)
    if record.settings.get("made_from") != made_from(study, config, cohort):
        raise InputError(f"the model finetuned was made from other photographs, diagnoses or folds: run `facies finetune {study}` again")
    folder = study / "derived" / STAGE
    found = {fold: _read_network(fold_path(folder, fold)) for fold in fold_numbers(folder)}
    known = found[-1][1]
    people = read_table(study, CONDITION_PEOPLE).set_index("participant_id")
    faces = faces_of(known, cohort, people)
    if any(face_ids != known for _, face_ids, _ in found.values()):
        raise InputError(f"the folds of the model finetuned saw different faces: run `facies finetune {study}` again")
    networks = {fold: network._replace(vectors=network.vectors[faces.rows]) for fold, (network, _, _) in found.items()}
    return cross_fit_networks(
        networks, face_ids=faces.face_ids, participant_ids=faces.participant_ids, session_ids=faces.session_ids,
        diagnosis=people["diagnosis"], learnt_session=people["session_id"], folds=read_table(study, CONDITION_SPLITS),
        target_conditions=config.conditions.target_conditions, weights=people["weight"],
        groups=_families(config, cohort) if config.models.group == "family_id" else None, model_id=MODEL_ID,
        operating_points=config.conditions.operating_points,
    )  # fmt: skip


def finetuned_encoder(study: Path) -> tuple[EncoderCard, Path]:
    """Return the card and the file of the network fitted on all."""
    file = study / "derived" / STAGE / ENCODER
    return load_encoder(f"onnx:{file}").card, file
