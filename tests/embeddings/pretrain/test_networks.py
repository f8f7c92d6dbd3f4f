"""Backbones, methods and the exported network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import CONTRACT, SIZE, pictures

from facies.embeddings import load_encoder
from facies.embeddings.pretrain.backbones import make_backbone, save_weights
from facies.embeddings.pretrain.description import describe_crops
from facies.embeddings.pretrain.export import encode_with, export_encoder
from facies.embeddings.pretrain.methods import METHODS, Step, Taught, make_method
from facies.embeddings.pretrain.recipe import DEFAULTS, PretrainRecipe
from facies.errors import InputError, WeightsError

CROPS = np.stack([picture for _, _, picture in pictures(3)])
CARD = {"name": "mine", "crop": CONTRACT, "licence": "own", "source": "a test", "trained_on": "nothing"}
STEP = Step(3, 10, 0, range(4))


def taught_by(method: str) -> Taught:
    name = "test_vit" if method in ("mae", "dino") else "test_resnet"
    recipe = PretrainRecipe.model_validate({"method": method, "backbone": name, "size": SIZE, "steps": 10, "batch_size": 4})
    return make_method(make_backbone(name, size=SIZE), recipe)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "facies-s"])
def test_export_encoder__gives_the_vectors_of_the_network_without_torch(name: str, tmp_path: Path) -> None:
    size = 112 if name == "facies-s" else SIZE
    network = make_backbone(name, size=size)
    crops = np.stack([picture for _, _, picture in pictures(2, size=size)])
    contract = CONTRACT.__class__(CONTRACT.template, size=size)
    path = export_encoder(network, tmp_path / "mine.onnx", **{**CARD, "crop": contract})  # type: ignore[arg-type]
    encoder = load_encoder(f"onnx:{path}")
    assert encoder.card.dimension == network.num_features
    np.testing.assert_allclose(encoder.encode(crops), encode_with(network.eval(), crops), atol=2e-5)
    assert "differ by at most" in json.loads((tmp_path / "mine.onnx.json").read_text())["source"]


def test_export_encoder__takes_any_network_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    class Mirrored(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = make_backbone("test_resnet", size=SIZE)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0.5 * (self.inner(x) + self.inner(x.flip(-1)))

    network = Mirrored()
    encoder = load_encoder(f"onnx:{export_encoder(network, tmp_path / 'm.onnx', **CARD)}")  # type: ignore[arg-type]
    assert network.training
    np.testing.assert_allclose(encoder.encode(CROPS), encoder.encode(CROPS[:, :, ::-1]), atol=2e-5)


def test_export_encoder__keeps_nothing_of_a_network_that_gives_no_vectors(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        export_encoder(torch.nn.Flatten(0), tmp_path / "m.onnx", **CARD)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_make_backbone__draws_the_same_weights_from_the_same_state_only() -> None:
    first, same, other = (make_backbone("test_resnet", size=SIZE, random_state=state).conv1[0].weight for state in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_make_backbone__takes_weights_from_a_file_and_refuses_those_of_another_network(tmp_path: Path) -> None:
    network = make_backbone("test_resnet", size=SIZE, random_state=5)
    path = save_weights(network, tmp_path / "w.safetensors")
    found = make_backbone("test_resnet", size=SIZE, weights=path)
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in network.state_dict().items())
    with pytest.raises(WeightsError, match=r"w.safetensors holds the weights of another network \(.*\): give those of this one"):
        make_backbone("test_vit", size=SIZE, weights=path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match=r"w.safetensors cannot be read as safetensors"):
        make_backbone("test_resnet", size=SIZE, weights=path)


def test_make_backbone__names_near_matches_of_a_network_that_is_absent() -> None:
    with pytest.raises(InputError, match="no network 'resnet81': did you mean resnet18"):
        make_backbone("resnet81", size=SIZE)
    with pytest.raises(InputError, match="test_vit cannot"):
        make_backbone("test_vit", size=17 - 8)


@pytest.mark.parametrize("method", DEFAULTS)
def test_methods__teach_every_weight_and_lower_their_loss_on_the_same_views(method: str) -> None:
    torch.manual_seed(0)
    taught = taught_by(method)
    views = torch.randn(4 * taught.n_views, 3, SIZE, SIZE)
    trained = {name: value for name, value in taught.named_parameters() if value.requires_grad}
    optimiser = torch.optim.AdamW(trained.values(), lr=1e-3)
    losses = []
    for _ in range(8):
        loss = taught(views, STEP)
        optimiser.zero_grad()
        loss.backward()
        assert [name for name, value in trained.items() if value.grad is None] == []
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_describe__asks_the_vector_of_the_view_for_the_description_of_the_crop() -> None:
    torch.manual_seed(0)
    taught = taught_by("describe")
    view, crop = torch.rand(2, 4, 3, SIZE, SIZE)
    told = taught.project(taught.backbone(view))
    target = torch.nn.functional.batch_norm(describe_crops(crop), None, None, training=True)
    assert taught(torch.cat([view, crop]), STEP).item() == pytest.approx((told - target).square().mean().item(), rel=1e-4)


@pytest.mark.parametrize("method", ["byol", "dino"])
def test_teachers__follow_slowly_and_are_not_taught(method: str) -> None:
    taught = taught_by(method)
    student, teacher = taught.backbone, taught.teacher
    assert (taught.encoder is teacher) == (method == "dino")
    with torch.no_grad():
        next(student.parameters()).add_(1)
    before = next(teacher.parameters()).clone()
    taught.after_update(STEP)
    moved = (next(teacher.parameters()) - before).mean().item()
    assert 0 < moved < 0.011
    assert not any(value.requires_grad for value in teacher.parameters())


def test_mae__hides_other_patches_in_each_crop_and_step_but_the_same_ones_when_asked_again() -> None:
    backbone = make_backbone("test_vit", size=64)
    taught = make_method(backbone, PretrainRecipe(method="mae", backbone="test_vit", size=64, steps=10))
    keep, gone = taught._masks(STEP, 4, torch.device("cpu"))
    assert (keep.shape[1], gone.shape[1]) == (taught.n_prefix + 4, 12)
    assert sorted(torch.cat([keep, gone], dim=1)[0].tolist()) == list(range(taught.n_prefix + 16))
    assert torch.equal(gone, taught._masks(STEP, 4, torch.device("cpu"))[1])
    assert not torch.equal(gone, taught._masks(Step(4, 10, 0, range(4)), 4, torch.device("cpu"))[1])
    assert not torch.equal(gone[0], gone[1])


def test_mae__refuses_a_network_without_patches() -> None:
    recipe = PretrainRecipe(method="mae", backbone="test_resnet", size=SIZE, steps=1)
    with pytest.raises(InputError, match="mae needs a vision transformer such as vit_tiny_patch16_224: backbone is test_resnet"):
        make_method(make_backbone("test_resnet", size=SIZE), recipe)


def test_methods__have_their_defaults() -> None:
    assert set(METHODS) == set(DEFAULTS)
