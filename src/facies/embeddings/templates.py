"""Where the five points lie in a crop, as fractions of its side, and checks of what an encoder is given."""

from __future__ import annotations

import numpy as np

from facies.errors import InputError
from facies.records import CropContract
from facies.types import Images

Template = tuple[tuple[float, float], ...]


def face_template(*, eye_distance: float, eye_height: float) -> Template:
    """Return a symmetric template: the proportions of an average frontal face.

    Parameters
    ----------
    eye_distance
        Distance between the eyes, as a fraction of the crop's side.
    eye_height
        Height of the eyes below the upper edge, as a fraction of the side.

    Examples
    --------
    >>> face_template(eye_distance=0.4, eye_height=0.4)
    ((0.3, 0.4), (0.7, 0.4), (0.5, 0.596), (0.336, 0.796), (0.664, 0.796))
    """
    shape = ((-0.5, 0.0), (0.5, 0.0), (0.0, 0.49), (-0.41, 0.99), (0.41, 0.99))
    return tuple((round(0.5 + x * eye_distance, 4), round(eye_height + y * eye_distance, 4)) for x, y in shape)


def require_crops(crops: Images, crop: CropContract, *, encoder: str) -> None:
    """Refuse arrays that are not crops of the encoder's size.

    Raises
    ------
    InputError
        When the array is not uint8 or not (n, size, size, 3).
    """
    wanted = (crop.size, crop.size, 3)
    if crops.ndim != 4 or crops.shape[1:] != wanted or crops.dtype != np.uint8:
        side = crop.size
        raise InputError(
            f"{encoder} was given {crops.dtype} crops of shape {crops.shape}: cut them by its crop contract, uint8 (n, {side}, {side}, 3)"
        )
