"""The finder's two networks.

The detector looks at the whole picture, 160 pixels along its longer side, and says where faces are and roughly where their five
points are. The refiner looks at each face, turned upright, and says where the points are and whether it is a face at all.
Both see luminance only, so that colour, tint and monochrome pictures make no difference.
"""

from __future__ import annotations

import torch
from torch import nn

STRIDE = 8


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Block(nn.Module):
    """Depthwise 3x3 then pointwise; with a way around when the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = conv(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.around = inputs == outputs and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pointwise(self.depthwise(x))
        return torch.relu(y + x if self.around else y)


class Detector(nn.Module):
    """Grey picture (n, 1, h, w), sides multiples of 32, values -1 to 1 -> (n, 11, h/8, w/8).

    Channel 0 is the logit that a face is centred in the cell, the others are the five points as x, y from the cell's centre, in
    units of 32 pixels.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.quarter = nn.Sequential(conv(1, w, 3, 2), conv(w, 2 * w, 3, 2), Block(2 * w, 2 * w))
        self.eighth = nn.Sequential(Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w), Block(4 * w, 4 * w))
        self.sixteenth = nn.Sequential(Block(4 * w, 6 * w, 2), Block(6 * w, 6 * w), Block(6 * w, 6 * w))
        self.last = nn.Sequential(Block(6 * w, 8 * w, 2), Block(8 * w, 8 * w), Block(8 * w, 8 * w))
        self.side_16, self.side_8 = conv(8 * w, 6 * w, 1), conv(6 * w, 4 * w, 1)
        self.join_16, self.join_8 = Block(6 * w, 6 * w), Block(4 * w, 4 * w)
        self.head = nn.Sequential(Block(4 * w, 4 * w), nn.Conv2d(4 * w, 11, 1))
        nn.init.constant_(self.head[1].bias[:1], -4.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        eighth = self.eighth(self.quarter(x))
        sixteenth = self.sixteenth(eighth)
        last = self.last(sixteenth)
        sixteenth = self.join_16(sixteenth + nn.functional.interpolate(self.side_16(last), scale_factor=2.0, mode="nearest"))
        eighth = self.join_8(eighth + nn.functional.interpolate(self.side_8(sixteenth), scale_factor=2.0, mode="nearest"))
        return self.head(eighth)


class Refiner(nn.Module):
    """Grey crop (n, 1, 80, 80), values -1 to 1 -> (n, 11): face logit, then the five points' offsets from the template, in crop sides.

    Each point is the mean of a map of 20 x 20 probabilities (integral regression, Sun et al. 2018).
    """

    def __init__(self, template: torch.Tensor, width: int = 16) -> None:
        super().__init__()
        w = width
        self.fourth = nn.Sequential(conv(1, w, 3, 2), conv(w, 2 * w, 3, 2), Block(2 * w, 3 * w), Block(3 * w, 3 * w))
        self.eighth = nn.Sequential(Block(3 * w, 5 * w, 2), Block(5 * w, 5 * w), Block(5 * w, 5 * w))
        self.last = nn.Sequential(Block(5 * w, 8 * w, 2), Block(8 * w, 8 * w))
        self.side_8, self.side_4 = conv(8 * w, 5 * w, 1), conv(5 * w, 3 * w, 1)
        self.join_8, self.join_4 = Block(5 * w, 5 * w), Block(3 * w, 3 * w)
        self.head = nn.Sequential(Block(3 * w, 3 * w), nn.Conv2d(3 * w, 5, 1))
        self.face = nn.Linear(8 * w, 1)
        cells = (torch.arange(20, dtype=torch.float32) + 0.5) / 20
        places = torch.stack([cells.repeat(20), cells.repeat_interleave(20)], dim=1)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("template", template.float().reshape(1, 10), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fourth = self.fourth(x)
        eighth = self.eighth(fourth)
        last = self.last(eighth)
        eighth = self.join_8(eighth + nn.functional.interpolate(self.side_8(last), scale_factor=2.0, mode="nearest"))
        fourth = self.join_4(fourth + nn.functional.interpolate(self.side_4(eighth), scale_factor=2.0, mode="nearest"))
        chance = self.head(fourth).reshape(-1, 5, 400).softmax(dim=2)
        points = (chance @ self.places).reshape(-1, 10) - self.template
        return torch.cat([self.face(last.mean(dim=(2, 3))), points], dim=1)
