"""What every fine-tuning does, whatever it is fitted to: crops, the network it starts from, checkpoints, the exported encoder."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies import __version__
from facies.embeddings import load_encoder
from facies.store import read_frame, write_tsv, write_whole
from facies.study.config import StudyConfig
from facies.study.crops import HasPhotographs, cut_crops, training_contract
from facies.study.extraction import Progress
from facies.study.finetune_start import Start
from facies.study.finetuned import ENCODER, MODEL_ID, STAGE, fold_path
from facies.types import Images, Vectors

if TYPE_CHECKING:
    from facies.embeddings.finetune.recipe import FinetuneRecipe
    from facies.embeddings.finetune.training import FineTuned
    from facies.embeddings.pretrain.crops import CropArray

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class FinetuneRun(ABC):
    """One run in progress.

    Parameters
    ----------
    progress
        Called with what is done and all there is to do.
    tell
        Called with a line after each fold.
    """

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

    @property
    @abstractmethod
    def cohort(self) -> HasPhotographs:
        """Who and what takes part."""

    @abstractmethod
    def folds(self) -> list[int]:
        """Return the folds in their order, -1 the network fitted on all."""

    @cached_property
    def crops(self) -> CropArray:
        """All usable faces."""
        contract = training_contract(self.study, self.config, size=self.start.size)
        return cut_crops(self.study, self.config, self.cohort, contract, self.folder / "crops", self.jobs, self.progress)

    @cached_property
    def start_vectors(self) -> Vectors:
        """What the network makes of every face before it is adapted."""
        from facies.embeddings.finetune.network import encode, encoder_of

        return encode(encoder_of(self.backbone(), mirror=self.recipe.mirror), self.crops.crops)

    def use_threads(self) -> None:
        """Train with as many threads as there are jobs."""
        from facies.embeddings.pretrain.offline import import_training

        import_training("torch").set_num_threads(self.jobs)

    def precision(self) -> str:
        """Return what the run's record says of the precision."""
        from facies.embeddings.finetune.training import step_precision

        return f"{step_precision(self.recipe.precision)} in training, float32 in prediction"

    def checkpoints(self, fold: int) -> Path:
        """Return where an interrupted fold goes on from."""
        return self.folder / "checkpoints" / fold_path(self.folder, fold).stem

    def backbone(self) -> Any:
        """Return the network with its starting weights."""
        from facies.embeddings.pretrain.backbones import make_backbone

        return make_backbone(self.start.backbone, size=self.start.size, weights=self.start.weights, random_state=self.recipe.random_state)

    def export(self, fine_tuned: FineTuned, *, n_photographs: int, n_participants: int) -> Vectors:
        """Write the network fitted on all as an ONNX file, and return the vectors that the file itself gives."""
        from facies.embeddings.pretrain.export import export_encoder

        crops = self.crops
        export_encoder(
            fine_tuned.encoder, self.folder / ENCODER, name=MODEL_ID,
            crop=dataclasses.replace(crops.contract, detector="", detector_sha256=""), licence="the study's own",
            source=f"fine-tuned {self.start.backbone}, started from {self.start.name}, facies {__version__}",
            trained_on=f"{n_photographs} photographs of {n_participants} participants of this study, with labels; started from "
            f"{self.start.name}",
        )  # fmt: skip
        return load_encoder(f"onnx:{self.folder / ENCODER}").encode(np.asarray(crops.crops))

    def progress_of(self, fold: int) -> Progress | None:
        """Return what a fold's training tells its steps to."""
        if self.progress is None:
            return None
        tell, order = self.progress, self.folds()
        return lambda done, total: tell(order.index(fold) * total + done, len(order) * total)

    def note(self, fold: int, fine_tuned: FineTuned, minutes: float, *, n_participants: int, n_photographs: int) -> None:
        """Add a fold to the table of folds, and say that it is done."""
        path = self.folder / "folds.tsv"
        row = {
            "fold": fold, "n_participants": n_participants, "n_photographs": n_photographs, "epochs": fine_tuned.epochs,
            "loss": _last_loss(fine_tuned), "minutes": round(minutes, 3),
        }  # fmt: skip
        earlier = read_folds(path) if path.exists() else pd.DataFrame(columns=list(row))
        kept = earlier[(earlier.fold != fold) & earlier.fold.isin(self.folds())]
        write_tsv(path, pd.DataFrame([*kept.to_dict("records"), row]).sort_values("fold", ignore_index=True))
        self.tell(f"{fold_name(fold)}: {row['n_participants']} people, {row['epochs']} epochs, {minutes:.1f} minutes")

    def write_recipe(self) -> Path:
        """Write every choice beside what came of it."""
        from facies.embeddings.finetune.recipe import to_toml

        return write_whole(self.folder / "recipe.toml", to_toml(self.recipe).encode())


def _last_loss(fine_tuned: FineTuned) -> float | None:
    """Return the loss of the last epoch on all training people, None where no epoch was done."""
    return next((entry["loss"] for entry in reversed(fine_tuned.history) if entry["part"] == "all"), None)


def encode_crops(fine_tuned: FineTuned, crops: Images) -> Vectors:
    """Return what a fine-tuned network makes of crops."""
    from facies.embeddings.finetune.network import encode

    return encode(fine_tuned.encoder, crops)


def fold_name(fold: int) -> str:
    """Return a fold as it is printed.

    Examples
    --------
    >>> fold_name(2), fold_name(-1)
    ('fold 2', 'all folds')
    """
    return f"fold {fold}" if fold >= 0 else "all folds"


def read_folds(path: Path) -> pd.DataFrame:
    """Read the table of folds."""
    frame = read_frame(path).replace("n/a", "nan").astype("float64")
    whole = ["fold", "n_participants", "n_photographs", "epochs"]
    return frame.astype(dict.fromkeys(whole, "int64"))
