"""Simulated readers do what their settings say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from facies.errors import InputError
from facies.readers import ReadingDesign, assign_readings, panel_means
from facies.simulation import AgeReaders, DiagnosticReaders, simulate_age_readings, simulate_diagnostic_readings
from facies.stats.auc import auc_interval
from facies.tables import READINGS

N = 400
PHOTOGRAPHS = pd.DataFrame({"photo_id": [f"f{i:03d}" for i in range(N)], "participant_id": [f"p{i:03d}" for i in range(N)]})
AGES = pd.Series(np.random.default_rng(0).normal(60, 8, N), index=PHOTOGRAPHS.photo_id)
READERS = [f"r{i:02d}" for i in range(20)]


def plan_of(readers=READERS, target="perceived_age", **design):
    return assign_readings(PHOTOGRAPHS, readers, targets=[target], design=ReadingDesign(**design))


def test_simulate_age_readings__exact_readers_say_what_is_to_be_seen():
    found = simulate_age_readings(plan_of(["a", "b"]), AGES, AgeReaders(offset_sd=0, reading_sd=0))
    assert found.readings.reading.to_numpy() == pytest.approx(found.readings.photo_id.map(AGES).to_numpy())
    READINGS.validate(found.readings)


def test_simulate_age_readings__offsets_noise_and_what_repeats_share_are_of_the_size_that_was_set():
    settings = AgeReaders(offset_sd=3, reading_sd=4, interaction_sd=3)
    plan = plan_of([f"r{i:03d}" for i in range(60)], repeat_fraction=0.3)
    found = simulate_age_readings(plan, AGES, settings, random_state=1)
    rest = found.readings.reading - found.readings.photo_id.map(AGES)
    by_reader = rest.groupby(found.readings.reader_id)
    assert by_reader.mean().std() == pytest.approx(3, rel=0.25)
    assert by_reader.std().mean() == pytest.approx(5, rel=0.02)
    assert by_reader.mean().to_numpy() == pytest.approx(found.readers.offset.to_numpy(), abs=0.8)
    both = found.readings.pivot(index=["reader_id", "photo_id"], columns="repeat", values="reading").dropna()
    assert (both[1] - both[0]).std() / np.sqrt(2) == pytest.approx(4, rel=0.03)


def test_simulate_age_readings__the_face_before_pulls_by_the_share_that_was_set():
    found = simulate_age_readings(plan_of(), AGES, AgeReaders(serial=0.1), random_state=2)
    rows = found.readings.merge(found.trials, on=["reader_id", "photo_id", "repeat", "position"]).dropna(subset="previous")
    slope = np.polyfit(rows.previous - rows.seen, rows.reading - rows.seen, 1)[0]
    assert slope == pytest.approx(0.1, abs=0.02)
    none = simulate_age_readings(plan_of(), AGES, AgeReaders(), random_state=2)
    rows = none.readings.merge(none.trials, on=["reader_id", "photo_id", "repeat", "position"]).dropna(subset="previous")
    assert np.polyfit(rows.previous - rows.seen, rows.reading - rows.seen, 1)[0] == pytest.approx(0, abs=0.02)


def test_simulate_age_readings__training_and_attention_cases_are_seen_but_not_among_the_readings():
    plan = plan_of(["a"], training=("t",), attention=("c",))
    ages = pd.concat([AGES, pd.Series({"t": 0.0, "c": 100.0})])
    found = simulate_age_readings(plan, ages, AgeReaders(offset_sd=0, reading_sd=0, serial=0.5))
    assert set(found.readings.photo_id) == set(PHOTOGRAPHS.photo_id)
    first = found.trials.iloc[0]
    assert (first.position, first.previous, first.expected) == (2, 0.0, first.seen / 2)
    assert (found.trials.previous == 100).sum() == 1


def test_simulate_age_readings__bins_are_midpoints_without_bias_and_add_their_variance():
    exact = simulate_age_readings(plan_of(), AGES, AgeReaders(), random_state=3).readings
    binned = simulate_age_readings(plan_of(), AGES, AgeReaders(bin_years=5), random_state=3).readings
    assert set((binned.reading % 5).unique()) == {2.0}
    rounding = binned.reading - exact.reading
    assert rounding.mean() == pytest.approx(0, abs=0.05)
    assert rounding.var() == pytest.approx(25 / 12, rel=0.05)


def test_simulate_age_readings__careless_readers_are_quick_and_know_nothing():
    found = simulate_age_readings(plan_of(), AGES, AgeReaders(careless=0.1, reading_sd=4), random_state=4)
    careless = set(found.readers.reader_id[found.readers.careless])
    assert len(careless) == 2
    rows = found.readings.assign(seen=found.readings.photo_id.map(AGES), careless=found.readings.reader_id.isin(careless))
    r = rows.groupby("careless")[["reading", "seen"]].apply(lambda part: part.reading.corr(part.seen))
    seconds = rows.groupby("careless").seconds.median()
    assert abs(r[True]) < 0.1
    assert r[False] > 0.8
    assert seconds[True] < 0.3 * seconds[False]


def test_simulate_age_readings__panel_means_come_near_the_truth_as_the_noise_says():
    found = simulate_age_readings(plan_of(), AGES, AgeReaders(offset_sd=0, reading_sd=6), random_state=5)
    means = panel_means(found.readings, target="perceived_age").set_index("photo_id").panel_mean
    assert (means - AGES).abs().mean() == pytest.approx(0.798 * 6 / np.sqrt(20), rel=0.1)


def test_simulate_age_readings__is_the_same_again():
    one, other = (simulate_age_readings(plan_of(["a"]), AGES, random_state=6).readings for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


HAS = pd.Series((np.arange(N) % 2).astype(float), index=PHOTOGRAPHS.photo_id)
LEVELS = {reader: ("resident", "specialist", "expert")[i % 3] for i, reader in enumerate(READERS)}


def scores_of(readings):
    return readings.assign(
        score=(2 * readings.reading - 1) * readings.confidence, observed=readings.photo_id.map(HAS).to_numpy(dtype=float)
    )


def test_simulate_diagnostic_readings__each_level_has_its_auc_sensitivity_and_specificity():
    found = simulate_diagnostic_readings(plan_of(target="acromegaly"), HAS, LEVELS, target="acromegaly", random_state=1)
    rows = scores_of(found.readings).merge(found.readers, on="reader_id")
    truth = found.readers.groupby("level").first()
    assert truth.auc.round(6).to_dict() == {"expert": 0.92, "resident": 0.75, "specialist": 0.85}
    for level, part in rows.groupby("level"):
        aucs = [auc_interval(each.score.to_numpy(), each.observed.to_numpy()).value for _, each in part.groupby("reader_id")]
        assert np.mean(aucs) == pytest.approx(truth.auc[level], abs=0.03)
        assert part.reading[part.observed == 1].mean() == pytest.approx(truth.sensitivity[level], abs=0.06)
        assert 1 - part.reading[part.observed == 0].mean() == pytest.approx(0.9, abs=0.04)
    assert rows.confidence.between(0, 100).all()


def test_simulate_diagnostic_readings__scores_share_what_is_typical_of_a_face():
    settings = DiagnosticReaders(shared=0.5, interaction=0.2)
    plan = plan_of(["a", "b"], target="x", repeat_fraction=1.0)
    found = simulate_diagnostic_readings(plan, HAS, dict.fromkeys("ab", "expert"), settings, target="x", random_state=2)
    wide = found.trials[found.trials.observed == 0].pivot(index="photo_id", columns=["reader_id", "repeat"], values="suspicion")
    assert wide["a", 0].corr(wide["b", 0]) == pytest.approx(0.5, abs=0.12)
    assert wide["a", 0].corr(wide["a", 1]) == pytest.approx(0.7, abs=0.1)


def test_simulate_diagnostic_readings__help_adds_the_gain_to_the_auc_and_gives_a_second_reading():
    settings = DiagnosticReaders(aided_gain=0.1, aucs={"resident": 0.7})
    plan = plan_of(target="x", arms="split")
    found = simulate_diagnostic_readings(plan, HAS, dict.fromkeys(READERS, "resident"), settings, target="x", random_state=3)
    counts = found.readings.target.value_counts()
    assert counts["x"] == 2 * counts["x[aided]"] == len(plan)
    aucs = {
        target: auc_interval(part.score.to_numpy(), part.observed.to_numpy()).value
        for target, part in scores_of(found.readings).groupby("target")
    }
    assert aucs["x"] == pytest.approx(0.7, abs=0.03)
    assert aucs["x[aided]"] == pytest.approx(0.8, abs=0.03)
    assert found.readers.auc_aided.round(6).unique().tolist() == [0.8]


def test_simulate_diagnostic_readings__thresholds_and_separations_vary_as_set():
    settings = DiagnosticReaders(separation_sd=0.3, criterion_sd=0.5)
    many = [f"r{i:03d}" for i in range(300)]
    few = PHOTOGRAPHS.head(4)
    plan = assign_readings(few, many, targets=["x"])
    readers = simulate_diagnostic_readings(plan, HAS, dict.fromkeys(many, "expert"), settings, target="x").readers
    assert readers.criterion.std() == pytest.approx(0.5, rel=0.15)
    assert readers.separation.std() == pytest.approx(0.3, rel=0.15)
    assert readers.criterion.mean() == pytest.approx(norm.ppf(0.9), abs=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AgeReaders(serial=1.5), "serial is 1.5: choose 0 to 1"),
        (lambda: AgeReaders(reading_sd=-1), "reading_sd is -1: choose 0 or more"),
        (lambda: DiagnosticReaders(aucs={"expert": 0.98}), "the AUC of 'expert' is 0.98 .with help 1.01.: choose 0.5 to less than 1"),
        (lambda: DiagnosticReaders(shared=0.8), "add up to 1 at most"),
        (lambda: simulate_age_readings(plan_of(["a"]), AGES, target="x"), r"no readings of 'x' \(targets: perceived_age\)"),
        (lambda: simulate_age_readings(plan_of(["a"]), AGES.iloc[1:]), "photograph 'f000' of the plan has no age"),
        (lambda: simulate_diagnostic_readings(plan_of(["a"], target="x"), HAS, {"a": "boss"}, target="x"), "has the level 'boss'"),
    ],
)
def test_refusals__say_in_one_line_what_to_do(call, message):
    with pytest.raises(InputError, match=message):
        call()
