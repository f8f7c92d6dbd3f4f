"""The pretraining run."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from facies.embeddings.pretrain.backbones import fill, make_backbone
from facies.embeddings.pretrain.batches import CHANCE, Ahead, Batches, generator
from facies.embeddings.pretrain.checkpoint import Checkpoints, Snapshot, encoder_tensors, put_back, tensors_of, write_tensors
from facies.embeddings.pretrain.crops import CropArray
from facies.embeddings.pretrain.diary import Diary, Row
from facies.embeddings.pretrain.distributed import Processes, joined
from facies.embeddings.pretrain.export import to_input
from facies.embeddings.pretrain.methods import Step, Taught, make_method
from facies.embeddings.pretrain.monitor import Probe, Watch, effective_rank, probe_errors, spread
from facies.embeddings.pretrain.precision import Precision, choose_precision
from facies.embeddings.pretrain.recipe import PretrainRecipe, to_toml
from facies.embeddings.pretrain.schedule import learning_rate
from facies.errors import InputError
from facies.store import file_sha256, write_tsv, write_whole
from facies.types import Vectors

CHECKPOINT_SECONDS = 300.0
"""Between two checkpoints where the recipe gives no number of steps: copying the weights then costs less than a thousandth of the time."""

LOOK_BATCH = 64
"""Crops that go through the network together in a look."""

GPU_PATIENCE = 20
"""Steps after which losses are fetched from a GPU: each fetch waits until it has caught up."""

Progress = Callable[[int, int], None]
Tell = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """What a run has left behind.

    Parameters
    ----------
    weights
        The encoder that is kept, safetensors: of the best look where a probe watched, else of the last step.
    start
        The encoder before the first step, safetensors: what the trained one is to be compared with.
    recipe
        As run, every default written out; also in ``recipe.toml``.
    history
        One row a look: the columns of :data:`facies.embeddings.pretrain.diary.COLUMNS`; also in ``history.tsv``.
    steps
        How many were made.
    kept_step
        After which step the kept weights stood.
    stopped_early, collapsed
        Whether the run ended before its last step, and why.
    seconds
        Of the whole run, interruptions left out.
    surroundings
        Device, precision, threads and version of torch.
    """

    weights: Path
    start: Path
    recipe: PretrainRecipe
    history: pd.DataFrame
    steps: int
    kept_step: int
    stopped_early: bool
    collapsed: bool
    seconds: float
    surroundings: dict[str, str]

    def encoder(self) -> Any:
        """Return the trained network, ready to be exported."""
        return make_backbone(self.recipe.backbone, size=self.recipe.size, weights=self.weights)


def pretrain(
    crops: CropArray, recipe: PretrainRecipe, folder: Path, *, probe: Probe | None = None, weights: Path | None = None,
    resume: bool = True, progress: Progress | None = None, tell: Tell | None = None,
) -> Pretrained:  # fmt: skip
    """Teach a network on crops without labels.

    On a CPU a run that was killed at any step and called again ends with the same weights, to the last bit, as one that was not.

    Parameters
    ----------
    crops
        All crops that the run may learn from; who is held out is decided before.
    recipe
        Every choice of the run.
    folder
        Gets ``checkpoints/``, ``recipe.toml``, ``history.tsv``, ``start.safetensors`` and ``weights.safetensors``.
    probe
        Labels that watch; without them no look is the best, and the last weights are kept.
    weights
        A safetensors file that the backbone starts from, instead of fresh weights.
    resume
        Whether to go on from the checkpoints in the folder; otherwise they are deleted.
    progress
        Called after each step with steps done and steps in all.
    tell
        Called with one line when something is worth saying.

    Raises
    ------
    InputError
        When there are too few crops, the recipe cannot be run here, the loss is no longer a number or memory runs out; the last good
        checkpoint stays.
    WeightsError
        When the starting weights are absent or those of another network.
    StoreError
        When files cannot be written, or no checkpoint can be read.
    MissingExtraError
        When torch, timm or lightly is absent.
    """
    recipe = recipe.filled()
    if crops.size != recipe.size:
        raise InputError(f"the crops are {crops.size} px and the recipe says size = {recipe.size}: cut them again or change the recipe")
    recipe.n_steps(len(crops))
    on_gpu = choose_precision(recipe).device.type == "cuda"
    with joined(on_gpu=on_gpu) as processes, _own_chance():
        precision = choose_precision(recipe, local_rank=processes.local_rank)
        run = _Run(crops, recipe, folder, probe, weights, precision, processes, tell if tell and processes.writes else _say_nothing)
        with run.checkpoints:
            run.begin(resume=resume)
            run.learn(progress or _count_nothing)
            run.checkpoints.wait()
        return run.finish()


def _say_nothing(line: str) -> None:
    """Take a line and keep it to oneself."""


def _count_nothing(done: int, total: int) -> None:
    """Take a count and keep it to oneself."""


@contextlib.contextmanager
def _own_chance() -> Iterator[None]:
    """Leave torch's source of chance as it was found."""
    with torch.random.fork_rng():
        yield


class _Run:
    """One run in one process."""

    def __init__(
        self, crops: CropArray, recipe: PretrainRecipe, folder: Path, probe: Probe | None, weights: Path | None,
        precision: Precision, processes: Processes, tell: Tell,
    ) -> None:  # fmt: skip
        self.crops, self.recipe, self.folder, self.probe = crops, recipe, folder, probe
        self.precision, self.processes, self.tell = precision, processes, tell
        self.n_steps = recipe.n_steps(len(crops))
        backbone = make_backbone(recipe.backbone, size=recipe.size, weights=weights, random_state=recipe.random_state)
        self.taught = make_method(backbone, recipe).to(precision.device, memory_format=torch.channels_last)
        self.network = processes.wrap(self.taught, precision.device)
        self.optimiser, self.scaler = _optimiser(self.taught, recipe), precision.scaler()
        share = processes.share(recipe.batch_size)
        self.batches = Batches(
            crops.crops, recipe.batch_size, self.taught.n_views, recipe.augmentation, recipe.random_state, share, self.taught.shows_crop
        )
        self.width = int(backbone.num_features)
        self.watch, self.diary, self.step = Watch(), Diary(), 0
        self.waiting: list[Tensor] = []
        identity = {"recipe": recipe.sha256(), "crops": crops.sha256, "starting weights": file_sha256(weights) if weights else "fresh"}
        self.checkpoints = Checkpoints(folder / "checkpoints", identity, tell=tell)

    def begin(self, *, resume: bool) -> None:
        """Go on from the newest checkpoint, or start and take the first look."""
        if not resume and self.processes.writes:
            self.checkpoints.clear()
        self.processes.wait()
        snapshot = self.checkpoints.newest() if resume else None
        if snapshot is not None:
            self._restore(snapshot)
            return
        if self.processes.writes:
            write_whole(self.folder / "recipe.toml", to_toml(self.recipe).encode())
            write_tensors(self.folder / "start.safetensors", encoder_tensors(self.taught.encoder))
        self._look()
        self._save()

    def learn(self, progress: Progress) -> None:
        """Make all steps that are left."""
        last = self.step if self.watch.ended else self.n_steps
        with Ahead(self.batches, self.step, last) as ahead:
            for views in ahead:
                self._learn_from(views)
                self._write_when_due()
                progress(self.step, self.n_steps)
                if self.watch.ended:
                    return

    def _learn_from(self, views: np.ndarray[Any, Any]) -> None:
        where = Step(self.step, self.n_steps, self.step // self.batches.per_epoch, self.batches.places())
        with self._explaining_memory():
            self.waiting.append(self._update(views, where))
        self.step += 1
        if len(self.waiting) >= (GPU_PATIENCE if self.precision.device.type == "cuda" else 1):
            self._take_losses()

    def _update(self, views: np.ndarray[Any, Any], where: Step) -> Tensor:
        """Make one step and return its loss."""
        torch.manual_seed(_seed(self.recipe.random_state, where.number, self.processes.rank))
        inputs = to_input(torch.from_numpy(views.reshape(-1, *views.shape[2:])).to(self.precision.device, non_blocking=True))
        with self.precision.products():
            loss: Tensor = self.network(inputs, where)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self._clip()
        self.taught.before_update(where)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.taught.after_update(where)
        return loss.detach()

    def _rate(self) -> float:
        largest = float(self.recipe.learning_rate or 0)
        return learning_rate(self.step, n_steps=self.n_steps, largest=largest, warmup=self.recipe.warmup)

    def _clip(self) -> None:
        if self.recipe.clip:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.taught.parameters(), self.recipe.clip)

    def _take_losses(self) -> None:
        """Fetch the losses of the last steps.

        Raises
        ------
        InputError
            When one is not a number.
        """
        losses, self.waiting = [float(loss) for loss in self.waiting], []
        if not self.diary.note_losses(losses):
            rate, precision = self.recipe.learning_rate, self.recipe.precision
            also = "" if precision == "float32" else f', or write precision = "float32" (now "{precision}")'
            raise InputError(
                f"the loss is no number at step {self.step}: lower learning_rate (now {rate:g}){also}; the last good checkpoint is kept, "
                "delete the folder checkpoints before you change the recipe"
            )

    @contextlib.contextmanager
    def _explaining_memory(self) -> Iterator[None]:
        try:
            yield
        except (MemoryError, RuntimeError) as error:  # torch's own error for a full GPU is a RuntimeError
            if not isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) and "not enough memory" not in str(error):
                raise
            where = "the GPU" if self.precision.device.type == "cuda" else "the computer"
            raise InputError(
                f"{where} has no memory left at step {self.step}: lower batch_size (now {self.recipe.batch_size}) or size; "
                "the last good checkpoint is kept"
            ) from error

    def _write_when_due(self) -> None:
        """Look and write a checkpoint where it is time for it."""
        is_last = self.step == self.n_steps
        looks = is_last or self.step % self.recipe.monitor.every == 0
        if looks:
            self._look()
        every = self.recipe.checkpoint_every
        if is_last or self.watch.ended or (self.step % every == 0 if every else self._has_waited_enough()):
            self._save()

    def _has_waited_enough(self) -> bool:
        return self.diary.seconds_since_saved() > CHECKPOINT_SECONDS

    def _look(self) -> None:
        """Measure collapse and the probe, and note the row."""
        self._take_losses()
        self.diary.spend(learning=True)
        if self.processes.writes:
            row = self._measure()
            if self.watch.note(self.step, row, self.recipe.monitor):
                self.checkpoints.save_best(self.step, self.taught.encoder)
            if self.watch.ended:
                self.tell(self.watch.explain(self.step, row, self.recipe.monitor))
            self.diary.spend(learning=False)
            self.diary.add(row, batch_size=self.recipe.batch_size)
            write_tsv(self.folder / "history.tsv", self.diary.frame())
        self._agree()

    def _agree(self) -> None:
        """Let all processes end together."""
        device = self.precision.device
        self.watch.collapsed = self.processes.agree(self.watch.collapsed, device)
        self.watch.stopped_early = self.processes.agree(self.watch.stopped_early, device)

    def _measure(self) -> Row:
        monitor, n = self.recipe.monitor, len(self.crops)
        sample = np.linspace(0, n - 1, min(n, monitor.n_crops)).round().astype(int).tolist()
        self.taught.eval()
        vectors = self._vectors(self.crops, sample)
        row: Row = {"step": self.step, "epoch": self.step // self.batches.per_epoch, "lr": self._rate()}
        row |= {"spread": spread(vectors), "head_spread": spread(self._project(vectors)), "rank": effective_rank(vectors)}
        row |= self._probe()
        self.taught.train()
        return row

    def _probe(self) -> Row:
        if self.probe is None:
            return {"probe_mae": None, "knn_mae": None}
        crops, monitor = self.probe.crops or self.crops, self.recipe.monitor
        rows = self.probe.rows(crops, most=monitor.probe_crops)
        people = [crops.participant_ids[i] for i in rows]
        errors = probe_errors(self._vectors(crops, rows), people, self.probe, neighbours=monitor.neighbours)
        return dict(zip(("probe_mae", "knn_mae"), errors, strict=True))

    def _vectors(self, crops: CropArray, rows: list[int]) -> Vectors:
        """Return the encoder's vectors of crops as they are, (n, dimension)."""
        encoder = self.taught.encoder
        parts = [encode_batch(encoder, crops.crops[rows[i : i + LOOK_BATCH]], self.precision) for i in range(0, len(rows), LOOK_BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self.width), dtype=np.float32)

    def _project(self, vectors: Vectors) -> Vectors:
        with torch.inference_mode():
            return np.asarray(self.taught.project(torch.from_numpy(vectors).to(self.precision.device)).float().cpu().numpy())

    def _save(self) -> None:
        self._take_losses()
        self.diary.spend(learning=True)
        self.diary.mark_saved()
        if self.processes.writes:
            numbers = {"best_step": self.watch.best_step, "watch": dataclasses.asdict(self.watch), "diary": self.diary.numbers()}
            numbers |= {"scaler": self.scaler.state_dict(), "surroundings": self.precision.describe()}
            self.checkpoints.save(Snapshot(self.step, tensors_of(self.taught, self.optimiser), numbers))

    def _restore(self, snapshot: Snapshot) -> None:
        put_back(snapshot.tensors, self.taught, self.optimiser)
        self.step = snapshot.step
        self.watch, self.diary = Watch(**snapshot.numbers["watch"]), Diary(**snapshot.numbers["diary"])
        if snapshot.numbers["scaler"]:
            self.scaler.load_state_dict(snapshot.numbers["scaler"])
        self.tell(f"going on after step {self.step} of {self.n_steps}")
        before, now = snapshot.numbers["surroundings"], self.precision.describe()
        changed = [name for name in now if before[name] != now[name]]
        if changed:
            self.tell(f"{', '.join(changed)} changed since then: the last bits of the weights may be others than in an uninterrupted run")

    def finish(self) -> Pretrained:
        """Write the weights that are kept and say what was done."""
        kept = self.step if self.watch.best_step is None else self.watch.best_step
        if self.processes.writes:
            if kept != self.step:
                fill(self.taught.encoder, self.checkpoints.best_path(kept))
            write_tensors(self.folder / "weights.safetensors", encoder_tensors(self.taught.encoder))
        self.processes.wait()
        return Pretrained(
            weights=self.folder / "weights.safetensors",
            start=self.folder / "start.safetensors",
            recipe=self.recipe,
            history=self.diary.frame(),
            steps=self.step,
            kept_step=kept,
            stopped_early=self.watch.stopped_early,
            collapsed=self.watch.collapsed,
            seconds=self.diary.seconds,
            surroundings=self.precision.describe(),
        )


def encode_batch(encoder: nn.Module, crops: np.ndarray[Any, Any], precision: Precision) -> Vectors:
    """Return a network's vectors of crops, (n, dimension), float32, computed as in training; put the network in ``eval`` mode first."""
    inputs = to_input(torch.from_numpy(np.ascontiguousarray(crops)).to(precision.device))
    with torch.inference_mode(), precision.products():
        return np.asarray(encoder(inputs).float().cpu().numpy(), dtype=np.float32)


def _optimiser(taught: Taught, recipe: PretrainRecipe) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov and Hutter 2019); only matrices decay, and what is not trained is left out."""
    trained = [parameter for parameter in taught.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def _seed(random_state: int, step: int, rank: int) -> int:
    """Return the seed of torch's own chance in a step, such as dropout."""
    return int(generator(random_state, CHANCE, step, 0, rank).integers(2**62))
