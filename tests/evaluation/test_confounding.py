"""The rule on source confounding, and the small classifier behind its probes."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.evaluation.confounding import Probe, confounding_tables, finding, judge
from facies.models.probe import probe_scores
from facies.stats.auc import auc


def probe(name, value, half=0.05, p=np.nan, n=120):
    return Probe(name, value, value - half, min(1.0, value + half), p, n, 55)


MODEL = (probe("model_all", 0.95), probe("model_same_source", 0.9))


def test_judge__without_any_finding_says_no_sign_and_shows_all():
    verdict = judge([*MODEL, probe("background@same_source", 0.5, p=0.5), probe("background", 0.52, p=0.3)])
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


def test_judge__age_and_sex_that_tell_as_much_are_suspect():
    gain = Probe("model_beyond_demographics", 0.01, -0.05, 0.07, 0.7, 120, 55)
    assert judge([*MODEL, gain]).verdict == "suspect"


def test_confounding_tables__hold_every_probe_and_keep_to_the_schema():
    rows = [*MODEL, probe("blurred@same_source", 0.8, p=0.005), Probe("source_of_negatives", 0.9, np.nan, np.nan, np.nan, 80, 0)]
    probes, verdicts = confounding_tables({("m", "cushing"): rows})
    assert probes.finding.tolist() == ["none"] * 4
    assert verdicts.verdict.tolist() == ["no sign"]
    assert finding(probe("border", 0.9, p=0.005), None) == "suspect"
    assert finding(Probe("border", np.nan, np.nan, np.nan, np.nan, 0, 0), None) == "not possible"


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
