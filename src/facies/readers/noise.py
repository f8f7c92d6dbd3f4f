"""The scatter of readings by person, from which the label-noise floor and the error of one reader are estimated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.readers.panel import average_repeats, panel_of
from facies.stats.agreement import ratio
from facies.stats.noise import MEAN_ABSOLUTE_NORMAL, errors_against_others, scatter_within
from facies.stats.resampling import bootstrap
from facies.tables import METRICS, READING_NOISE
from facies.types import Floats


def reading_noise(readings: pd.DataFrame, photographs: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return the scatter of readings about the mean of their photograph, by person.

    Readers' offsets count as scatter, as they do in a panel whose readers were drawn anew for each photograph; where the same
    readers saw all photographs the floor is therefore an upper one.

    Parameters
    ----------
    readings
        Table ``readings``; photographs that are not in ``photographs`` are left out.
    photographs
        At least ``photo_id`` and ``participant_id``: the photographs behind the labels.
    target
        What was judged.

    Returns
    -------
    Table ``reading_noise``.

    Raises
    ------
    InputError
        When nobody read this target, or no reading belongs to a photograph.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2"], "photo_id": "a", "target": "perceived_age", "repeat": 0,
    ...                          "reading": [50.0, 54.0]})
    >>> noise = reading_noise(readings, pd.DataFrame({"photo_id": ["a"], "participant_id": ["p"]}), target="perceived_age")
    >>> noise[["sum_squares", "degrees_of_freedom", "reader_error_sum"]].iloc[0].tolist()
    [8.0, 1.0, 8.0]
    """
    rows = _of_participants(average_repeats(readings, target=target), photographs)
    values = rows.reading.to_numpy(dtype=np.float64)
    scatter = scatter_within(values, rows.photo_id.to_numpy())
    errors = pd.Series(np.abs(errors_against_others(values, rows.photo_id.to_numpy())), index=rows.photo_id.to_numpy())
    by_photo = pd.DataFrame({
        "photo_id": sorted(rows.photo_id.unique()),
        "sum_squares": scatter.sum_squares,
        "degrees_of_freedom": scatter.degrees_of_freedom,
        "n_readers": scatter.n_readers,
    })  # fmt: skip
    by_photo["reader_error_sum"] = errors.groupby(level=0).sum().reindex(by_photo.photo_id).to_numpy()
    by_photo["n_reader_errors"] = errors.groupby(level=0).count().reindex(by_photo.photo_id).to_numpy(dtype=np.float64)
    return _by_participant(by_photo, photographs, target=target)


def panel_noise(panel_estimates: pd.DataFrame, photographs: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """Return the scatter of readings by person from a panel's SD and number of readers, when single readings are not at hand.

    Photographs without ``reading_sd`` add no scatter; the error of one reader stays missing.

    Returns
    -------
    Table ``reading_noise``.

    Examples
    --------
    >>> panel = pd.DataFrame({"photo_id": ["a"], "target": "perceived_age", "panel_mean": [52.0], "n_readers": [5], "reading_sd": [6.0],
    ...                       "std_error": [2.68]})
    >>> noise = panel_noise(panel, pd.DataFrame({"photo_id": ["a"], "participant_id": ["p"]}), target="perceived_age")
    >>> noise[["sum_squares", "degrees_of_freedom"]].iloc[0].tolist()
    [144.0, 4.0]
    """
    rows = _of_participants(panel_of(panel_estimates, target=target), photographs)
    freedom = (rows.n_readers - 1.0).where(rows.reading_sd.notna(), 0.0)
    by_photo = pd.DataFrame({
        "photo_id": rows.photo_id,
        "sum_squares": (rows.reading_sd.fillna(0.0) ** 2) * freedom,
        "degrees_of_freedom": freedom,
        "n_readers": rows.n_readers.astype(np.float64),
        "reader_error_sum": np.nan,
        "n_reader_errors": 0.0,
    })  # fmt: skip
    return _by_participant(by_photo, photographs, target=target)


def summarise_noise(
    noise: pd.DataFrame, *, target: str, n_bootstrap: int = 2000, level: float = 0.95, random_state: int = 0
) -> pd.DataFrame:
    """Return the SD of one reading, the label-noise floor and the error of one reader, with intervals by participant.

    Returns
    -------
    Table ``metrics``: system ``panel`` with ``reading_sd``, ``label_noise_floor`` and ``leave_one_reader_out_mae``.

    Examples
    --------
    >>> noise = pd.DataFrame({"participant_id": ["p", "q"], "target": "perceived_age", "n_photographs": 1, "sum_squares": [8.0, 10.0],
    ...                       "degrees_of_freedom": 1.0, "noise_factor": 0.5**0.5, "reader_error_sum": [8.0, 9.0], "n_reader_errors": 2.0})
    >>> summarise_noise(noise, target="perceived_age", n_bootstrap=100)[["metric", "value"]].round(2)
                         metric  value
    0                reading_sd   3.00
    1         label_noise_floor   1.69
    2  leave_one_reader_out_mae   4.25
    """
    READING_NOISE.validate(noise)
    rows = noise[noise.target == target]
    if rows.empty:
        raise InputError(f"there is no reading noise of '{target}': compute it with reading_noise or panel_noise")
    intervals = bootstrap(_noise_components(rows), _noise_statistics, n_bootstrap=n_bootstrap, level=level, random_state=random_state)
    metrics = ["reading_sd", "label_noise_floor", "leave_one_reader_out_mae"]
    table = pd.DataFrame({
        "system": "panel", "target": target, "subgroup": "all", "metric": metrics,
        "value": intervals.value, "ci_low": intervals.ci_low, "ci_high": intervals.ci_high, "n": len(rows),
    })  # fmt: skip
    return METRICS.validate(table)


def leave_one_reader_out(
    readings: pd.DataFrame,
    photographs: pd.DataFrame,
    *,
    target: str,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare each reader with the mean of the others on the same photographs.

    Intervals draw participants with replacement; the readers stay as they are.

    Returns
    -------
    Table ``metrics``: system ``one_reader`` (the n-weighted mean over readers) and ``reader <reader_id>``, each with
    ``leave_one_reader_out_mae`` and ``bias``; ``n`` counts participants.

    Raises
    ------
    InputError
        When no photograph has two readers.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2"], "photo_id": "a", "target": "perceived_age", "repeat": 0,
    ...                          "reading": [50.0, 54.0]})
    >>> photographs = pd.DataFrame({"photo_id": ["a"], "participant_id": ["p"]})
    >>> leave_one_reader_out(readings, photographs, target="perceived_age", n_bootstrap=10)[["system", "metric", "value"]].head(2)
           system                    metric  value
    0  one_reader  leave_one_reader_out_mae    4.0
    1  one_reader                      bias    0.0
    """
    rows = _of_participants(average_repeats(readings, target=target), photographs)
    errors = errors_against_others(rows.reading.to_numpy(dtype=np.float64), rows.photo_id.to_numpy())
    rows = rows.assign(error=errors)[np.isfinite(errors)]
    if rows.empty:
        raise InputError(f"no photograph has two readers of '{target}': one reader cannot be compared with others")
    settings = {"n_bootstrap": n_bootstrap, "level": level, "random_state": random_state}
    parts = [("one_reader", rows), *((f"reader {reader}", part) for reader, part in rows.groupby("reader_id", sort=True))]
    return METRICS.validate(pd.concat([_reader_rows(name, part, target, settings) for name, part in parts], ignore_index=True))


def _reader_rows(system: str, rows: pd.DataFrame, target: str, settings: dict[str, Any]) -> pd.DataFrame:
    error = rows.error.to_numpy(dtype=np.float64)
    components = np.column_stack([np.ones_like(error), np.abs(error), error])
    intervals = bootstrap(components, _mean_statistics, clusters=rows.participant_id.to_numpy(dtype=str), **settings)
    return pd.DataFrame({
        "system": system, "target": target, "subgroup": "all", "metric": ["leave_one_reader_out_mae", "bias"],
        "value": intervals.value, "ci_low": intervals.ci_low, "ci_high": intervals.ci_high, "n": rows.participant_id.nunique(),
    })  # fmt: skip


def _mean_statistics(sums: Floats) -> Floats:
    return sums[..., 1:] / sums[..., :1]


def _noise_components(rows: pd.DataFrame) -> Floats:
    columns = ["sum_squares", "degrees_of_freedom", "noise_factor", "reader_error_sum", "n_reader_errors"]
    values = rows[columns].fillna(0.0).to_numpy(dtype=np.float64)
    return np.column_stack([np.ones(len(rows)), values])


def _noise_statistics(sums: Floats) -> Floats:
    n, squares, freedom, factor, errors, n_errors = np.moveaxis(sums, -1, 0)
    sd = np.sqrt(ratio(squares, freedom))
    return np.stack([sd, MEAN_ABSOLUTE_NORMAL * sd * factor / n, ratio(errors, n_errors)], axis=-1)


def _of_participants(rows: pd.DataFrame, photographs: pd.DataFrame) -> pd.DataFrame:
    """Join the participant of each photograph; leave out readings of other photographs."""
    if photographs.photo_id.duplicated().any():
        raise InputError("photographs name a photo_id twice: keep one row")
    joined = rows.merge(photographs[["photo_id", "participant_id"]], on="photo_id", how="inner", validate="many_to_one")
    if joined.empty:
        raise InputError("no reading belongs to a photograph of the table: compare the photo_id columns of both")
    return joined.sort_values("photo_id", kind="stable", ignore_index=True)


def _by_participant(by_photo: pd.DataFrame, photographs: pd.DataFrame, *, target: str) -> pd.DataFrame:
    rows = by_photo.merge(photographs[["photo_id", "participant_id"]], on="photo_id", validate="one_to_one")
    rows["inverse"] = 1 / rows.n_readers
    sums = rows.groupby("participant_id", sort=True).agg(
        n_photographs=("photo_id", "size"),
        sum_squares=("sum_squares", "sum"),
        degrees_of_freedom=("degrees_of_freedom", "sum"),
        noise_factor=("inverse", "sum"),
        reader_error_sum=("reader_error_sum", lambda values: values.sum(min_count=1)),
        n_reader_errors=("n_reader_errors", "sum"),
    )
    sums["noise_factor"] = np.sqrt(sums.noise_factor) / sums.n_photographs
    table = sums.reset_index()
    table.insert(1, "target", target)
    return READING_NOISE.validate(table)
