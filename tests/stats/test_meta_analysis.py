"""Fixed-effect meta-analysis: against published figures, statsmodels, and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.stats.meta_analysis import meta_analyse

BCG = np.array([
    [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619], [33, 5036, 47, 5761], [180, 1361, 372, 1079],
    [8, 2537, 10, 619], [505, 87886, 499, 87892], [29, 7470, 45, 7232], [17, 1699, 65, 1600], [186, 50448, 141, 27197], [5, 2493, 3, 2338],
    [27, 16886, 29, 17825],
], dtype=float)  # fmt: skip
"""The 13 trials of BCG vaccine against tuberculosis (Colditz et al., JAMA 1994;271:698-702): cases and others, vaccinated and not."""


def test_meta_analyse__gives_the_published_odds_ratio_of_the_bcg_trials():
    log_odds_ratio = np.log(BCG[:, 0] * BCG[:, 3] / (BCG[:, 1] * BCG[:, 2]))
    pooled = meta_analyse(log_odds_ratio, np.sqrt((1 / BCG).sum(axis=1)))
    assert np.exp([pooled.coef, pooled.ci_low, pooled.ci_high]).round(4).tolist() == [0.6465, 0.5951, 0.7024]
    assert round(pooled.q, 4) == 163.1649


def test_meta_analyse__equals_statsmodels():
    from scipy.stats import chi2
    from statsmodels.stats.meta_analysis import combine_effects

    coef, std_error = np.array([0.31, 0.12, -0.05]), np.array([0.11, 0.2, 0.4])
    expected = combine_effects(coef, std_error**2, use_t=False)
    low, high = expected.conf_int()[0]
    pooled = meta_analyse(coef, std_error)
    np.testing.assert_allclose(
        [pooled.coef, pooled.std_error, pooled.ci_low, pooled.ci_high, pooled.q, pooled.p_q],
        [expected.mean_effect_fe, expected.sd_eff_w_fe, low, high, expected.q, chi2.sf(expected.q, 2)],
        rtol=1e-10,
    )


def test_meta_analyse__of_one_cohort_is_that_cohort():
    pooled = meta_analyse([0.3], [0.1])
    assert (pooled.coef, pooled.std_error, pooled.q, pooled.n_studies) == (0.3, 0.1, 0.0, 1)
    assert np.isnan(pooled.p_q)


def test_meta_analyse__its_interval_covers_and_q_keeps_its_size_when_the_cohorts_share_one_effect():
    rng = np.random.default_rng(5)
    std_error = np.array([0.1, 0.15])
    drawn = [meta_analyse(0.25 + rng.normal(0, std_error), std_error) for _ in range(2000)]
    assert np.mean([one.ci_low < 0.25 < one.ci_high for one in drawn]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([one.p_q < 0.05 for one in drawn]) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(
    ("coef", "std_error", "message"),
    [
        ([], [], "one number a cohort"),
        ([0.1], [0.1, 0.2], "one number a cohort"),
        ([0.1, np.nan], [0.1, 0.1], "missing or infinite"),
        ([0.1, 0.2], [0.1, 0.0], "must be above 0"),
    ],
)
def test_meta_analyse__refuses_what_cannot_be_pooled(coef, std_error, message):
    with pytest.raises(InputError, match=message):
        meta_analyse(coef, std_error)
