"""Writes the photographs that a simulated cohort planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from facies.simulation.cohort import Cohort, faces_to_paint
from facies.simulation.face_parameters import draw_face_parameters
from facies.simulation.painting import paint_jpeg
from facies.simulation.rows import rows_of
from facies.store import write_whole

__all__ = ["faces_to_paint", "iterate_written", "write_photographs"]


def write_photographs(cohort: Cohort, folder: Path, *, size: int = 256, cameras: str = "clinic") -> pd.DataFrame:
    """Paint every photograph of the cohort as a JPEG file without metadata, at its ``path`` below ``folder``.

    Returns
    -------
    pandas.DataFrame
        The parameters of the pictures, one row each.

    Examples
    --------
    >>> import tempfile
    >>> from facies.simulation import simulate_cohort
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     drawn = write_photographs(simulate_cohort(2, random_state=1), Path(folder), size=64)
    ...     sorted(path.name for path in (Path(folder) / "photos").iterdir())
    ['p0001_s1_1.jpg', 'p0002_s1_1.jpg']
    """
    parameters = draw_face_parameters(faces_to_paint(cohort), random_state=cohort.random_state, cameras=cameras)
    for _ in iterate_written(cohort, parameters, folder, size=size):
        pass
    return parameters


def iterate_written(cohort: Cohort, parameters: pd.DataFrame, folder: Path, *, size: int = 256) -> Iterator[Path]:
    """Paint and write one photograph after the other, and yield each file's path once it is there whole."""
    paths = cohort.photographs.set_index("photo_id").path
    for row in rows_of(parameters):
        path = folder / paths[row["photo_id"]]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, paint_jpeg(row, size=size))
        yield path
