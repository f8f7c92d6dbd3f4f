"""The participant flow adds up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.cohort import summarise_flow
from facies.errors import InputError

PEOPLE = pd.DataFrame(
    {
        "participant_id": ["p1", "p2", "p3", "p4", "p5"],
        "age": 50.0,
        "consent_scope": ["analysis", "withdrawn", "analysis", "analysis", "analysis"],
    }
)
PHOTOGRAPHS = pd.DataFrame(
    {
        "photo_id": ["a", "b", "c", "d", "e", "f"],
        "participant_id": ["p1", "p1", "p2", "p3", "p5", "p5"],
        "included": [True, False, False, False, True, True],
        "exclusion_reason": [None, "missing_file", "withdrawn", "damaged", None, None],
    }
)
FACES = pd.DataFrame(
    {
        "face_id": ["a_f1", "a_f2", "e_f0", "f_f1", "f_f2"],
        "photo_id": ["a", "a", "e", "f", "f"],
        "included": [True, False, False, False, False],
        "exclusion_reason": [None, "another_face_chosen", "no_face", "another_face_chosen", "blurred"],
    }
)


def counts(flow, level):
    return flow.loc[flow.level == level, ["step", "n", "reason"]].to_numpy().tolist()


def test_flow__each_loss_has_its_reason():
    flow = summarise_flow(PEOPLE, PHOTOGRAPHS, faces=FACES, labelled=pd.Series({"p1": True, "p5": True}))
    assert counts(flow, "photographs") == [
        ["given", 6, ""],
        ["excluded at intake", 1, "damaged"],
        ["excluded at intake", 1, "missing_file"],
        ["excluded at intake", 1, "withdrawn"],
        ["after intake", 3, ""],
        ["excluded at faces", 1, "blurred"],
        ["excluded at faces", 1, "no_face"],
        ["after faces", 1, ""],
    ]
    assert counts(flow, "participants") == [
        ["given", 5, ""],
        ["excluded at intake", 1, "no_photograph"],
        ["excluded at intake", 1, "no_usable_photograph"],
        ["excluded at intake", 1, "withdrawn"],
        ["after intake", 2, ""],
        ["excluded at faces", 1, "no_usable_face"],
        ["after faces", 1, ""],
        ["without label", 0, "no_reading"],
        ["with label", 1, ""],
    ]


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 30), n_photos=st.integers(0, 60), seed=st.integers(0, 1000))
def test_flow__given_less_excluded_is_left(n, n_photos, seed):
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {"participant_id": [f"p{i}" for i in range(n)], "age": 50.0, "consent_scope": rng.choice(["analysis", "withdrawn"], n)}
    )
    owners = rng.integers(0, n, n_photos)
    included = rng.random(n_photos) < 0.7
    included &= people.consent_scope.to_numpy()[owners] != "withdrawn"
    photographs = pd.DataFrame(
        {
            "photo_id": [f"i{i}" for i in range(n_photos)],
            "participant_id": [f"p{i}" for i in owners],
            "included": included,
            "exclusion_reason": np.where(included, None, rng.choice(["damaged", "empty_file"], n_photos)),
        }
    )
    kept = photographs[photographs.included]
    seen = rng.random(len(kept)) < 0.8
    faces = pd.DataFrame({"photo_id": kept.photo_id, "included": seen, "exclusion_reason": np.where(seen, None, "no_face")})
    flow = summarise_flow(people, photographs, faces=faces)
    for level, given_n in (("participants", n), ("photographs", n_photos)):
        rows = flow[flow.level == level].set_index("step").n
        left = given_n
        for stage in ("intake", "faces"):
            left -= rows[rows.index == f"excluded at {stage}"].sum()
            assert rows[f"after {stage}"] == left
    assert flow.n.min() >= 0


def test_flow__photographs_that_were_not_assessed_are_refused():
    with pytest.raises(InputError, match="run assess_photographs first"):
        summarise_flow(PEOPLE, PHOTOGRAPHS.drop(columns="included"))


def test_flow__a_photograph_that_the_faces_lack_is_refused():
    with pytest.raises(InputError, match="photograph e has no row in faces"):
        summarise_flow(PEOPLE, PHOTOGRAPHS, faces=FACES[FACES.photo_id != "e"])
