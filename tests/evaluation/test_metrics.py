"""Metrics of predictions: identities, simulated truth, subgroups and intervals."""

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation import METRIC_NAMES, evaluate_predictions, mean_of_other_folds
from facies.stats.agreement import agreement


def simulate(n=300, *, seed=0, shrink=0.8, noise=3.0, model_id="hog+ridge"):
    rng = np.random.default_rng(seed)
    age = rng.uniform(50, 90, n)
    observed = age + rng.normal(0, 4, n)
    predicted = 70 + shrink * (observed - 70) + rng.normal(0, noise, n)
    ids = [f"p{i:04d}" for i in range(n)]
    predictions = pd.DataFrame({
        "participant_id": ids, "model_id": model_id, "target": "perceived_age", "fold": np.arange(n) % 5, "n_photographs": 1,
        "predicted": predicted, "ci_low": predicted - 6, "ci_high": predicted + 6, "observed": observed, "label_weight": 1.0,
    })  # fmt: skip
    people = pd.DataFrame({
        "participant_id": ids, "age": age, "sex": rng.choice(["female", "male"], n), "site": rng.choice(["leiden", "delft"], n),
        "quality": rng.normal(size=n),
    })  # fmt: skip
    return predictions, people


def noise_of(people, k=10, sd=6.0):
    return pd.DataFrame({
        "participant_id": people.participant_id, "target": "perceived_age", "n_photographs": 1, "sum_squares": sd**2 * (k - 1),
        "degrees_of_freedom": k - 1.0, "noise_factor": 1 / np.sqrt(k), "reader_error_sum": 5.0 * k, "n_reader_errors": float(k),
    })  # fmt: skip


def cell(metrics, metric, *, system="hog+ridge", subgroup="all"):
    return metrics.set_index(["system", "subgroup", "metric"]).loc[(system, subgroup, metric)]


@pytest.fixture(scope="module")
def metrics():
    predictions, people = simulate()
    return evaluate_predictions(predictions, people, target="perceived_age", noise=noise_of(people), n_bootstrap=300)


def test_evaluate_predictions__mae_never_stands_alone(metrics):
    assert metrics[(metrics.system == "hog+ridge") & (metrics.subgroup == "all")].metric.tolist() == list(METRIC_NAMES)


def test_evaluate_predictions__equals_plain_numbers(metrics):
    predictions, _ = simulate()
    for name, value in agreement(predictions.observed.to_numpy(), predictions.predicted.to_numpy()).items():
        assert cell(metrics, name).value == pytest.approx(value, rel=1e-10)
    inside = predictions.observed.between(predictions.ci_low, predictions.ci_high).mean()
    assert cell(metrics, "interval_coverage").value == pytest.approx(inside)
    assert cell(metrics, "interval_width").value == pytest.approx(12)


def test_evaluate_predictions__subgroup_equals_evaluating_the_subgroup_alone(metrics):
    predictions, people = simulate()
    women = people[people.sex == "female"].participant_id
    rows = predictions[predictions.participant_id.isin(women)]
    alone = agreement(rows.observed.to_numpy(), rows.predicted.to_numpy())
    for name, value in alone.items():
        assert cell(metrics, name, subgroup="sex=female").value == pytest.approx(value, rel=1e-8)
    assert cell(metrics, "mae", subgroup="sex=female").n == len(women)


def test_evaluate_predictions__levels_of_a_subgroup_add_up_to_all(metrics):
    mae = metrics[(metrics.system == "hog+ridge") & (metrics.metric == "mae")].set_index("subgroup")
    for name in ("sex", "site", "age_band", "quality"):
        levels = mae[mae.index.str.startswith(f"{name}=")]
        assert levels.n.sum() == 300
        assert (levels.value * levels.n).sum() / 300 == pytest.approx(mae.value["all"])
    assert [name for name in mae.index if name.startswith("quality")] == [
        f"quality={third} third" for third in ("lowest", "middle", "highest")
    ]


def test_evaluate_predictions__predicting_the_mean_uses_the_other_folds(metrics):
    predictions, _ = simulate()
    means = [predictions.observed[predictions.fold != fold].mean() for fold in predictions.fold]
    wanted = (predictions.observed - means).abs().mean()
    assert cell(metrics, "mae_predicting_the_mean").value == pytest.approx(wanted)
    assert cell(metrics, "mae", system="predicting_the_mean").value == pytest.approx(wanted)


def test_evaluate_predictions__floor_and_reader_come_from_the_noise(metrics):
    floor = 0.7978845608 * 6 / np.sqrt(10)
    assert cell(metrics, "label_noise_floor").value == pytest.approx(floor)
    assert cell(metrics, "mae", system="label_noise_floor").value == pytest.approx(floor)
    assert cell(metrics, "mae", system="one_reader", subgroup="sex=male").value == pytest.approx(5)


def test_evaluate_predictions__intervals_hold_their_estimate(metrics):
    with_interval = metrics[metrics.ci_low.notna()]
    assert len(with_interval) > 100
    assert (with_interval.ci_low <= with_interval.value + 1e-9).all()
    assert (with_interval.value <= with_interval.ci_high + 1e-9).all()


def test_evaluate_predictions__perfect_predictions_are_perfect_with_an_exact_coverage():
    predictions, people = simulate(40)
    perfect = predictions.assign(predicted=predictions.observed, ci_low=predictions.observed - 1, ci_high=predictions.observed + 1)
    metrics = evaluate_predictions(perfect, people, target="perceived_age", subgroups=(), n_bootstrap=50)
    assert [cell(metrics, name).value for name in ("mae", "rmse", "bias")] == [0, 0, 0]
    assert cell(metrics, "slope").value == pytest.approx(1)
    coverage = cell(metrics, "interval_coverage")
    assert (coverage.value, coverage.ci_high) == (1, 1)
    assert coverage.ci_low == pytest.approx(0.025 ** (1 / 40))


def test_evaluate_predictions__without_noise_and_intervals_has_no_such_rows():
    predictions, people = simulate(40)
    bare = predictions.assign(ci_low=np.nan, ci_high=np.nan)
    metrics = evaluate_predictions(bare, people, target="perceived_age", subgroups=(), n_bootstrap=50)
    assert set(metrics.metric) == set(METRIC_NAMES[:7])
    assert set(metrics.system) == {"hog+ridge", "predicting_the_mean"}


def test_evaluate_predictions__small_subgroups_have_a_value_and_no_interval():
    predictions, people = simulate(60)
    people.loc[:5, "site"] = "breda"
    people.loc[6:, "site"] = "delft"
    metrics = evaluate_predictions(predictions, people, target="perceived_age", subgroups=("site",), n_bootstrap=50)
    small = cell(metrics, "mae", subgroup="site=breda")
    assert small.n == 6
    assert np.isfinite(small.value)
    assert np.isnan(small.ci_low)


def test_evaluate_predictions__people_without_a_reference_do_not_count():
    predictions, people = simulate(60)
    predictions.loc[:9, ["observed", "fold"]] = [np.nan, -1]
    metrics = evaluate_predictions(
        predictions.astype({"fold": int}), people, target="perceived_age", subgroups=(), n_bootstrap=50
    )  # fmt: skip
    assert set(metrics.n) == {50}


def test_evaluate_predictions__people_missing_a_subgroup_are_in_no_level():
    predictions, people = simulate(60)
    people["sex"] = people["sex"].astype(object)
    people.loc[:19, "sex"] = np.nan
    metrics = evaluate_predictions(predictions, people, target="perceived_age", subgroups=("sex",), n_bootstrap=50)
    assert cell(metrics, "mae", subgroup="sex=female").n + cell(metrics, "mae", subgroup="sex=male").n == 40


def test_evaluate_predictions__families_are_drawn_whole():
    predictions, people = simulate(50)
    twins = pd.concat([predictions, predictions.assign(participant_id="t" + predictions.participant_id)], ignore_index=True)
    family = pd.concat([people, people.assign(participant_id="t" + people.participant_id)], ignore_index=True)
    family["family_id"] = "f" + family.participant_id.str[-4:]
    single = evaluate_predictions(predictions, people, target="perceived_age", subgroups=(), random_state=2)
    paired = evaluate_predictions(twins, family, target="perceived_age", subgroups=(), random_state=2)
    apart = evaluate_predictions(twins, family.drop(columns="family_id"), target="perceived_age", subgroups=(), random_state=2)

    def width(metrics):
        return cell(metrics, "mae").ci_high - cell(metrics, "mae").ci_low

    assert width(paired) == pytest.approx(width(single), rel=0.1)
    assert width(apart) == pytest.approx(width(single) / np.sqrt(2), rel=0.1)


def test_evaluate_predictions__does_not_depend_on_row_order_and_repeats_itself():
    predictions, people = simulate(80)
    first = evaluate_predictions(predictions, people, target="perceived_age", n_bootstrap=60)
    shuffled = evaluate_predictions(predictions.sample(frac=1, random_state=1), people[::-1], target="perceived_age", n_bootstrap=60)
    pd.testing.assert_frame_equal(first, shuffled)


def test_evaluate_predictions__95_percent_intervals_of_mae_r_and_slope_cover_the_truth():
    truth_predictions, _ = simulate(400_000, seed=99)
    truth = agreement(truth_predictions.observed.to_numpy(), truth_predictions.predicted.to_numpy())
    covered = dict.fromkeys(("mae", "r", "slope", "bias"), 0)
    n_studies = 100
    for seed in range(n_studies):
        predictions, people = simulate(120, seed=seed)
        metrics = evaluate_predictions(predictions, people, target="perceived_age", subgroups=(), n_bootstrap=250, random_state=seed)
        for name in covered:
            row = cell(metrics, name)
            covered[name] += bool(row.ci_low <= truth[name] <= row.ci_high)
    assert all(0.88 <= count / n_studies <= 0.99 for count in covered.values()), covered


def test_evaluate_predictions__several_models_are_compared_with_one_mean():
    predictions, people = simulate(60)
    other, _ = simulate(60, noise=1.0, model_id="net+ridge")
    metrics = evaluate_predictions(pd.concat([predictions, other]), people, target="perceived_age", subgroups=(), n_bootstrap=50)
    assert list(dict.fromkeys(metrics.system)) == ["hog+ridge", "net+ridge", "predicting_the_mean"]
    assert cell(metrics, "mae", system="net+ridge").value < cell(metrics, "mae").value


def test_evaluate_predictions__wrong_input_is_refused():
    predictions, people = simulate(20)
    with pytest.raises(InputError, match="no prediction of 'age' has a reference"):
        evaluate_predictions(predictions, people, target="age")
    with pytest.raises(InputError, match="participant p0000, who is not in participants"):
        evaluate_predictions(predictions, people[1:], target="perceived_age")
    with pytest.raises(InputError, match="subgroup 'camera' is no column of participants"):
        evaluate_predictions(predictions, people, target="perceived_age", subgroups=("camera",))


def test_mean_of_other_folds__people_in_no_fold_get_everybody_elses_mean():
    means = mean_of_other_folds(np.array([10.0, 20.0, 60.0]), np.array([-1, -1, -1]))
    np.testing.assert_allclose(means, [40, 35, 15])
    np.testing.assert_allclose(mean_of_other_folds(np.array([10.0, 20.0]), np.array([0, 0])), [20, 10])
    assert np.isnan(mean_of_other_folds(np.array([10.0]), np.array([0]))).all()
