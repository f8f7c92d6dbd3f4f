"""A trained network gives the same ages as a torch network, as an ONNX file inside a bundle, and by either runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.embeddings import load_encoder
from facies.models import cross_fit, describe_model, read_bundle, write_bundle
from facies.records import CropContract

pytestmark = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="torch and timm are not installed")

MOST_YEARS = 1e-3
SIZE = 32
CROP = CropContract(((0.34, 0.4), (0.66, 0.4), (0.5, 0.6), (0.37, 0.78), (0.63, 0.78)), size=SIZE)


def crops_and_ages(n: int) -> tuple[np.ndarray, pd.Series]:
    """Return crops whose texture and brightness carry the age."""
    rng = np.random.default_rng(4)
    ages = np.linspace(20, 80, n)
    base = rng.integers(60, 140, (n, SIZE // 4, SIZE // 4, 3)).repeat(4, axis=1).repeat(4, axis=2)
    noise = rng.normal(size=(n, SIZE, SIZE, 3)) * ages[:, None, None, None] / 3
    return np.clip(base + noise, 0, 255).astype(np.uint8), pd.Series(ages, index=[f"p{i}" for i in range(n)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return a bundle around an exported network, crops, and the ages that the torch network gives them."""
    from facies.embeddings.pretrain.backbones import make_backbone
    from facies.embeddings.pretrain.export import encode_with, export_encoder

    folder = tmp_path_factory.mktemp("exported")
    backbone = make_backbone("resnet10t", size=SIZE, random_state=2).eval()
    file = export_encoder(
        backbone, folder / "mine.onnx", name="mine", crop=CROP, licence="Apache-2.0", source="a test", trained_on="nothing"
    )
    crops, ages = crops_and_ages(80)
    vectors = encode_with(backbone, crops)
    names = list(ages.index)
    fit = cross_fit(
        vectors, face_ids=names, participant_ids=names, y_by_participant=ages, folds=pd.Series(np.arange(80) % 4, index=names),
        model_id="mine+ridge", target="age",
    )  # fmt: skip
    card = describe_model(fit.frozen, encoder=load_encoder(f"onnx:{file}").card)
    bundle = write_bundle(folder / "bundle", frozen=fit.frozen, card=card, crop=CROP, encoder_file=file)
    return bundle, crops, fit.frozen.predict_vectors(vectors).predicted.to_numpy()


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_age_through_a_bundle__is_that_of_the_torch_network_to_a_thousandth_of_a_year(exported, runtime):
    if importlib.util.find_spec(runtime) is None:
        pytest.skip(f"{runtime} is not installed")
    folder, crops, expected = exported
    bundle = read_bundle(folder)
    encoder = load_encoder(f"onnx:{bundle.encoder_file}", runtime=runtime)
    found = bundle.predict(crops, crop_contract=bundle.crop, encoder=encoder).predicted.to_numpy()
    assert np.ptp(expected) > 10
    assert np.abs(found - expected).max() <= MOST_YEARS
