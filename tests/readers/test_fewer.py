"""Labels by fewer readers: all of them are the panel's mean, fewer lie within more, noise goes with their number."""

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.readers import draw_fewer_readers, panel_means, readers_a_photograph


def panel(n_photographs=40, n_readers=16, sd=8.0, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        {"reader_id": f"r{k:02d}", "photo_id": f"a{i:02d}", "target": "perceived_age", "repeat": 0, "reading": 50 + i + rng.normal(0, sd)}
        for i in range(n_photographs)
        for k in range(n_readers)
    ]
    photographs = pd.DataFrame(
        {"photo_id": [f"a{i:02d}" for i in range(n_photographs)], "participant_id": [f"p{i // 2}" for i in range(n_photographs)]}
    )
    return pd.DataFrame(rows), photographs


def test_fewer_readers__all_of_them_are_the_mean_of_the_panel():
    readings, photographs = panel()
    (every,) = draw_fewer_readers(readings, photographs, target="perceived_age", sizes=[16], n_repeats=2)
    means = panel_means(readings, target="perceived_age").merge(photographs, on="photo_id").groupby("participant_id").panel_mean.mean()
    assert every.labels[0].sort_index().to_numpy() == pytest.approx(means.sort_index().to_numpy())
    assert every.labels[0].to_numpy() == pytest.approx(every.labels[1].to_numpy())
    assert set(every.weights) == {32.0}


def test_fewer_readers__noise_falls_with_the_root_of_their_number():
    readings, photographs = panel(400)
    truth = 50 + pd.Series(np.arange(400.0)).groupby(np.arange(400) // 2).mean().to_numpy()
    drawn = draw_fewer_readers(readings, photographs, target="perceived_age", sizes=[1, 4, 16], n_repeats=2)
    for each in drawn:
        label = each.labels.loc[[f"p{i}" for i in range(200)], 0].to_numpy()
        assert (label - truth).std() == pytest.approx(8 * each.noise_factor, rel=0.15)
        assert each.noise_factor == pytest.approx((2 * each.n_readers) ** -0.5)


def test_fewer_readers__one_is_among_two_and_those_with_few_keep_theirs():
    readings, photographs = panel(2, 3)
    readings = readings[(readings.photo_id != "a01") | (readings.reader_id == "r00")]
    photographs = photographs.assign(participant_id=["p", "q"])
    one, two = draw_fewer_readers(readings, photographs, target="perceived_age", sizes=[1, 2], n_repeats=1)
    known = readings.set_index(["photo_id", "reader_id"]).reading
    first = one.labels.loc["p", 0]
    second = 2 * two.labels.loc["p", 0] - first
    assert {round(first, 6), round(second, 6)} <= set(known["a00"].round(6))
    assert two.weights["q"] == 1.0
    assert readers_a_photograph(readings, photographs, target="perceived_age") == 2


def test_fewer_readers__bad_input_is_refused_in_one_line():
    readings, photographs = panel(2, 3)
    with pytest.raises(InputError, match="choose 1 or more"):
        draw_fewer_readers(readings, photographs, target="perceived_age", sizes=[0])
    with pytest.raises(InputError, match="no reading belongs"):
        draw_fewer_readers(readings, photographs.assign(photo_id=["y", "z"]), target="perceived_age", sizes=[1])
