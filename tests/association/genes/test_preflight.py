"""Who is lost, and why, before anything is analysed."""

import numpy as np
import pandas as pd
import pytest

from facies.association.genes.preflight import preflight, summarise_preflight
from facies.cohort.identifiers import near_identifiers, why_differ
from facies.errors import InputError

PEOPLE = pd.DataFrame({"participant_id": ["0012", "p2", "p3", "p4", "p5"], "age": 60.0})
PHOTOGRAPHS = pd.DataFrame(
    {
        "photo_id": list("abcdef"),
        "participant_id": ["0012", "p2", "p3", "p4", "x9", "p2"],
        "path": "x.jpg",
        "included": [True, True, True, False, True, True],
    }
)
PREDICTIONS = pd.DataFrame(
    {"participant_id": ["0012", "p2", "p3", "p2"], "model_id": ["a", "a", "a", "b"], "observed": [50.0, np.nan, 61.0, np.nan]}
)
OUTCOMES = pd.DataFrame({"participant_id": ["0012", "p2", "p3", "p4"], "copd": 1.0})
GENOTYPED = ["12", "p2", "P3", "p5", "zz"]


def table(**asked):
    return preflight(PEOPLE, PHOTOGRAPHS, PREDICTIONS, OUTCOMES, GENOTYPED, **asked).set_index("participant_id")


def test_preflight__names_everybody_once_with_what_is_lacking_first():
    rows = table()
    assert rows.index.tolist() == ["0012", "p2", "p3", "p4", "p5", "12", "P3", "x9", "zz"]
    assert rows.reason.to_dict() == {
        "0012": "not in the genotypes",
        "p2": "no human perceived age",
        "p3": "not in the genotypes",
        "p4": "no photograph that can be used",
        "p5": "no photograph that can be used",
        "12": "not in the participants' table",
        "P3": "not in the participants' table",
        "x9": "not in the participants' table",
        "zz": "not in the participants' table",
    }
    assert not rows.complete.any()
    assert rows.genotyped.tolist() == [False, True, False, False, True, True, True, False, True]


def test_preflight__near_misses_are_named_in_both_directions():
    rows = table(near=near_identifiers, why_differ=why_differ)
    assert rows.reason["0012"] == "not in the genotypes; '12' is there: leading zeros differ"
    assert rows.reason["12"] == "not in the participants' table; '0012' is there: leading zeros differ"
    assert rows.reason["P3"] == "not in the participants' table; 'p3' is there: upper and lower case differ"
    assert rows.reason["x9"] == "not in the participants' table"


def test_preflight__what_the_study_does_not_ask_for_is_no_reason():
    rows = preflight(PEOPLE, PHOTOGRAPHS, PREDICTIONS).set_index("participant_id")
    assert rows.complete["0012"]
    rows = table(needs=["in_participants", "genotyped"])
    assert rows.complete[rows.complete].index.tolist() == ["p2", "p5"]
    with pytest.raises(InputError, match="'genes' cannot be needed"):
        table(needs=["genes"])


def test_preflight__people_without_readings_are_no_loss_where_nobody_has_any():
    rows = preflight(PEOPLE, PHOTOGRAPHS, PREDICTIONS.assign(observed=np.nan)).set_index("participant_id")
    assert rows.complete["p2"]


def test_preflight__withdrawn_people_are_never_complete():
    people = PEOPLE.assign(consent_scope=["withdrawn", "analysis", "analysis", "analysis", "analysis"])
    rows = preflight(people, PHOTOGRAPHS, PREDICTIONS, needs=["in_participants"]).set_index("participant_id")
    assert rows.reason["0012"] == "withdrew consent"
    assert rows.complete["p2"]


def test_summarise_preflight__counts_everybody_who_is_lost():
    rows = table(near=near_identifiers, why_differ=why_differ)
    summary = summarise_preflight(rows.reset_index())
    assert summary.reason.tolist()[0] == "not in the participants' table"
    assert summary.n.tolist() == [4, 2, 2, 1]
    assert summary.n.sum() == (~rows.complete).sum()
    assert summary.hint[0] == "'0012' is there: leading zeros differ"
    assert summarise_preflight(rows[rows.complete].reset_index()).empty
