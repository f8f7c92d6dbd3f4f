"""A backbone with a distribution over ages at its end, and its blocks by depth.

The head is a softmax over age bins on the backbone's features, the prediction the mean of the distribution: the label-distribution learning
of Geng, Yin & Zhou (2013, IEEE TPAMI 35:2401-2412). It has the form of :class:`facies.models.LabelDistributionAge`, in which the fitted
head is kept, so that a fine-tuned model runs without torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from facies.types import Floats, Images, Vectors

PREDICTED_AT_ONCE = 64
"""Crops that go through the network together when features are computed."""


class Head(NamedTuple):
    """A softmax over age bins on features.

    Parameters
    ----------
    coef, intercept
        Weights (p, k) and intercepts (k,).
    centres
        Of the bins, in the label's unit, (k,).
    spread
        Standard deviation of the bell around a label, in the label's unit.
    """

    coef: Floats
    intercept: Floats
    centres: Floats
    spread: float


class AgeNetwork(nn.Module):  # type: ignore[misc]
    """A backbone and its head.

    Parameters
    ----------
    backbone
        From (n, 3, size, size) to features (n, p); ``num_features`` is p.
    head
        Where the head starts.
    """

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(*head.coef.shape)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(head.coef.T))
            self.head.bias.copy_(torch.from_numpy(head.intercept))
        self.register_buffer("centres", torch.tensor(head.centres, dtype=torch.float32))
        self.spread = float(head.spread)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the bins, (n, k)."""
        return self.head(self.backbone(x))

    def fitted_head(self) -> Head:
        """Return the head as arrays."""
        coef, intercept = (part.detach().cpu().numpy().astype(np.float64) for part in (self.head.weight.T, self.head.bias))
        return Head(coef, intercept, self.centres.cpu().numpy().astype(np.float64), self.spread)


class Mirrored(nn.Module):  # type: ignore[misc]
    """The average of a backbone's features of a crop and of its mirror image."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.num_features = backbone.num_features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the averaged features, (n, p)."""
        return (self.backbone(x) + self.backbone(torch.flip(x, dims=[3]))) / 2


def encoder_of(backbone: nn.Module, *, mirror: bool) -> nn.Module:
    """Return what turns crops into the vectors that predictions are made from."""
    return Mirrored(backbone) if mirror else backbone


def to_input(crops: Images) -> torch.Tensor:
    """Return crops, uint8 (n, size, size, 3), as the network is given them: float (n, 3, size, size), -1 to 1.

    Examples
    --------
    >>> to_input(np.full((1, 8, 8, 3), 255, np.uint8)).unique().tolist()
    [1.0]
    """
    values = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    return ((values.to(torch.float32) / 255 - 0.5) / 0.5).contiguous(memory_format=torch.channels_last)


def encode(encoder: nn.Module, crops: Images, *, at_once: int = PREDICTED_AT_ONCE) -> Vectors:
    """Return the features of crops, uint8 (n, size, size, 3), as float32 (n, p); the network is left in evaluation mode."""
    encoder.eval()
    device = next(encoder.parameters()).device
    with torch.inference_mode():
        parts = [
            encoder(to_input(np.asarray(crops[start : start + at_once])).to(device)).float().cpu().numpy()
            for start in range(0, len(crops), at_once)
        ]
    return np.concatenate(parts).astype(np.float32, copy=False)


def blocks_of(backbone: nn.Module) -> list[dict[str, nn.Parameter]]:
    """Return the backbone's parameters by name, block by block from the input to the features.

    A block is a part that is no mere row of other parts: the stem, each residual block, each layer of a transformer. Parameters that
    belong to no part, such as position embeddings, are in the first.
    """
    inside, prefix = _unwrapped(backbone)
    blocks = [named for part, name in _parts(inside, prefix) if (named := _named(part, name))]
    within = {name for block in blocks for name in block}
    own = {name: parameter for name, parameter in backbone.named_parameters() if name not in within}
    if not blocks:
        return [own]
    return [own | blocks[0], *blocks[1:]]


def _unwrapped(module: nn.Module) -> tuple[nn.Module, str]:
    """Return the network inside wrappers that hold nothing else, and its name."""
    prefix = ""
    while len(children := list(module.named_children())) == 1:
        prefix, module = f"{prefix}{children[0][0]}.", children[0][1]
    return module, prefix


def _parts(module: nn.Module, prefix: str) -> Iterator[tuple[nn.Module, str]]:
    """Go through a module's children in order; rows of parts are opened."""
    for name, child in module.named_children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _parts(child, f"{prefix}{name}.")
        else:
            yield child, f"{prefix}{name}."


def _named(part: nn.Module, prefix: str) -> dict[str, nn.Parameter]:
    return {prefix + name: parameter for name, parameter in part.named_parameters()}


def block_rates(n_blocks: int, *, first: float, frozen_share: float) -> list[float]:
    """Return each block's learning rate relative to the last one's: geometric from ``first`` to 1; 0 for the frozen.

    Howard & Ruder (2018, ACL) named them discriminative learning rates: early blocks see edges and colours, and need to change least.

    Examples
    --------
    >>> block_rates(3, first=0.01, frozen_share=0.0)
    [0.01, 0.1, 1.0]
    >>> block_rates(4, first=1.0, frozen_share=0.5)
    [0.0, 0.0, 1.0, 1.0]
    """
    n_frozen = round(frozen_share * n_blocks)
    depth = [1 - place / max(n_blocks - 1, 1) for place in range(n_blocks)]
    return [0.0 if place < n_frozen else round(first**below, 12) for place, below in enumerate(depth)]
