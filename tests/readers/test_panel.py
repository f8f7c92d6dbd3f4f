"""Panel means and the notes on them."""

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError, TableError
from facies.readers import panel_means, panel_notes
from facies.tables import PANEL_ESTIMATES


def readings_of(rows, target="perceived_age"):
    table = pd.DataFrame(rows, columns=["reader_id", "photo_id", "repeat", "reading"])
    return table.assign(target=target)


def test_panel_means__are_means_sds_and_counts():
    table = panel_means(readings_of([("r1", "b", 0, 50.0), ("r2", "b", 0, 54.0), ("r1", "a", 0, 30.0)]), target="perceived_age")
    assert table.photo_id.tolist() == ["a", "b"]
    assert table.panel_mean.tolist() == [30, 52]
    assert table.n_readers.tolist() == [1, 2]
    assert table.reading_sd[1] == pytest.approx(np.sqrt(8))
    assert table.std_error[1] == pytest.approx(2)
    assert table.loc[0, ["reading_sd", "std_error"]].isna().all()


def test_panel_means__repeats_of_a_reader_count_as_one_reader():
    table = panel_means(readings_of([("r1", "a", 0, 40.0), ("r1", "a", 1, 44.0), ("r2", "a", 0, 50.0)]), target="perceived_age")
    assert table.panel_mean[0] == 46
    assert table.n_readers[0] == 2


def test_panel_means__photographs_with_too_few_readers_get_no_row():
    rows = [("r1", "a", 0, 40.0), ("r1", "b", 0, 44.0), ("r2", "b", 0, 50.0)]
    assert panel_means(readings_of(rows), target="perceived_age", n_min=2).photo_id.tolist() == ["b"]


def test_panel_means__other_targets_are_left_out():
    both = pd.concat([readings_of([("r1", "a", 0, 40.0)]), readings_of([("r1", "a", 0, 3.0)], target="attractive")])
    assert panel_means(both, target="perceived_age").panel_mean.tolist() == [40]


def test_panel_means__do_not_depend_on_the_order_of_readings():
    rng = np.random.default_rng(0)
    rows = readings_of([(f"r{reader}", f"f{photo}", 0, float(rng.integers(20, 80))) for reader in range(5) for photo in range(4)])
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(panel_means(rows, target="perceived_age"), panel_means(shuffled, target="perceived_age"))


def test_panel_means__wrong_input_is_refused():
    rows = readings_of([("r1", "a", 0, 40.0)])
    with pytest.raises(InputError, match="no readings of 'age' \\(targets: perceived_age\\)"):
        panel_means(rows, target="age")
    with pytest.raises(InputError, match="n_min is 0: choose 1 or more"):
        panel_means(rows, target="perceived_age", n_min=0)
    with pytest.raises(TableError, match="line 3: reader_id r1, photo_id a, target perceived_age, repeat 0 stands twice"):
        panel_means(pd.concat([rows, rows]), target="perceived_age")


def panel_of(n_readers, sd):
    n = len(n_readers)
    return PANEL_ESTIMATES.validate(
        pd.DataFrame({
            "photo_id": [f"f{i}" for i in range(n)], "target": "perceived_age", "panel_mean": 50.0,
            "n_readers": n_readers, "reading_sd": sd, "std_error": np.nan,
        })
    )  # fmt: skip


def test_panel_notes__of_a_large_panel_are_none():
    assert panel_notes(panel_of([27, 30], [6.0, 6.0]), target="perceived_age") == []


def test_panel_notes__name_few_readers_and_unknown_scatter():
    notes = panel_notes(panel_of([9, 10, 3], [np.nan] * 3), target="perceived_age")
    assert notes[0].startswith("2 of 3 photographs have fewer than 10 readers (fewest 3)")
    assert notes[1] == "no photograph has a standard deviation between readers: the label-noise floor is unknown"


def test_panel_notes__of_an_absent_target_are_refused():
    with pytest.raises(InputError, match="no estimates of 'age'"):
        panel_notes(panel_of([9], [6.0]), target="age")
