"""Models against readers: simulated truth, and rows that agree with the array functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation.reader_agreement import agree_with_readers
from facies.evaluation.reader_rows import read_people
from facies.evaluation.reader_sizes import reader_study_sizes
from facies.evaluation.readers import compare_readers
from facies.evaluation.reading_arms import compare_arms
from facies.evaluation.reading_exchange import imrmc_of_readings
from facies.stats.auc import auc
from facies.stats.mrmc.imrmc import imrmc_text, read_imrmc
from facies.stats.mrmc.limits import limits_with_readers
from facies.stats.mrmc.roe_metz import STRUCTURES, simulate_roe_metz
from facies.stats.mrmc.sizes import pilot_of_system, power
from facies.stats.mrmc.standalone import auc_differences, compare_with_panel
from facies.tables import CONDITION_PEOPLE, CONDITION_SCORES, OPERATING_POINTS, PARTICIPANT_PREDICTIONS, PHOTOGRAPHS, READINGS

CONDITION = "acromegaly"
LEVELS = pd.DataFrame({"reader_id": [f"r{k}" for k in range(6)], "level": ["resident"] * 3 + ["expert"] * 3})


class Clinic:
    """A model and six readers of 60 people with one photograph each; 30 have the condition."""

    def __init__(self, seed=1, aucs=(0.8,), system_auc=0.85):
        self.data = simulate_roe_metz(
            STRUCTURES["HL"], aucs=aucs, n_readers=6, n_cases=30, n_others=30, system_auc=system_auc, random_state=seed
        )  # fmt: skip
        self.ids = [f"p{k:02}" for k in range(60)]
        self.photographs = PHOTOGRAPHS.validate(
            pd.DataFrame({"photo_id": [f"{name}_1" for name in self.ids], "participant_id": self.ids, "path": "a.jpg"})
        )
        self.people = CONDITION_PEOPLE.validate(
            pd.DataFrame(
                {
                    "participant_id": self.ids, "diagnosis": np.where(self.data.y == 1, CONDITION, "control"),
                    "role": np.where(self.data.y == 1, "case", "clinic_control"), "source": "clinic", "session_id": np.nan,
                    "severity": np.nan, "weight": 1.0,
                }
            ).astype({"session_id": object})
        )  # fmt: skip
        self.readings = self.read(self.data.readers[0], CONDITION)
        self.scores, self.points = self.model("model", self.data.system)

    def read(self, values, target, **more):
        rows = [(f"r{r}", f"{self.ids[k]}_1", target, 0, value) for r, row in enumerate(values) for k, value in enumerate(row)]
        frame = pd.DataFrame(rows, columns=["reader_id", "photo_id", "target", "repeat", "reading"]).assign(**more)
        return READINGS.validate(frame[frame.reading.notna()].reset_index(drop=True))

    def model(self, name, scores):
        common = {"model_id": name, "target_condition": CONDITION, "repeat": 0}
        frame = pd.DataFrame(
            {
                "participant_id": self.ids, "session_id": np.nan, **common, "fold": np.arange(60) % 5, "n_photographs": 1, "score": scores,
                "probability": 1 / (1 + np.exp(-scores)), "observed": self.data.y.astype(float), "learnt_from": True,
            }
        ).astype({"session_id": object})  # fmt: skip
        points = pd.DataFrame({**common, "rule": "youden", "fold": np.arange(5), "threshold": 0.6})
        return CONDITION_SCORES.validate(frame), OPERATING_POINTS.validate(points)

    def compare(self, **changes):
        own = {"readings": self.readings, "scores": self.scores, "points": self.points} | changes
        parts = (own.pop("readings"), self.photographs, own.pop("scores"), own.pop("points"), self.people)
        return compare_readers(*parts, **own)


@pytest.fixture(scope="module")
def clinic():
    return Clinic()


def one(table, **wanted):
    rows = table
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_compare_readers__has_the_panel_test_with_the_readers_only_test_beside_it(clinic):
    found = clinic.compare(margins={"auc": 0.05}).comparison
    known = compare_with_panel(auc_differences(clinic.data.system, clinic.data.readers[0], clinic.data.y), margin=0.05)
    row = one(found, comparison="model minus all readers", metric="auc", method="1T-RRRC")
    for name in ("estimate", "std_error", "statistic", "df", "p_value", "ci_low", "ci_high", "p_non_inferior"):
        assert row[name] == pytest.approx(getattr(known, name))
    assert (row.n, row.n_cases, row.n_readers, row.margin) == (60, 30, 6, 0.05)
    alone = one(found, comparison="model minus all readers", metric="auc", method="readers-only t test")
    assert alone.estimate == pytest.approx(row.estimate)
    assert alone.std_error < row.std_error


def test_compare_readers__performance_has_every_rater_once(clinic):
    found = clinic.compare(reader_levels=LEVELS, call_at=0.6).performance
    aucs = found[found.metric == "auc"].set_index("rater")
    assert set(aucs.index) == {"model", "all readers", "resident", "expert", *LEVELS.reader_id}
    assert aucs.value["r2"] == pytest.approx(auc(clinic.data.readers[0, 2], clinic.data.y))
    assert aucs.value["all readers"] == pytest.approx(aucs.value[list(LEVELS.reader_id)].mean())
    assert aucs.n_readers["expert"] == 3
    assert ((found.ci_low <= found.value) & (found.value <= found.ci_high)).all()
    row = one(found, rater="r2", metric="sensitivity")
    assert row.value == pytest.approx((clinic.data.readers[0, 2, :30] >= 0.6).mean())


def test_compare_readers__levels_are_panels_and_meet_each_other(clinic):
    found = clinic.compare(reader_levels=LEVELS).comparison
    expert = compare_with_panel(auc_differences(clinic.data.system, clinic.data.readers[0, 3:], clinic.data.y))
    assert one(found, comparison="model minus expert", method="1T-RRRC").std_error == pytest.approx(expert.std_error)
    between = one(found, comparison="expert minus resident")
    rows = clinic.data.readers[0]
    difference = np.mean([auc(rows[k], clinic.data.y) * (1 if k >= 3 else -1) / 0.5 for k in range(6)])
    assert between.estimate == pytest.approx(difference)
    assert "nested in levels" in between.method


def test_compare_readers__calls_are_compared_for_all_and_for_each(clinic):
    found = clinic.compare(call_at=0.6).comparison
    system, readers = clinic.data.system[:30] >= 0.6, clinic.data.readers[0, :, :30] >= 0.6
    row = one(found, comparison="model minus all readers", metric="sensitivity", method="1T-RRRC")
    assert row.estimate == pytest.approx(system.mean() - readers.mean())
    assert (row.rule, row.n, row.n_cases) == ("youden", 30, 30)
    test = one(found, comparison="model minus r1", metric="sensitivity", method="mcnemar, exact")
    alone = int((system & ~readers[1]).sum()), int((~system & readers[1]).sum())
    assert test.note == f"right by the model alone {alone[0]}, by the reader alone {alone[1]}"


def test_compare_readers__calls_with_confidence_are_scores_that_read_from_sure_no_to_sure_yes(clinic):
    signed = np.round(40 * clinic.data.readers[0] - 20)
    signed[signed == 0] = 1
    calls = clinic.read((signed > 0).astype(float), CONDITION).assign(confidence=np.abs(signed).clip(max=100).ravel())
    found = clinic.compare(readings=calls)
    assert one(found.performance, rater="r0", metric="auc").value == pytest.approx(auc(signed[0].clip(-100, 100), clinic.data.y))
    assert set(found.performance.metric) == {"auc", "sensitivity", "specificity"}


def test_compare_readers__a_reader_of_few_people_is_named_and_left_out(clinic):
    values = clinic.data.readers[0].copy()
    values[5, 1:] = np.nan
    found = clinic.compare(readings=clinic.read(values, CONDITION))
    row = one(found.comparison, comparison="model minus all readers", method="1T-RRRC")
    assert row.n_readers == 5
    assert row.note == "1 of 6 readers saw fewer than 2 people of a class and are left out"
    assert np.isnan(one(found.performance, rater="r5", metric="auc").value)


def test_compare_readers__two_models_are_judged_in_the_same_people(clinic):
    scores, points = clinic.model("other", clinic.data.system + 0.1)
    both = pd.concat([clinic.scores, scores[scores.participant_id != "p00"]]), pd.concat([clinic.points, points])
    found = clinic.compare(scores=both[0], points=both[1])
    assert set(found.performance[found.performance.kind == "model"].n) == {59}
    first, second = (one(found.comparison, comparison=f"{name} minus all readers", method="1T-RRRC") for name in ("model", "other"))
    assert first.estimate == pytest.approx(second.estimate)


def test_compare_arms__finds_what_the_model_adds_to_the_same_readers():
    estimates = []
    for seed in range(20):
        made = Clinic(seed, aucs=(0.9, 0.75))
        aided, unaided = made.data.readers
        readings = pd.concat([made.read(unaided, CONDITION), made.read(aided, f"{CONDITION}[aided]")])
        found = compare_arms(readings, made.photographs, made.people)
        estimates.append(found.estimate.iloc[0])
    assert np.mean(estimates) == pytest.approx(0.15, abs=0.03)
    assert found.comparison.tolist() == ["aided minus unaided"]
    assert found.n_readers.tolist() == [6]


def test_compare_arms__refuses_readings_of_one_arm(clinic):
    with pytest.raises(InputError, match="no target was read in both arms"):
        compare_arms(clinic.readings, clinic.photographs, clinic.people)
    aided = clinic.read(clinic.data.readers[0][:1], f"{CONDITION}[aided]")
    with pytest.raises(InputError, match="1 readers read in both arms"):
        compare_arms(pd.concat([clinic.readings, aided]), clinic.photographs, clinic.people)


def test_compare_readers__refuses_in_one_line_what_cannot_be_compared(clinic):
    with pytest.raises(InputError, match="models judge acromegaly and readers cushing"):
        clinic.compare(readings=clinic.read(clinic.data.readers[0], "cushing"))
    with pytest.raises(InputError, match="margins name 'accuracy'"):
        clinic.compare(margins={"accuracy": 0.1})
    with pytest.raises(InputError, match="30 people with it and 0 without"):
        clinic.compare(readings=clinic.read(clinic.data.readers[0][:, :30], CONDITION))
    with pytest.raises(InputError, match="names none of the readers"):
        clinic.compare(reader_levels=LEVELS.assign(reader_id=[f"x{k}" for k in range(6)]))


def test_read_people__averages_repeats_and_photographs_of_the_session_that_was_judged():
    photographs = pd.DataFrame(
        {"photo_id": list("abc"), "participant_id": ["p", "p", "p"], "path": "x.jpg", "session_id": ["s1", "s1", "s2"]}
    )  # fmt: skip
    readings = pd.DataFrame(
        {"reader_id": "r", "photo_id": list("aabc"), "target": CONDITION, "repeat": [0, 1, 0, 0], "reading": [2.0, 4.0, 6.0, 100.0]}
    )
    found = read_people(readings, photographs, pd.Index(["p", "q"]), target=CONDITION, sessions=pd.Series({"p": "s1"}))
    assert found.scores[0].tolist() == [4.0, pytest.approx(np.nan, nan_ok=True)]
    assert found.seen().tolist() == [True, False]


def ages(seed, *, sd_model):
    """Return predictions and readings of 80 people by 7 readers who differ by 2 and 4 years; the model's own error is ``sd_model``."""
    rng = np.random.default_rng(seed)
    ids = [f"p{k:02}" for k in range(80)]
    true = rng.normal(60, 8, 80)
    values = np.round(true + 2 * rng.normal(size=(7, 1)) + 4 * rng.normal(size=(7, 80)))
    rows = [(f"r{r}", ids[k], "perceived_age", 0, values[r, k]) for r in range(7) for k in range(80)]
    readings = pd.DataFrame(rows, columns=["reader_id", "photo_id", "target", "repeat", "reading"])
    photographs = pd.DataFrame({"photo_id": ids, "participant_id": ids, "path": "x.jpg"})
    predictions = pd.DataFrame(
        {
            "participant_id": ids, "model_id": "m", "target": "perceived_age", "fold": 0, "n_photographs": 1,
            "predicted": true + sd_model * rng.normal(size=80), "ci_low": np.nan, "ci_high": np.nan, "observed": np.nan,
            "label_weight": np.nan,
        }
    )  # fmt: skip
    return PARTICIPANT_PREDICTIONS.validate(predictions), readings, photographs, values


def test_agree_with_readers__puts_the_limits_with_the_model_beside_those_of_two_readers():
    predictions, readings, photographs, values = ages(1, sd_model=2.0)
    found = agree_with_readers(predictions, readings, photographs, margin=5.0)
    known = limits_with_readers(predictions.predicted.to_numpy(), values)
    row = one(found, between="model and reader", statistic="upper_limit")
    assert (row.value, row.ci_low, row.ci_high) == pytest.approx(known.high)
    assert one(found, between="two readers", statistic="sd").value > one(found, between="model and reader", statistic="sd").value
    index = one(found, statistic="equivalence_index")
    assert index.value < 0
    assert index.p_value < 0.01
    assert one(found, statistic="mae_less_reader").ci_high < 0


def test_agree_with_readers__a_model_that_misjudges_people_may_not_take_a_readers_place():
    predictions, readings, photographs, _ = ages(2, sd_model=8.0)
    found = agree_with_readers(predictions, readings, photographs, margin=5.0)
    assert one(found, statistic="equivalence_index").ci_low > 5
    assert one(found, statistic="mae_less_reader").ci_low > 0
    assert one(found, between="model and reader", statistic="sd_cases").value == pytest.approx(8, abs=1.5)


def test_reader_study_sizes__are_those_of_the_pilots_components(clinic):
    parts = (clinic.readings, clinic.photographs, clinic.scores, clinic.points, clinic.people)
    found = reader_study_sizes(*parts, difference=0.08, n_readers=(2, 6, 12), most=400)
    assert found.n_readers.tolist() == [2, 6, 12]
    assert found.n.is_monotonic_decreasing
    pilot = pilot_of_system(auc_differences(clinic.data.system, clinic.data.readers[0], clinic.data.y).differences)
    last = found.iloc[-1]
    assert last.power == pytest.approx(power(pilot, difference=0.08, n_readers=12, n=int(last.n)).power)
    assert (found.power >= 0.8).tolist() == found.reached.tolist()
    assert (last.pilot_readers, last.pilot_n) == (6, 60)


def test_imrmc_of_readings__goes_out_and_comes_back_with_the_model_beside_the_readers(clinic):
    readings = pd.concat([clinic.readings, clinic.read(clinic.data.readers[0] + 1, f"{CONDITION}[aided]")])
    rows, truth = imrmc_of_readings(readings, clinic.photographs, clinic.people, target=CONDITION, scores=clinic.scores)
    again, known = read_imrmc(imrmc_text(rows, truth))
    assert known.observed.tolist() == clinic.data.y.tolist()
    assert again.modality_id.value_counts().to_dict() == {"1": 360, "2": 60, "3": 360}
    assert sorted(again.score) == pytest.approx(sorted(rows.score))
