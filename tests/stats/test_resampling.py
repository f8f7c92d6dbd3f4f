"""The bootstrap by participant."""

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats import resampling
from facies.stats.resampling import bootstrap, cluster_codes, draw_weights, resampled_rows, sum_by_cluster


def mean(sums):
    return sums[..., 1:] / sums[..., :1]


def components(values):
    return np.column_stack([np.ones(len(values)), values])


def test_bootstrap__repeating_each_photograph_does_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    errors, people = rng.exponential(3, 60), np.arange(60)
    once = bootstrap(components(errors), mean, clusters=people, random_state=4)
    four = bootstrap(components(np.repeat(errors, 4)), mean, clusters=np.repeat(people, 4), random_state=4)
    np.testing.assert_allclose(np.array(once), np.array(four), rtol=1e-12)


def test_bootstrap__resampling_photographs_instead_would_halve_the_interval():
    errors = np.random.default_rng(0).exponential(3, 60)
    by_person = bootstrap(components(np.repeat(errors, 4)), mean, clusters=np.repeat(np.arange(60), 4), random_state=4)
    by_photograph = bootstrap(components(np.repeat(errors, 4)), mean, random_state=4)
    ratio = (by_photograph.ci_high - by_photograph.ci_low) / (by_person.ci_high - by_person.ci_low)
    assert ratio[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("n_photographs", [1, 4])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap__interval_of_mae_covers_the_truth_in_95_of_100_studies(n_photographs, method):
    rng = np.random.default_rng(11)
    n_studies, n_people = 400, 60
    person_sd, photo_sd = 3.0, 2.0
    truth = np.sqrt(2 / np.pi) * np.hypot(person_sd, photo_sd)
    people = np.repeat(np.arange(n_people), n_photographs)
    covered = 0
    for study in range(n_studies):
        error = rng.normal(0, person_sd, n_people)[people] + rng.normal(0, photo_sd, len(people))
        interval = bootstrap(components(np.abs(error)), mean, clusters=people, n_bootstrap=300, method=method, random_state=study)
        covered += bool(interval.ci_low[0] <= truth <= interval.ci_high[0])
    assert 0.91 <= covered / n_studies <= 0.98


def test_bootstrap__standard_error_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(2).normal(0, 1, 400)
    interval = bootstrap(components(values), mean, n_bootstrap=4000, random_state=1)
    assert (interval.ci_high - interval.ci_low)[0] / (2 * 1.96) == pytest.approx(values.std() / 20, rel=0.04)


def test_bootstrap__bca_moves_the_interval_of_a_skewed_mean_to_the_long_side():
    values = np.random.default_rng(5).exponential(1, 40) ** 2
    percentile = bootstrap(components(values), mean, random_state=1)
    bca = bootstrap(components(values), mean, method="bca", random_state=1)
    assert bca.ci_low[0] > percentile.ci_low[0]
    assert bca.ci_high[0] > percentile.ci_high[0]


def test_bootstrap__bca_agrees_with_scipy_on_the_same_data():
    from scipy import stats

    values = np.random.default_rng(5).exponential(1, 50)
    ours = bootstrap(components(values), mean, method="bca", n_bootstrap=20000, random_state=1)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20000, method="BCa", rng=1).confidence_interval
    assert ours.ci_low[0] == pytest.approx(theirs.low, abs=0.01)
    assert ours.ci_high[0] == pytest.approx(theirs.high, abs=0.01)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap__of_a_constant_is_the_constant(method):
    interval = bootstrap(components(np.full(10, 3.0)), mean, method=method, n_bootstrap=50)
    assert (interval.value[0], interval.ci_low[0], interval.ci_high[0]) == (3, 3, 3)


def test_bootstrap__does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(3)
    values, people = rng.integers(0, 9, 40).astype(float), np.repeat([f"p{i}" for i in range(20)], 2)
    order = rng.permutation(40)
    straight = bootstrap(components(values), mean, clusters=people, n_bootstrap=100)
    shuffled = bootstrap(components(values[order]), mean, clusters=people[order], n_bootstrap=100)
    np.testing.assert_allclose(np.array(straight), np.array(shuffled), rtol=1e-12)


def test_bootstrap__several_statistics_share_their_draws_so_equal_ones_never_differ():
    values = np.random.default_rng(3).normal(size=30)
    both = np.column_stack([components(values), components(values)])
    difference = bootstrap(both, lambda sums: mean(sums[..., :2]) - mean(sums[..., 2:]), n_bootstrap=50)
    assert (difference.ci_low[0], difference.ci_high[0]) == (0, 0)


def test_bootstrap__same_random_state_same_interval_and_another_another():
    values = components(np.random.default_rng(3).normal(size=30))
    first, again, other = (bootstrap(values, mean, n_bootstrap=99, random_state=seed) for seed in (7, 7, 8))
    assert first.ci_low[0] == again.ci_low[0]
    assert first.ci_low[0] != other.ci_low[0]


def test_draw_weights__small_blocks_give_the_draws_of_one_large_block(monkeypatch):
    whole = np.concatenate(list(draw_weights(7, n_bootstrap=20, random_state=1)))
    monkeypatch.setattr(resampling, "BLOCK", 21)
    blocks = list(draw_weights(7, n_bootstrap=20, random_state=1))
    assert [len(block) for block in blocks] == [3, 3, 3, 3, 3, 3, 2]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_draw_weights__blocks_stay_small_for_many_people():
    block = next(draw_weights(100_000, n_bootstrap=2000, random_state=1))
    assert block.nbytes <= 16_000_000


def test_resampled_rows__keep_the_photographs_of_a_person_together():
    people = np.array(["a", "b", "a", "c", "c", "c"])
    for rows in resampled_rows(people, n_bootstrap=50, random_state=2):
        names, counts = np.unique(people[rows], return_counts=True)
        sizes = dict(zip(names, counts, strict=True))
        assert all(sizes[name] % size == 0 for name, size in {"a": 2, "b": 1, "c": 3}.items() if name in sizes)
        assert sum(sizes.get(name, 0) // size for name, size in {"a": 2, "b": 1, "c": 3}.items()) == 3


def test_resampled_rows__and_weights_draw_the_same_people():
    people = np.array(["a", "b", "c", "d"])
    weights = np.concatenate(list(draw_weights(4, n_bootstrap=5, random_state=9)))
    rows = list(resampled_rows(people, n_bootstrap=5, random_state=9))
    np.testing.assert_array_equal(weights, [np.bincount(draw, minlength=4) for draw in rows])


def test_sum_by_cluster__adds_rows_of_a_person():
    np.testing.assert_array_equal(sum_by_cluster(np.array([[1.0], [2.0], [4.0]]), ["b", "a", "b"]), [[2.0], [5.0]])


def test_cluster_codes__numbers_in_sorted_order():
    codes, n = cluster_codes(np.array([30, 10, 30, 20]))
    assert codes.tolist() == [2, 0, 2, 1]
    assert n == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_bootstrap": 1}, "n_bootstrap is 1: choose at least 2"),
        ({"level": 95}, "level is 95: choose more than 0 and less than 1"),
        ({"method": "normal"}, "method is 'normal': choose one of percentile, bca"),
        ({"clusters": ["a"]}, "1 cluster names for 3 rows"),
    ],
)
def test_bootstrap__wrong_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        bootstrap(components(np.arange(3.0)), mean, **settings)


def test_bootstrap__nobody_is_refused():
    with pytest.raises(InputError, match="nobody to draw from"):
        bootstrap(np.empty((0, 2)), mean)
