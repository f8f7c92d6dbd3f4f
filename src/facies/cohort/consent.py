"""People who withdrew: their photographs are not opened and they are in no fold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.tables import PARTICIPANTS, PHOTOGRAPHS


def is_withdrawn(participants: pd.DataFrame) -> pd.Series:
    """Return for each row whether the person withdrew; False where no consent is recorded."""
    if "consent_scope" not in participants.columns:
        return pd.Series(False, index=participants.index)
    return participants["consent_scope"] == "withdrawn"


def consenting_participants(participants: pd.DataFrame) -> pd.DataFrame:
    """Return the participants who did not withdraw, index from 0.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2"], "age": [50.0, 60.0], "consent_scope": ["analysis", "withdrawn"]})
    >>> consenting_participants(people).participant_id.tolist()
    ['p1']
    """
    return participants[~is_withdrawn(participants)].reset_index(drop=True)


def exclude_withdrawn(photographs: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Mark the photographs of people who withdrew, before any of them is opened.

    A row that the user marked ``included`` false without a reason gets the reason ``excluded_by_user``.
    """
    PHOTOGRAPHS.validate(photographs)
    PARTICIPANTS.validate(participants)
    marked = with_inclusion(photographs)
    withdrawn = marked["participant_id"].isin(participants.loc[is_withdrawn(participants), "participant_id"])
    return exclude(marked, withdrawn, "withdrawn")


def with_inclusion(photographs: pd.DataFrame) -> pd.DataFrame:
    """Return the photographs with ``included`` and ``exclusion_reason``, which agree with each other."""
    marked = photographs.reset_index(drop=True)
    if "included" not in marked.columns:
        marked["included"] = True
    if "exclusion_reason" not in marked.columns:
        marked["exclusion_reason"] = pd.Series(np.nan, index=marked.index, dtype=object)
    unexplained = ~marked["included"] & marked["exclusion_reason"].isna()
    marked["exclusion_reason"] = marked["exclusion_reason"].astype(object).mask(marked["included"], np.nan)
    marked.loc[unexplained, "exclusion_reason"] = "excluded_by_user"
    return marked


def exclude(photographs: pd.DataFrame, which: pd.Series, reason: str) -> pd.DataFrame:
    """Return the photographs with those of ``which`` excluded that were not excluded before."""
    now = which.to_numpy(dtype=bool) & photographs["included"].to_numpy(dtype=bool)
    marked = photographs.copy()
    marked.loc[now, "included"] = False
    marked.loc[now, "exclusion_reason"] = reason
    return marked
