"""What covering a part of the face takes from a model's log-odds; works with any encoder.

Zeiler MD, Fergus R. ECCV 2014:818-833. A part is not blackened, which no face shows, but replaced by that of an average face of people
without the condition, brought to the colour of the face around the part, with a soft border.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.types import Floats, Image, Images, Vectors

Mask = NDArray[np.bool_]
Encode = Callable[[Images], Vectors]
Decide = Callable[[Vectors], Floats]

SOFT = 0.02
"""Width of the soft border, as a share of the crop's side (standard deviation of a Gaussian)."""

RING = 0.05
"""Width of the ring around a part whose colour the filling takes, as a share of the crop's side."""


class Part(NamedTuple):
    """A part of the face: its region, its side and its pixels, (size, size)."""

    region: str
    side: str
    mask: Mask


@dataclass(frozen=True, eq=False)
class Covers:
    """Parts ready to be covered: soft masks and rings, and the filling.

    Parameters
    ----------
    parts
        In the order of the results.
    soft
        0 to 1, (n_parts, size, size).
    rings
        Pixels around each part, (n_parts, size, size).
    filling
        The average face, float (size, size, 3).
    """

    parts: tuple[Part, ...]
    soft: Floats
    rings: NDArray[np.bool_]
    filling: Floats

    def cover(self, crop: Image, which: Sequence[int]) -> Image:
        """Return the crop with these parts covered together."""
        soft = np.max(self.soft[list(which)], axis=0)[..., None]
        ring = np.any(self.rings[list(which)], axis=0) & (soft[..., 0] < 0.5)
        shift = crop[ring].mean(axis=0) - self.filling[ring].mean(axis=0) if ring.any() else np.zeros(3)
        mixed = crop * (1 - soft) + (self.filling + shift) * soft
        return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def prepare_covers(parts: Sequence[Part], filling: Image | Floats) -> Covers:
    """Prepare parts and their filling.

    Parameters
    ----------
    parts
        Masks of one size.
    filling
        The average crop, (size, size, 3).

    Raises
    ------
    InputError
        When there is no part, or sizes differ.

    Examples
    --------
    >>> mask = np.zeros((64, 64), dtype=bool)
    >>> mask[20:40, 20:40] = True
    >>> covers = prepare_covers([Part("nose", "middle", mask)], np.full((64, 64, 3), 100.0))
    >>> int(covers.cover(np.full((64, 64, 3), 200, np.uint8), [0])[30, 30, 0])
    200
    """
    if not parts:
        raise InputError("there is no part to cover: give at least one")
    size = len(parts[0].mask)
    if any(part.mask.shape != (size, size) for part in parts) or np.shape(filling) != (size, size, 3):
        raise InputError("parts and filling have different sizes: cut them by the same crop contract")
    sigma, reach = SOFT * size, max(1, round(RING * size))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    masks = [part.mask.astype(np.float32) for part in parts]
    soft = np.stack([cv2.GaussianBlur(mask, (0, 0), sigma) for mask in masks])
    rings = np.stack([(cv2.dilate(mask, kernel) > 0) & (mask == 0) for mask in masks])
    return Covers(tuple(parts), soft.astype(np.float64), rings, np.asarray(filling, dtype=np.float64))


def occlusion_vectors(crop: Image, covers: Covers, encode: Encode) -> Vectors:
    """Return the vectors of the crop as it is and with each part covered in turn, (1 + n_parts, p)."""
    covered = [covers.cover(crop, [number]) for number in range(len(covers.parts))]
    return encode(np.stack([crop, *covered]))


def occlusion_drops(log_odds: Floats) -> Floats:
    """Return what covering each part takes from the log-odds, (n_parts,), of those of :func:`occlusion_vectors`.

    Examples
    --------
    >>> occlusion_drops(np.array([2.0, 1.5, 2.5])).tolist()
    [0.5, -0.5]
    """
    return np.asarray(log_odds[0] - log_odds[1:])


def cumulative_log_odds(crop: Image, covers: Covers, encode: Encode, decide: Decide, order: Sequence[int]) -> tuple[Floats, Floats]:
    """Cover parts one after the other, and uncover them in the same order on the average face.

    Returns
    -------
    tuple
        Log-odds of deletion and of insertion, (n_parts + 1,) each: after 0, 1, ... parts.
    """
    steps = range(len(order) + 1)
    deleted = [crop if not step else covers.cover(crop, order[:step]) for step in steps]
    inserted = [crop if step == len(order) else covers.cover(crop, order[step:]) for step in steps]
    both = decide(encode(np.stack([*deleted, *inserted])))
    return np.asarray(both[: len(order) + 1]), np.asarray(both[len(order) + 1 :])
