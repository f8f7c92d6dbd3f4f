"""What ``facies pretrain`` left behind, as the report shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from facies.cohort import consenting_participants
from facies.store import read_frame, read_json, read_record

STAGE = "pretrain"
SUMMARY = "pretraining.json"
"""Counts, time, what stopped the run, and who was learnt from."""


def read_pretraining(study: Path, participants: pd.DataFrame) -> dict[str, Any]:
    """Return the report's ``pretraining`` and ``pretraining_history``; nothing where the study has learnt no encoder.

    Parameters
    ----------
    participants
        Table ``participants`` as it is now: who was learnt from and has withdrawn since, or is no longer in it, is counted.
    """
    if read_record(study, STAGE) is None:
        return {}
    folder = study / "derived" / STAGE
    told = read_json(folder / SUMMARY)
    gone = set(told.pop("learnt_from")) - set(consenting_participants(participants).participant_id)
    history = read_frame(folder / "history.tsv").replace("n/a", "nan").astype("float64")
    return {"pretraining": told | {"n_gone": len(gone)}, "pretraining_history": history}
