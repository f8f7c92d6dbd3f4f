"""Strokes on photographs arrive at the right place of the aligned crop."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.imaging.alignment import transform_points
from facies.imaging.atlas import region_labels
from facies.readers import mark_regions, paint_crops, stroke_mask
from facies.records import CropContract
from facies.tables import GIVEN_POINTS, REGIONS

CROP = CropContract(((0.34, 0.42), (0.66, 0.42), (0.5, 0.577), (0.369, 0.737), (0.631, 0.737)), size=120)
WIDTH, HEIGHT = 640.0, 480.0
TURN = np.array([[2.0, -0.5, 160.0], [0.5, 2.0, 90.0]])
"""From the crop to the photograph: larger, turned and shifted."""


def faces_of(*photo_ids, included=True):
    corners = transform_points(CROP.points(), TURN).ravel()
    return pd.DataFrame(
        [[f"{name}_0", name, included, *corners] for name in photo_ids], columns=["face_id", "photo_id", "included", *GIVEN_POINTS]
    )


def strokes_of(crop_points, width, *, reader="r1", photo="a", stroke=0):
    """Return a stroke on the photograph that runs through these pixels of the crop."""
    x, y = transform_points(np.asarray(crop_points, dtype=float), TURN).T + 0.5
    scale = np.hypot(*TURN[:, 0])
    return pd.DataFrame({
        "reader_id": reader, "photo_id": photo, "target_condition": "acromegaly", "repeat": 0, "stroke": stroke,
        "point": range(len(x)), "x": x / WIDTH, "y": y / HEIGHT, "width": width * scale / WIDTH,
    })  # fmt: skip


def paint(strokes, **more):
    return paint_crops(strokes, faces_of("a"), {"a": (WIDTH, HEIGHT)}, CROP, **more)


def test_stroke_mask__a_dot_is_a_disc_and_a_line_has_its_area():
    dot = stroke_mask(np.array([[50.0, 30.0]]), 20, 100)
    y, x = np.mgrid[0:100, 0:100]
    assert (dot == (np.hypot(x - 50, y - 30) <= 10)).all()
    line = stroke_mask(np.array([[20.0, 50.0], [80.0, 50.0]]), 20, 100)
    assert line.sum() == pytest.approx(60 * 21 + np.pi * 100, rel=0.02)
    assert not stroke_mask(np.array([[-50.0, -50.0], [-20.0, -90.0]]), 10, 100).any()


def test_paint_crops__a_stroke_lies_where_it_was_drawn_on_the_face_whatever_the_photographs_scale_and_turn():
    line = [[60.0, 20.0], [75.0, 40.0]]
    painted = paint(strokes_of(line, 12.0))
    assert (painted.brushes[0].mask == stroke_mask(np.array(line), 12.0, 120)).mean() > 0.999
    assert painted.points["a"] == pytest.approx(CROP.points())


def test_paint_crops__a_brush_over_the_chin_marks_the_chin():
    chin = np.argwhere(region_labels(CROP) == REGIONS.index("chin"))[:, ::-1]
    painted = paint(strokes_of([chin.mean(axis=0)], 16.0))
    marks = mark_regions(painted.brushes, CROP, points=painted.points).set_index("region").marked
    assert marks["chin"] > 0.2
    assert marks.drop("chin").max() < 0.05


def test_paint_crops__several_strokes_are_one_mask_and_a_reading_without_stroke_is_empty():
    strokes = pd.concat([strokes_of([[30.0, 60.0]], 8), strokes_of([[90.0, 60.0]], 8, stroke=1)])
    asked = pd.DataFrame({"reader_id": ["r1", "r2"], "photo_id": "a", "target_condition": "acromegaly", "repeat": 0})
    masks = {brush.reader_id: brush.mask for brush in paint(strokes, asked=asked).brushes}
    assert masks["r1"][60, 30]
    assert masks["r1"][60, 90]
    assert not masks["r1"][60, 60]
    assert not masks["r2"].any()


def test_paint_crops__refuses_what_it_cannot_place():
    strokes = strokes_of([[60.0, 60.0]], 8)
    with pytest.raises(InputError, match="photograph 'a' was marked but has no included face"):
        paint_crops(strokes, faces_of("a", included=False), {"a": (WIDTH, HEIGHT)}, CROP)
    with pytest.raises(InputError, match="photograph 'a' has several included faces"):
        paint_crops(strokes, faces_of("a", "a"), {"a": (WIDTH, HEIGHT)}, CROP)
    with pytest.raises(InputError, match="photograph 'a' was marked but has no size"):
        paint_crops(strokes, faces_of("a"), {}, CROP)
    with pytest.raises(InputError, match="strokes have no column 'width'"):
        paint(strokes.drop(columns="width"))
    with pytest.raises(InputError, match="strokes, line 2: x, y or width is missing"):
        paint(strokes.assign(x=np.nan))
