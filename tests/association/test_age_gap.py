"""The age gap: fitted on other folds, correlation with age before and after, never without its warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.association import age_gaps
from facies.errors import InputError

N = 500


@pytest.fixture(scope="module")
def study() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(2)
    ids = [f"p{i:03d}" for i in range(N)]
    age = rng.uniform(50, 88, N)
    unlabelled = np.arange(N) >= 450
    human = age + 0.02 * (age - 69) ** 2 + rng.normal(0, 3, N)
    predictions = pd.DataFrame({
        "participant_id": ids, "model_id": "m", "target": "perceived_age", "fold": np.where(unlabelled, -1, np.arange(N) % 5),
        "n_photographs": 1, "predicted": 69 + 0.5 * (human - 69) + rng.normal(0, 2, N), "ci_low": np.nan, "ci_high": np.nan,
        "observed": np.where(unlabelled, np.nan, human), "label_weight": np.where(unlabelled, np.nan, 1.0),
    })  # fmt: skip
    return {"predictions": predictions, "people": pd.DataFrame({"participant_id": ids, "age": age})}


@pytest.fixture(scope="module")
def tables(study) -> tuple[pd.DataFrame, pd.DataFrame]:
    return age_gaps(study["predictions"], study["people"], n_bootstrap=300, random_state=1)


def test_age_gaps__the_raw_gap_is_perceived_age_less_age(study, tables):
    gaps = tables[0].merge(study["predictions"], on="participant_id")
    assert (gaps.perceived_age - gaps.age - gaps.gap).abs().max() < 1e-12
    assert (tables[0].source.value_counts().to_dict()) == {"m": N, "panel": 450}


def test_age_gaps__the_line_is_that_of_the_other_folds(study, tables):
    data = study["predictions"].merge(study["people"], on="participant_id")
    data["gap"] = data.predicted - data.age
    found = tables[0].query("source == 'm'").set_index("participant_id").gap_linear
    for fold in (-1, 0, 3):
        others = data[data.observed.notna() & ((data.fold != fold) | (fold == -1))]
        here = data[data.fold == fold]
        slope, start = np.polyfit(others.age, others.gap, 1)
        assert found[here.participant_id].to_numpy() == pytest.approx((here.gap - start - slope * here.age).to_numpy(), abs=1e-9)


def test_age_gaps__nobody_shapes_their_own_correction(study, tables):
    changed = study["predictions"].copy()
    changed.loc[7, ["predicted", "observed"]] += 30.0
    found = age_gaps(changed, study["people"], n_bootstrap=200)[0]
    for column in ("gap_linear", "gap_spline"):
        before, after = (table.set_index(["source", "participant_id"])[column]["m", "p007"] for table in (tables[0], found))
        assert after - before == pytest.approx(30.0, abs=1e-9)


def test_age_gaps__correlation_with_age_goes_and_a_curve_takes_what_a_line_leaves(tables):
    by = tables[1].set_index(["source", "correction"])
    assert by.r_age["m", "none"] < -0.7
    assert by.ci_high["m", "none"] < 0
    assert abs(by.r_age["m", "linear"]) < 0.05
    assert by.slope_age["m", "none"] == pytest.approx(-0.5, abs=0.05)
    bent = tables[0].query("source == 'panel'").assign(square=lambda rows: (rows.age - 69) ** 2)
    assert bent[["gap_linear", "square"]].corr().iloc[0, 1] > 0.5
    assert abs(bent[["gap_spline", "square"]].corr().iloc[0, 1]) < 0.1


def test_age_gaps__a_corrected_gap_never_stands_without_its_warning(tables):
    corrected = tables[1][tables[1].correction != "none"]
    assert corrected.warning.str.contains("by construction").all()
    assert not [name for name in tables[1].columns if "r2" in name.lower()]


def test_age_gaps__families_are_drawn_together(study):
    once = age_gaps(study["predictions"], study["people"], n_bootstrap=400)[1].iloc[0]
    both = {name: pd.concat([frame, frame.assign(participant_id=frame.participant_id + "b")]) for name, frame in study.items()}
    both["people"]["family_id"] = both["people"].participant_id.str[:4]
    twice = age_gaps(both["predictions"], both["people"], n_bootstrap=400)[1].iloc[0]
    assert twice.ci_high - twice.ci_low == pytest.approx(once.ci_high - once.ci_low, rel=0.1)


def test_age_gaps__too_few_people_have_no_correction_and_a_reason(study):
    few = study["predictions"].iloc[:15]
    gaps, summaries = age_gaps(few, study["people"], n_bootstrap=200)
    assert gaps.gap_linear.isna().all()
    assert summaries[summaries.correction == "linear"].warning.str.contains("fewer than 20").all()


def test_age_gaps__shuffled_rows_give_the_same(study, tables):
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in study.items()}
    for found, expected in zip(age_gaps(shuffled["predictions"], shuffled["people"], n_bootstrap=300, random_state=1), tables, strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_age_gaps__another_target_is_refused(study):
    with pytest.raises(InputError, match="no predictions of 'age'"):
        age_gaps(study["predictions"], study["people"], target="age")
