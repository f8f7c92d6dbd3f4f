"""From single readings to one number a photograph."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.tables import PANEL_ESTIMATES, READINGS

FEW_READERS = 10
"""Fewer readers than this do not give a reproducible mean (Gunn et al., Rejuvenation Res 2008;11:971-976)."""


def average_repeats(readings: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return one row a reader and photograph: a reader's repeats count as one reading, their mean.

    Raises
    ------
    InputError
        When nobody read this target.
    """
    READINGS.validate(readings)
    rows = readings[readings.target == target]
    if rows.empty:
        have = ", ".join(sorted(map(str, readings.target.unique()))) or "none"
        raise InputError(f"there are no readings of '{target}' (targets: {have}): name one of these")
    return rows.groupby(["photo_id", "reader_id"], sort=True).reading.mean().reset_index()


def panel_means(readings: pd.DataFrame, *, target: str, n_min: int = 1) -> pd.DataFrame:
    """Average the readers of each photograph.

    This is the plain mean; readers' offsets are not removed. Photographs with fewer than ``n_min`` readers get no row.

    Parameters
    ----------
    readings
        Table ``readings``.
    target
        What was judged, such as ``"perceived_age"``.
    n_min
        Readers that a photograph needs.

    Returns
    -------
    Table ``panel_estimates``, photographs in sorted order. ``reading_sd`` is missing where one reader read.

    Raises
    ------
    InputError
        When nobody read this target, or ``n_min`` is below 1.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2", "r2"], "photo_id": "a", "target": "perceived_age",
    ...                          "repeat": [0, 0, 1], "reading": [50.0, 54.0, 58.0]})
    >>> panel_means(readings, target="perceived_age")[["photo_id", "panel_mean", "n_readers"]]
      photo_id  panel_mean  n_readers
    0        a        53.0          2
    """
    if n_min < 1:
        raise InputError(f"n_min is {n_min}: choose 1 or more readers")
    by_photo = average_repeats(readings, target=target).groupby("photo_id").reading
    means = by_photo.agg(panel_mean="mean", n_readers="size", reading_sd="std").reset_index()
    means = means[means.n_readers >= n_min].reset_index(drop=True)
    means.insert(1, "target", target)
    means["std_error"] = means.reading_sd / np.sqrt(means.n_readers)
    return PANEL_ESTIMATES.validate(means)


def panel_notes(panel_estimates: pd.DataFrame, *, target: str) -> list[str]:
    """Say in a line each what a reader of the results should know about the panel; an empty list when nothing.

    Examples
    --------
    >>> panel = pd.DataFrame({"photo_id": ["a", "b"], "target": "perceived_age", "panel_mean": [50.0, 60.0], "n_readers": [4, 30],
    ...                       "reading_sd": [5.0, 6.0], "std_error": [2.5, 1.1]})
    >>> panel_notes(panel, target="perceived_age")
    ['1 of 2 photographs have fewer than 10 readers (fewest 4): their mean is hard to reproduce (Gunn 2008)']
    """
    rows = panel_of(panel_estimates, target=target)
    few = int((rows.n_readers < FEW_READERS).sum())
    notes = []
    if few:
        fewest = int(rows.n_readers.min())
        notes.append(
            f"{few} of {len(rows)} photographs have fewer than {FEW_READERS} readers (fewest {fewest}): "
            "their mean is hard to reproduce (Gunn 2008)"
        )
    if rows.reading_sd.isna().all():
        notes.append("no photograph has a standard deviation between readers: the label-noise floor is unknown")
    return notes


def panel_of(panel_estimates: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return the checked rows of one target."""
    PANEL_ESTIMATES.validate(panel_estimates)
    rows = panel_estimates[panel_estimates.target == target]
    if rows.empty:
        have = ", ".join(sorted(map(str, panel_estimates.target.unique()))) or "none"
        raise InputError(f"the panel has no estimates of '{target}' (targets: {have}): name one of these")
    return rows
