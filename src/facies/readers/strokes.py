"""From strokes of a brush on photographs to masks on aligned crops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.readers.regions import Brush
from facies.records import CropContract
from facies.tables import FACES, GIVEN_POINTS
from facies.types import Floats, Points

STROKE_COLUMNS = ("reader_id", "photo_id", "target_condition", "repeat", "stroke", "point", "x", "y", "width")
"""One row a point of a stroke. ``x`` and ``width`` (of the brush) are shares of the upright photograph's width, ``y`` of its height, from
its upper left corner."""

KEY = ("reader_id", "photo_id", "target_condition", "repeat")


class PaintedCrops(NamedTuple):
    """What was painted, brought onto aligned crops, and the five points of each photograph in pixels of its crop."""

    brushes: list[Brush]
    points: Mapping[str, Points]


def stroke_mask(points: Floats, width: float, size: int) -> NDArray[np.bool_]:
    """Return which pixels a round brush covers that is drawn along a line, (size, size).

    Parameters
    ----------
    points
        Corners of the line, (n, 2), x and y in pixels; one point makes a dot.
    width
        Diameter of the brush in pixels.

    Examples
    --------
    >>> stroke_mask(np.array([[1.0, 1.0], [3.0, 1.0]]), 1.0, 5).astype(int).tolist()[1]
    [0, 1, 1, 1, 0]
    """
    starts = points[:-1] if len(points) > 1 else points
    ends = points[1:] if len(points) > 1 else points
    mask = np.zeros((size, size), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        _draw(mask, start, end, width / 2)
    return mask


def paint_crops(
    strokes: pd.DataFrame,
    faces: pd.DataFrame,
    sizes: Mapping[str, tuple[float, float]],
    crop: CropContract,
    *,
    asked: pd.DataFrame | None = None,
) -> PaintedCrops:
    """Bring strokes onto the aligned crops of their photographs, one mask a reading.

    Parameters
    ----------
    strokes
        Columns :data:`STROKE_COLUMNS`, of one arm; further ones are not used.
    faces
        Table ``faces``; the included face of each photograph gives its five points.
    sizes
        Width and height of each upright photograph in pixels, by photo_id.
    crop
        How faces are cut.
    asked
        ``reader_id``, ``photo_id``, ``target_condition`` and ``repeat`` of all readings that asked for marks; those without a stroke give
        an empty mask. None: readings with strokes only, which makes readers look more in agreement than they are.

    Raises
    ------
    InputError
        When a column is missing, a photograph has no size, no face or several, or a number is missing.

    Examples
    --------
    >>> CROP = CropContract(((0.34, 0.42), (0.66, 0.42), (0.5, 0.577), (0.369, 0.737), (0.631, 0.737)), size=100)
    >>> strokes = pd.DataFrame({"reader_id": "r1", "photo_id": "a", "target_condition": "acromegaly", "repeat": 0, "stroke": 0,
    ...                         "point": [0, 1], "x": [0.45, 0.55], "y": 0.9, "width": 0.1})
    >>> faces = pd.DataFrame([["a", True, *(CROP.points() * 2).ravel()]], columns=["photo_id", "included", *GIVEN_POINTS])
    >>> painted = paint_crops(strokes, faces, {"a": (200.0, 200.0)}, CROP)
    >>> mask = painted.brushes[0].mask
    >>> bool(mask[89, 50]), bool(mask[50, 50])
    (True, False)
    """
    from facies.imaging.alignment import transform_points

    _require_columns(strokes)
    points = _points_by_photo(faces)
    keys = pd.concat([frame[list(KEY)] for frame in (strokes, asked) if frame is not None]).drop_duplicates()
    drawn = dict(tuple(strokes.groupby(list(KEY), sort=False)))
    moves = {str(name): _to_crop(str(name), points, sizes, crop) for name in keys.photo_id.unique()}
    brushes = [
        Brush(
            str(reader), str(photo), str(condition), int(repeat), _mask(drawn.get((reader, photo, condition, repeat)), sizes, moves, crop)
        )
        for reader, photo, condition, repeat in keys.itertuples(index=False, name=None)
    ]
    return PaintedCrops(brushes, {name: transform_points(points[name], move) for name, move in moves.items()})


def _draw(mask: NDArray[np.bool_], start: Floats, end: Floats, radius: float) -> None:
    """Set the pixels whose centres lie within ``radius`` of the piece from ``start`` to ``end``."""
    size = len(mask)
    low = np.clip(np.floor(np.minimum(start, end) - radius), 0, size).astype(int)
    high = np.clip(np.ceil(np.maximum(start, end) + radius) + 1, 0, size).astype(int)
    if (low >= high).any():
        return
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    along = end - start
    length = float(along @ along)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1) if length > 0 else np.zeros(x.shape)
    near = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= radius
    mask[low[1] : high[1], low[0] : high[0]] |= near


def _require_columns(strokes: pd.DataFrame) -> None:
    for name in STROKE_COLUMNS:
        if name not in strokes.columns:
            raise InputError(f"strokes have no column '{name}' (columns: {', '.join(map(str, strokes.columns))}): add it")
    numbers = strokes[["x", "y", "width"]].to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers).all(axis=1))[0])
        raise InputError(f"strokes, line {row + 2}: x, y or width is missing: remove the point")


def _points_by_photo(faces: pd.DataFrame) -> dict[str, Points]:
    for name in ("photo_id", "included", *GIVEN_POINTS):
        if name not in faces.columns:
            raise InputError(f"{FACES.name} have no column '{name}': give the table that the study wrote")
    used = faces[faces.included.astype(bool)]
    twice = used.photo_id[used.photo_id.duplicated()]
    if len(twice):
        raise InputError(f"photograph '{twice.iloc[0]}' has several included faces: marks need one, exclude the others")
    corners = used[list(GIVEN_POINTS)].to_numpy(dtype=np.float64).reshape(-1, 5, 2)
    return dict(zip(used.photo_id.astype(str), corners, strict=True))


def _to_crop(photo_id: str, points: Mapping[str, Points], sizes: Mapping[str, tuple[float, float]], crop: CropContract) -> Floats:
    from facies.imaging.alignment import similarity_transform

    if photo_id not in points:
        raise InputError(f"photograph '{photo_id}' was marked but has no included face: leave its strokes out")
    if photo_id not in sizes:
        raise InputError(f"photograph '{photo_id}' was marked but has no size: give its width and height in pixels")
    return similarity_transform(points[photo_id], crop.points())


def _mask(
    strokes: pd.DataFrame | None, sizes: Mapping[str, tuple[float, float]], moves: Mapping[str, Floats], crop: CropContract
) -> NDArray[np.bool_]:  # fmt: skip
    from facies.imaging.alignment import transform_points

    mask = np.zeros((crop.size, crop.size), dtype=bool)
    if strokes is None:
        return mask
    photo_id = str(strokes.photo_id.iloc[0])
    width, height = sizes[photo_id]
    scale = float(np.hypot(*moves[photo_id][:, 0]))
    for _, stroke in strokes.sort_values(["stroke", "point"]).groupby("stroke"):
        corners = np.column_stack([stroke.x * width - 0.5, stroke.y * height - 0.5])
        mask |= stroke_mask(transform_points(corners, moves[photo_id]), float(stroke.width.iloc[0]) * width * scale, crop.size)
    return mask
