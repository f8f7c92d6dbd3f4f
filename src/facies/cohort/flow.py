"""The participant flow: how many were given, how many fell away and why, how many are left."""

from __future__ import annotations

from typing import Any

import pandas as pd

from facies.cohort.consent import is_withdrawn
from facies.cohort.folds import labelled_ids
from facies.errors import InputError

COLUMNS = ["step", "level", "n", "reason"]


def summarise_flow(
    participants: pd.DataFrame,
    photographs: pd.DataFrame,
    *,
    faces: pd.DataFrame | None = None,
    labelled: pd.Series | None = None,
) -> pd.DataFrame:
    """Count participants and photographs at each step; what is given less what is excluded is what is left.

    Parameters
    ----------
    participants, photographs
        The tables; ``photographs`` with ``included`` and ``exclusion_reason``.
    faces
        The table ``faces``, when faces were looked for. A photograph stays if one of its faces is included.
    labelled
        participant_id -> whether the person has a reference to learn from.

    Returns
    -------
    DataFrame
        ``step`` (given; excluded at intake; after intake; excluded at faces; after faces; without label; with label), ``level``
        (participants or photographs), ``n``, ``reason`` (of an exclusion, otherwise empty).

    Raises
    ------
    InputError
        When ``photographs`` has not been assessed, or an included photograph has no row in ``faces``.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2"], "age": [50.0, 60.0]})
    >>> photographs = pd.DataFrame({"photo_id": ["a"], "participant_id": ["p1"], "included": [True], "exclusion_reason": [None]})
    >>> flow = summarise_flow(people, photographs)
    >>> flow[flow.level == "participants"][["step", "n", "reason"]].values.tolist()
    [['given', 2, ''], ['excluded at intake', 1, 'no_photograph'], ['after intake', 1, '']]
    """
    if "included" not in photographs.columns:
        raise InputError("photographs has no column 'included': run assess_photographs first")
    reasons = photographs["exclusion_reason"].where(~photographs["included"].astype(bool))
    rows = _step("photographs", "intake", len(photographs), reasons)
    people, lost = _people_after_intake(participants, photographs)
    rows += _step("participants", "intake", len(participants), lost)
    if faces is not None:
        kept = photographs[photographs["included"].astype(bool)]
        reasons = _reasons_at_faces(kept, faces)
        rows += _step("photographs", "faces", None, reasons)
        owners = kept.loc[reasons.isna().to_numpy(), "participant_id"]
        without = pd.Series("no_usable_face", index=people.index).where(~people.isin(owners))
        rows += _step("participants", "faces", None, without)
        people = people[without.isna()]
    if labelled is not None:
        rows += _labels(people, labelled)
    return pd.DataFrame(rows, columns=COLUMNS)


def _step(level: str, stage: str, n_given: int | None, reasons: pd.Series) -> list[dict[str, Any]]:
    """Return the rows of one step; ``reasons`` is missing where the row stays."""
    given = [] if n_given is None else [_row("given", level, n_given)]
    counts = reasons.dropna().value_counts()
    excluded = [_row(f"excluded at {stage}", level, int(counts[reason]), str(reason)) for reason in sorted(counts.index)]
    return [*given, *excluded, _row(f"after {stage}", level, int(reasons.isna().sum()))]


def _row(step: str, level: str, n: int, reason: str = "") -> dict[str, Any]:
    return {"step": step, "level": level, "n": n, "reason": reason}


def _people_after_intake(participants: pd.DataFrame, photographs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return those who stay, and for everybody the reason for leaving."""
    people = participants["participant_id"].reset_index(drop=True)
    pictured = people.isin(photographs["participant_id"])
    usable = people.isin(photographs.loc[photographs["included"].astype(bool), "participant_id"])
    lost = pd.Series(None, index=people.index, dtype=object)
    lost[~usable] = "no_usable_photograph"
    lost[~pictured] = "no_photograph"
    lost[is_withdrawn(participants.reset_index(drop=True))] = "withdrawn"
    return people[lost.isna()], lost


def _reasons_at_faces(photographs: pd.DataFrame, faces: pd.DataFrame) -> pd.Series:
    """Return for each photograph why no face of it is used; missing when one is."""
    unseen = ~photographs["photo_id"].isin(faces["photo_id"])
    if unseen.any():
        raise InputError(f"photograph {photographs['photo_id'][unseen].iloc[0]} has no row in faces: run the stage `faces` again")
    used = faces.loc[faces["included"].astype(bool), "photo_id"]
    failed = faces[~faces["photo_id"].isin(used)]
    telling = failed.assign(other=failed["exclusion_reason"] == "another_face_chosen").sort_values("other", kind="stable")
    reason = telling.drop_duplicates("photo_id").set_index("photo_id")["exclusion_reason"]
    return photographs["photo_id"].map(reason)


def _labels(people: pd.Series, labelled: pd.Series) -> list[dict[str, Any]]:
    has_label = people.isin(labelled_ids(labelled))
    return [
        _row("without label", "participants", int((~has_label).sum()), "no_reading"),
        _row("with label", "participants", int(has_label.sum())),
    ]
