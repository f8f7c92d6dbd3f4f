"""The training: steps, the average of the weights, checkpoints, and the choice of the number of epochs by held-out people."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from facies.embeddings.finetune.batches import Batch, batches, steps_per_epoch
from facies.embeddings.finetune.checkpoint import Checkpoints, State, load_module, load_optimiser, module_arrays, optimiser_arrays
from facies.embeddings.finetune.network import AgeNetwork, Head, block_rates, blocks_of, encode, encoder_of, to_input
from facies.embeddings.finetune.objective import AgeObjective, Objective
from facies.embeddings.finetune.recipe import FinetuneRecipe
from facies.errors import InputError
from facies.store import value_sha256
from facies.types import Floats, Images

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]

CHECKPOINT_SECONDS = 20.0
"""Between two checkpoints at least: writing them then costs about one hundredth of the time."""
INNER = 3
"""What the random numbers are for that deal people to the inner held-out part."""


class LabelledRows(NamedTuple):
    """Photographs to learn from: rows of the crops, labels, weights and who must be kept together, (n,) each."""

    rows: NDArray[np.int64]
    y: Floats
    weights: Floats
    groups: NDArray[Any]

    def take(self, which: NDArray[np.bool_]) -> LabelledRows:
        """Return some of the rows."""
        return LabelledRows(self.rows[which], self.y[which], self.weights[which], self.groups[which])


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A fine-tuned network.

    Parameters
    ----------
    encoder
        From crops to the vectors that predictions are made from; in evaluation mode.
    head
        The fitted head on these vectors.
    epochs
        Passes over the photographs that were done; 0 when no step made the held-out people's error smaller.
    history
        One entry an epoch: ``part`` (inner or all), ``epoch``, ``loss`` and, in the inner part, ``error`` (by the objective).
    """

    encoder: nn.Module
    head: Head
    epochs: int
    history: list[dict[str, Any]]


def fine_tune(
    crops: Images,
    training: LabelledRows,
    *,
    backbone: nn.Module,
    head: Head,
    recipe: FinetuneRecipe,
    folder: Path,
    objective: Objective | None = None,
    key: str = "",
    random_start: bool = False,
    progress: Progress | None = None,
    tell: Tell | None = None,
    device: str = "cpu",
) -> FineTuned:
    """Fit a backbone and its head to labels.

    The loss of a photograph is that of the objective, times its weight: for ages the Kullback-Leibler divergence from a bell of age bins
    around its label, and the error of the predicted mean (Gao, Zhou, Wu & Geng 2018, IJCAI). The head starts fitted to the backbone's
    features, so that the first steps do not distort these (Kumar et al. 2022, ICLR). An average of the weights over the steps is kept.

    Parameters
    ----------
    crops
        uint8, (n, size, size, 3); may be a memory map.
    training
        On which of them to learn, and what.
    backbone
        The network with its starting weights; it is changed. ``forward`` gives (n, p), ``num_features`` is p.
    head
        Where the head starts, on the features that ``encoder_of`` gives.
    objective
        What is made small; left out: ages by the head's bins.
    folder
        For checkpoints; an interrupted training goes on from there to the same weights, bit for bit on a CPU.
    key
        Names crops and starting weights, such as by their hashes: checkpoints of other ones are not taken.
    random_start
        Whether the starting weights are random: batch normalisation then has no statistics that could be kept.
    progress
        Called with the steps done and all steps.
    tell
        Called with a line when something is to be known.

    Raises
    ------
    InputError
        When the loss is no finite number, there are too few people to hold some out, or memory does not suffice.
    """
    key = value_sha256([key, recipe.model_dump(), [part.tolist() for part in training], [part.tolist() for part in head[:3]], random_start])
    objective = objective or AgeObjective(head.centres, float(head.spread), recipe.mean_loss)
    epochs = recipe.epochs
    history: list[dict[str, Any]] = []
    start = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    if recipe.inner_share:
        held_out = hold_out(training, share=recipe.inner_share, random_state=recipe.random_state)
        inner = _Run(crops, training.take(~held_out), backbone, head, objective, recipe, random_start, device)
        epochs, history = inner.choose_epochs(training.take(held_out), Checkpoints(folder / "inner", key, tell), progress)
        backbone.load_state_dict(start)
    run = _Run(crops, training, backbone, head, objective, recipe, random_start, device)
    history += run.train(epochs, Checkpoints(folder / "all", key, tell), progress)
    network = run.averaged
    return FineTuned(encoder_of(network.backbone, mirror=recipe.mirror).eval(), network.fitted_head(), epochs, history)


def hold_out(training: LabelledRows, *, share: float, random_state: int) -> NDArray[np.bool_]:
    """Choose people to hold out, (n,): groups stay whole, and those held out span the range of labels.

    Groups are ordered by their mean label; of each run of ``1 / share`` of them one is held out at random.

    Raises
    ------
    InputError
        When there are fewer than two groups for each side.

    Examples
    --------
    >>> rows = LabelledRows(np.arange(8), np.arange(8.0), np.ones(8), np.arange(8) // 2)
    >>> hold_out(rows, share=0.5, random_state=0).reshape(4, 2).all(axis=1).sum()
    np.int64(2)
    """
    names, group = np.unique(training.groups, return_inverse=True)
    run = round(1 / share)
    if len(names) < 2 * run:
        raise InputError(f"inner_share is {share:g} and {len(names)} people or families are there to learn from: set inner_share = 0")
    means = np.bincount(group, training.y) / np.bincount(group)
    order = np.lexsort((np.arange(len(names)), np.round(means, 9)))
    rng = np.random.default_rng([random_state, INNER])
    chosen = [order[start + int(rng.integers(min(run, len(names) - start)))] for start in range(0, len(names), run)]
    return np.isin(group, chosen)


class _Run:
    """One training in progress: the network, the average of its weights, the optimiser and how far it is."""

    def __init__(
        self,
        crops: Images,
        training: LabelledRows,
        backbone: nn.Module,
        head: Head,
        objective: Objective,
        recipe: FinetuneRecipe,
        random_start: bool,
        device: str,
    ) -> None:
        self.crops = crops
        self.objective = objective
        self.training = training
        self.recipe = recipe
        self.device = torch.device(device)
        self.network = AgeNetwork(backbone, head).to(self.device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(parameter_groups(self.network, recipe), weight_decay=recipe.weight_decay)
        self.frozen_statistics = recipe.batch_norm == "frozen" or (recipe.batch_norm == "auto" and not random_start)
        self.weights = training.weights / training.weights.mean()
        self.steps_an_epoch = steps_per_epoch(len(training.rows), recipe.batch_size)
        self.bfloat16 = step_precision(recipe.precision) == "bfloat16"
        self.epoch = 0
        self.history: list[dict[str, Any]] = []

    def train(self, epochs: int, checkpoints: Checkpoints, progress: Progress | None) -> list[dict[str, Any]]:
        """Do epochs until there are so many; go on from a checkpoint."""
        self.restore(checkpoints.read())
        written = time.monotonic()
        while self.epoch < epochs:
            self.history.append({"part": "all", "epoch": self.epoch + 1, "loss": self.do_epoch(progress)})
            self.epoch += 1
            if time.monotonic() - written >= CHECKPOINT_SECONDS:
                checkpoints.write(self.state())
                written = time.monotonic()
        return self.history

    def choose_epochs(
        self, held_out: LabelledRows, checkpoints: Checkpoints, progress: Progress | None
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return after how many epochs the held-out people's error was smallest, and the history."""
        self.restore(checkpoints.read())
        if not self.history:
            self.history.append({"part": "inner", "epoch": 0, "loss": math.nan, "error": self.error(held_out)})
        while self.epoch < self.recipe.epochs and self.epoch - self.best() < self.recipe.patience:
            loss = self.do_epoch(progress)
            self.epoch += 1
            self.history.append({"part": "inner", "epoch": self.epoch, "loss": loss, "error": self.error(held_out)})
            checkpoints.write(self.state())
        return self.best(), self.history

    def best(self) -> int:
        """Return the epoch with the smallest error so far, the first of equal ones."""
        return int(np.argmin([entry["error"] for entry in self.history]))

    def error(self, held_out: LabelledRows) -> float:
        """Return the weighted error of the averaged network, by the objective."""
        vectors = encode(encoder_of(self.averaged.backbone, mirror=self.recipe.mirror), _Rows(self.crops, held_out.rows))  # type: ignore[arg-type]
        with torch.inference_mode():
            logits = self.averaged.head(torch.from_numpy(vectors).to(self.device))
            return self.objective.error(logits, held_out.y, held_out.weights)

    def do_epoch(self, progress: Progress | None) -> float:
        """Do one epoch and return its mean loss."""
        self.network.train()
        if self.frozen_statistics:
            _keep_statistics(self.network)
        losses = []
        recipe = self.recipe
        for batch in batches(
            self.crops, self.training.rows, recipe.augmentation, batch_size=recipe.batch_size, epoch=self.epoch,
            random_state=recipe.random_state,
        ):  # fmt: skip
            losses.append(self.step(batch))
            if progress is not None:
                progress(batch.step + 1, recipe.epochs * self.steps_an_epoch)
        return float(np.mean(losses))

    def step(self, batch: Batch) -> float:
        """Do one step and return its loss."""
        torch.manual_seed(int(np.random.SeedSequence([self.recipe.random_state, batch.step]).generate_state(1)[0]))
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * schedule(batch.step, self.recipe.epochs * self.steps_an_epoch, warmup=self.recipe.warmup)
        y, weights = (
            torch.tensor(values[batch.places], dtype=torch.float32, device=self.device) for values in (self.training.y, self.weights)
        )
        try:
            loss = self.loss(to_input(batch.views).to(self.device), y, weights)
            value = self.finite(float(loss.detach()), batch.step)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"the device has too little memory for batch_size = {self.recipe.batch_size}: halve it in the recipe"
            ) from error
        self.optimiser.step()
        self.average(batch.step)
        return value

    def loss(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss of a batch."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(x)
        return self.objective.loss(logits.float(), y, weights)

    def finite(self, loss: float, step: int) -> float:
        """Return the loss, or stop."""
        if not math.isfinite(loss):
            raise InputError(
                f"the loss is {loss} at step {step + 1}: lower learning_rate (now {self.recipe.learning_rate:g}) in the recipe, or set "
                "precision = 'float32'; the last good checkpoint is kept"
            )
        return loss

    def average(self, step: int) -> None:
        """Move the averaged weights towards the network's; early on faster, so that they do not lag behind."""
        decay = min(self.recipe.ema, (1 + step) / (10 + step)) if self.recipe.ema else 0.0
        with torch.no_grad():
            for mean, now in zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)

    def state(self) -> State:
        """Return everything that the next epoch depends on."""
        arrays = (
            module_arrays(self.network, "network.") | module_arrays(self.averaged, "averaged.") | optimiser_arrays(self.optimiser, "adamw.")
        )
        return State(arrays, {"epoch": self.epoch, "history": self.history})

    def restore(self, state: State | None) -> None:
        """Go on from a state, where there is one."""
        if state is None:
            return
        load_module(self.network, state.arrays, "network.")
        load_module(self.averaged, state.arrays, "averaged.")
        load_optimiser(self.optimiser, state.arrays, "adamw.")
        self.epoch, self.history = int(state.values["epoch"]), list(state.values["history"])


class _Rows:
    """Some rows of the crops, read when they are needed."""

    def __init__(self, crops: Images, rows: NDArray[np.int64]) -> None:
        self.crops = crops
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: slice) -> Images:
        return self.crops[self.rows[which]]


def parameter_groups(network: AgeNetwork, recipe: FinetuneRecipe) -> list[dict[str, Any]]:
    """Return the optimiser's groups: a learning rate a block, no weight decay for biases and normalisations; frozen blocks do not learn."""
    blocks = blocks_of(network.backbone)
    rates = block_rates(len(blocks), first=recipe.first_block_rate, frozen_share=recipe.frozen_share)
    parts: list[tuple[Sequence[nn.Parameter], float]] = [(list(block.values()), rate) for block, rate in zip(blocks, rates, strict=True)]
    parts.append((list(network.head.parameters()), recipe.head_rate))
    groups = []
    for parameters, rate in parts:
        for parameter in parameters:
            parameter.requires_grad_(rate > 0)
        for decays in (True, False):
            chosen = [parameter for parameter in parameters if (parameter.ndim > 1) == decays]
            if chosen and rate > 0:
                peak = recipe.learning_rate * rate
                groups.append({"params": chosen, "peak": peak, "lr": peak} | ({} if decays else {"weight_decay": 0.0}))
    return groups


def schedule(step: int, n_steps: int, *, warmup: float) -> float:
    """Return the learning rate of a step relative to its height: a rise, then half a cosine down to nearly 0.

    Examples
    --------
    >>> [round(schedule(step, 10, warmup=0.2), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    rise = round(warmup * n_steps)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(n_steps - rise, 1)))


def step_precision(precision: Literal["auto", "float32", "bfloat16"]) -> str:
    """Return in which precision steps are done: ``auto`` is bfloat16 where the processor calculates in it."""
    if precision != "auto":
        return precision
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"


def _keep_statistics(network: nn.Module) -> None:
    """Put batch normalisation in evaluation mode: it then keeps the statistics of the starting weights, whatever the batch."""
    for part in network.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()
