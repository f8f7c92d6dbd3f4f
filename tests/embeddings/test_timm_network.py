"""Networks of timm with weights from a file; skipped where timm is absent."""

from __future__ import annotations

import numpy as np
import pytest

from facies.embeddings import load_encoder
from facies.errors import InputError, WeightsError

timm = pytest.importorskip("timm", reason="timm is not installed (extra train)")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("timm") / "resnet18.safetensors"
    save_file(timm.create_model("resnet18", pretrained=False).state_dict(), path)
    return path


def test_batch__gives_the_same_bits_as_one_by_one(weights):
    encoder = load_encoder("timm:resnet18", weights=weights)
    crops = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    assert encoder.card.dimension == 512
    assert np.array_equal(encoder.encode(crops), np.concatenate([encoder.encode(crop[None]) for crop in crops]))


def test_weights_of_another_network__are_refused(weights):
    with pytest.raises(WeightsError, match="another network"):
        load_encoder("timm:resnet34", weights=weights)


def test_unknown_network__is_refused(weights):
    with pytest.raises(InputError, match="timm knows no network"):
        load_encoder("timm:nonsense", weights=weights)


def test_without_a_file__nothing_is_fetched():
    with pytest.raises(WeightsError, match="never fetches"):
        load_encoder("timm:resnet18")
