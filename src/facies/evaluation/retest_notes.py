"""What a reader of the test-retest error should know: where it comes from, what it lacks, and signs that it does not hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.stats.test_retest import MeasurementError

FEW_DEGREES = 10
"""Degrees of freedom below which the error is said to be badly known."""

FEWEST_GROUPS = 10
"""Groups of repeats, and people seen twice, from which signs are looked for."""


def retest_notes(
    repeats: pd.DataFrame, error: MeasurementError, changes: pd.DataFrame, *, faces: pd.DataFrame, visits: pd.DataFrame, stable: set[str],
    level: float = 0.95,
) -> list[str]:  # fmt: skip
    """Return sentences without full stops.

    Parameters
    ----------
    repeats
        Scored faces that have repeats: ``participant_id visit group face_id score``.
    changes
        ``participant_id first second change ci_low ci_high``.
    faces
        ``face_id participant_id session_id`` and perhaps ``device`` and ``perceptual_hash``.
    visits
        ``participant_id session_id visit first``.
    stable
        People who are taken for unchanged.
    """
    found = [
        _about_repeats(repeats, error),
        _about_copies(repeats, faces),
        _about_visits(error, changes),
        _about_spread(repeats),
        _about_drift(changes, stable, level),
        _about_devices(changes, faces, visits),
        _about_views(changes, visits),
        _about_many(changes, level),
    ]
    return [note for note in found if note]


def _about_repeats(repeats: pd.DataFrame, error: MeasurementError) -> str:
    if repeats.empty:
        return "nobody has two photographs of one view in one visit: the error between photographs is not known"
    freedom = error.repeats.degrees_of_freedom
    if freedom == 0:
        return "repeat photographs have exactly equal scores and look like copies of one picture: the error is not known"
    if freedom < FEW_DEGREES:
        return f"the error between photographs has only {freedom} degrees of freedom: intervals of single people are wide"
    return ""


def _about_copies(repeats: pd.DataFrame, faces: pd.DataFrame) -> str:
    """Say how many repeats have the perceptual hash of another of their group: copies, or a very still sitter."""
    if "perceptual_hash" not in faces.columns or repeats.empty:
        return ""
    hashes = repeats["face_id"].map(faces.set_index("face_id")["perceptual_hash"])
    alike = repeats.assign(perceptual_hash=hashes).dropna(subset=["perceptual_hash"]).duplicated(["group", "perceptual_hash"], keep=False)
    n = int(alike.sum())
    if not n:
        return ""
    return f"{n} of {len(repeats)} repeat photographs look just like another of their visit: if they are copies, the error is too small"


def _about_visits(error: MeasurementError, changes: pd.DataFrame) -> str:
    if changes.empty:
        return ""
    if error.visits is not None and error.knows_visits:
        return f"errors of changes hold what visits add, from {error.visits.n_people} controls who were seen more than once"
    return (
        "too few controls were seen more than once: what another day adds (light, camera, weight of the day) is not in the errors of "
        "changes, which are too small by that"
    )


def _about_spread(repeats: pd.DataFrame) -> str:
    from scipy.stats import kendalltau

    groups = repeats.groupby("group")["score"].agg(["mean", "std"])
    if len(groups) < FEWEST_GROUPS or groups["std"].nunique() < 3:
        return ""
    tau, p_value = kendalltau(groups["mean"], groups["std"])
    if p_value >= 0.01:
        return ""
    more, less = ("high", "low") if tau > 0 else ("low", "high")
    return (
        f"photographs scatter more where the score is {more} (Kendall's tau {tau:.2f}): one error for all is too small for {more} scores "
        f"and too large for {less} ones"
    )


def _about_drift(changes: pd.DataFrame, stable: set[str], level: float) -> str:
    """Say whether the scores of people who stay controls moved in one direction."""
    from scipy.stats import t

    own = changes[changes["participant_id"].isin(stable)]
    last = own.sort_values("second").groupby("participant_id")["change"].last()
    n = len(last)
    if n < FEWEST_GROUPS:
        return ""
    half = float(t.ppf((1 + level) / 2, n - 1) * last.std() / np.sqrt(n))
    low, high = last.mean() - half, last.mean() + half
    if low <= 0 <= high:
        return ""
    return (
        f"{n} controls changed too, on average by {last.mean():.2f} ({low:.2f} to {high:.2f}): cameras or rooms changed with time, and "
        "changes of patients hold that as well"
    )


def _about_devices(changes: pd.DataFrame, faces: pd.DataFrame, visits: pd.DataFrame) -> str:
    if "device" not in faces.columns or changes.empty:
        return ""
    joined = faces.merge(visits[["participant_id", "session_id", "visit"]], on=["participant_id", "session_id"])
    devices = joined.dropna(subset=["device"]).groupby("visit")["device"].agg(frozenset)
    first, second = (changes[name].map(devices) for name in ("first", "second"))
    known = first.notna() & second.notna()
    n = sum(one.isdisjoint(other) for one, other in zip(first[known], second[known], strict=True))
    return f"{n} of {len(changes)} changes are between photographs of different cameras" if n else ""


def _about_views(changes: pd.DataFrame, visits: pd.DataFrame) -> str:
    n = int((visits["visit"] != visits["first"]).sum()) - len(changes)
    return f"{n} later visits share no view with the first and have no change" if n else ""


def _about_many(changes: pd.DataFrame, level: float) -> str:
    n = int(changes["ci_low"].notna().sum())
    if n < 2:
        return ""
    return f"of {n} changes about {max(1, round((1 - level) * n))} would be called lower or higher by error alone"
