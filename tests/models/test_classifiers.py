"""Classifiers of a condition: log-odds that are right, candidates chosen without looking, arrays that are read back unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from facies.errors import InputError
from facies.models.classifiers import CLASSIFIERS, ConditionModel, classifier_entry
from facies.models.classifiers.fitting import fit_condition
from facies.models.classifiers.logistic import Logistic
from facies.models.classifiers.multinomial import fit_multinomial, softmax
from facies.models.classifiers.ordinal import _loss, fit_ordinal_path
from facies.models.classifiers.platt import LEAST_SLOPE, fit_platt
from facies.models.classifiers.projection import Basis, _largest, fit_projection
from facies.models.classifiers.svm import Svm
from facies.models.classifiers.table import classifier_class
from facies.models.classifiers.training import Training, prepare_training
from facies.stats.auc import auc
from facies.stats.calibration_binary import calibrate
from facies.stats.threads import single_thread


@pytest.fixture(autouse=True)
def one_thread():
    """Fit as cross-fitting does."""
    with single_thread():
        yield


def two_classes(n, p, *, share, distance, seed):
    """Two normal classes with unit variance, ``distance`` apart in the first column: the true log-odds are linear in it."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) < round(share * n)).astype(float)
    X = rng.normal(size=(n, p))
    X[:, 0] += distance * y
    return X, y


def training(X, y, *, weights=None, groups=None):
    n = len(y)
    return prepare_training(
        X, person=np.arange(n), weights=np.ones(n) if weights is None else weights,
        groups=np.arange(n).astype(str) if groups is None else groups, diagnosis=y, random_state=0,
    )  # fmt: skip


def fitted(X, y, classifier, *, class_weights=True, rules=("youden",), **options):
    return fit_condition(
        training(X, y, **options), y, classifier=classifier, rules=rules, class_weights=class_weights, share=float(y.mean())
    )  # fmt: skip


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("class_weights", [True, False])
def test_log_odds__of_new_people_are_those_at_the_training_mix_whatever_the_class_weights(classifier, class_weights):
    X, y = two_classes(700, 6, share=0.2, distance=2.0, seed=1)
    new, truth = two_classes(6000, 6, share=0.2, distance=2.0, seed=2)
    score = fitted(X, y, classifier, class_weights=class_weights).model.decision(new)
    found = calibrate(score, truth)
    assert found.slope == pytest.approx(1, abs=0.2)
    assert found.intercept == pytest.approx(0, abs=0.2)
    assert auc(score, truth) > {"gallery": 0.86, "svm": 0.88}.get(classifier, 0.9)


@pytest.mark.parametrize("classifier", ["logistic", "lda"])
def test_log_odds__are_those_of_the_simulation_where_it_is_linear(classifier):
    X, y = two_classes(4000, 3, share=0.3, distance=1.5, seed=3)
    new, _ = two_classes(200, 3, share=0.3, distance=1.5, seed=4)
    true = 1.5 * new[:, 0] - 1.5**2 / 2 + np.log(0.3 / 0.7)
    np.testing.assert_allclose(fitted(X, y, classifier).model.decision(new), true, atol=0.45)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_arrays__give_the_same_model_again(classifier):
    X, y = two_classes(80, 30, share=0.3, distance=2.0, seed=5)
    model = fitted(X, y, classifier).model
    again = ConditionModel.from_arrays(model.to_arrays(), classifier)
    np.testing.assert_array_equal(again.decision(X), model.decision(X))
    assert all(array.dtype.kind in "fi" for array in model.to_arrays().values())


@pytest.mark.parametrize("classifier", ["logistic", "lda"])
def test_coefficients__of_columns_give_the_same_log_odds(classifier):
    X, y = two_classes(90, 200, share=0.3, distance=3.0, seed=6)
    model = fitted(X, y, classifier).model
    coef, intercept = model.coefficients()
    np.testing.assert_allclose(X @ coef + intercept, model.decision(X), rtol=1e-9, atol=1e-9)


def test_logistic__every_penalty_gives_the_minimum_that_scikit_learn_finds():
    from sklearn.linear_model import LogisticRegression

    X, y = two_classes(200, 10, share=0.3, distance=1.0, seed=7)
    weights = np.random.default_rng(0).uniform(0.5, 2, 200)
    total = (weights[:, None] * X**2).sum()
    for penalty, fit in zip(Logistic.candidates, Logistic.fit_path(X, y, weights), strict=True):
        reference = LogisticRegression(C=1 / (penalty * total), tol=1e-10, max_iter=10000).fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(fit.coef, reference.coef_[0], atol=2e-3)
        assert fit.intercept == pytest.approx(reference.intercept_[0], abs=2e-3)


def test_svm__kept_as_arrays_decides_as_scikit_learn_does():
    from sklearn.svm import SVC

    X, y = two_classes(150, 5, share=0.4, distance=1.5, seed=8)
    fit = Svm.fit_path(X, y, np.ones(150))[1]
    reference = SVC(C=Svm.candidates[1], gamma=1 / X.var(axis=0).sum()).fit(X, y)
    np.testing.assert_allclose(fit.decision(X), reference.decision_function(X), atol=1e-2)


@pytest.mark.parametrize("classifier", ["logistic", "lda"])
def test_weights__two_count_as_the_same_rows_twice(classifier):
    X, y = two_classes(60, 4, share=0.4, distance=1.0, seed=9)
    weights = np.where(np.arange(60) % 3 == 0, 2.0, 1.0)
    rows = np.repeat(np.arange(60), weights.astype(int))
    kind = classifier_class(classifier)
    for one, other in zip(kind.fit_path(X, y, weights), kind.fit_path(X[rows], y[rows], np.ones(len(rows))), strict=True):
        np.testing.assert_allclose(one.decision(X), other.decision(X), atol=2e-3)


@pytest.mark.parametrize("p", [40, 500])
def test_axes__without_some_rows_are_those_of_the_other_rows_alone(p):
    X = np.random.default_rng(10).normal(size=(60, p)) * np.arange(1, p + 1) ** -0.5
    left_out = np.arange(60) % 4 == 0
    basis = Basis.of(X, np.ones(60))
    Z = basis.without(left_out)
    centred = basis.A - basis.A[~left_out].mean(axis=0)
    _, _, axes = np.linalg.svd(centred[~left_out], full_matrices=False)
    reference = centred @ axes.T
    np.testing.assert_allclose(np.abs(Z[:, :20]), np.abs(reference[:, :20]), atol=1e-6)


def test_axes__turned_from_known_ones_or_found_by_random_projections_are_nearly_the_exact_ones():
    rng = np.random.default_rng(11)
    A = rng.normal(size=(1600, 300)) * np.arange(1, 301) ** -1.0
    square = A @ A.T / 1600
    exact = np.linalg.eigvalsh(square)[::-1][:50]
    np.testing.assert_allclose(_largest(square)[0][:50], exact, rtol=1e-3)
    known = np.linalg.qr(A[:, :280] + 0.05 * rng.normal(size=(1600, 280)))[0]
    np.testing.assert_allclose(_largest(square, known)[0][:50], exact, rtol=1e-3)


def test_projection__a_column_that_does_not_vary_counts_nothing():
    X = np.random.default_rng(12).normal(size=(30, 6))
    X[:, 2] = 7.0
    moved = X.copy()
    moved[:, 2] = 9.0
    projection = fit_projection(X, np.ones(30))
    np.testing.assert_allclose(projection.apply(moved), projection.apply(X))


def test_thresholds__reach_their_sensitivity_in_new_people_where_there_are_far_more_columns_than_people():
    """Axes found with the people who fix the threshold would promise 0.9 and find less than 0.7."""
    rng = np.random.default_rng(13)
    direction = rng.normal(size=1500) / np.sqrt(1500)

    def people(n, n_cases):
        y = (np.arange(n) < n_cases).astype(float)
        return rng.normal(size=(n, 1500)) + 6 * y[:, None] * direction, y

    X, y = people(420, 100)
    new, truth = people(1500, 700)
    for classifier in ("logistic", "lda"):
        fit = fitted(X, y, classifier, rules=("sensitivity=0.9", "specificity=0.9"))
        score = fit.model.decision(new)
        assert (score[truth > 0] >= fit.thresholds["sensitivity=0.9"]).mean() == pytest.approx(0.92, abs=0.07)
        assert (score[truth <= 0] < fit.thresholds["specificity=0.9"]).mean() == pytest.approx(0.91, abs=0.07)


def test_gallery__works_from_three_cases_where_others_are_refused_with_the_remedy():
    X, y = two_classes(60, 5, share=0.05, distance=6.0, seed=14)
    new, truth = two_classes(400, 5, share=0.5, distance=6.0, seed=22)
    assert auc(fitted(X, y, "gallery").model.decision(new), truth) > 0.97
    with pytest.raises(InputError, match=r"logistic was left 3 cases to learn from and needs 5: .*\['gallery'\]"):
        fitted(X, y, "logistic")


def test_fit__cases_of_one_family_are_refused():
    X, y = two_classes(40, 3, share=0.2, distance=1.0, seed=15)
    groups = np.where(y > 0, "one", np.arange(40).astype(str))
    with pytest.raises(InputError, match="all cases to learn from are of one family"):
        fitted(X, y, "logistic", groups=groups)


def test_inner_folds__never_part_a_family_and_hold_cases_alike():
    X, y = two_classes(100, 3, share=0.2, distance=1.0, seed=16)
    groups = (np.arange(100) // 2).astype(str)
    made: Training = training(X, y, groups=groups)
    for fold in made.inner:
        inside = set(groups[fold.people])
        assert not inside & set(groups[~fold.people])
        assert y[fold.people].sum() == 4


def test_platt__a_score_that_ranks_people_the_wrong_way_round_counts_next_to_nothing():
    rng = np.random.default_rng(17)
    y = (rng.random(200) < 0.3).astype(float)
    curve = fit_platt(rng.normal(size=200) - y, y, np.ones(200))
    assert 0 < curve.slope < 2 * LEAST_SLOPE


def test_platt__separated_classes_stay_finite():
    curve = fit_platt(np.arange(20.0), (np.arange(20) >= 10).astype(float), np.ones(20))
    assert np.abs(curve.apply(np.array([0.0, 19.0]))).max() < 12


@pytest.mark.parametrize("class_weights", [True, False])
def test_multinomial__probabilities_are_the_shares_of_new_people_whatever_the_class_weights(class_weights):
    rng = np.random.default_rng(18)

    def people(n):
        diagnosis = np.array(["a", "b", "control"])[np.searchsorted([0.1, 0.25], np.linspace(0, 1, n, endpoint=False), side="right")]
        centre = {"a": (1.5, 0.0, 0.0), "b": (0.0, 1.5, 0.0), "control": (0.0, 0.0, 0.0)}
        return rng.normal(size=(n, 3)) + np.array([centre[name] for name in diagnosis]), diagnosis

    X, diagnosis = people(800)
    given = training(X, np.searchsorted(["a", "b", "control"], diagnosis).astype(float))
    shares = {name: float((diagnosis == name).mean()) for name in ("a", "b", "control")}
    fit = fit_multinomial(given, diagnosis, class_weights=class_weights, shares_of_study=shares)
    new, truth = people(6000)
    chance = softmax(fit.decision(given.projection.apply(new)))
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    for number, name in enumerate(fit.names):
        assert chance[:, number].mean() == pytest.approx((truth == name).mean(), abs=0.03)
        sure = chance[:, number] > 0.5
        assert (truth[sure] == name).mean() == pytest.approx(chance[sure, number].mean(), abs=0.12)


def test_ordinal__the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(19)
    Z, code, weights = rng.normal(size=(40, 3)), rng.integers(0, 4, 40), rng.uniform(0.5, 2, 40)
    at = np.concatenate([rng.normal(size=3), [-1.0, 0.1, -0.3]])
    error = check_grad(lambda x: _loss(x, Z, code, weights, 2.0)[0], lambda x: _loss(x, Z, code, weights, 2.0)[1], at)
    assert error < 1e-4


def test_ordinal__agrees_with_proportional_odds_without_a_penalty(monkeypatch):
    from facies.models.classifiers import ordinal
    from facies.stats.ordinal import fit_ordinal

    rng = np.random.default_rng(20)
    Z = rng.normal(size=(400, 2))
    grade = np.digitize(Z @ [1.0, -0.5] + rng.logistic(size=400), [-1.0, 0.5, 2.0]).astype(float)
    monkeypatch.setattr(ordinal, "PENALTIES", (1e-12,))
    ours = fit_ordinal_path(Z, grade, np.ones(400))[0]
    reference = fit_ordinal(grade, Z, names=("a", "b"))
    np.testing.assert_allclose(ours.coef, reference.coef, atol=2e-3)


def test_ordinal__the_interval_holds_the_grade_as_often_as_it_says():
    rng = np.random.default_rng(21)
    Z = rng.normal(size=(3000, 1))
    grade = np.digitize(1.5 * Z[:, 0] + rng.logistic(size=3000), [-2.0, 0.0, 2.0]).astype(float)
    fit = fit_ordinal_path(Z[:1000], grade[:1000], np.ones(1000))[-1]
    low, high = fit.bounds(fit.decision(Z[1000:]))
    inside = ((low <= grade[1000:]) & (grade[1000:] <= high)).mean()
    assert 0.95 <= inside < 1.0
    assert (high - low).mean() < 3


def test_table__names_what_there_is():
    assert list(CLASSIFIERS) == ["logistic", "svm", "lda", "gallery"]
    with pytest.raises(InputError, match="there is no classifier 'forest': choose logistic, svm, lda, gallery"):
        classifier_entry("forest")
