from __future__ import annotations

import pandas as pd
import pytest

from facies.cohort.flow import summarise_flow
from facies.errors import InputError
from facies.report.flow import flow_steps


def test_flow__counts_made_by_cohort_add_up() -> None:
    people = pd.DataFrame({"participant_id": ["a", "b", "c", "d"], "age": [50.0, 60.0, 70.0, 80.0]})
    photographs = pd.DataFrame(
        {
            "photo_id": ["1", "2", "3"], "participant_id": ["a", "b", "c"], "included": [True, True, False],
            "exclusion_reason": [None, None, "truncated"],
        }
    )  # fmt: skip
    faces = pd.DataFrame({"photo_id": ["1", "2"], "included": [True, False], "exclusion_reason": [None, "blurred"]})
    steps = flow_steps(summarise_flow(people, photographs, faces=faces, labelled=pd.Series({"a": True})))
    assert [step.remaining for step in steps] == [
        {"photographs": 3, "participants": 4}, {"photographs": 2, "participants": 2}, {"photographs": 1, "participants": 1},
        {"participants": 1},
    ]  # fmt: skip
    assert steps[2].left == {"photographs": {"blurred": 1}, "participants": {"no_usable_face": 1}}


def test_flow__that_ends_with_people_leaving_is_refused() -> None:
    flow = pd.DataFrame({"step": ["given", "lost"], "level": "participants", "n": [3, 1], "reason": ["", "withdrawn"]})
    with pytest.raises(InputError, match="add how many remained"):
        flow_steps(flow)
