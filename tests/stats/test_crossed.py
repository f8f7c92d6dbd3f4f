"""The crossed model against lme4, against dense linear algebra, against what was simulated, and at its edges."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.crossed import (
    OutlierRule,
    fit_crossed,
    measurement_errors,
    outlying_readers,
    panel_icc,
    reader_quality,
    sd_intervals,
    sheppard,
)
from facies.stats.crossed.search import deviance_of

REFERENCE = Path(__file__).parents[1] / "reference"
GOLDEN = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[3] / "shared")) / "golden"
COVARIATES = {
    "sparse": (), "covariates": ("position", "reader_age"), "repeats": ("position",), "many_readers": ("position", "reader_age"),
    "covariates_fixed": ("position",), "many_readers_fixed": ("position",), "repeats_fixed": (), "penicillin": (),
}  # fmt: skip
R_NAMES = {
    "photograph": ("photo_id", "plate"),
    "reader": ("reader_id", "sample"),
    "interaction": ("photo_id:reader_id",),
    "residual": ("Residual",),
}


def given(case):
    if case != "penicillin":
        frame = pd.read_csv(REFERENCE / "crossed.tsv", sep="\t")
        return frame[frame.case == case.removesuffix("_fixed")]
    if not (GOLDEN / "penicillin.csv").exists():
        pytest.skip("penicillin.csv is not at hand")
    return pd.read_csv(GOLDEN / "penicillin.csv").rename(columns={"diameter": "reading", "plate": "photo_id", "sample": "reader_id"})


def fitted(case):
    frame, names = given(case), COVARIATES[case]
    return fit_crossed(
        frame.reading, frame.photo_id, frame.reader_id, X=frame[list(names)], names=names,
        photograph="fixed" if case.endswith("_fixed") else "random", interaction=case.startswith("repeats"),
    )  # fmt: skip


def expected_of(case):
    table = pd.read_csv(REFERENCE / "crossed_expected.tsv", sep="\t", keep_default_na=False)
    return table[table.case == case].set_index(["statistic", "term"]).value


def of_part(expected, statistic, part):
    (name,) = (name for name in R_NAMES[part] if (statistic, name) in expected.index)
    return expected[statistic, name]


def assert_effects(effects, expected, statistic, groups, rel):
    (name,) = (name for name in groups if f"{statistic} {name}" in expected.index.get_level_values(0))
    for kind, found in ((statistic, effects.value), (f"{statistic}_se", effects.std_error)):
        wanted = expected[f"{kind} {name}"].reindex(effects.names)
        assert found == pytest.approx(wanted.to_numpy(), rel=rel, abs=1e-6)


@pytest.mark.parametrize("case", list(COVARIATES))
def test_fit_crossed__equals_lme4(case):
    fit, expected = fitted(case), expected_of(case)
    assert fit.reml == pytest.approx(expected["reml", ""], rel=1e-10)
    for part, variance in fit.variances.items():
        assert np.sqrt(variance) == pytest.approx(of_part(expected, "sd", part), rel=1e-5)
    assert_effects(fit.readers, expected, "blup", R_NAMES["reader"], 1e-5)
    names = dict(zip(fit.names, zip(fit.coef, fit.std_error, strict=True), strict=True))
    for name, (coef, error) in names.items():
        r_name = "(Intercept)" if name == "intercept" else name
        assert coef == pytest.approx(expected["coef", r_name], rel=1e-5)
        assert error == pytest.approx(expected["std_error", r_name], rel=1e-5)


@pytest.mark.parametrize("case", ["sparse", "covariates", "repeats", "many_readers", "penicillin"])
def test_fit_crossed__predicted_photographs_and_their_errors_equal_lme4(case):
    assert_effects(fitted(case).photographs, expected_of(case), "blup", R_NAMES["photograph"], 1e-5)


@pytest.mark.parametrize("case", ["covariates_fixed", "many_readers_fixed", "repeats_fixed"])
def test_fit_crossed__estimated_photographs_and_their_errors_equal_lme4(case):
    fit, expected = fitted(case), expected_of(case)
    names = [f"photo_id{name}" for name in fit.values.names]
    assert fit.values.value == pytest.approx(expected["coef"].reindex(names).to_numpy(), rel=1e-5)
    assert fit.values.std_error == pytest.approx(expected["std_error"].reindex(names).to_numpy(), rel=1e-5)


def test_fit_crossed__of_penicillin_gives_the_published_values():
    fit = fitted("penicillin")
    assert (fit.coef[0], fit.std_error[0]) == pytest.approx((22.972222, 0.808573), abs=1e-6)
    assert np.sqrt(list(fit.variances.values())) == pytest.approx([0.846704, 1.931558, 0.549923], abs=1e-6)
    assert fit.reml == pytest.approx(330.860589, abs=1e-6)
    assert fit.photographs.value[:3] == pytest.approx([0.804547, 0.804547, 0.181672], abs=1e-6)


@pytest.mark.parametrize("case", ["sparse", "penicillin"])
def test_sd_intervals__equal_the_profile_of_the_restricted_likelihood_in_r(case):
    found, expected = sd_intervals(fitted(case)), expected_of(case)
    for part, (_, low, high) in found.items():
        assert low == pytest.approx(of_part(expected, "profile_low", part), rel=1e-5)
        assert high == pytest.approx(of_part(expected, "profile_high", part), rel=1e-5)


@pytest.mark.parametrize("case", ["repeats", "many_readers", "covariates_fixed"])
def test_values__and_covariance_equal_dense_generalised_least_squares(case):
    frame, fit = given(case), fitted(case)
    photo, reader = (pd.get_dummies(frame[name]).to_numpy(float) for name in ("photo_id", "reader_id"))
    cell = pd.get_dummies(frame.photo_id + frame.reader_id).to_numpy(float)
    x = frame[list(fit.names[int(fit.photograph == "random") :])].to_numpy(float)
    x = x - x.mean(axis=0)
    parts = {"photograph": photo, "reader": reader, "interaction": cell, "residual": np.eye(len(frame))}
    V = sum(variance * parts[name] @ parts[name].T for name, variance in fit.variances.items())
    fixed = np.column_stack([photo, x]) if fit.photograph == "fixed" else np.column_stack([np.ones(len(frame)), x])
    weight = np.linalg.inv(V)
    covariance = np.linalg.inv(fixed.T @ weight @ fixed)
    coef = covariance @ fixed.T @ weight @ frame.reading.to_numpy()
    residual = weight @ (frame.reading.to_numpy() - fixed @ coef)
    bias = fit.variances["reader"] * reader.T @ residual
    assert fit.readers.value == pytest.approx(bias, abs=1e-8)
    assert fit.residuals == pytest.approx(fit.variances["residual"] * residual, abs=1e-8)
    if fit.photograph == "fixed":
        assert fit.values.value == pytest.approx(coef[: photo.shape[1]], rel=1e-9)
        assert fit.values.std_error == pytest.approx(np.sqrt(np.diag(covariance))[: photo.shape[1]], rel=1e-9)
        return
    variance = fit.variances["photograph"]
    assert fit.values.value == pytest.approx(coef[0] + variance * photo.T @ residual, rel=1e-9)
    one = np.zeros((fixed.shape[1], photo.shape[1]))
    one[0] = 1
    left = one - variance * fixed.T @ weight @ photo
    error = variance - variance**2 * np.einsum("ij,ik,kj->j", photo, weight, photo) + np.einsum("ij,ik,kj->j", left, covariance, left)
    assert fit.values.std_error == pytest.approx(np.sqrt(error), rel=1e-8)


def simulated(seed=0, n_photos=300, n_readers=30, each=8, *, sd_photo=7.0, sd_reader=2.0, sd=5.0):
    rng = np.random.default_rng(seed)
    photo = np.repeat(np.arange(n_photos), each)
    reader = np.concatenate([rng.choice(n_readers, each, replace=False) for _ in range(n_photos)])
    value, bias = rng.normal(60, sd_photo, n_photos), rng.normal(0, sd_reader, n_readers)
    return value[photo] + bias[reader] + rng.normal(0, sd, len(photo)), photo, reader, value, bias


def test_deviance__its_gradient_is_that_of_finite_differences():
    fit = fitted("repeats")
    names = tuple(fit.variances)
    deviance = deviance_of(fit.cells, fit.components, names)
    at = np.log(list(fit.variances.values())) + np.array([0.3, -0.5, 0.2, 0.1])
    slope = [(deviance(at + move)[0] - deviance(at - move)[0]) / 2e-5 for move in 1e-5 * np.eye(4)]
    assert deviance(at)[1] == pytest.approx(slope, rel=1e-6)
    assert deviance(np.log(list(fit.variances.values())))[0] == pytest.approx(fit.reml, abs=1e-8)


def test_fit_crossed__recovers_what_was_simulated():
    y, photo, reader, value, bias = simulated()
    fit = fit_crossed(y, photo, reader)
    assert np.sqrt(list(fit.variances.values())) == pytest.approx([7, 2, 5], rel=0.15)
    assert np.mean(np.abs(fit.values.value - value) < 1.96 * fit.values.std_error) == pytest.approx(0.95, abs=0.04)
    assert np.corrcoef(fit.readers.value, bias)[0, 1] > 0.9
    fixed = fit_crossed(y, photo, reader, photograph="fixed")
    assert np.mean(np.abs(fixed.values.value - value) < 1.96 * fixed.values.std_error) == pytest.approx(0.95, abs=0.04)
    assert fixed.values.value.std() > fit.values.value.std()


def test_fit_crossed__fixed_values_are_plain_means_where_everybody_read_everything():
    y, photo, reader, *_ = simulated(n_photos=40, n_readers=8, each=8)
    fit = fit_crossed(y, photo, reader, photograph="fixed")
    assert fit.values.value == pytest.approx(np.bincount(photo, y) / 8, rel=1e-10)


def test_fit_crossed__does_not_depend_on_order_or_unit_or_names():
    y, photo, reader, *_ = simulated(n_photos=60, n_readers=10, each=5)
    order = np.random.default_rng(1).permutation(len(y))
    plain, other = fit_crossed(y, photo, reader), fit_crossed(1000 * y[order] + 7, 5000 - photo[order], reader[order])
    assert np.array(list(other.variances.values())) == pytest.approx(1e6 * np.array(list(plain.variances.values())), rel=1e-6)
    assert other.values.value[::-1] == pytest.approx(1000 * plain.values.value + 7, rel=1e-6)


def test_fit_crossed__exchanging_photographs_and_readers_exchanges_their_variances():
    y, photo, reader, *_ = simulated(n_photos=60, n_readers=10, each=5)
    one, other = fit_crossed(y, photo, reader), fit_crossed(y, reader, photo)
    assert other.reml == pytest.approx(one.reml, rel=1e-12)
    assert other.variances["photograph"] == pytest.approx(one.variances["reader"], rel=1e-6)
    assert other.photographs.std_error == pytest.approx(one.readers.std_error, rel=1e-6)


def test_fit_crossed__of_readers_without_bias_sets_their_variance_to_zero():
    rng = np.random.default_rng(3)
    photo, reader = np.repeat(np.arange(50), 6), np.tile(np.arange(6), 50)
    noise = rng.normal(0, 4, (50, 6))
    noise -= noise.mean(axis=0)
    fit = fit_crossed(60 + rng.normal(0, 5, 50)[photo] + noise.ravel(), photo, reader)
    assert fit.variances["reader"] == 0
    assert (fit.readers.value == 0).all()
    assert (fit.readers.std_error == 0).all()
    intervals = sd_intervals(fit)
    assert intervals["reader"][:2] == (0, 0)
    assert 0 < intervals["reader"].ci_high < 1.5
    assert np.isnan(sd_intervals(fit, method="wald")["reader"].ci_high)


def test_sd_intervals__of_pure_noise_start_at_zero():
    rng = np.random.default_rng(1)
    photo, reader = np.repeat(np.arange(12), 5), np.tile(np.arange(5), 12)
    noise = rng.normal(size=(12, 5))
    noise = noise - noise.mean(axis=0) - noise.mean(axis=1)[:, None] + noise.mean()
    fit = fit_crossed(noise.ravel(), photo, reader)
    assert (fit.variances["photograph"], fit.variances["reader"]) == (0, 0)
    assert fit.variances["residual"] == pytest.approx(np.sum(noise**2) / 59)
    intervals = sd_intervals(fit)
    assert intervals["photograph"].ci_low == intervals["reader"].ci_low == 0
    assert intervals["residual"].ci_low < np.sqrt(fit.variances["residual"]) < intervals["residual"].ci_high


@pytest.mark.parametrize("seed", range(6))
def test_fit_crossed__finds_the_least_criterion_in_small_ragged_panels(seed):
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    cells = rng.choice(8 * 6, 30, replace=False)
    photo, reader = np.divmod(np.r_[cells, cells[:12]], 6)
    y = rng.normal(0, 2 * (seed % 3), 8)[photo] + rng.normal(0, seed % 2, 6)[reader] + rng.normal(size=42)
    fit = fit_crossed(y, photo, reader, interaction=True)
    names = tuple(fit.variances)
    deviance = deviance_of(fit.cells, fit.components, names)
    starts = (np.zeros(4), np.array([1.0, -3, -3, 0.5]))
    settings = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000}
    found = [minimize(lambda at: deviance(np.clip(at, -25, 25))[0], start, method="Nelder-Mead", options=settings).fun for start in starts]
    assert fit.reml == pytest.approx(min(found), abs=1e-5)


def test_sd_intervals__profile_and_wald_agree_in_large_panels():
    y, photo, reader, *_ = simulated(n_photos=400, n_readers=80, each=6)
    fit = fit_crossed(y, photo, reader)
    profile, wald = sd_intervals(fit), sd_intervals(fit, method="wald")
    for name in profile:
        assert profile[name] == pytest.approx(wald[name], rel=0.02)


def test_panel_icc__of_a_complete_table_is_that_of_shrout_and_fleiss():
    rows = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
    fit = fit_crossed(rows.ravel(), np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6))
    assert panel_icc(fit).value == pytest.approx(0.289764, abs=5e-7)
    assert panel_icc(fit, n_readers=4).value == pytest.approx(0.620051, abs=5e-7)


def test_panel_icc__its_interval_covers_the_planted_reliability():
    truth = {k: 49 / (49 + 29 / k) for k in (1, 10)}
    held = dict.fromkeys(truth, 0)
    for seed in range(30):
        fit = fit_crossed(*simulated(seed, n_photos=60, n_readers=25, each=6)[:3])
        for k, value in truth.items():
            found = panel_icc(fit, n_readers=k)
            held[k] += found.ci_low <= value <= found.ci_high
    assert held[1] == held[10]
    assert held[1] >= 26


def test_measurement_errors__are_roots_of_sums_of_variances():
    fit = fitted("repeats")
    errors, v = measurement_errors(fit), fit.variances
    assert errors["agreement"].value == pytest.approx(np.sqrt(v["reader"] + v["interaction"] + v["residual"]))
    assert errors["consistency"].value == pytest.approx(np.sqrt(v["interaction"] + v["residual"]))
    assert errors["agreement"].ci_low < errors["agreement"].value < errors["agreement"].ci_high


def test_sheppard__takes_from_binned_readings_what_binning_added():
    values = np.random.default_rng(0).normal(0, 6, 200_000)
    binned = 5 * np.floor(values / 5) + 2.5
    assert sheppard(float(binned.var()), 5) == pytest.approx(36, rel=0.01)
    assert sheppard(1.0, 5) == 0
    with pytest.raises(InputError, match="width of a bin is -1"):
        sheppard(1.0, -1)


def odd_readers():
    """Return a panel whose last four readers are lenient, compress the scale, read at random, and scatter."""
    rng = np.random.default_rng(7)
    photo, reader = np.repeat(np.arange(150), 24), np.tile(np.arange(24), 150)
    value = rng.normal(60, 8, 150)
    y = value[photo] + rng.normal(0, 1.5, 24)[reader] + rng.normal(0, 4, len(photo))
    y += np.where(reader == 20, 15, 0) - np.where(reader == 21, 0.5 * (value[photo] - 60), 0)
    y = np.where(reader == 22, rng.normal(60, 5, len(y)), y) + np.where(reader == 23, rng.normal(0, 12, len(y)), 0)
    return y, photo, reader


def test_outlying_readers__are_named_with_the_reason():
    quality = reader_quality(fit_crossed(*odd_readers()))
    reasons = outlying_readers(quality)
    assert not any(reasons[:20])
    assert reasons[20] == "bias beyond 3.5 robust z"
    assert quality.scale[21] == pytest.approx(0.5, abs=0.1)
    assert "correlation with the others below 0.3" in reasons[22]
    assert reasons[23] == "residual above 2 times the median reader's"
    assert outlying_readers(quality, OutlierRule(bias_z=100, correlation=-1, residual_ratio=100)) == [""] * 24


def test_reader_who_says_the_same_of_all_photographs__stands_out():
    y, photo, reader, *_ = simulated(n_photos=200, n_readers=6, each=6)
    x = np.random.default_rng(0).normal(size=(len(y), 1))
    quality = reader_quality(fit_crossed(np.where(reader == 3, 50.0, y), photo, reader, X=x, names=["position"]))
    assert outlying_readers(quality) == ["", "", "", "the same reading of all photographs", "", ""]
    assert (quality.scale[3], quality.scale_se[3]) == (0, 0)


def test_fit_crossed__readings_that_are_all_alike_are_refused():
    _, photo, reader, *_ = simulated(n_photos=20, n_readers=6, each=4)
    with pytest.raises(InputError, match=r"all 80 readings are 50: .* there is no residual variance"):
        fit_crossed(np.full(80, 50.0), photo, reader)


def test_reader_quality__scale_of_ordinary_readers_is_one_however_few_others_there_are():
    y, photo, reader, *_ = simulated(n_photos=3000, n_readers=10, each=3)
    quality = reader_quality(fit_crossed(y, photo, reader))
    assert quality.scale == pytest.approx(np.ones(10), abs=0.1)
    assert quality.scale.mean() == pytest.approx(1, abs=0.03)


def test_reader_quality__of_a_reader_alone_is_unknown():
    y, photo, reader, *_ = simulated(n_photos=30, n_readers=6, each=3)
    quality = reader_quality(fit_crossed(np.r_[y, 50.0], np.r_[photo, 30], np.r_[reader, 99]))
    assert quality.n_photographs[-1] == 0
    assert np.isnan([quality.scale[-1], quality.correlation[-1], quality.residual_sd[-1]]).all()
    assert outlying_readers(quality)[-1] == ""


def test_fit_crossed__wrong_input_is_refused():
    y, photo, reader, *_ = simulated(n_photos=20, n_readers=6, each=4)
    x = np.random.default_rng(0).normal(size=(len(y), 1))
    with pytest.raises(InputError, match="choose random or fixed"):
        fit_crossed(y, photo, reader, photograph="mixed")
    with pytest.raises(InputError, match="no reader read a photograph twice"):
        fit_crossed(y, photo, reader, interaction=True)
    with pytest.raises(InputError, match="all readings are of one reader"):
        fit_crossed(y, photo, np.zeros(len(y)))
    with pytest.raises(InputError, match="a reading or a covariate is missing"):
        fit_crossed(np.r_[np.nan, y[1:]], photo, reader)
    with pytest.raises(InputError, match="give a name to each column"):
        fit_crossed(y, photo, reader, X=x)
    with pytest.raises(InputError, match="covariate 1 is the same in all readings"):
        fit_crossed(y, photo, reader, X=0 * x + 3, names=("a",))
    with pytest.raises(InputError, match="depend on each other"):
        fit_crossed(y, photo, reader, X=np.hstack([x, 2 * x + 1]), names=("a", "b"))
    with pytest.raises(InputError, match="depend on each other or on the photographs"):
        fit_crossed(y, photo, reader, X=x[photo], names=("a",), photograph="fixed")
    with pytest.raises(InputError, match="no residual variance"):
        fit_crossed(np.arange(20.0)[photo] ** 2 + reader, photo, reader)
    with pytest.raises(InputError, match="more readings are needed"):
        fit_crossed(y[:5], np.arange(5), [0, 1, 0, 1, 0], photograph="fixed")
    fixed = fit_crossed(y, photo, reader, photograph="fixed")
    with pytest.raises(InputError, match="fit them as random"):
        panel_icc(fixed)
    with pytest.raises(InputError, match="fit photographs as random"):
        reader_quality(fixed)
    with pytest.raises(InputError, match="choose one of profile, wald"):
        sd_intervals(fixed, method="boot")
    with pytest.raises(InputError, match="level is 2"):
        sd_intervals(fixed, level=2)
    with pytest.raises(InputError, match="n_readers is 0"):
        panel_icc(fixed, n_readers=0)
    with pytest.raises(InputError, match="residual_ratio"):
        OutlierRule(residual_ratio=0.5)
