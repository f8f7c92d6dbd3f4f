"""Follow-up against what was simulated: coverage, power, like with like, and what is said where the error is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation.follow_up import FollowUp, follow_up
from facies.simulation.follow_up import FollowUpSettings, SimulatedFollowUp, simulate_follow_up
from facies.stats.test_retest import MeanSquare, MeasurementError, VisitScatter, power_to_detect
from facies.tables.conditions import TRAJECTORY_EDGES


def followed(made: SimulatedFollowUp, **other: pd.DataFrame) -> FollowUp:
    parts = {"face_scores": made.face_scores, "faces": made.faces, "visits": made.visits, "diagnoses": made.diagnoses} | other
    return follow_up(parts["face_scores"], parts["faces"], parts["visits"], parts["diagnoses"])


def many(settings: FollowUpSettings, n_studies: int) -> tuple[FollowUp, pd.DataFrame]:
    """Analyse many studies in one call, as if by so many models; return the changes beside the truth too."""
    made = [simulate_follow_up(settings, random_state=i) for i in range(n_studies)]
    found = followed(made[0], face_scores=pd.concat([one.face_scores.assign(model_id=f"study {i}") for i, one in enumerate(made)]))
    return found, found.score_changes.merge(made[0].truth, on=["participant_id", "session_id"], suffixes=("", "_true"))


@pytest.fixture(scope="module")
def with_visits() -> tuple[FollowUp, pd.DataFrame]:
    return many(FollowUpSettings(n_patients=20, n_controls=20, n_photographs=2, sd_visits=0.3, effect=-1.75, half_time=0.1), 24)


def test_follow_up__intervals_of_change_cover_what_is_true(with_visits):
    _, changes = with_visits
    assert 0.93 <= ((changes.ci_low <= changes.change_true) & (changes.change_true <= changes.ci_high)).mean() <= 0.97


def test_follow_up__finds_remission_with_the_planned_power(with_visits):
    _, changes = with_visits
    error = MeasurementError(MeanSquare(0.25, 120), VisitScatter(MeanSquare(0.09 + 0.125, 40), 0.5, 20))
    lower = changes.verdict == "lower"
    assert lower[changes.remission].mean() == pytest.approx(power_to_detect(-1.75, error, 2, 2), abs=0.05)
    assert lower[~changes.remission].mean() < 0.05


def test_follow_up__finds_the_planted_errors(with_visits):
    found, _ = with_visits
    retest = found.test_retest
    assert retest.sd_within.mean() == pytest.approx(0.5, abs=0.01)
    assert np.sqrt((retest.sd_visits**2).mean()) == pytest.approx(0.3, abs=0.03)
    assert (retest.n_sessions == 120).all()
    assert (retest.n_photographs == 240).all()
    assert (retest.n == 40).all()
    covers = (retest.sd_within_low <= 0.5) & (retest.sd_within_high >= 0.5)
    assert covers.mean() > 0.85
    single = 1.96 * np.sqrt(2 * (0.25 + 0.09))
    assert retest.smallest_detectable.mean() == pytest.approx(single, abs=0.08)


def test_follow_up__trajectory_holds_the_planted_mean_change(with_visits):
    found, _ = with_visits
    rows = found.trajectories
    assert set(rows.days_from_treatment) == {135.0, 272.5}
    assert (rows.n == 20).all()
    assert rows["mean"].mean() == pytest.approx(-0.875, abs=0.05)
    assert ((rows.ci_low <= -0.875) & (rows.ci_high >= -0.875)).mean() > 0.9


def test_follow_up__what_models_of_a_repeat_add_to_a_person_cancels():
    settings = FollowUpSettings(n_patients=5, n_controls=5)
    plain, noisy = (followed(simulate_follow_up(replace(settings, sd_models=sd, sd_people=0.0), random_state=3)) for sd in (0.0, 9.0))
    first, second = plain.score_changes, noisy.score_changes
    assert np.std(noisy.session_scores.score) > 3 * np.std(plain.session_scores.score)
    assert second.change.std() < 3 * first.change.std()
    assert noisy.test_retest.sd_within.iloc[0] < 1


def test_follow_up__compares_only_views_that_both_visits_have():
    settings = FollowUpSettings(
        n_patients=1, n_controls=0, n_visits=2, n_photographs=2, views=(("frontal", 0.0), ("left", -50.0)), effect=0.0
    )
    made = simulate_follow_up(settings)
    left_then = (made.faces.view == "left") & (made.faces.session_id == "s2")
    found = followed(made, faces=made.faces[~left_then])
    assert abs(found.score_changes.change.iloc[0]) < 5
    assert np.diff(found.session_scores.score)[0] > 20
    neither = made.faces[(made.faces.view == "left") == (made.faces.session_id == "s1")]
    other = followed(made, faces=neither)
    assert other.score_changes.empty
    assert "1 later visits share no view with the first" in other.test_retest.note[0]


def test_follow_up__adding_a_constant_to_a_view_changes_no_change():
    settings = FollowUpSettings(n_patients=4, n_controls=6, views=(("frontal", 0.0), ("left", 0.0)))
    same, moved = (followed(simulate_follow_up(replace(settings, views=(("frontal", 0.0), ("left", more))))) for more in (0.0, 7.0))
    pd.testing.assert_frame_equal(same.score_changes, moved.score_changes)
    pd.testing.assert_series_equal(same.test_retest.sd_within, moved.test_retest.sd_within)


def test_follow_up__knows_no_error_without_repeats_or_controls():
    found = followed(simulate_follow_up(FollowUpSettings(n_photographs=1, n_controls=0)))
    assert (found.score_changes.verdict == "no error known").all()
    assert found.score_changes[["std_error", "ci_low", "ci_high", "smallest_detectable"]].isna().all(axis=None)
    assert found.session_scores.std_error.isna().all()
    assert "nobody has two photographs of one view in one visit" in found.test_retest.note[0]
    assert found.test_retest[["sd_within", "icc", "smallest_detectable"]].isna().all(axis=None)


def test_follow_up__without_repeats_takes_the_error_of_a_change_from_controls_seen_again():
    found, changes = many(FollowUpSettings(n_photographs=1, n_patients=10, n_controls=30, sd_visits=0.3, effect=0.0), 8)
    assert found.session_scores.std_error.isna().all()
    assert 0.91 <= ((changes.ci_low <= 0) & (changes.ci_high >= 0)).mean() <= 0.98


def test_follow_up__copies_of_a_photograph_are_no_repeats():
    made = simulate_follow_up(FollowUpSettings(n_controls=0, n_patients=4, n_photographs=1))
    copies = made.faces.assign(face_id=made.faces.face_id + "x")
    scores = pd.concat([made.face_scores, made.face_scores.assign(face_id=made.face_scores.face_id + "x")])
    found = followed(made, faces=pd.concat([made.faces, copies]), face_scores=scores)
    assert "look like copies of one picture" in found.test_retest.note[0]
    assert (found.score_changes.verdict == "no error known").all()


def test_follow_up__says_when_repeats_look_like_copies():
    made = simulate_follow_up(FollowUpSettings(n_patients=3, n_controls=3, n_photographs=2))
    each, pairs = (made.faces.assign(perceptual_hash=[f"{row // k:016x}" for row in range(len(made.faces))]) for k in (1, 2))
    assert "36 of 36 repeat photographs look just like another" in followed(made, faces=pairs).test_retest.note[0]
    assert "look just like" not in followed(made, faces=each).test_retest.note[0]


def test_follow_up__says_that_visits_are_not_in_the_error_without_controls_seen_again():
    assert "too few controls were seen more than once" in followed(simulate_follow_up(FollowUpSettings(n_controls=2))).test_retest.note[0]
    assert "what visits add, from 40 controls" in followed(simulate_follow_up(FollowUpSettings())).test_retest.note[0]


def test_follow_up__says_when_controls_drift_and_when_they_do_not():
    drifting, steady = (followed(simulate_follow_up(FollowUpSettings(drift=drift))).test_retest.note[0] for drift in (1.0, 0.0))
    assert "40 controls changed too, on average by" in drifting
    assert "changed too" not in steady


def test_follow_up__says_when_cameras_differ_and_when_high_scores_scatter_more():
    made = simulate_follow_up(FollowUpSettings(n_patients=10, n_controls=10, n_visits=2))
    devices = made.faces.assign(device=np.where(made.faces.session_id == "s1", "old camera", "new camera"))
    assert "20 of 20 changes are between photographs of different cameras" in followed(made, faces=devices).test_retest.note[0]
    one = made.faces.assign(device="one camera")
    assert "cameras" not in followed(made, faces=one).test_retest.note[0].replace("cameras or rooms", "")
    loud = made.face_scores.assign(score=np.sinh(made.face_scores.score + 3))
    assert "photographs scatter more where the score is high" in followed(made, face_scores=loud).test_retest.note[0]


def test_follow_up__photographs_without_session_are_repeats_on_one_day_only():
    made = simulate_follow_up(FollowUpSettings(n_patients=3, n_controls=0, n_visits=2, n_photographs=2))
    unnamed = made.faces.assign(session_id=np.nan).astype({"session_id": object})
    visits = made.visits.drop_duplicates("participant_id").assign(session_id=np.nan).astype({"session_id": object})
    found = followed(made, faces=unnamed, visits=visits)
    assert found.score_changes.empty
    assert (found.session_scores.n_photographs == 4).all()
    assert found.test_retest.sd_within.iloc[0] < 1  # the effect of -3 between the days is not taken for error
    assert found.test_retest.n_photographs.iloc[0] == 12


def test_follow_up__a_visit_on_the_day_of_treatment_is_before_it_and_the_last_such_counts():
    made = simulate_follow_up(FollowUpSettings(n_patients=12, n_controls=0, n_visits=4, share_remission=0.0, sd_photographs=0.01))
    treated = made.diagnoses.assign(treated_on=made.visits.taken_on[made.visits.session_id == "s3"].iloc[0])
    moved = made.face_scores.merge(made.faces[["face_id", "session_id"]], on="face_id")
    moved["score"] += moved.session_id.map({"s1": 5.0, "s2": 3.0, "s3": 1.0, "s4": 0.0})
    found = followed(made, diagnoses=treated, face_scores=moved.drop(columns="session_id"))
    assert found.trajectories["mean"].tolist() == pytest.approx([-1.0], abs=0.05)
    assert sorted(set(found.session_scores.days_from_treatment)) == [-360.0, -180.0, 0.0, 180.0]


def test_follow_up__treatment_of_one_condition_starts_no_course_of_another():
    made = simulate_follow_up(FollowUpSettings(n_patients=12, n_controls=0, condition="cushing"))
    other = made.face_scores.assign(target_condition="acromegaly")
    found = followed(made, face_scores=pd.concat([made.face_scores, other]))
    assert set(found.trajectories.target_condition) == {"cushing"}
    assert found.session_scores[found.session_scores.target_condition == "acromegaly"].days_from_treatment.isna().all()


def test_follow_up__without_dates_there_are_changes_but_no_days():
    made = simulate_follow_up(FollowUpSettings(n_patients=3, n_controls=3))
    visits = made.visits.assign(taken_on=np.nan).astype({"taken_on": object})
    found = followed(made, visits=visits, faces=made.faces.drop(columns="taken_on"))
    assert found.session_scores.days.isna().all()
    assert len(found.score_changes) == 12
    assert found.trajectories.empty


def test_follow_up__shuffled_rows_give_the_same_tables():
    made = simulate_follow_up(FollowUpSettings(n_patients=6, n_controls=6))
    mixed = made.face_scores.sample(frac=1, random_state=1), made.faces.sample(frac=1, random_state=2)
    same, other = followed(made), followed(made, face_scores=mixed[0], faces=mixed[1])
    for name in ("session_scores", "score_changes", "test_retest", "trajectories"):
        pd.testing.assert_frame_equal(getattr(same, name), getattr(other, name))


def test_follow_up__refuses_visits_that_were_scored_by_different_models():
    made = simulate_follow_up(FollowUpSettings(n_patients=3, n_controls=3))
    wrong = made.face_scores.copy()
    wrong.loc[wrong.index[0], "fold"] += 1
    with pytest.raises(InputError, match="participant p0001 was scored by models of 2 folds"):
        followed(made, face_scores=wrong)
    with pytest.raises(InputError, match="faces of participant p0001 were scored in different numbers of repeats"):
        followed(made, face_scores=made.face_scores.iloc[1:])


def test_trajectory_edges__lie_about_their_middles():
    middles = (np.array(TRAJECTORY_EDGES[:-1]) + np.array(TRAJECTORY_EDGES[1:])) / 2
    assert len(set(middles)) == len(middles)
    assert (np.diff(TRAJECTORY_EDGES) > 0).all()


def test_simulate_follow_up__refuses_nobody():
    with pytest.raises(InputError, match="at least one person"):
        simulate_follow_up(FollowUpSettings(n_patients=0, n_controls=0))
