"""The order in which a reader saw the faces, as covariates of a reading."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.tables import READINGS
from facies.types import Floats

ORDER_COVARIATES = ("position", "previous_face")
"""position: place in the reader's order; previous_face: what the other readers said of the face before."""


def order_problem(readings: pd.DataFrame) -> str:
    """Say why the order of these readings, of one target, cannot be used; empty when it can.

    Examples
    --------
    >>> order_problem(pd.DataFrame({"reader_id": ["r1"], "photo_id": ["a"], "repeat": [0], "reading": [50.0]}))
    'position is not given'
    """
    if "position" not in readings.columns:
        return "position is not given"
    missing = int(readings.position.isna().sum())
    if missing:
        return f"position is missing in {missing} of {len(readings)} readings"
    twice = readings[readings.duplicated(["reader_id", "position"])]
    if len(twice):
        return f"reader {twice.reader_id.iloc[0]} has position {int(twice.position.iloc[0])} twice"
    return "position does not vary" if readings.position.nunique() < 2 else ""


class FaceBefore(NamedTuple):
    """What ``n_readers`` other readers said, on average, of the face before each reading, both (n,); NaN and 0 where nobody did."""

    value: Floats
    n_readers: Floats


def face_before(readings: pd.DataFrame) -> FaceBefore:
    """Return for each reading what the other readers said of the face that the reader saw just before.

    A reading is biased by the face before (Clifford, Watson & White, R Soc Open Sci 2018;5:180841). The reader's own readings of that face
    are left out, so that a reader's bias does not come in. NaN for a reader's first face, where the position before is not among the
    readings, and where nobody else read the face before.

    Parameters
    ----------
    readings
        Table ``readings`` of one target, with ``position``.

    Raises
    ------
    InputError
        When a position is missing or stands twice.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r1", "r2", "r2"], "photo_id": ["a", "b", "a", "b"], "target": "perceived_age",
    ...                          "repeat": 0, "reading": [50.0, 30.0, 54.0, 40.0], "position": [1, 2, 2, 1]})
    >>> face_before(readings).value
    array([nan, 54., 30., nan])
    """
    READINGS.validate(readings)
    problem = order_problem(readings)
    if problem:
        raise InputError(f"{problem}: the face before is not known; leave previous_face out")
    rows = readings.reset_index(drop=True).sort_values(["reader_id", "position"], kind="stable")
    by_reader = rows.groupby("reader_id")
    before = by_reader.photo_id.shift().where(by_reader.position.diff() == 1)
    cells = rows.groupby(["photo_id", "reader_id"]).reading.mean()
    by_photo = cells.groupby("photo_id").agg(["sum", "size"])
    own = pd.MultiIndex.from_arrays([before, rows.reader_id])
    total = by_photo["sum"].reindex(before).to_numpy() - cells.reindex(own).to_numpy()
    others = by_photo["size"].reindex(before).fillna(1).to_numpy(dtype=np.float64) - 1
    values = np.where(others > 0, total / np.where(others > 0, others, 1.0), np.nan)
    found = pd.DataFrame({"value": values, "n_readers": others}, index=rows.index).sort_index()
    return FaceBefore(found.value.to_numpy(dtype=np.float64), found.n_readers.to_numpy(dtype=np.float64))
