"""Reading noise by person, the floor and the error of one reader."""

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.readers import leave_one_reader_out, panel_means, panel_noise, reading_noise, summarise_noise
from facies.stats.noise import label_noise_floor


@pytest.fixture(scope="module")
def study():
    """400 people with one photograph, 100 with two; 12 of 30 readers each; residual SD 6."""
    rng = np.random.default_rng(0)
    people = np.concatenate([np.arange(500), np.arange(100)])
    photographs = pd.DataFrame({"photo_id": [f"f{i:03d}" for i in range(600)], "participant_id": [f"p{i:03d}" for i in people]})
    rows = []
    for photo, age in zip(photographs.photo_id, rng.uniform(50, 80, 500)[people], strict=True):
        readers = rng.choice(30, 12, replace=False)
        rows += [(f"r{reader:02d}", photo, 0, value) for reader, value in zip(readers, rng.normal(age, 6, 12), strict=True)]
    readings = pd.DataFrame(rows, columns=["reader_id", "photo_id", "repeat", "reading"]).assign(target="perceived_age")
    return readings, photographs


def value_of(table, metric):
    return table.set_index("metric").loc[metric, "value"]


def test_summarise_noise__recovers_the_simulated_scatter_floor_and_reader(study):
    summary = summarise_noise(reading_noise(*study, target="perceived_age"), target="perceived_age", n_bootstrap=300)
    assert value_of(summary, "reading_sd") == pytest.approx(6, rel=0.02)
    one_photo, two_photos = label_noise_floor(6, 12), label_noise_floor(6, 24)
    assert value_of(summary, "label_noise_floor") == pytest.approx((4 * one_photo + two_photos) / 5, rel=0.02)
    assert value_of(summary, "leave_one_reader_out_mae") == pytest.approx(0.797885 * 6 * np.sqrt(12 / 11), rel=0.02)
    assert (summary.n == 500).all()
    assert ((summary.ci_low < summary.value) & (summary.value < summary.ci_high)).all()


def test_panel_noise__gives_the_floor_of_the_single_readings(study):
    readings, photographs = study
    from_readings = summarise_noise(reading_noise(readings, photographs, target="perceived_age"), target="perceived_age", n_bootstrap=50)
    panel = panel_noise(panel_means(readings, target="perceived_age"), photographs, target="perceived_age")
    from_panel = summarise_noise(panel, target="perceived_age", n_bootstrap=50)
    for metric in ("reading_sd", "label_noise_floor"):
        assert value_of(from_panel, metric) == pytest.approx(value_of(from_readings, metric), rel=1e-9)
    assert np.isnan(value_of(from_panel, "leave_one_reader_out_mae"))


def test_leave_one_reader_out__pooled_error_is_the_n_weighted_mean_over_readers(study):
    table = leave_one_reader_out(*study, target="perceived_age", n_bootstrap=50)
    errors = table[table.metric == "leave_one_reader_out_mae"].set_index("system").value
    readings, _ = study
    n = readings.groupby("reader_id").size().sort_index()
    assert errors["one_reader"] == pytest.approx(np.average(errors.drop("one_reader"), weights=n))
    summary = summarise_noise(reading_noise(*study, target="perceived_age"), target="perceived_age", n_bootstrap=50)
    assert errors["one_reader"] == pytest.approx(value_of(summary, "leave_one_reader_out_mae"))


def test_leave_one_reader_out__n_counts_participants(study):
    table = leave_one_reader_out(*study, target="perceived_age", n_bootstrap=20)
    assert table.n[0] == 500


def test_reading_noise__repeats_count_as_one_reader():
    readings = pd.DataFrame({
        "reader_id": ["r1", "r1", "r2"], "photo_id": "a", "repeat": [0, 1, 0], "reading": [40.0, 44.0, 50.0], "target": "perceived_age",
    })  # fmt: skip
    noise = reading_noise(readings, pd.DataFrame({"photo_id": ["a"], "participant_id": ["p"]}), target="perceived_age")
    assert noise[["sum_squares", "degrees_of_freedom", "n_reader_errors", "reader_error_sum"]].iloc[0].tolist() == [32, 1, 2, 16]


def test_reading_noise__photographs_that_are_not_behind_a_label_are_left_out(study):
    readings, photographs = study
    noise = reading_noise(readings, photographs.iloc[:10], target="perceived_age")
    assert len(noise) == 10
    assert noise.n_photographs.eq(1).all()


def test_reading_noise__wrong_input_is_refused(study):
    readings, photographs = study
    with pytest.raises(InputError, match="no reading belongs to a photograph"):
        reading_noise(readings, photographs.assign(photo_id="x" + photographs.photo_id), target="perceived_age")
    with pytest.raises(InputError, match="photo_id twice"):
        reading_noise(readings, pd.concat([photographs, photographs]), target="perceived_age")
    with pytest.raises(InputError, match="no photograph has two readers"):
        leave_one_reader_out(readings.drop_duplicates("photo_id"), photographs, target="perceived_age")
    with pytest.raises(InputError, match="no reading noise of 'age'"):
        summarise_noise(reading_noise(readings, photographs, target="perceived_age"), target="age")
