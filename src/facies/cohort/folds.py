"""Folds of people: nobody, and no family, on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.cohort.consent import consenting_participants
from facies.errors import InputError
from facies.tables import PARTICIPANTS, SPLITS

Counts = NDArray[np.int64]
"""Whole numbers, one a person, a family or a fold."""

N_AGE_BANDS = 5
"""A number to stratify by is cut into so many bands of equal size."""

GROUPS = ("participant_id", "family_id")


def assign_folds(
    participants: pd.DataFrame,
    *,
    n_folds: int = 5,
    group: str = "participant_id",
    stratify_by: Sequence[str] | None = ("age", "sex"),
    labelled: pd.Series | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Assign each participant to the fold in which he or she is predicted.

    People or families are dealt one by one, the largest family first, to the fold that has fewest of their age band and sex among
    the folds that are not yet full. Fold sizes differ by at most the size of the largest family, or by 1 without families. The
    answer depends on who takes part and on ``random_state``, not on the order of rows. People who withdrew are left out.

    Parameters
    ----------
    participants
        The table ``participants``.
    n_folds
        2 to the number of labelled people (families).
    group
        ``participant_id``, or ``family_id`` to keep families together; people without a family_id stand alone.
    stratify_by
        Columns to balance; numbers are cut into 5 bands. ``sex`` and ``site`` may be absent. None for no balance.
    labelled
        participant_id -> whether the person has a reference to learn from. The others are in no fold. All are labelled when None.
    random_state
        Seed.

    Returns
    -------
    DataFrame
        The table ``splits``, one row a participant, sorted by participant_id.

    Raises
    ------
    InputError
        When ``n_folds`` is out of range or a named column is absent.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2", "p3", "p4"], "age": [50.0, 51.0, 70.0, 71.0]})
    >>> assign_folds(people, n_folds=2).groupby("fold").size().tolist()
    [2, 2]
    """
    PARTICIPANTS.validate(participants)
    people = consenting_participants(participants).sort_values("participant_id", ignore_index=True)
    has_label = _has_label(people, labelled)
    train = people[has_label].reset_index(drop=True)
    units = _units(train, group)
    n_units = int(units.max()) + 1 if len(units) else 0
    if not 2 <= n_folds <= n_units:
        what = "families and single people with a label" if group == "family_id" else "participants with a label"
        raise InputError(f"n_folds is {n_folds}: choose 2 to {n_units}, the number of {what}" if n_units >= 2 else _too_few(n_units, what))
    folds = _deal(units, _strata(train, stratify_by), n_folds, np.random.default_rng(random_state))
    return _splits(people, has_label, folds)


def _too_few(n: int, what: str) -> str:
    return f"there are {n} {what}, folds need at least 2: add readings or people, or predict with a bundle"


def _has_label(people: pd.DataFrame, labelled: pd.Series | None) -> NDArray[np.bool_]:
    if labelled is None:
        return np.ones(len(people), dtype=bool)
    return people["participant_id"].isin(labelled_ids(labelled)).to_numpy(dtype=bool)


def labelled_ids(labelled: pd.Series) -> pd.Index:
    """Return the participants who have a reference to learn from.

    Raises
    ------
    InputError
        When the answers are not booleans (an age of 0 is a label too) or a participant stands twice.
    """
    if labelled.dtype != bool:
        raise InputError(f"labelled has type {labelled.dtype}: give true or false for each participant, such as y.notna()")
    if labelled.index.duplicated().any():
        raise InputError(f"labelled names {labelled.index[labelled.index.duplicated()][0]} twice: give each participant once")
    return labelled.index[labelled]


def _units(people: pd.DataFrame, group: str) -> Counts:
    """Return the number of each person's family, counted in the order of names."""
    if group not in GROUPS:
        raise InputError(f"group is '{group}': write one of {', '.join(GROUPS)}")
    if group not in people.columns:
        raise InputError("group is 'family_id', which the participants do not have: add the column, or write group = 'participant_id'")
    alone = "\0" + people["participant_id"].astype(str)
    names = people[group].where(people[group].notna(), alone).astype(str)
    return np.asarray(pd.factorize(names, sort=True)[0], dtype=np.int64)


def _strata(people: pd.DataFrame, stratify_by: Sequence[str] | None) -> Counts:
    """Return the number of each person's combination of bands and levels."""
    optional = {column.name for column in PARTICIPANTS.columns if not column.required}
    absent = [name for name in stratify_by or () if name not in people.columns and name not in optional]
    if absent:
        raise InputError(f"stratify_by names '{absent[0]}', which the participants do not have: write columns of the table")
    columns = [_levels(people[name]) for name in stratify_by or () if name in people.columns]
    if not columns or people.empty:
        return np.zeros(len(people), dtype=np.int64)
    _, strata = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    return np.asarray(strata.ravel(), dtype=np.int64)


def _levels(values: pd.Series) -> Counts:
    """Return bands of equal size of a number, or the levels of a category, as whole numbers; -1 is missing."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > N_AGE_BANDS:
        values = pd.qcut(values, N_AGE_BANDS, labels=False, duplicates="drop")
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)


def _deal(
    units: Counts,
    strata: Counts,
    n_folds: int,
    rng: np.random.Generator,
) -> Counts:
    """Return each person's fold.

    A fold may take a unit if it is then at most one largest unit ahead of the smallest fold, which bounds the difference in size.
    """
    members = _members(units)
    sizes = np.array([len(rows) for rows in members])
    chance = rng.random(len(members))
    leading = np.array([strata[rows[0]] for rows in members])
    totals = np.zeros(n_folds, dtype=np.int64)
    counts = np.zeros((n_folds, int(strata.max()) + 1), dtype=np.int64)
    folds = np.empty(len(units), dtype=np.int64)
    for unit in np.lexsort((chance, leading, -sizes)):
        rows = members[unit]
        fold = _choose(totals, counts[:, strata[rows]].sum(axis=1), len(rows), int(sizes.max()), rng.random(n_folds))
        folds[rows] = fold
        totals[fold] += len(rows)
        np.add.at(counts[fold], strata[rows], 1)
    return folds


def _members(units: Counts) -> list[NDArray[np.intp]]:
    order = np.argsort(units, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(units[order])) + 1)


def _choose(totals: Any, alike: Any, size: int, largest: int, chance: Any) -> int:
    """Among the folds that may take the unit, choose the one with fewest alike, then the smallest, then by lot."""
    open_folds = np.flatnonzero(totals + size <= totals.min() + largest)
    ranking = np.lexsort((chance[open_folds], totals[open_folds], alike[open_folds]))
    return int(open_folds[ranking[0]])


def _splits(people: pd.DataFrame, has_label: Any, folds: Any) -> pd.DataFrame:
    fold = np.full(len(people), -1, dtype=np.int64)
    fold[has_label] = folds
    partition = np.where(has_label, "train", "unlabelled").astype(object)
    return SPLITS.validate(pd.DataFrame({"participant_id": people["participant_id"], "fold": fold, "partition": partition}))


def prove_exclusive(
    splits: pd.DataFrame,
    participants: pd.DataFrame,
    photographs: pd.DataFrame,
    *,
    group: str = "participant_id",
) -> dict[str, int]:
    """Count people, families and photographs that stand in more than one fold.

    Returns
    -------
    dict
        ``n_folds``, ``n_participants`` (in folds), ``n_photographs`` (of them), ``n_participants_in_several_folds``,
        ``n_families_in_several_folds`` (0 when there is no family_id; may be above 0 with ``group="participant_id"``),
        ``n_same_bytes_in_several_folds`` (included photographs with equal sha256), ``n_unlabelled_with_family_in_folds``.

    Raises
    ------
    InputError
        When a person, a photograph's bytes, or with ``group="family_id"`` a family stands in more than one fold.
    """
    known = participants.drop_duplicates("participant_id").set_index("participant_id")
    rows = splits.assign(family_id=splits["participant_id"].map(known["family_id"]) if "family_id" in known.columns else np.nan)
    in_folds = rows[rows["fold"] >= 0]
    pictures = photographs.merge(in_folds[["participant_id", "fold"]], on="participant_id")
    pictures = pictures[pictures["included"]] if "included" in pictures.columns else pictures
    unlabelled = rows[rows["fold"] < 0]
    proof = {
        "n_folds": int(in_folds["fold"].nunique()),
        "n_participants": int(in_folds["participant_id"].nunique()),
        "n_photographs": len(pictures),
        "n_participants_in_several_folds": _n_in_several(in_folds, "participant_id"),
        "n_families_in_several_folds": _n_in_several(in_folds, "family_id"),
        "n_same_bytes_in_several_folds": _n_in_several(pictures, "sha256") if "sha256" in pictures.columns else 0,
        "n_unlabelled_with_family_in_folds": int(unlabelled["family_id"].dropna().isin(in_folds["family_id"].dropna()).sum()),
    }
    _require_exclusive(proof, group)
    return proof


def _n_in_several(rows: pd.DataFrame, column: str) -> int:
    return int((rows.dropna(subset=[column]).groupby(column)["fold"].nunique() > 1).sum())


def _require_exclusive(proof: dict[str, int], group: str) -> None:
    forbidden = {"participants": True, "same_bytes": True, "families": group == "family_id"}
    for what, refused in forbidden.items():
        n = proof[f"n_{what}_in_several_folds"]
        if refused and n:
            raise InputError(f"{n} {what.replace('_', ' ')} stand in more than one fold: assign the folds again with `assign_folds`")
