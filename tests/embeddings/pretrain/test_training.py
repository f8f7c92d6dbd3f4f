"""The run as a whole, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import SIZE, crops_in

from facies.embeddings.pretrain import train
from facies.embeddings.pretrain.__main__ import main
from facies.embeddings.pretrain.crops import CropArray
from facies.embeddings.pretrain.diary import COLUMNS
from facies.embeddings.pretrain.methods import SimClr
from facies.embeddings.pretrain.monitor import Probe
from facies.embeddings.pretrain.recipe import PretrainRecipe, parse_recipe, read_recipe, to_toml
from facies.embeddings.pretrain.train import Pretrained, pretrain
from facies.errors import FaciesError, InputError, StoreError
from facies.store import read_frame


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> CropArray:
    return crops_in(tmp_path_factory.mktemp("crops"), 48)


def recipe(**settings: Any) -> PretrainRecipe:
    small = {
        "method": "simclr",
        "backbone": "test_resnet",
        "size": SIZE,
        "steps": 6,
        "batch_size": 8,
        "hidden_dim": 16,
        "projection_dim": 8,
    }
    return parse_recipe({**small, "checkpoint_every": 2, "monitor": {"every": 2, "n_crops": 16}, **settings})


def watched(crops: CropArray) -> Probe:
    people = list(dict.fromkeys(crops.participant_ids))
    return Probe("age", {person: float(i) for i, person in enumerate(people)}, {person: i % 3 for i, person in enumerate(people)})


def first_run(crops: CropArray, folder: Path, **settings: Any) -> Pretrained:
    return pretrain(crops, recipe(**settings), folder)


def test_pretrain__leaves_recipe_history_and_both_ends_of_the_training(crops: CropArray, tmp_path: Path) -> None:
    counted: list[tuple[int, int]] = []
    run = pretrain(crops, recipe(), tmp_path, probe=watched(crops), progress=lambda done, total: counted.append((done, total)))
    assert counted == [(i, 6) for i in range(1, 7)]
    assert read_recipe(tmp_path / "recipe.toml") == run.recipe == recipe().filled()
    assert run.history.columns.tolist() == read_frame(tmp_path / "history.tsv").columns.tolist() == list(COLUMNS)
    assert run.history.step.tolist() == [0, 2, 4, 6]
    assert run.history.drop(columns=["loss", "img_per_s"]).notna().all(axis=None)
    assert run.history.loss.isna().tolist() == [True, False, False, False]
    assert run.kept_step == run.history.step[run.history.probe_mae.argmin()]
    assert (run.steps, run.stopped_early, run.collapsed) == (6, False, False)
    assert run.encoder().num_features == 96
    assert run.surroundings["device"] == "cpu"


def test_pretrain__keeps_the_weights_of_the_best_look(crops: CropArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([9.0, 4.0, 5.0, 6.0])
    monkeypatch.setattr(train, "probe_errors", lambda *_, **__: (next(errors), 1.0))
    told: list[str] = []
    patient = recipe(monitor={"every": 2, "n_crops": 16, "patience": 2})
    run = pretrain(crops, patient, tmp_path, probe=watched(crops), tell=told.append)
    assert (run.kept_step, run.steps, run.stopped_early) == (2, 6, True)
    assert run.weights.read_bytes() == (tmp_path / "checkpoints" / "best-00000002.safetensors").read_bytes()
    assert told == ["the probe has not improved in 2 looks: the run ends at step 6, the weights of step 2 are kept"]


def test_pretrain__does_the_same_whether_it_is_watched_or_not(crops: CropArray, tmp_path: Path) -> None:
    first_run(crops, tmp_path / "a")
    pretrain(crops, recipe(), tmp_path / "b", probe=watched(crops))
    last = "checkpoints/step-00000006.safetensors"
    assert (tmp_path / "a" / last).read_bytes() == (tmp_path / "b" / last).read_bytes()


def test_pretrain__a_finished_run_is_not_run_again(crops: CropArray, tmp_path: Path) -> None:
    weights = first_run(crops, tmp_path).weights.read_bytes()
    again = pretrain(crops, recipe(), tmp_path, progress=lambda *_: pytest.fail("a step was made"))
    assert again.weights.read_bytes() == weights
    assert again.history.step.tolist() == [0, 2, 4, 6]


def test_pretrain__refuses_to_go_on_with_another_recipe_but_starts_anew_when_told(crops: CropArray, tmp_path: Path) -> None:
    first_run(crops, tmp_path)
    with pytest.raises(InputError, match="are of a run with another recipe: delete that folder or start in another"):
        first_run(crops, tmp_path, learning_rate=0.5)
    assert pretrain(crops, recipe(learning_rate=0.001, warmup=0.5), tmp_path, resume=False).steps == 6


def test_pretrain__names_a_damaged_checkpoint_and_takes_the_one_before(crops: CropArray, tmp_path: Path) -> None:
    weights = first_run(crops, tmp_path).weights.read_bytes()
    newest = tmp_path / "checkpoints" / "step-00000006.safetensors"
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    told: list[str] = []
    again = pretrain(crops, recipe(), tmp_path, tell=told.append)
    assert told == [
        "checkpoint step-00000006.safetensors is damaged (its SHA-256 is another): delete it; going on from the checkpoint before it",
        "going on after step 4 of 6",
    ]
    assert again.weights.read_bytes() == weights


def test_pretrain__says_what_to_do_when_no_checkpoint_can_be_read(crops: CropArray, tmp_path: Path) -> None:
    first_run(crops, tmp_path)
    for path in (tmp_path / "checkpoints").glob("step-*"):
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(StoreError, match=r"no checkpoint in .* can be read: delete that folder and start the run again"):
        first_run(crops, tmp_path)


def test_pretrain__stops_at_a_loss_that_is_no_number_and_keeps_the_last_good_checkpoint(
    crops: CropArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = SimClr.forward
    monkeypatch.setattr(SimClr, "forward", lambda self, views, step: healthy(self, views, step) * (float("nan") if step.number == 3 else 1))
    with pytest.raises(InputError) as caught:
        first_run(crops, tmp_path, precision="bfloat16")
    assert str(caught.value) == (
        'the loss is no number at step 4: lower learning_rate (now 0.001), or write precision = "float32" (now "bfloat16"); '
        "the last good checkpoint is kept, delete the folder checkpoints before you change the recipe"
    )
    monkeypatch.undo()
    told: list[str] = []
    assert pretrain(crops, recipe(precision="bfloat16"), tmp_path, tell=told.append).steps == 6
    assert told == ["going on after step 2 of 6"]


def test_pretrain__explains_a_gpu_without_memory(crops: CropArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, views: object, step: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(SimClr, "forward", full)
    with pytest.raises(
        InputError, match=r"has no memory left at step 0: lower batch_size \(now 8\) or size; the last good checkpoint is kept"
    ):
        first_run(crops, tmp_path)


@pytest.mark.parametrize("other", [{}, {"method": "describe", "projection_dim": None}], ids=["simclr", "describe"])
def test_pretrain__interrupted_by_hand_leaves_whole_checkpoints_and_goes_on(
    other: dict[str, Any], crops: CropArray, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(crops, recipe(**other), tmp_path / "a", progress=interrupt)
    assert sorted(path.name for path in (tmp_path / "a" / "checkpoints").glob("*.json")) == ["step-00000002.json", "step-00000004.json"]
    resumed, whole = first_run(crops, tmp_path / "a", **other), first_run(crops, tmp_path / "b", **other)
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()


def test_pretrain__a_full_disk_ends_the_run_in_one_line(crops: CropArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, tensors: object) -> None:
        if path.name == "step-00000002.safetensors":
            raise StoreError("the disk is full")

    monkeypatch.setattr("facies.embeddings.pretrain.checkpoint.write_tensors", full)
    with pytest.raises(FaciesError):
        first_run(crops, tmp_path)


def test_pretrain__ends_when_all_vectors_are_the_same(crops: CropArray, tmp_path: Path) -> None:
    told: list[str] = []
    dying = recipe(learning_rate=0.01, weight_decay=99.0, warmup=0, steps=12)  # the decay takes 99 % of the weights in each step
    run = pretrain(crops, dying, tmp_path, tell=told.append)
    assert run.collapsed
    assert run.steps < 12
    assert told[0].startswith("the vectors have collapsed at step")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 64}, "only 48 crops for batches of 64: set batch_size to 48 or less"),
        ({"size": 64}, "the crops are 32 px and the recipe says size = 64"),
        ({"backbone": "resnet81"}, "no network 'resnet81': did you mean"),
        ({"precision": "float16", "device": "cpu"}, 'precision is "float16", which needs a GPU'),
    ],
)
def test_pretrain__refuses_what_cannot_be_run_before_anything_is_written(
    crops: CropArray, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        first_run(crops, tmp_path, **settings)
    assert not list(tmp_path.iterdir())


def test_pretrain__starts_from_given_weights_and_knows_them_again(crops: CropArray, tmp_path: Path) -> None:
    given = first_run(crops, tmp_path / "a").weights
    run = pretrain(crops, recipe(), tmp_path / "b", weights=given)
    assert run.start.read_bytes() == given.read_bytes()
    index = json.loads((tmp_path / "b" / "checkpoints" / "step-00000006.json").read_text())
    assert set(index["identity"]) == {"recipe", "crops", "starting weights"}
    with pytest.raises(InputError, match="another starting weights"):
        pretrain(crops, recipe(), tmp_path / "b")


def test_pretrain__leaves_torchs_chance_as_it_was(crops: CropArray, tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first_run(crops, tmp_path, steps=1)
    assert torch.equal(torch.rand(1), expected)


def test_main__runs_a_recipe_and_ends_with_one_line_where_it_cannot(
    crops: CropArray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(crops.crops.filename).parent  # type: ignore[attr-defined]
    (tmp_path / "recipe.toml").write_text(to_toml(recipe(steps=1)))
    assert main([str(folder), str(tmp_path / "recipe.toml"), str(tmp_path / "out")]) == 0
    assert "weights.safetensors: simclr, 1 steps" in capsys.readouterr().out
    assert main([str(folder), str(tmp_path / "absent.toml"), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("absent.toml cannot be read")
