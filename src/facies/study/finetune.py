"""``facies finetune``: a network adapted to the target, cross-fitted: once for each fold without it, and once on everybody."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies import __version__
from facies.embeddings import load_encoder
from facies.embeddings.sidecar import sidecar_path
from facies.errors import StoreError
from facies.models.bundle import MANIFEST, write_bundle
from facies.models.crossfit import FittedFold
from facies.models.label_distribution import LabelDistributionAge, make_bins
from facies.models.model_card import describe_model
from facies.models.people import TrainingFaces, training_faces
from facies.records import RunRecord
from facies.store import locked, read_frame, value_sha256, write_tsv, write_whole
from facies.study.config import StudyConfig, read_config
from facies.study.crops import cut_crops, forget_crops, training_contract
from facies.study.extraction import Progress
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
from facies.types import Images, Vectors

if TYPE_CHECKING:
    from facies.embeddings.finetune.network import Head
    from facies.embeddings.finetune.recipe import FinetuneRecipe
    from facies.embeddings.finetune.training import FineTuned
    from facies.embeddings.pretrain.crops import CropArray

Tell = Callable[[str], None]


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
) -> FinetuneSummary:  # fmt: skip
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
    cohort = gather_cohort(study, config, jobs=1, random_state=random_state)
    return {
        "start": found.name, "backbone": found.backbone, "size": found.size, "epochs": chosen.epochs,
        "photographs": int(cohort.photographs.included.sum()), "labelled_people": len(cohort.labels),
        "trainings": config.models.n_folds + 1, "finished": len(fold_numbers(study / "derived" / STAGE)),
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Finetuning:
    """One run in progress."""

    study: Path
    config: StudyConfig
    recipe: FinetuneRecipe
    start: Start
    random_state: int
    jobs: int
    progress: Progress | None
    tell: Tell

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return self.study / "derived" / STAGE

    def run(self) -> FinetuneSummary:
        forget_crops(self.study, self.cohort.photographs)
        forget_finetuned(self.study, self.cohort.photographs)
        record, ran = run_stage(self.study, self._stage(), random_state=self.random_state)
        mae, n = errors_of(self._predictions())
        return FinetuneSummary(record, ran, self.folder / f"{MODEL_ID}.bundle", _read_folds(self.folder / "folds.tsv"), mae, n)

    @cached_property
    def cohort(self) -> Cohort:
        """People, photographs, labels and folds."""
        return gather_cohort(self.study, self.config, jobs=self.jobs, random_state=self.random_state)

    @cached_property
    def crops(self) -> CropArray:
        """All usable faces."""
        contract = training_contract(self.study, self.config, size=self.start.size)
        return cut_crops(self.study, self.config, self.cohort, contract, self.folder / "crops", self.jobs, self.progress)

    @cached_property
    def training(self) -> dict[int, TrainingFaces]:
        """The faces that each fold's network is fitted on."""
        return training_faces(face_ids=self.crops.face_ids, **who_is_who(self.crops.face_ids, self.config, self.cohort))

    @cached_property
    def start_vectors(self) -> Vectors:
        """What the network makes of every face before it is adapted."""
        from facies.embeddings.finetune.network import encode, encoder_of

        return encode(encoder_of(self._backbone(), mirror=self.recipe.mirror), self.crops.crops)

    def _stage(self) -> Stage:
        from facies.embeddings.finetune.training import step_precision

        self._use_threads()
        settings = {
            "recipe": self.recipe.model_dump(mode="json"), "start": self.start.describe(), "made_from": made_from(self.config, self.cohort),
            "interval_level": self.config.models.interval_level,
        }  # fmt: skip
        self.crops  # noqa: B018  cut now, so that its hash is that of what is learnt from
        precision = f"{step_precision(self.recipe.precision)} in training, float32 in prediction"
        return Stage(STAGE, settings, {"crops": self.folder / "crops" / "crops.json"}, self._compute, precision=precision)

    def _use_threads(self) -> None:
        from facies.embeddings.pretrain.offline import import_training

        import_training("torch").set_num_threads(self.jobs)

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
        written += [self._write_recipe(), self.folder / "folds.tsv", encoder, sidecar_path(encoder), bundle / MANIFEST]
        written += [fold_path(self.folder, fold) for fold in results]
        return Outcome(tuple(written), int(self.cohort.photographs.included.sum()), len(self.crops))

    def _write_recipe(self) -> Path:
        from facies.embeddings.finetune.recipe import to_toml

        return write_whole(self.folder / "recipe.toml", to_toml(self.recipe).encode())

    def _predictions(self) -> pd.DataFrame:
        from facies.tables import PARTICIPANT_PREDICTIONS

        path = self.folder / "participant_predictions.tsv"
        return PARTICIPANT_PREDICTIONS.parse(read_frame(path), file=path.name)

    def _fold(self, fold: int) -> FoldResult:
        """Return a fold's result: the one that is there, or a new one."""
        path, key = fold_path(self.folder, fold), self._key(fold)
        held = _held(path, key)
        if held is not None and (fold >= 0 or (self.folder / ENCODER).is_file()):
            self.tell(f"{_fold_name(fold)}: kept")
            return held
        clock = time.monotonic()
        fine_tuned, chosen = self._fine_tune(fold, key)
        vectors = self._export(fine_tuned) if fold < 0 else _encode(fine_tuned, self.crops.crops)
        result = FoldResult(FittedFold(vectors, self._regressor(fine_tuned, chosen)), self.crops.face_ids, key)
        write_fold(path, result)
        shutil.rmtree(self._checkpoints(fold), ignore_errors=True)
        self._note(fold, fine_tuned, (time.monotonic() - clock) / 60)
        return result

    def _key(self, fold: int) -> str:
        plain = [part.tolist() for part in self.training[fold]]
        return value_sha256([self.recipe.model_dump(mode="json"), self.start.describe(), self.crops.sha256, self.random_state, plain])

    def _checkpoints(self, fold: int) -> Path:
        return self.folder / "checkpoints" / fold_path(self.folder, fold).stem

    def _backbone(self) -> Any:
        from facies.embeddings.pretrain.backbones import make_backbone

        return make_backbone(self.start.backbone, size=self.start.size, weights=self.start.weights, random_state=self.recipe.random_state)

    def _fine_tune(self, fold: int, key: str) -> tuple[FineTuned, dict[str, float]]:
        """Fit a head to the starting network's vectors of a fold's training faces, and go on from there."""
        from facies.embeddings.finetune.training import LabelledRows, fine_tune

        faces = self.training[fold]
        head, chosen = self._head(faces)
        done = fine_tune(
            self.crops.crops, LabelledRows(faces.rows, faces.y, faces.weights, faces.groups), backbone=self._backbone(), head=head,
            recipe=self.recipe, folder=self._checkpoints(fold), key=key, random_start=self.start.weights is None,
            progress=self._progress_of(fold), tell=self.tell,
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

    def _export(self, fine_tuned: FineTuned) -> Vectors:
        """Write the network fitted on all as an ONNX file, and return the vectors that the file itself gives."""
        from facies.embeddings.pretrain.export import export_encoder

        crops, rows = self.crops, self.training[-1].rows
        n = len({crops.participant_ids[row] for row in rows})
        export_encoder(
            fine_tuned.encoder, self.folder / ENCODER, name=MODEL_ID,
            crop=dataclasses.replace(crops.contract, detector="", detector_sha256=""), licence="the study's own",
            source=f"fine-tuned {self.start.backbone}, started from {self.start.name}, facies {__version__}",
            trained_on=f"{len(rows)} photographs of {n} participants of this study, with labels; started from {self.start.name}",
        )  # fmt: skip
        return load_encoder(f"onnx:{self.folder / ENCODER}").encode(np.asarray(crops.crops))

    def _progress_of(self, fold: int) -> Progress | None:
        if self.progress is None:
            return None
        tell = self.progress
        order = list(self.training)
        return lambda done, total: tell(order.index(fold) * total + done, len(order) * total)

    def _note(self, fold: int, fine_tuned: FineTuned, minutes: float) -> None:
        """Add a fold to the table of folds, and say that it is done."""
        path = self.folder / "folds.tsv"
        faces = self.training[fold]
        row = {
            "fold": fold, "n_participants": len(np.unique(faces.participants)), "n_photographs": len(faces.rows),
            "epochs": fine_tuned.epochs, "loss": _last_loss(fine_tuned),
            "minutes": round(minutes, 3),
        }  # fmt: skip
        earlier = _read_folds(path) if path.exists() else pd.DataFrame(columns=list(row))
        kept = earlier[(earlier.fold != fold) & earlier.fold.isin(list(self.training))]
        write_tsv(path, pd.DataFrame([*kept.to_dict("records"), row]).sort_values("fold", ignore_index=True))
        self.tell(f"{_fold_name(fold)}: {row['n_participants']} people, {row['epochs']} epochs, {minutes:.1f} minutes")


def _held(path: Path, key: str) -> FoldResult | None:
    """Return a fold's result if it is there, whole and made from the same; otherwise it is made again."""
    try:
        result = read_fold(path)
    except StoreError:
        return None
    return result if result.key == key else None


def _last_loss(fine_tuned: FineTuned) -> float | None:
    """Return the loss of the last epoch on all training people, None where no epoch was done."""
    return next((entry["loss"] for entry in reversed(fine_tuned.history) if entry["part"] == "all"), None)


def _encode(fine_tuned: FineTuned, crops: Images) -> Vectors:
    from facies.embeddings.finetune.network import encode

    return encode(fine_tuned.encoder, crops)


def _fold_name(fold: int) -> str:
    return f"fold {fold}" if fold >= 0 else "all folds"


def _read_folds(path: Path) -> pd.DataFrame:
    frame = read_frame(path).replace("n/a", "nan").astype("float64")
    whole = ["fold", "n_participants", "n_photographs", "epochs"]
    return frame.astype(dict.fromkeys(whole, "int64"))
