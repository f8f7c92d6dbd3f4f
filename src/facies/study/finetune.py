"""``facies finetune``: a network adapted to the target, cross-fitted: once for each fold without it, and once on everybody."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies.embeddings import load_encoder
from facies.embeddings.sidecar import sidecar_path
from facies.errors import StoreError
from facies.models.bundle import MANIFEST, write_bundle
from facies.models.crossfit import FittedFold
from facies.models.label_distribution import LabelDistributionAge, make_bins
from facies.models.model_card import describe_model
from facies.models.people import TrainingFaces, training_faces
from facies.records import RunRecord
from facies.store import locked, read_frame, value_sha256, write_tsv
from facies.study.conditions.finetune import ConditionFinetuneSummary, finetune_conditions
from facies.study.conditions.intake import gather_conditions
from facies.study.config import StudyConfig, read_config
from facies.study.crops import HasPhotographs, forget_crops
from facies.study.extraction import Progress
from facies.study.finetune_run import FinetuneRun, Tell, encode_crops, fold_name, read_folds
from facies.study.finetune_start import SHIPPED_WEIGHTS as SHIPPED_WEIGHTS
from facies.study.finetune_start import Start, find_start
from facies.study.finetuned import (
    ENCODER,
    MODEL_ID,
    STAGE,
    FoldResult,
    cross_fit_results,
    errors_of,
    fold_numbers,
    fold_path,
    forget_finetuned,
    made_from,
    read_fold,
    who_is_who,
    write_fold,
)
from facies.study.intake import Cohort, gather_cohort
from facies.study.stages import Outcome, Stage, run_stage

if TYPE_CHECKING:
    from facies.embeddings.finetune.network import Head
    from facies.embeddings.finetune.recipe import FinetuneRecipe
    from facies.embeddings.finetune.training import FineTuned


@dataclass(frozen=True, eq=False)
class FinetuneSummary:
    """What a fine-tuning did.

    Parameters
    ----------
    record, ran
        The run's record, and whether it ran now.
    bundle
        The frozen model's folder.
    folds
        People, photographs, epochs and minutes by fold, -1 for the network fitted on all.
    mae, n
        Mean absolute error in years of ``n`` labelled people, each predicted by a network that never saw the person or a relative.
    """

    record: RunRecord
    ran: bool
    bundle: Path
    folds: pd.DataFrame
    mae: float
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain values."""
        return {
            "bundle": str(self.bundle), "ran": self.ran, "mae": self.mae, "n": self.n, "folds": self.folds.to_dict("records"),
            "run": asdict(self.record),
        }  # fmt: skip


def finetune_study(
    study: Path, *, recipe: FinetuneRecipe | None = None, start: str | None = None, jobs: int = 1, seed: int | None = None,
    progress: Progress | None = None, tell: Tell | None = None,
) -> FinetuneSummary | ConditionFinetuneSummary:  # fmt: skip
    """Adapt a network to a study's target, and predict everybody by one that never saw the person or a relative.

    The folds are those of ``facies run``. A finished fold is kept; an interrupted one goes on from its last checkpoint.

    Parameters
    ----------
    study
        The study folder.
    recipe
        Every choice; left out: that of ``[finetune]`` in study.toml.
    start
        ``facies-s``, ``ssl``, ``random`` or a .safetensors file; left out: that of ``[finetune]``.
    jobs
        Threads.
    seed
        Instead of ``study.random_state``, for folds and training.
    progress
        Called with what is done and all there is to do: photographs first, then steps.
    tell
        Called with a line after each fold.

    Raises
    ------
    InputError
        When the study, recipe or start is wrong, there are fewer labelled people than folds, or the loss is no number.
    WeightsError
        When the starting weights are absent or of another network.
    StoreError
        When the folder cannot be written, or another run is at work in it.
    MissingExtraError
        When the extra ``train`` is not installed.

    Examples
    --------
    >>> finetune_study(Path("no-such-study"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no-such-study has no study.toml: make one with `facies init no-such-study`
    """
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    chosen, found = _chosen(study, config, recipe, start, random_state)
    _require_backbone(found)
    if config.study.target == "facies":
        return finetune_conditions(
            study, config, chosen, found, random_state=random_state, jobs=jobs, progress=progress, tell=tell or _silent
        )
    with locked(study):
        return _Finetuning(study, config, chosen, found, random_state, jobs, progress, tell or _silent).run()


def _silent(_: str) -> None:
    pass


def _chosen(
    study: Path, config: StudyConfig, recipe: FinetuneRecipe | None, start: str | None, random_state: int
) -> tuple[FinetuneRecipe, Start]:
    """Return recipe and start: as given, else as study.toml says; the study's seed is the training's."""
    from facies.embeddings.finetune.recipe import FinetuneRecipe, read_recipe

    named = config.finetune.recipe
    if recipe is None:
        recipe = FinetuneRecipe() if named is None else read_recipe(study / named)
    found, recipe = find_start(study, recipe, start or config.finetune.start)
    return (recipe if "random_state" in recipe.model_fields_set else recipe.model_copy(update={"random_state": random_state})), found


def _require_backbone(start: Start) -> None:
    """Refuse an absent network, an absent extra or other weights before photographs are read."""
    from facies.embeddings.pretrain.backbones import make_backbone

    make_backbone(start.backbone, size=start.size, weights=start.weights)


def plan_finetuning(
    study: Path, *, recipe: FinetuneRecipe | None = None, start: str | None = None, seed: int | None = None
) -> dict[str, Any]:
    """Say what a fine-tuning would do, without computing or writing."""
    config = read_config(study)
    random_state = config.study.random_state if seed is None else seed
    chosen, found = _chosen(study, config, recipe, start, random_state)
    cohort, labelled = _who_learns(study, config, random_state)
    return {
        "start": found.name, "backbone": found.backbone, "size": found.size, "epochs": chosen.epochs,
        "photographs": int(cohort.photographs.included.sum()), "labelled_people": labelled,
        "trainings": config.models.n_folds + 1, "finished": len(fold_numbers(study / "derived" / STAGE)),
    }  # fmt: skip


def _who_learns(study: Path, config: StudyConfig, random_state: int) -> tuple[HasPhotographs, int]:
    """Return who takes part, and how many people have a label or diagnosis."""
    if config.study.target == "facies":
        conditions = gather_conditions(study, config, jobs=1)
        return conditions, int(conditions.diagnoses.participant_id.nunique())
    cohort = gather_cohort(study, config, jobs=1, random_state=random_state)
    return cohort, len(cohort.labels)


@dataclass(frozen=True, eq=False)
class _Finetuning(FinetuneRun):
    """One run in progress."""

    def run(self) -> FinetuneSummary:
        forget_crops(self.study, self.cohort.photographs)
        forget_finetuned(self.study, self.cohort.photographs)
        record, ran = run_stage(self.study, self._stage(), random_state=self.random_state)
        mae, n = errors_of(self._predictions())
        return FinetuneSummary(record, ran, self.folder / f"{MODEL_ID}.bundle", read_folds(self.folder / "folds.tsv"), mae, n)

    @cached_property
    def cohort(self) -> Cohort:
        """People, photographs, labels and folds."""
        return gather_cohort(self.study, self.config, jobs=self.jobs, random_state=self.random_state)

    @cached_property
    def training(self) -> dict[int, TrainingFaces]:
        """The faces that each fold's network is fitted on."""
        return training_faces(face_ids=self.crops.face_ids, **who_is_who(self.crops.face_ids, self.config, self.cohort))

    def folds(self) -> list[int]:
        return list(self.training)

    def _stage(self) -> Stage:
        self.use_threads()
        settings = {
            "recipe": self.recipe.model_dump(mode="json"), "start": self.start.describe(), "made_from": made_from(self.config, self.cohort),
            "interval_level": self.config.models.interval_level,
        }  # fmt: skip
        self.crops  # noqa: B018  cut now, so that its hash is that of what is learnt from
        return Stage(STAGE, settings, {"crops": self.folder / "crops" / "crops.json"}, self._compute, precision=self.precision())

    def _compute(self) -> Outcome:
        results = {fold: self._fold(fold) for fold in self.training}
        for fold in set(fold_numbers(self.folder)) - set(results):
            fold_path(self.folder, fold).unlink()
        settings = {"recipe": self.recipe.model_dump(mode="json"), "start": self.start.describe()}
        fit = cross_fit_results(results, self.config, self.cohort, settings=settings)
        encoder = self.folder / ENCODER
        card = describe_model(fit.frozen, encoder=load_encoder(f"onnx:{encoder}").card, random_state=self.random_state)
        bundle = write_bundle(
            self.folder / f"{MODEL_ID}.bundle", frozen=fit.frozen, card=card, crop=self.crops.contract, encoder_file=encoder
        )  # fmt: skip
        written = [
            write_tsv(self.folder / f"{name}.tsv", getattr(fit, name))
            for name in ("predictions", "participant_predictions", "fold_predictions")
        ]
        written += [self.write_recipe(), self.folder / "folds.tsv", encoder, sidecar_path(encoder), bundle / MANIFEST]
        written += [fold_path(self.folder, fold) for fold in results]
        return Outcome(tuple(written), int(self.cohort.photographs.included.sum()), len(self.crops))

    def _predictions(self) -> pd.DataFrame:
        from facies.tables import PARTICIPANT_PREDICTIONS

        path = self.folder / "participant_predictions.tsv"
        return PARTICIPANT_PREDICTIONS.parse(read_frame(path), file=path.name)

    def _fold(self, fold: int) -> FoldResult:
        """Return a fold's result: the one that is there, or a new one."""
        path, key = fold_path(self.folder, fold), self._key(fold)
        held = _held(path, key)
        if held is not None and (fold >= 0 or (self.folder / ENCODER).is_file()):
            self.tell(f"{fold_name(fold)}: kept")
            return held
        clock = time.monotonic()
        fine_tuned, chosen = self._fine_tune(fold, key)
        faces = self.training[fold]
        counts = {"n_photographs": len(faces.rows), "n_participants": len(np.unique(faces.participants))}
        vectors = self.export(fine_tuned, **counts) if fold < 0 else encode_crops(fine_tuned, self.crops.crops)
        result = FoldResult(FittedFold(vectors, self._regressor(fine_tuned, chosen)), self.crops.face_ids, key)
        write_fold(path, result)
        shutil.rmtree(self.checkpoints(fold), ignore_errors=True)
        self.note(fold, fine_tuned, (time.monotonic() - clock) / 60, **counts)
        return result

    def _key(self, fold: int) -> str:
        plain = [part.tolist() for part in self.training[fold]]
        return value_sha256([self.recipe.model_dump(mode="json"), self.start.describe(), self.crops.sha256, self.random_state, plain])

    def _fine_tune(self, fold: int, key: str) -> tuple[FineTuned, dict[str, float]]:
        """Fit a head to the starting network's vectors of a fold's training faces, and go on from there."""
        from facies.embeddings.finetune.training import LabelledRows, fine_tune

        faces = self.training[fold]
        head, chosen = self._head(faces)
        done = fine_tune(
            self.crops.crops, LabelledRows(faces.rows, faces.y, faces.weights, faces.groups), backbone=self.backbone(), head=head,
            recipe=self.recipe, folder=self.checkpoints(fold), key=key, random_start=self.start.weights is None,
            progress=self.progress_of(fold), tell=self.tell,
        )  # fmt: skip
        return done, chosen

    def _head(self, faces: TrainingFaces) -> tuple[Head, dict[str, float]]:
        """Return where the head starts: fitted to the starting network's vectors, or even over the labels where the weights are random."""
        from facies.embeddings.finetune.network import Head

        recipe = self.recipe
        if self.start.weights is None:
            bins = make_bins(faces.y, n_bins=recipe.n_bins, spread=recipe.spread)
            share = faces.weights / faces.weights.sum()
            even = np.zeros((self.start_vectors.shape[1], len(bins.centres)))
            return Head(even, np.log(share @ bins.soften(faces.y) + 1e-9), bins.centres, bins.spread), {}
        fitted = LabelDistributionAge(n_bins=recipe.n_bins, spread=recipe.spread, random_state=self.random_state).fit(
            self.start_vectors[faces.rows], faces.y, sample_weight=faces.weights, groups=faces.groups
        )
        width = float(fitted.centres_[1] - fitted.centres_[0])
        return Head(fitted.coef_, fitted.intercept_, fitted.centres_, recipe.spread * width), {"alpha": fitted.alpha_}

    def _regressor(self, fine_tuned: FineTuned, chosen: dict[str, float]) -> LabelDistributionAge:
        """Return the fitted head as the regressor that needs no torch."""
        head = fine_tuned.head
        arrays = {"coef": head.coef, "intercept": head.intercept, "centres": head.centres}
        settings = {"n_bins": self.recipe.n_bins, "spread": self.recipe.spread, "random_state": self.random_state}
        regressor = LabelDistributionAge.from_arrays(arrays, settings)
        regressor.chosen_ = {"epochs": float(fine_tuned.epochs), **chosen}
        return regressor


def _held(path: Path, key: str) -> FoldResult | None:
    """Return a fold's result if it is there, whole and made from the same; otherwise it is made again."""
    try:
        result = read_fold(path)
    except StoreError:
        return None
    return result if result.key == key else None
