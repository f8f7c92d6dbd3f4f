"""The panel model from tables to tables: planted effects come back, and what is left out or flagged is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError, TableError
from facies.readers import bin_midpoints, face_before, fit_panel, panel_estimates_by, panel_means, variances_of
from facies.simulation.panel import ReaderPool, draw_readings
from facies.stats.crossed import OutlierRule
from facies.tables import PANEL_ESTIMATES, PANEL_MODEL, PANEL_VALUES, READER_ESTIMATES

TARGET = "perceived_age"


def simulated(seed=0, n_photos=240, n_readers=24, each=10, *, drift=0.0, serial=0.0, sd=5.0, repeats=0.0, sd_cell=0.0, slope_reader=0.0):
    """Return readings, photographs (two a person), values and biases; readers see their faces in random order."""
    rng = np.random.default_rng(seed)
    value, bias = rng.normal(60, 7, n_photos), rng.normal(0, 2, n_readers)
    age = rng.integers(20, 70, n_readers).astype(float)
    bias = bias + slope_reader * (age - age.mean())
    pairs = [(photo, reader, 0) for photo in range(n_photos) for reader in rng.choice(n_readers, each, replace=False)]
    pairs += [(photo, reader, 1) for photo, reader, _ in pairs if rng.random() < repeats]
    table = pd.DataFrame(pairs, columns=["photo", "reader", "repeat"])
    cell = rng.normal(0, sd_cell, (n_photos, n_readers))
    table["position"] = table.groupby("reader").photo.transform(lambda rows: rng.permutation(len(rows)) + 1)
    table = table.sort_values(["reader", "position"])
    before = table.groupby("reader").photo.shift()
    pull = np.where(before.isna(), 0.0, value[before.fillna(0).astype(int)] - value.mean())
    table["reading"] = value[table.photo] + bias[table.reader] + cell[table.photo, table.reader] + drift * (table.position - 50)
    table["reading"] += serial * pull + rng.normal(0, sd, len(table))
    readings = pd.DataFrame({
        "reader_id": [f"r{i:02d}" for i in table.reader], "photo_id": [f"f{i:03d}" for i in table.photo], "target": TARGET,
        "repeat": table["repeat"].to_numpy(), "reading": table.reading.to_numpy(), "position": table.position.to_numpy(),
    }).sample(frac=1, random_state=0, ignore_index=True)  # fmt: skip
    ids = [f"f{i:03d}" for i in range(n_photos)]
    photographs = pd.DataFrame({"photo_id": ids, "participant_id": [f"p{i // 2:03d}" for i in range(n_photos)]})
    readers = pd.DataFrame({"reader_id": [f"r{i:02d}" for i in range(n_readers)], "reader_age": age})
    return readings, photographs, value, bias, readers


def by_term(model):
    return model.terms.set_index("term")


def test_fit_panel__brings_back_what_was_planted():
    readings, photographs, value, bias, _ = simulated(drift=0.05, serial=0.15)
    model = fit_panel(readings, photographs, target=TARGET, intervals="wald")
    terms = by_term(model)
    planted = {"position": 0.05, "previous_face": 0.15, "sd[photograph]": 7, "sd[reader]": 2, "sd[residual]": 5, "icc(2,1)": 49 / 78}
    for term, truth in planted.items():
        assert terms.ci_low[term] < truth < terms.ci_high[term]
        assert terms.ci_high[term] - terms.ci_low[term] < truth
    assert terms.loc["sd[reader]", ["n", "n_photographs", "n_readers", "n_readings"]].tolist() == [120, 240, 24, 2400]
    values = model.values.set_index(["estimator", "photo_id"])
    for estimator in ("blue", "blup"):
        part = values.loc[estimator]
        assert np.mean(np.abs(part.value - value) < 1.96 * part.std_error) > 0.9
    errors = {name: float(np.mean((values.loc[name].value - value) ** 2)) for name in ("mean", "blue", "blup")}
    assert errors["blup"] < errors["blue"] < errors["mean"]
    assert np.corrcoef(model.readers.bias, bias)[0, 1] > 0.9


def test_fit_panel__writes_the_tables_of_the_vocabulary():
    readings, photographs, *_ = simulated(n_photos=60, n_readers=8, each=5)
    model = fit_panel(readings, photographs, target=TARGET)
    for table, frame in ((PANEL_MODEL, model.terms), (READER_ESTIMATES, model.readers), (PANEL_VALUES, model.values)):
        table.validate(frame)
    assert set(model.values.estimator) == {"mean", "blue", "blup"}
    assert len(model.values) == 180
    sds = model.terms[model.terms.kind == "sd"]
    assert ((sds.ci_low <= sds.estimate) & (sds.estimate <= sds.ci_high)).all()
    assert (sds.method == "profile").all()
    assert model.notes == ("8 of 300 readings have no face before that others read; they count as after an average face",)


def test_fit_panel__serial_dependence_that_is_not_there_is_near_zero():
    readings, photographs, *_ = simulated(seed=1)
    terms = by_term(fit_panel(readings, photographs, target=TARGET, intervals="wald"))
    assert terms.ci_low["previous_face"] < 0 < terms.ci_high["previous_face"]
    assert abs(terms.estimate["previous_face"]) < 0.05


def test_fit_panel__serial_dependence_is_not_made_small_by_the_error_of_few_other_readers():
    found = []
    for seed in range(25):
        readings, photographs, *_ = simulated(seed, n_photos=100, n_readers=10, each=4, serial=0.3)
        terms = by_term(fit_panel(readings, photographs, target=TARGET, intervals="wald"))
        found.append(terms.loc["previous_face", ["estimate", "std_error"]].astype(float).tolist())
    mean, error = np.mean(found, axis=0)
    assert mean == pytest.approx(0.3, abs=2.5 * error / 5)


def test_fit_panel__of_fixed_photographs_does_not_depend_on_how_alike_the_people_are():
    readings, photographs, *_ = simulated(n_photos=60, n_readers=8, each=5)
    shift = {photo: 100.0 * (number % 2) for number, photo in enumerate(photographs.photo_id)}
    settings = {"target": TARGET, "covariates": (), "intervals": "wald"}
    plain = fit_panel(readings, photographs, **settings).values
    moved = fit_panel(readings.assign(reading=readings.reading + readings.photo_id.map(shift)), photographs, **settings).values
    blue = plain.estimator == "blue"
    assert moved.value[blue].to_numpy() == pytest.approx((plain.value + plain.photo_id.map(shift))[blue].to_numpy(), rel=1e-9)
    assert moved.std_error[blue].to_numpy() == pytest.approx(plain.std_error[blue].to_numpy(), rel=1e-6)


def test_fit_panel__repeats_give_photograph_by_reader_and_repeatability():
    readings, photographs, *_ = simulated(repeats=0.4, sd_cell=3.0, sd=4.0)
    terms = by_term(fit_panel(readings, photographs, target=TARGET, covariates=(), intervals="wald"))
    for term, truth in {"sd[photograph by reader]": 3, "sd[residual]": 4, "sd[repeats]": 4, "repeatability": 1.96 * 4 * 2**0.5}.items():
        assert terms.ci_low[term] < truth < terms.ci_high[term]
    assert terms.estimate["sem[agreement]"] == pytest.approx(np.sqrt(4 + 9 + 16), rel=0.1)
    variances = variances_of(terms.reset_index(), target=TARGET)
    assert variances.icc == pytest.approx(terms.estimate["icc(2,1)"])
    assert variances.icc_of_mean(10) == pytest.approx(terms.estimate["icc(2,10)"])
    with pytest.raises(InputError, match="no sd\\[photograph\\] of 'age'"):
        variances_of(terms.reset_index(), target="age")
    assert terms.n_readings["sd[repeats]"] < terms.n_readings["sd[residual]"]


def test_fit_panel__few_repeats_are_said_to_be_part_of_the_residual():
    readings, photographs, *_ = simulated(n_photos=60, n_readers=8, each=5)
    again = readings.iloc[:3].assign(repeat=1)
    model = fit_panel(pd.concat([readings, again]), photographs, target=TARGET, covariates=(), intervals="wald")
    assert model.notes == ("only 3 photographs were read twice by a reader: photograph by reader is part of the residual",)
    assert "sd[photograph by reader]" not in set(model.terms.term)


def test_fit_panel__reader_covariates_explain_part_of_the_bias():
    readings, photographs, _, _, readers = simulated(slope_reader=0.3)
    settings = {"target": TARGET, "covariates": (), "intervals": "wald"}
    without, with_age = (
        by_term(fit_panel(readings, photographs, reader_covariates=table, **settings)) for table in (None, readers)
    )  # fmt: skip
    assert with_age.ci_low["reader_age"] < 0.3 < with_age.ci_high["reader_age"]
    assert with_age.estimate["sd[reader]"] < 0.7 * without.estimate["sd[reader]"]


def test_fit_panel__bins_are_declared_and_taken_out_of_the_residual():
    readings, photographs, *_ = simulated(n_photos=400)
    binned = bin_midpoints(readings.assign(reading=5 * np.floor(readings.reading / 5)), target=TARGET, bin_width=5)
    model = fit_panel(binned, photographs, target=TARGET, covariates=(), bin_width=5, intervals="wald")
    terms = by_term(model)
    assert terms.estimate["sd[residual, unbinned]"] ** 2 == pytest.approx(terms.estimate["sd[residual]"] ** 2 - 25 / 12)
    assert terms.ci_low["sd[residual, unbinned]"] < 5 < terms.ci_high["sd[residual, unbinned]"]
    assert terms.note["sd[residual, unbinned]"] == "Sheppard: less 5²/12 for bins of 5"
    assert terms.estimate["intercept"] == pytest.approx(readings.reading.mean(), abs=1)
    with pytest.raises(InputError, match="bin_width is 5, but readings"):
        fit_panel(readings, photographs, target=TARGET, bin_width=5)


def test_fit_panel__odd_readers_are_flagged_and_kept():
    readings, photographs, *_ = simulated(each=12)
    odd = readings.assign(reading=readings.reading + np.where(readings.reader_id == "r03", 18, 0))
    model = fit_panel(odd, photographs, target=TARGET, covariates=(), intervals="wald")
    flagged = model.readers[model.readers.flagged]
    assert flagged.reader_id.tolist() == ["r03"]
    assert flagged.reason.tolist() == ["bias beyond 3.5 robust z"]
    assert model.notes == ("1 of 24 readers stand out and were kept (reader r03: bias beyond 3.5 robust z)",)
    assert len(model.readers) == 24
    lenient = OutlierRule(bias_z=100)
    assert not fit_panel(odd, photographs, target=TARGET, covariates=(), rule=lenient, intervals="wald").readers.flagged.any()


def test_fit_panel__reliability_rises_with_readers_and_names_the_usual_panel():
    readings, photographs, *_ = simulated()
    terms = by_term(fit_panel(readings, photographs, target=TARGET, covariates=(), n_readers=(27,), intervals="wald"))
    assert terms.estimate["icc(2,1)"] < terms.estimate["icc(2,10)"] < terms.estimate["icc(2,27)"]


def test_fit_panel__leaves_out_readings_of_other_photographs_and_says_so():
    readings, photographs, *_ = simulated(n_photos=60, n_readers=8, each=5)
    model = fit_panel(readings, photographs.iloc[:50], target=TARGET, covariates=(), intervals="wald")
    assert model.notes == ("50 readings belong to no photograph of the study and were left out",)
    assert model.terms.n_photographs.eq(50).all()


def test_fit_panel__on_the_demo_panel_finds_its_settings():
    rng = np.random.default_rng(5)
    ids = np.array([f"f{i:03d}" for i in range(300)], dtype=object)
    readings = draw_readings(ids, rng.normal(65, 6, 300), ReaderPool(), rng)
    photographs = pd.DataFrame({"photo_id": ids, "participant_id": ids})
    terms = by_term(fit_panel(readings, photographs, target=TARGET, bin_width=1, intervals="wald"))
    for term, truth in {"sd[reader]": 2, "sd[residual, unbinned]": 6, "sd[photograph]": 6}.items():
        assert terms.ci_low[term] < truth < terms.ci_high[term]


def test_fit_panel__of_photographs_that_do_not_differ_says_so():
    readings, photographs, *_ = simulated(n_photos=40, n_readers=8, each=6)
    flat = readings.assign(reading=readings.reading - readings.groupby("photo_id").reading.transform("mean"))
    model = fit_panel(flat, photographs, target=TARGET, intervals="wald")
    assert "photographs do not differ: serial dependence was not examined" in model.notes
    assert "the variance of photograph is estimated as 0" in model.notes
    assert by_term(model).estimate["icc(2,1)"] == 0
    assert model.readers.scale.isna().all()


def test_face_before__is_what_the_other_readers_said_of_the_face_just_before():
    readings = pd.DataFrame({
        "reader_id": ["r1", "r1", "r1", "r2", "r2", "r3"], "photo_id": ["a", "b", "c", "a", "b", "a"], "target": TARGET, "repeat": 0,
        "reading": [50.0, 30.0, 20.0, 54.0, 40.0, 58.0], "position": [1, 2, 4, 2, 1, 1],
    })  # fmt: skip
    found = face_before(readings)
    assert found.value == pytest.approx([np.nan, 56, np.nan, 30, np.nan, np.nan], nan_ok=True)
    order = [3, 0, 5, 1, 4, 2]
    assert found.n_readers.tolist() == [0, 2, 0, 1, 0, 0]
    assert face_before(readings.iloc[order]).value == pytest.approx(found.value[order], nan_ok=True)


def test_panel_estimates_by__gives_the_chosen_values_to_stages_that_take_a_panel():
    readings, photographs, *_ = simulated(n_photos=60, n_readers=8, each=5)
    values = fit_panel(readings, photographs, target=TARGET, covariates=(), intervals="wald").values
    pd.testing.assert_frame_equal(
        panel_estimates_by(values, readings, target=TARGET, estimator="mean"), panel_means(readings, target=TARGET), check_like=True
    )
    blue = PANEL_ESTIMATES.validate(panel_estimates_by(values, readings, target=TARGET, estimator="blue"))
    assert blue.panel_mean.to_numpy() == pytest.approx(values.value[values.estimator == "blue"].to_numpy())
    assert panel_estimates_by(values, readings, target=TARGET, estimator="blue", n_min=6).empty
    with pytest.raises(InputError, match="by 'median' \\(estimators: blue, blup, mean\\)"):
        panel_estimates_by(values, readings, target=TARGET, estimator="median")


def test_fit_panel__wrong_input_is_refused():
    readings, photographs, _, _, readers = simulated(n_photos=20, n_readers=6, each=4)
    with pytest.raises(InputError, match="no readings of 'age' \\(targets: perceived_age\\)"):
        fit_panel(readings, photographs, target="age")
    with pytest.raises(InputError, match="no reading belongs to a photograph"):
        fit_panel(readings, photographs.assign(photo_id="x" + photographs.photo_id), target=TARGET)
    with pytest.raises(InputError, match="photo_id twice"):
        fit_panel(readings, pd.concat([photographs, photographs]), target=TARGET)
    with pytest.raises(InputError, match="covariate 'seconds' is not known"):
        fit_panel(readings, photographs, target=TARGET, covariates=("seconds",))
    with pytest.raises(InputError, match="position is not given: mend it, or leave position out"):
        fit_panel(readings.drop(columns="position"), photographs, target=TARGET, covariates=("position",))
    with pytest.raises(InputError, match="reader r00 has position 1 twice"):
        fit_panel(readings.assign(position=1).sort_values("reader_id"), photographs, target=TARGET, covariates=("position",))
    with pytest.raises(InputError, match="reader r05 lacks a covariate"):
        fit_panel(readings, photographs, target=TARGET, reader_covariates=readers.iloc[:5])
    with pytest.raises(InputError, match="'reader_age' is text"):
        fit_panel(readings, photographs, target=TARGET, reader_covariates=readers.assign(reader_age="old"))
    with pytest.raises(InputError, match="names each reader once"):
        fit_panel(readings, photographs, target=TARGET, reader_covariates=pd.concat([readers, readers]))
    with pytest.raises(InputError, match="bin_width is -1"):
        fit_panel(readings, photographs, target=TARGET, bin_width=-1)
    with pytest.raises(TableError, match="stands twice"):
        fit_panel(pd.concat([readings, readings]), photographs, target=TARGET)
    with pytest.raises(InputError, match="the face before is not known"):
        face_before(readings.drop(columns="position"))
