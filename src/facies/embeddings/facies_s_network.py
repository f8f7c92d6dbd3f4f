"""The network of facies-s: a small residual network, and how it sees a face."""

from __future__ import annotations

import torch
from torch import nn

from facies.embeddings.templates import face_template
from facies.errors import InputError
from facies.records import CropContract

CROP = CropContract(face_template(eye_distance=0.32, eye_height=0.42), size=112)
"""From above the hairline to the throat; eyes 36 pixels apart."""
WIDTHS = (48, 96, 192)
"""Channels of the three stages, each at half the resolution of the one before."""


class Residual(nn.Module):  # type: ignore[misc]
    """Two 3 x 3 convolutions with a way around (He et al. 2016); strided ways average before they project (He et al. 2019)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = normalised(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))
        self.second = normalised(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False))
        pool = nn.AvgPool2d(2) if stride == 2 else nn.Identity()
        self.around = nn.Sequential(pool, *normalised(nn.Conv2d(inputs, outputs, 1, bias=False))) if stride == 2 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return maps (n, outputs, height / stride, width / stride)."""
        return torch.relu(self.second(torch.relu(self.first(x))) + self.around(x))


def normalised(convolution: nn.Conv2d) -> nn.Sequential:
    """Return the convolution with batch normalisation behind it."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels))


class FaciesS(nn.Module):  # type: ignore[misc]
    """Crops (n, 3, 112, 112), ``(pixel / 255 - 0.5) / 0.5``, to vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = normalised(nn.Conv2d(3, 24, 3, 2, 1, bias=False))
        widths = (24, *WIDTHS)
        self.stages = nn.ModuleList(
            nn.Sequential(Residual(before, after, 2), Residual(after, after, 1)) for before, after in zip(widths, WIDTHS, strict=False)
        )
        self.neck = normalised(nn.Conv2d(WIDTHS[-1], 48, 1, bias=False))
        self.embed = nn.Linear(48 * 49, 256, bias=False)
        self.embed_norm = nn.BatchNorm1d(256)

    def maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the maps of the stages."""
        x = torch.relu(self.stem(x))
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def embedding(self, last: torch.Tensor) -> torch.Tensor:
        """Return (n, 256) from the last stage's maps, each place of the face on its own."""
        return self.embed_norm(self.embed(torch.relu(self.neck(last)).flatten(1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, 544): the embedding, and the means of the last two stages' maps over the face."""
        _, middle, last = self.maps(x)
        return torch.cat([self.embedding(last), last.mean((2, 3)), middle.mean((2, 3))], dim=1)


def make_network(*, size: int) -> FaciesS:
    """Return the network with fresh weights.

    Raises
    ------
    InputError
        When the crops are not 112 pixels wide, the only size at which its places on the face are what they were.
    """
    if size != CROP.size:
        raise InputError(f"facies-s takes crops of {CROP.size} px, not {size}: set size = {CROP.size}")
    return FaciesS()
