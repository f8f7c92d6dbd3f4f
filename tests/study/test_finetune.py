"""``facies finetune``: nobody is predicted by a network that saw the person, and the result runs without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from facies.cli.app import run as facies
from facies.embeddings.finetune.network import Head, encode
from facies.embeddings.finetune.recipe import FinetuneRecipe
from facies.embeddings.finetune.training import LabelledRows, fine_tune
from facies.errors import InputError, WeightsError
from facies.models import FittedFold, LabelDistributionAge, cross_fit_fitted, training_faces
from facies.store import read_arrays, read_frame
from facies.study.demo import simulate_study
from facies.study.finetune import finetune_study
from facies.study.finetune_start import find_start

RECIPE = """
backbone = "test_resnet"
size = 32
epochs = 2
batch_size = 16
precision = "float32"
learning_rate = 0.002
"""


SETTINGS = """
[models]
n_folds = 2
finetune = true

[finetune]
start = "random"
recipe = "recipe.toml"

[evaluation]
n_bootstrap = 200
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of 40 painted people in two folds that has been fine-tuned by the command, and run."""
    folder = tmp_path_factory.mktemp("finetune") / "study"
    simulate_study(folder, encoders=("hog", "pixels"), n_participants=40, random_state=3, size=128)
    text = (folder / "study.toml").read_text()
    head, _, _ = text.partition("[association]")
    (folder / "study.toml").write_text(head.replace('"hog", "pixels"', '"pixels"') + SETTINGS)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


def test_finetune__end_to_end(study, tmp_path, capsys):
    assert facies(["run", str(study), "-j", "1"]) == 2
    assert capsys.readouterr().err == f"facies: the model finetuned is not there yet: run `facies finetune {study}`\n"
    assert facies(["finetune", str(study), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trainings"] == 3
    assert not (study / "derived" / "finetune" / "folds").exists()
    assert facies(["finetune", str(study), "-j", "1"]) == 0
    said = capsys.readouterr().out
    assert "fold 0: 20 people, 2 epochs" in said
    assert "each predicted by a network that never saw the person" in said
    without_torch = (
        "import sys\nfrom facies.cli.app import run\nstatus = run(sys.argv[1:])\nassert 'torch' not in sys.modules\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", without_torch, "run", str(study), "-j", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    derived = study / "derived"
    own = read_frame(derived / "finetune" / "participant_predictions.tsv")
    ran = read_frame(derived / "models" / "participant_predictions.tsv")
    assert set(ran.model_id) == {"pixels+ridge", "finetuned"}
    pd.testing.assert_frame_equal(ran[ran.model_id == "finetuned"].reset_index(drop=True), own)
    assert "finetuned" in set(read_frame(derived / "evaluation" / "metrics.tsv").system)
    assert "finetuned" in (study / "report" / "report.html").read_text()
    _bundle_predicts_as_the_network(study, tmp_path)


def _bundle_predicts_as_the_network(study: Path, tmp_path: Path) -> None:
    """Compare `facies predict` with the vectors of the network fitted on all."""
    bundle = study / "derived" / "models" / "finetuned.bundle"
    assert facies(["predict", str(bundle), str(study / "photos"), "-o", str(tmp_path / "p.tsv"), "-j", "1"]) == 0
    made = read_frame(tmp_path / "p.tsv").set_index("face_id").predicted.astype(float)
    arrays, texts = read_arrays(study / "derived" / "finetune" / "folds" / "all.safetensors")
    model = LabelDistributionAge.from_arrays(arrays, {})
    known = pd.Series(model.predict(arrays["vectors"]), index=json.loads(texts["face_ids"]))
    # faces are found in photographs of another name, photo_id "p0001_s1_1.png" instead of "p0001_s1_1"
    assert np.sort(made.to_numpy()) == pytest.approx(np.sort(known.to_numpy()), abs=1e-3)


def test_finetune__a_label_moves_no_network_of_its_own_fold(study):
    told: list[str] = []
    readings = study / "readings.tsv"
    before = readings.read_text()
    frame = pd.read_csv(readings, sep="\t", dtype=str)
    person = frame.photo_id[0].split("_")[0]
    splits = read_frame(study / "derived" / "cohort" / "splits.tsv").set_index("participant_id").fold
    frame.loc[frame.photo_id.str.startswith(person), "reading"] = "99"
    frame.to_csv(readings, sep="\t", index=False)
    try:
        finetune_study(study, tell=told.append)
        assert [line for line in told if line.endswith("kept")] == [f"fold {splits[person]}: kept"]
        assert facies(["run", str(study), "-j", "1"]) == 0
    finally:
        readings.write_text(before)
    assert facies(["run", str(study), "-j", "1"]) == 2


def test_finetune__people_who_withdrew_leave_no_vectors_behind(study):
    participants = study / "participants.tsv"
    frame = pd.read_csv(participants, sep="\t", dtype=str)
    frame.assign(consent_scope=["withdrawn", *["analysis"] * (len(frame) - 1)]).to_csv(participants, sep="\t", index=False)
    assert (study / "derived" / "finetune" / "folds" / "all.safetensors").exists()
    assert facies(["run", str(study), "-j", "1"]) == 2
    assert not list((study / "derived" / "finetune" / "folds").glob("*"))


def marked_people(n: int = 40) -> dict[str, Any]:
    """Return people with two photographs each whose picture is theirs alone, and labels that nothing tells."""
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (n, 4, 4, 3)).astype(np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    names = [f"p{i:02d}" for i in range(n)]
    owner = np.repeat(np.arange(n), 2)
    return {
        "crops": faces[owner],
        "face_ids": [f"{names[i]}_{k}_f1" for k, i in enumerate(owner)],
        "participant_ids": [names[i] for i in owner],
        "y_by_participant": pd.Series(rng.uniform(30, 70, n), index=names),
        "folds": pd.Series(np.arange(n) % 2, index=names),
    }


def marked_network() -> Any:
    torch.manual_seed(0)
    nn = torch.nn
    network = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 96), nn.ReLU())
    network.num_features = 96
    return network


def test_cross_fitting__a_network_that_knows_each_face_by_heart_tells_nothing_of_people_it_never_saw(tmp_path):
    torch.set_num_threads(1)
    people = marked_people()
    crops = people.pop("crops")
    recipe = FinetuneRecipe(size=32, epochs=24, batch_size=16, learning_rate=0.005, first_block_rate=1, precision="float32", mirror=False)
    centres = np.linspace(10, 90, 17)
    fitted = {}
    seen = {}
    for fold, faces in training_faces(**people).items():
        head = Head(np.zeros((96, 17)), np.zeros(17), centres, 5.0)
        rows = LabelledRows(faces.rows, faces.y, faces.weights, faces.groups)
        done = fine_tune(crops, rows, backbone=marked_network(), head=head, recipe=recipe, folder=tmp_path / str(fold))
        regressor = LabelDistributionAge.from_arrays(done.head._asdict(), {})
        regressor.chosen_ = {}
        fitted[fold] = FittedFold(encode(done.encoder, crops), regressor)
        seen[fold] = np.corrcoef(regressor.predict(fitted[fold].vectors[faces.rows]), faces.y)[0, 1]
    table = cross_fit_fitted(fitted, **people, regressor="label_distribution", model_id="m", target="age").participant_predictions
    assert min(seen.values()) > 0.9
    assert abs(np.corrcoef(table.predicted, table.observed)[0, 1]) < 0.4


@pytest.mark.parametrize(
    ("start", "settings", "error", "message"),
    [
        ("ssl", {}, InputError, "has learnt no encoder of its own yet: run `facies pretrain"),
        ("weights.safetensors", {}, WeightsError, "the start 'weights.safetensors' is none of facies-s, ssl and random, and no file"),
        ("facies-s", {"backbone": "resnet18"}, (InputError, WeightsError), "resnet18|facies_s.safetensors"),
    ],
)
def test_find_start__says_what_is_absent(tmp_path, start, settings, error, message):
    with pytest.raises(error, match=message):
        find_start(tmp_path, FinetuneRecipe(**settings), start)


def test_finetune__an_unknown_network_is_refused_before_photographs_are_read(tmp_path):
    (tmp_path / "study.toml").write_text('[study]\nname = "A"\n[finetune]\nstart = "random"\n')
    with pytest.raises(InputError, match="no network 'resnet81': did you mean"):
        finetune_study(tmp_path, recipe=FinetuneRecipe(backbone="resnet81"))
