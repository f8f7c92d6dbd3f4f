"""``facies finetune`` of a study of conditions: nobody is scored or calibrated by a network that saw the person."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from facies.cli.app import run as facies
from facies.embeddings.finetune.objective import ConditionObjective, class_balance
from facies.store import read_arrays, read_table
from facies.study.conditions.intake import gather_conditions
from facies.study.conditions.models import read_condition_finetuned
from facies.study.config import read_config
from facies.study.demo_facies import simulate_condition_study
from facies.tables import CONDITION_METRICS, CONDITION_PEOPLE, CONDITION_SCORES, CONDITION_SPLITS

SETTINGS = """
[models]
n_folds = 2
finetune = true

[finetune]
start = "random"
recipe = "recipe.toml"

[evaluation]
n_bootstrap = 200

[conditions.saliency]
methods = []
"""

RECIPE = """
backbone = "test_resnet"
size = 32
epochs = 2
batch_size = 16
precision = "float32"
learning_rate = 0.002
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study of some 170 simulated people, one condition, fine-tuned by the command and run without torch."""
    folder = tmp_path_factory.mktemp("finetune") / "study"
    simulate_condition_study(folder, scale=0.15, random_state=2, encoders=("pixels",), n_repeats=1, size=128)
    text = (folder / "study.toml").read_text().replace('["acromegaly", "cushing"]', '["acromegaly"]')
    text = "\n".join(line for line in text.splitlines() if not line.startswith("cushing = ")) + "\n"
    diagnoses = folder / "diagnoses.tsv"
    diagnoses.write_text("".join(line for line in diagnoses.read_text().splitlines(keepends=True) if "\tcushing" not in line))
    (folder / "study.toml").write_text(text.replace("n_repeats = 1\n", "n_repeats = 1\nn_permutations = 100\n") + SETTINGS)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


def test_finetune__end_to_end_and_the_run_needs_no_torch(study, capsys):
    assert facies(["run", str(study), "-j", "1"]) == 2
    assert capsys.readouterr().err == f"facies: the model finetuned is not there yet: run `facies finetune {study}`\n"
    assert facies(["finetune", str(study), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trainings"] == 3
    assert facies(["finetune", str(study), "-j", "1"]) == 0
    said = capsys.readouterr().out
    assert "all folds:" in said
    assert "each scored by a network that never saw the person" in said
    without_torch = (
        "import sys\nfrom facies.cli.app import run\nstatus = run(sys.argv[1:])\nassert 'torch' not in sys.modules\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", without_torch, "run", str(study), "-j", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    metrics = read_table(study, CONDITION_METRICS)
    assert {"pixels+logistic", "finetuned", "pixels+logistic minus finetuned"} <= set(metrics.system)
    assert facies(["finetune", str(study), "-j", "1"]) == 0
    assert "kept" not in capsys.readouterr().out  # the whole stage still holds
    photos = study / "photographs"
    folder = photos if photos.is_dir() else next(study.rglob("*.jpg")).parent
    assert facies(["predict", str(study / "derived/models/finetuned.bundle"), str(folder), "-o", str(study / "new.tsv")]) == 0


def test_finetune__who_calibrates_a_network_is_outside_its_fold_and_was_not_learnt_from(study):
    people = read_table(study, CONDITION_PEOPLE).set_index("participant_id")
    splits = read_table(study, CONDITION_SPLITS)
    fold_of = splits[splits["repeat"] == 0].set_index("participant_id").fold
    for fold in (0, 1):
        _, texts = read_arrays(study / "derived" / "finetune" / "folds" / f"fold_{fold}.safetensors")
        calibration = json.loads(texts["calibration"])
        assert (fold_of[calibration] != fold).all()
        outside = fold_of.index[(fold_of >= 0) & (fold_of != fold)]
        assert 0.15 < len(calibration) / len(outside) < 0.35
        assert set(people.diagnosis[calibration]) == {"acromegaly", "control"}


def test_finetune__a_changed_diagnosis_is_noticed(study):
    config = read_config(study)
    cohort = gather_conditions(study, config, jobs=1)
    fit = read_condition_finetuned(study, config, cohort)
    scores = read_table(study, CONDITION_SCORES)
    own = scores[scores.model_id == "finetuned"].reset_index(drop=True)
    assert np.allclose(own.score, fit.scores.score, atol=1e-9)
    path = study / "diagnoses.tsv"
    before = path.read_text()
    lines = before.splitlines()
    place = next(i for i, line in enumerate(lines) if "\tacromegaly" in line)
    lines[place] = lines[place].replace("\tacromegaly", "\tcontrol")
    path.write_text("\n".join(lines) + "\n")
    try:
        assert facies(["run", str(study), "-j", "1"]) == 2
    finally:
        path.write_text(before)


def test_objective__its_loss_is_the_log_loss_and_balance_lets_classes_count_alike():
    y = np.array([0, 0, 0, 1, 2])
    logits = torch.tensor([[0.2, -1.0], [0.5, 0.3], [-2.0, 0.1], [1.0, -0.4], [0.0, 2.0]])
    weights = np.array([1.0, 2.0, 1.0, 1.0, 0.5])
    objective = ConditionObjective(np.ones((2, 2)))
    target = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [0, 1]])
    p = 1 / (1 + np.exp(-logits.numpy()))
    losses = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(axis=1)
    expected = (weights / weights.mean() * losses).mean()
    assert objective.error(logits, y.astype(float), weights) == pytest.approx(expected, rel=1e-5)
    balance = class_balance(y, weights, 2)
    for number in (0, 1):
        case = y == number + 1
        assert (weights[case] * balance[number, 1]).sum() == pytest.approx((weights[~case] * balance[number, 0]).sum())
