"""The rule on source confounding, and the small classifier behind its probes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.evaluation.condition_rows import JudgedPeople, comparisons
from facies.evaluation.confounding import (
    LEAST_PERMUTATIONS,
    LEVEL,
    NUISANCE,
    Probe,
    confounding_tables,
    detectable_auc,
    finding,
    judge,
    same_source,
)
from facies.models.probe import permuted_probe, probe_scores
from facies.stats.auc import auc


def probe(name, value, half=0.05, p=np.nan, n=120):
    return Probe(name, value, value - half, min(1.0, value + half), p, n, 55)


MODEL = (probe("model_all", 0.95), probe("model_same_source", 0.9))


def test_judge__without_any_finding_says_no_sign_and_shows_all():
    model = (probe("model_all", 0.89), probe("model_same_source", 0.9))
    verdict = judge([*model, probe("background@same_source", 0.5, p=0.5), probe("background", 0.52, p=0.3)])
    assert (verdict.verdict, verdict.headline, verdict.reasons) == ("no sign", "all", ())


def test_judge__a_probe_that_explains_the_model_confounds_it():
    verdict = judge([*MODEL, probe("border@same_source", 0.85, p=0.005)])
    assert (verdict.verdict, verdict.headline) == ("confounded", "withheld")
    assert "border alone tells cases from others of the same source (AUC 0.85, the model 0.90)" in verdict.reasons


def test_judge__a_probe_that_tells_a_little_is_suspect():
    assert judge([*MODEL, probe("metadata@same_source", 0.65, p=0.005)]).verdict == "suspect"


def test_judge__a_small_p_or_a_large_auc_alone_is_nothing():
    assert judge([*MODEL, probe("metadata@same_source", 0.58, p=0.001), probe("border@same_source", 0.75, p=0.04)]).verdict == "no sign"


def test_judge__nobody_from_the_cases_source_is_confounded_by_design():
    verdict = judge([MODEL[0], probe("background", 0.55, p=0.3)])
    assert (verdict.verdict, verdict.headline) == ("confounded", "withheld")


def test_judge__an_auc_that_vanishes_within_the_source_is_confounded():
    assert judge([probe("model_all", 0.9), probe("model_same_source", 0.52, half=0.1)]).verdict == "confounded"


def test_judge__probes_against_all_only_decide_what_is_shown_first():
    verdict = judge([*MODEL, probe("background", 0.9, p=0.005), probe("background@same_source", 0.5, p=0.6)])
    assert (verdict.verdict, verdict.headline) == ("no sign", "same_source")


def test_judge__a_model_that_tells_nothing_is_undetermined():
    assert judge([probe("model_all", 0.52, half=0.1), probe("model_same_source", 0.5, half=0.1)]).verdict == "undetermined"


def demographics(alone, gain, half=0.06, p=0.002):
    ends = Probe("model_beyond_demographics@same_source", gain, gain - half, gain + half, 0.5, 120, 55)
    return [probe("demographics@same_source", alone, p=p), ends]


def test_judge__age_and_sex_that_tell_as_much_are_suspect():
    verdict = judge([*MODEL, *demographics(0.85, 0.01)])
    assert verdict.verdict == "suspect"
    assert verdict.reasons == ("age, sex and BMI tell as much without the model (AUC 0.85; it adds 0.01, -0.05 to 0.07)",)
    assert judge([*MODEL, *demographics(0.85, 0.09)]).verdict == "no sign"


def test_judge__age_and_sex_that_tell_nothing_explain_nothing():
    """An increment that is not shown is no suspicion where age and sex tell nothing that it could be explained by."""
    assert judge([*MODEL, *demographics(0.52, 0.05, p=0.4)]).verdict == "no sign"


def test_judge__age_and_sex_against_public_negatives_are_no_reason():
    """A model that knows the camera of public negatives adds to age against all, and one that knows nothing adds nothing to a camera."""
    rows = [Probe("model_beyond_demographics", 0.0, -0.05, 0.05, 0.9, 235, 55), probe("demographics", 0.9, p=0.002)]
    assert judge([*MODEL, *rows]).verdict == "no sign"
    added = Probe("model_beyond_demographics", 0.1, 0.05, 0.15, 0.0, 235, 55)
    assert judge([*MODEL, added, *demographics(0.85, 0.01)]).verdict == "suspect"


def test_judge__says_where_age_and_sex_could_not_be_asked():
    unknown = Probe("demographics@same_source", np.nan, np.nan, np.nan, np.nan, 9, 2, "no age; 2 cases and 7 others")
    verdict = judge([*MODEL, unknown])
    assert (verdict.verdict, verdict.reasons) == ("no sign", ("demographics not asked: no age; 2 cases and 7 others",))


def test_judge__a_weak_camera_that_explains_a_weak_model_confounds_it():
    """Among many people an AUC of 0.58 is sure; it is of no weight beside a model of 0.90, and all there is of one of 0.62."""
    camera = probe("border@same_source", 0.58, half=0.03, p=0.002, n=1500)
    weak = (probe("model_all", 0.63, half=0.03, n=1500), probe("model_same_source", 0.62, half=0.03, n=1500))
    assert judge([*weak, camera]).verdict == "confounded"
    assert judge([*MODEL, camera]).verdict == "no sign"


def test_judge__a_wide_interval_is_no_proof_that_the_model_falls():
    """With ten controls an interval holds 0.5 by itself; only one that ends below the interval against all shows the camera."""
    few = probe("model_same_source", 0.65, half=0.2, n=65)
    assert judge([probe("model_all", 0.72, half=0.06), few]).verdict == "undetermined"
    assert judge([probe("model_all", 0.95, half=0.03), few]).verdict == "confounded"


def test_judge__no_sign_needs_enough_people_to_find_a_camera():
    quiet = Probe("background@same_source", 0.6, 0.38, 0.8, 0.2, 22, 12)
    verdict = judge([probe("model_all", 0.9), Probe("model_same_source", 0.85, 0.65, 0.95, np.nan, 22, 12), quiet])
    assert verdict.verdict == "undetermined"
    assert verdict.reasons[0].startswith("too few people share a source (12 cases, 10 controls)")


def test_detectable_auc__is_found_with_the_power_that_is_promised():
    """Normal scores as far apart as the AUC says; the Mann-Whitney test at LEVEL; without the spread that cross-fitting adds."""
    from scipy.stats import mannwhitneyu, norm

    rng = np.random.default_rng(4)
    for m, n in ((55, 60), (30, 90)):
        least = 0.5 + (detectable_auc(m, n) - 0.5) / 1.25
        drawn = rng.normal(size=(1500, m + n))
        drawn[:, :m] += np.sqrt(2) * norm.ppf(least)
        power = np.mean(mannwhitneyu(drawn[:, :m], drawn[:, m:], axis=1, alternative="greater").pvalue <= LEVEL)
        assert power == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("seed", range(40))
def test_judge__is_the_gravest_of_the_findings_of_the_probes(seed):
    rng = np.random.default_rng(seed)
    names = ["model_all", "model_same_source", *NUISANCE, *(f"{name}@same_source" for name in NUISANCE), "blurred@same_source"]
    rows = [probe(name, rng.uniform(0.45, 0.95), half=rng.uniform(0.03, 0.2), p=rng.choice([0.001, 0.014, 0.3])) for name in names]
    rows += demographics(rng.uniform(0.5, 0.9), rng.uniform(-0.05, 0.1), p=rng.choice([0.001, 0.3]))
    levels = {finding(row, rows).level for row in rows}
    order = ("confounded", "undetermined", "suspect")
    verdict = judge(rows)
    assert verdict.verdict == next((level for level in order if level in levels), "no sign")
    assert (verdict.reasons == ()) == (verdict.verdict == "no sign")
    table = confounding_tables({("m", "cushing"): rows})[0]
    assert table.finding.tolist() == [finding(row, rows).level for row in rows]


def test_judge__the_larger_auc_is_never_shown_first():
    higher = (probe("model_all", 0.92), probe("model_same_source", 0.9))
    assert judge(higher).headline == "same_source"
    assert judge((probe("model_all", 0.88), probe("model_same_source", 0.9))).headline == "all"


def test_confounding_tables__hold_every_probe_and_keep_to_the_schema():
    rows = [*MODEL, probe("blurred@same_source", 0.8, p=0.005), Probe("source_of_negatives", 0.9, np.nan, np.nan, np.nan, 80, 0)]
    probes, verdicts = confounding_tables({("m", "cushing"): rows})
    assert probes.finding.tolist() == ["none"] * 4
    assert verdicts.verdict.tolist() == ["no sign"]
    border = probe("border", 0.9, p=0.005)
    assert finding(border, [*MODEL, border]).level == "headline"
    unknown = Probe("border", np.nan, np.nan, np.nan, np.nan, 0, 0)
    assert finding(unknown, [*MODEL, unknown]).level == "not possible"


def test_same_source__people_with_another_condition_are_no_controls():
    source = ["clinic"] * 60 + ["web"] * 30
    role = ["case"] * 40 + ["clinic_control"] * 20 + ["public_negative"] * 30
    y = np.repeat([1, 0], [20, 70])
    which = same_source(pd.DataFrame({"source": source, "role": role}), y)
    assert which.tolist() == [True] * 20 + [False] * 20 + [True] * 20 + [False] * 30


def test_same_source__one_stray_case_does_not_make_another_clinic_the_cases_own():
    source = ["a"] * 30 + ["b"] * 61
    role = ["case"] * 31 + ["clinic_control"] * 60
    assert same_source(pd.DataFrame({"source": source, "role": role}), np.repeat([1, 0], [31, 60])) is None


def test_comparisons__a_case_from_elsewhere_is_not_compared_within_the_source():
    people = pd.DataFrame({"source": ["a"] * 4 + ["b"] * 3 + ["web"], "role": ["case"] * 5 + ["clinic_control"] * 2 + ["public_negative"]})
    y = np.array([1, 1, 1, 1, 1, 0, 0, 0])
    which = comparisons(JudgedPeople(people, np.zeros((1, 8)), y, {}))
    assert which["same_source"].tolist() == [False] * 4 + [True] * 3 + [False]
    assert which["public"].tolist() == [True] * 5 + [False] * 2 + [True]


def alike_folds(y, rng, n_folds=5):
    folds = np.empty(len(y), dtype=np.int64)
    for value in (0, 1):
        rows = np.flatnonzero(y == value)
        folds[rows] = rng.permutation(len(rows)) % n_folds
    return folds


def test_permuted_probe__of_nothing_finds_something_as_often_as_it_says():
    """Folds are alike in the labels, as a study's are; 400 studies; binomial 99.9 % limits."""
    rng = np.random.default_rng(6)
    y = np.repeat([1, 0], [20, 25])
    found = []
    for seed in range(400):
        folds = np.stack([alike_folds(y, rng) for _ in range(3)])
        found.append(permuted_probe(rng.normal(size=(45, 12)), y, folds=folds, n_permutations=99, random_state=seed).p_value)
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.036)
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def test_permuted_probe__scores_of_every_dealing_equal_one_dealing_at_a_time():
    from facies.models.probe import _dealt

    rng = np.random.default_rng(7)
    Z, y, folds = rng.normal(size=(40, 4)), np.arange(40) % 2, rng.permutation(40) % 4
    orders = [rng.permutation(40) for _ in range(3)]
    together = _dealt(np.stack([Z[order] for order in orders]), y.astype(float), folds)
    for scores, order in zip(together, orders, strict=True):
        one = permuted_probe(Z[order], y, folds=folds, n_permutations=0, random_state=0)
        assert scores == pytest.approx(_dealt(Z[order][None], y.astype(float), folds)[0], abs=1e-10)
        assert np.isnan(one.p_value)


def test_permuted_probe__nobody_is_scored_by_the_own_label_and_few_people_get_few_axes():
    rng = np.random.default_rng(8)
    X, folds, y = rng.normal(size=(50, 60)), np.arange(50) % 5, np.arange(50) // 25
    flipped = y.copy()
    flipped[0] = 1 - flipped[0]
    before, after = (permuted_probe(X, labels, folds=folds, n_permutations=0, random_state=0).scores[0] for labels in (y, flipped))
    same = folds == folds[0]
    assert before[same] == pytest.approx(after[same], abs=1e-12)
    assert not np.allclose(before[~same], after[~same])
    for labels, assigned in ((y, np.where(same, -1, folds)), (np.ones(50), folds)):
        with pytest.raises(InputError, match=r"in no fold|only cases"):
            permuted_probe(X, labels, folds=assigned, n_permutations=0, random_state=0)


def test_permutations__at_their_least_can_find_something():
    from facies.study.condition_settings import ConditionSection

    assert 1 / (LEAST_PERMUTATIONS + 1) <= LEVEL
    with pytest.raises(ValueError, match="greater than or equal to 100"):
        ConditionSection(n_permutations=LEAST_PERMUTATIONS - 1)


def test_probe_scores__people_who_are_not_learnt_from_change_nobody():
    rng = np.random.default_rng(9)
    X, folds, y = rng.normal(size=(60, 5)), np.arange(60) % 5, np.arange(60) % 2
    learn = np.arange(60) < 40
    first = probe_scores(X, y, folds=folds, learn=learn)[0]
    other = probe_scores(X, np.where(learn, y, 1 - y), folds=folds, learn=learn)[0]
    assert np.isfinite(first).all()
    assert (first == other).all()


def test_probe_scores__find_a_shift_and_nothing_in_noise():
    rng = np.random.default_rng(1)
    y = np.arange(200) % 2
    folds = np.stack([rng.permutation(200) % 5 for _ in range(2)])
    noise = rng.normal(size=(200, 40))
    values = [
        np.mean([auc(row, labels) for row in probe_scores(noise, labels, folds=folds)])
        for labels in (rng.permutation(y) for _ in range(20))
    ]
    assert abs(np.mean(values) - 0.5) < 0.05
    shifted = noise + 0.6 * y[:, None] * (np.arange(40) < 10)
    assert auc(probe_scores(shifted, y, folds=folds)[0], y) > 0.8


def test_probe_scores__many_sets_of_labels_equal_one_at_a_time():
    rng = np.random.default_rng(2)
    X, folds = rng.normal(size=(60, 8)), rng.permutation(60) % 4
    labels = np.column_stack([rng.permutation(np.arange(60) % 2) for _ in range(3)])
    together = probe_scores(X, labels, folds=folds)[0]
    for column in range(3):
        assert together[:, column] == pytest.approx(probe_scores(X, labels[:, column], folds=folds)[0], abs=1e-10)


def test_probe_scores__nobody_is_scored_by_a_model_that_saw_the_person():
    """A measure that is the label itself in one person changes only the others' scores when the label is flipped."""
    rng = np.random.default_rng(3)
    X, folds, y = rng.normal(size=(50, 5)), np.arange(50) % 5, np.arange(50) // 25
    flipped = y.copy()
    flipped[0] = 1 - flipped[0]
    before, after = probe_scores(X, y, folds=folds)[0], probe_scores(X, flipped, folds=folds)[0]
    same = folds == folds[0]
    assert (before[same] == after[same]).all()
    assert not (before[~same] == after[~same]).all()
    with pytest.raises(InputError, match="no finite number"):
        probe_scores(np.full((4, 2), np.nan), [0, 1, 0, 1], folds=[0, 0, 1, 1])
