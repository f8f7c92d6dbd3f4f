"""Fine-tuning: it learns, weighs, goes on where it stopped, and stops when it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facies.embeddings.finetune import training as module
from facies.embeddings.finetune.batches import batches, epoch_places
from facies.embeddings.finetune.network import AgeNetwork, Head, blocks_of, encode, encoder_of
from facies.embeddings.finetune.recipe import FinetuneRecipe, read_recipe, to_toml
from facies.embeddings.finetune.training import LabelledRows, fine_tune, hold_out, parameter_groups
from facies.embeddings.pretrain.augment import Augmentation
from facies.errors import InputError

QUICK: dict[str, Any] = {"size": 32, "epochs": 12, "batch_size": 16, "learning_rate": 0.02, "precision": "float32", "ema": 0.8}


def even_head(p: int = 12) -> Head:
    centres = np.linspace(-20, 120, 15)
    return Head(np.zeros((p, 15)), np.zeros(15), centres, 10.0)


def marked_crops(values: np.ndarray[Any, Any], *, size: int = 32, seed: int = 0) -> np.ndarray[Any, Any]:
    """Return noise whose red in the middle tells the value, 0 to 100."""
    rng = np.random.default_rng(seed)
    crops = rng.integers(0, 60, (len(values), size, size, 3)).astype(np.uint8)
    quarter = size // 4
    crops[:, quarter:-quarter, quarter:-quarter, 0] = (values * 2.2 + 20).astype(np.uint8)[:, None, None]
    return crops


def people(n: int = 64, seed: int = 0) -> tuple[np.ndarray[Any, Any], LabelledRows]:
    y = np.random.default_rng(seed).uniform(10, 90, n)
    return marked_crops(y), LabelledRows(np.arange(n), y, np.ones(n), np.arange(n))


def tuned(tiny: Any, tmp_path: Path, crops: Any, rows: LabelledRows, **settings: Any) -> Any:
    recipe = FinetuneRecipe(**{**QUICK, **settings})
    return fine_tune(crops, rows, backbone=tiny(), head=even_head(), recipe=recipe, folder=tmp_path, random_start=True)


def predictions(done: Any, crops: Any) -> Any:
    logits = encode(done.encoder, crops).astype(float) @ done.head.coef + done.head.intercept
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)) @ done.head.centres


def test_fine_tune__learns_a_mark_and_predicts_new_crops_by_it(tiny, tmp_path):
    done = tuned(tiny, tmp_path, *people())
    new, rows = people(40, seed=9)
    assert np.abs(predictions(done, new) - rows.y).mean() < 12 < np.abs(rows.y - rows.y.mean()).mean()
    losses = [entry["loss"] for entry in done.history]
    assert losses[-1] < 0.5 * losses[0]


def test_fine_tune__the_readings_behind_a_label_decide_between_two_that_contradict(tiny, tmp_path):
    crops = np.full((32, 32, 32, 3), 100, np.uint8)
    rows = LabelledRows(np.arange(32), np.repeat([30.0, 70.0], 16), np.repeat([9.0, 1.0], 16), np.arange(32))
    weighted = predictions(tuned(tiny, tmp_path / "a", crops, rows), crops[:1])[0]
    turned = predictions(tuned(tiny, tmp_path / "b", crops, rows._replace(weights=rows.weights[::-1])), crops[:1])[0]
    assert weighted < 45 < 55 < turned


def test_fine_tune__killed_after_any_epoch_it_goes_on_to_the_same_bytes(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    crops, rows = people(32)
    whole = tuned(tiny, tmp_path / "whole", crops, rows, epochs=4, batch_norm="trained")

    class Killed(Exception):
        pass

    def kill_at(step: int) -> Any:
        def progress(done: int, total: int) -> None:
            if done == step:
                raise Killed

        return progress

    recipe = FinetuneRecipe(**{**QUICK, "epochs": 4, "batch_norm": "trained"})
    for step in (3, 6):
        with pytest.raises(Killed):
            fine_tune(
                crops,
                rows,
                backbone=tiny(),
                head=even_head(),
                recipe=recipe,
                folder=tmp_path / "cut",
                random_start=True,
                progress=kill_at(step),
            )
    again = fine_tune(crops, rows, backbone=tiny(), head=even_head(), recipe=recipe, folder=tmp_path / "cut", random_start=True)
    for name, tensor in whole.encoder.state_dict().items():
        assert again.encoder.state_dict()[name].numpy().tobytes() == tensor.numpy().tobytes()
    assert again.head.coef.tobytes() == whole.head.coef.tobytes()
    assert [entry["epoch"] for entry in again.history] == [1, 2, 3, 4]


def test_fine_tune__a_damaged_checkpoint_is_named_and_the_one_before_is_taken(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    crops, rows = people(32)
    recipe = FinetuneRecipe(**{**QUICK, "epochs": 3})
    given: dict[str, Any] = {"head": even_head(), "recipe": recipe, "folder": tmp_path, "random_start": True}
    whole = fine_tune(crops, rows, backbone=tiny(), **given)
    newest = tmp_path / "all" / "newest.safetensors"
    newest.write_bytes(newest.read_bytes()[:-40])
    told: list[str] = []
    again = fine_tune(crops, rows, backbone=tiny(), **given, tell=told.append)
    assert told == ["the checkpoint all/newest.safetensors is damaged: going on from the one before, or from the start"]
    assert again.head.coef.tobytes() == whole.head.coef.tobytes()


def test_fine_tune__a_checkpoint_of_other_settings_is_not_taken(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    crops, rows = people(32)
    tuned(tiny, tmp_path / "one", crops, rows, epochs=2)
    other = tuned(tiny, tmp_path / "one", crops, rows, epochs=2, learning_rate=0.01)
    fresh = tuned(tiny, tmp_path / "two", crops, rows, epochs=2, learning_rate=0.01)
    assert other.head.coef.tobytes() == fresh.head.coef.tobytes()


def test_fine_tune__a_loss_that_is_no_number_stops_with_the_remedy_and_keeps_the_checkpoint(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    crops, rows = people(32)
    recipe = FinetuneRecipe(**{**QUICK, "epochs": 3})
    losses = iter([1.0, 1.0])

    def breaks(self: Any, loss: float, step: int) -> float:
        return loss if next(losses, None) else real(self, float("nan"), step)

    real = module._Run.finite
    monkeypatch.setattr(module._Run, "finite", breaks)
    with pytest.raises(InputError, match=r"the loss is nan at step 3: lower learning_rate \(now 0.02\)"):
        fine_tune(crops, rows, backbone=tiny(), head=even_head(), recipe=recipe, folder=tmp_path, random_start=True)
    assert (tmp_path / "all" / "newest.safetensors").exists()


def test_fine_tune__the_number_of_epochs_is_chosen_on_people_who_are_held_out(tiny, tmp_path):
    crops, rows = people(48)
    done = tuned(tiny, tmp_path, crops, rows, inner_share=0.25, epochs=6, patience=2)
    inner = [entry for entry in done.history if entry["part"] == "inner"]
    assert done.epochs == int(np.argmin([entry["error"] for entry in inner]))
    assert sum(entry["part"] == "all" for entry in done.history) == done.epochs


def test_fine_tune__random_labels_choose_few_epochs(tiny, tmp_path):
    crops, rows = people(48)
    shuffled = rows._replace(y=np.random.default_rng(4).permutation(rows.y))
    done = tuned(tiny, tmp_path, crops, shuffled, inner_share=0.25, epochs=8, patience=2)
    inner = [entry["error"] for entry in done.history if entry["part"] == "inner"]
    assert min(inner) > 0.85 * inner[0]


def test_hold_out__families_stay_whole_and_span_the_labels():
    groups = np.arange(60) // 3
    rows = LabelledRows(np.arange(60), np.arange(60.0), np.ones(60), groups)
    held = hold_out(rows, share=0.25, random_state=0)
    assert held.reshape(20, 3).all(axis=1).sum() == held.sum() / 3 == 5
    assert rows.y[held].min() < 15
    assert rows.y[held].max() > 45
    with pytest.raises(InputError, match="3 people or families are there to learn from: set inner_share = 0"):
        hold_out(rows.take(groups < 3), share=0.25, random_state=0)


def test_rates__each_block_learns_faster_than_the_one_before_it(torch, tiny, tmp_path):
    recipe = FinetuneRecipe(**QUICK, first_block_rate=0.01)
    network = AgeNetwork(tiny(), even_head())
    groups = parameter_groups(network, recipe)
    peaks = [group["peak"] for group in groups]
    assert peaks == sorted(peaks)
    assert peaks[0] == pytest.approx(0.02 * 0.01)
    assert {id(p) for group in groups for p in group["params"]} == {id(p) for p in network.parameters()}

    def moved(first: float) -> float:
        crops, rows = people(32)
        done = tuned(tiny, tmp_path / str(first), crops, rows, epochs=2, first_block_rate=first)
        start = tiny().state_dict()["0.weight"]
        return float((done.encoder.state_dict()["backbone.0.weight"] - start).abs().mean())

    assert moved(0.001) < 0.05 * moved(1.0)


def test_rates__frozen_blocks_do_not_move(tiny, tmp_path):
    crops, rows = people(32)
    done = tuned(tiny, tmp_path, crops, rows, epochs=2, frozen_share=0.5, batch_norm="frozen")
    start, end = tiny().state_dict(), done.encoder.state_dict()
    assert (end["backbone.0.weight"] == start["0.weight"]).all()
    assert (end["backbone.3.weight"] != start["3.weight"]).any()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_blocks__of_timm_networks_are_in_order_and_hold_every_parameter_once(name):
    timm = pytest.importorskip("timm")
    network = timm.create_model(name, num_classes=0)
    blocks = blocks_of(network)
    names = [parameter for block in blocks for parameter in block]
    assert sorted(names) == sorted(parameter for parameter, _ in network.named_parameters())
    assert len(blocks) > 4


def test_statistics__of_the_start_are_kept_when_frozen_and_learnt_when_not(tiny, tmp_path):
    crops, rows = people(32)
    start = tiny().state_dict()["1.running_mean"]
    kept = tuned(tiny, tmp_path / "a", crops, rows, epochs=1, batch_norm="frozen").encoder.state_dict()["backbone.1.running_mean"]
    learnt = tuned(tiny, tmp_path / "b", crops, rows, epochs=1).encoder.state_dict()["backbone.1.running_mean"]
    assert (kept == start).all()
    assert (learnt != start).any()


def test_mirror__a_crop_and_its_mirror_image_have_the_same_vector(torch, tiny):
    crops, _ = people(3)
    encoder = encoder_of(tiny(), mirror=True)
    assert encode(encoder, crops) == pytest.approx(encode(encoder, crops[:, :, ::-1]), abs=1e-6)


def test_batches__every_row_once_an_epoch_and_views_that_depend_on_step_and_row_alone():
    crops, _ = people(20)
    made = list(batches(crops, np.arange(5, 20), Augmentation.mild(), batch_size=4, epoch=2, random_state=7))
    assert sorted(np.concatenate([batch.places for batch in made]).tolist()) == list(range(15))
    assert [batch.step for batch in made] == [8, 9, 10, 11]
    again = list(batches(crops, np.arange(5, 20), Augmentation.mild(), batch_size=4, epoch=2, random_state=7))
    assert all((one.views == two.views).all() for one, two in zip(made, again, strict=True))
    assert [places.tolist() for places in epoch_places(9, 4, epoch=0, random_state=1)] != [
        places.tolist() for places in epoch_places(9, 4, epoch=1, random_state=1)
    ]


def test_recipe__is_read_back_from_its_toml(tmp_path):
    recipe = FinetuneRecipe(epochs=7, inner_share=0.2, patience=2, augmentation=Augmentation.none())
    file = tmp_path / "recipe.toml"
    file.write_text(to_toml(recipe))
    assert read_recipe(file) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "r.toml, epochs: input should be greater than or equal to 1"),
        ("patience = 2", "patience has no effect without inner_share"),
        ("speed = 1", "r.toml, speed"),
        ("epochs = ", "the recipe r.toml cannot be read"),
    ],
)
def test_recipe__names_the_setting_that_is_wrong(tmp_path, text, message):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_recipe(tmp_path / "r.toml")
