"""What the method ``describe`` teaches: a fixed description of a crop, computed in torch for a whole batch.

Gradient orientations in cells (Dalal and Triggs 2005) at two scales, the energy of bands of spatial frequency, and colour; each grid is
averaged with that of the mirror image, so that a mirrored view has the same description.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

ORIENTATIONS = 6
CONTOURS = ((1, 14), (2, 7))
"""By how much the crop is reduced, and the cells along its side."""
CELLS = 8
"""Along the side, of bands and colour."""
BANDS = 4
LUMA = (0.299, 0.587, 0.114)


def describe_crops(crops: Tensor) -> Tensor:
    """Return the description of crops (n, 3, size, size) between -1 and 1, float32 (n, values).

    Examples
    --------
    >>> crops = torch.rand(2, 3, 64, 64)
    >>> found = describe_crops(crops)
    >>> found.shape, torch.allclose(found, describe_crops(crops.flip(3)), atol=1e-4)
    (torch.Size([2, 980]), True)
    """
    crops = crops.float().contiguous()
    weights = crops.new_tensor(LUMA)[:, None, None]
    grey = (crops * weights).sum(1, keepdim=True)
    colour = torch.cat([grey, crops[:, :1] - grey, crops[:, 2:] - grey], dim=1)
    parts = [_contours(functional.avg_pool2d(grey, by), cells) for by, cells in CONTOURS]
    parts += [_folded(_bands(grey)), _folded(functional.adaptive_avg_pool2d(colour, CELLS))]
    return torch.cat(parts, dim=1)


def _folded(grid: Tensor, mirrored: Tensor | None = None) -> Tensor:
    """Return the left half of the mean of a grid (n, values, rows, columns) and its mirror image, as vectors."""
    other = grid.flip(3) if mirrored is None else mirrored
    half = (grid.shape[3] + 1) // 2
    return ((grid + other) / 2)[..., :half].flatten(1)


def _contours(grey: Tensor, cells: int) -> Tensor:
    """Return gradient orientations by cell, square-rooted, relative to the contrast around."""
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, 0, 1:-1, 2:] - padded[:, 0, 1:-1, :-2]) / 2
    down = (padded[:, 0, 2:, 1:-1] - padded[:, 0, :-2, 1:-1]) / 2
    length, place = torch.hypot(across, down), torch.remainder(torch.atan2(down, across) * (ORIENTATIONS / math.pi), ORIENTATIONS)
    pooled = torch.stack([functional.adaptive_avg_pool2d(_share(place, i) * length, cells) for i in range(ORIENTATIONS)], dim=1)
    around = functional.avg_pool2d(functional.pad((pooled**2).sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    relative = torch.sqrt(pooled / (torch.sqrt(around) + 1e-5) + 1e-6)
    return _folded(relative, relative.flip(3)[:, [-i % ORIENTATIONS for i in range(ORIENTATIONS)]])


def _share(place: Tensor, orientation: int) -> Tensor:
    """Return how much of each pixel belongs to an orientation: 1 at its middle, 0 at its neighbours' middles."""
    apart = (place - orientation).abs_()
    return torch.minimum(apart, ORIENTATIONS - apart).neg_().add_(1).clamp_min_(0)


def _bands(grey: Tensor) -> Tensor:
    """Return the log energy of bands of spatial frequency by cell, finest first."""
    energies = []
    for _ in range(BANDS):
        smooth = functional.avg_pool2d(grey, 3, stride=1, padding=1, count_include_pad=False)
        energies.append(functional.adaptive_avg_pool2d((grey - smooth) ** 2, CELLS))
        grey = functional.avg_pool2d(smooth, 2) if min(smooth.shape[2:]) >= 2 * CELLS else smooth
    return torch.log(torch.cat(energies, dim=1) + 1e-5)
