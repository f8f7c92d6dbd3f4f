"""Bundles: what is read is what was written, and nothing else is accepted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facies.errors import CropContractError, InputError, StoreError, WeightsError
from facies.models import REGRESSORS, CrossFit, cross_fit, describe_model, read_bundle, write_bundle
from facies.records import CropContract, EncoderCard, Estimate

CROP = CropContract(
    ((0.31, 0.46), (0.68, 0.46), (0.5, 0.64), (0.35, 0.82), (0.65, 0.82)), size=16, detector="facies-finder", detector_sha256="ab" * 32
)
ENCODER = EncoderCard("mean-colours", 3, CROP, licence="Apache-2.0")
QUICK = {"ridge": {}, "svr": {"cost": 1.0, "width": 0.5}, "label_distribution": {"alpha": 1.0, "n_bins": 8}}


class MeanColours:
    """An encoder whose vector is the crop's mean colour."""

    card = ENCODER

    def encode(self, crops: np.ndarray) -> np.ndarray:
        return crops.mean(axis=(1, 2)).astype(np.float32)


def crops(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.integers(40, 200, size=(n, 1, 1, 3)) + rng.integers(0, 9, size=(n, 16, 16, 3))).astype(np.uint8)


def fitted(regressor: str = "ridge") -> CrossFit:
    X = MeanColours().encode(crops(60))
    names = [f"p{i}" for i in range(60)]
    labels = pd.Series(20 + X[:, 0] / 5 + X[:, 1] / 5, index=names, dtype=float)
    return cross_fit(
        X,
        face_ids=names,
        participant_ids=names,
        y_by_participant=labels,
        folds=pd.Series(np.arange(60) % 5, index=names),
        regressor=regressor,
        settings=QUICK[regressor],
        model_id=f"mean-colours-{regressor}",
        target="perceived_age",
    )


def written(folder: Path, regressor: str = "ridge", **options: object) -> Path:
    frozen = fitted(regressor).frozen
    card = describe_model(frozen, encoder=ENCODER, metrics={"mae": Estimate(1.0, 0.8, 1.2, 60)}, licences=("photographs: own cohort",))
    return write_bundle(folder / "bundle", frozen=frozen, card=card, crop=CROP, **options)


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_bundle__read_back_predicts_the_same(tmp_path, regressor):
    frozen = fitted(regressor).frozen
    read = read_bundle(written(tmp_path, regressor))
    X = MeanColours().encode(crops(50, seed=1))
    pd.testing.assert_frame_equal(read.predict_vectors(X), frozen.predict_vectors(X), rtol=0, atol=1e-10)
    assert read.frozen.calibration == frozen.calibration
    assert read.frozen.training == frozen.training
    assert read.crop == CROP
    assert read.card.metrics["mae"] == Estimate(1.0, 0.8, 1.2, 60)
    assert read.card == describe_model(frozen, encoder=ENCODER, metrics=read.card.metrics, licences=("photographs: own cohort",))


def test_bundle__predicts_from_crops_cut_as_it_was_trained(bundle_folder):
    read = read_bundle(bundle_folder)
    table = read.predict(crops(5), crop_contract=CROP, encoder=MeanColours())
    pd.testing.assert_frame_equal(table, read.predict_vectors(MeanColours().encode(crops(5))))
    assert list(table.columns) == ["predicted", "ci_low", "ci_high", "warning"]
    assert (table.ci_high > table.predicted).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin": 0.2}, r"margin 0.0 \(faces: 0.2\)"),
        ({"detector": "yunet"}, r"detector facies-finder \(faces: yunet\)"),
        ({"colour_order": "BGR"}, r"colour_order RGB \(faces: BGR\)"),
        ({"size": 32}, r"size 16 \(faces: 32\)"),
    ],
)
def test_bundle__refuses_faces_cut_in_another_way_and_names_what_differs(bundle_folder, change, message):
    with pytest.raises(CropContractError, match=message):
        read_bundle(bundle_folder).predict(crops(2), crop_contract=dataclasses.replace(CROP, **change), encoder=MeanColours())


def test_bundle__refuses_another_encoder(bundle_folder):
    other = MeanColours()
    other.card = dataclasses.replace(ENCODER, name="hog")
    with pytest.raises(InputError, match=r"the vectors are by hog .*, the model needs mean-colours"):
        read_bundle(bundle_folder).predict(crops(2), crop_contract=CROP, encoder=other)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"preparation": "scores b", "source": "recipe, version 2"},
            r"by mean-colours \(recipe, version 2\), the model needs mean-colours \(no source\)",
        ),
        ({"preparation": "scores b"}, r"by mean-colours \(scores b\), the model needs mean-colours \(3 numbers\)"),
        ({"sha256": "cd" * 32}, r"by mean-colours \(cdcdcdcdcdcd\), the model needs mean-colours \(no hash\)"),
    ],
)
def test_bundle__says_what_differs_between_two_versions_of_an_encoder(bundle_folder, change, told):
    other = MeanColours()
    other.card = dataclasses.replace(ENCODER, **change)
    with pytest.raises(InputError, match=told):
        read_bundle(bundle_folder).predict(crops(2), crop_contract=CROP, encoder=other)


def test_bundle__warns_of_faces_and_predictions_beyond_the_training(bundle_folder):
    read = read_bundle(bundle_folder)
    X = MeanColours().encode(crops(60))
    table = read.predict_vectors(np.r_[X, [[400.0, 400, 120], [120, 120, 900]]])
    assert table.warning.iloc[:60].eq("").mean() > 0.9
    assert table.warning.iloc[60] == "out_of_range;unlike_training"
    assert table.warning.iloc[61].endswith("unlike_training")


def test_bundle__keeps_intervals_at_several_levels_and_says_which(bundle_folder):
    read = read_bundle(bundle_folder)
    X = MeanColours().encode(crops(3))
    widths = [(read.predict_vectors(X, level=level).eval("ci_high - ci_low")).iloc[0] for level in (0.5, 0.8, 0.9, 0.95)]
    assert widths == sorted(widths)
    with pytest.raises(InputError, match=r"no interval was kept for the level 0.77: choose 0.5, 0.8, 0.9, 0.95"):
        read.predict_vectors(X, level=0.77)


def test_bundle__refuses_vectors_of_another_length_or_without_a_number(bundle_folder):
    read = read_bundle(bundle_folder)
    with pytest.raises(InputError, match=r"expects \(n, 3\)"):
        read.predict_vectors(np.zeros((2, 4)))
    with pytest.raises(InputError, match="vector 1 holds a value"):
        read.predict_vectors([[1.0, 2, 3], [1, np.nan, 3]])


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


PARTS = ["MODEL_CARD.md", "card.json", "crop.json", "manifest.json", "model.json", "regressor.safetensors", "unlikeness.safetensors"]


def test_bundle__holds_the_parts_that_it_names(bundle_folder):
    assert parts(bundle_folder) == PARTS
    assert parts(bundle_folder.parent) == ["bundle"]


@pytest.mark.parametrize("name", [name for name in PARTS if name != "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "altered", "absent"])
def test_bundle__a_damaged_part_is_named_with_the_remedy(bundle_folder, name, damage):
    data = (bundle_folder / name).read_bytes()
    (bundle_folder / name).unlink()
    if damage != "absent":
        (bundle_folder / name).write_bytes(data[: len(data) // 2] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(WeightsError, match=f"{name} .*: copy the bundle again") as caught:
        read_bundle(bundle_folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "files": 3}'])
def test_bundle__a_damaged_manifest_is_named(bundle_folder, text):
    (bundle_folder / "manifest.json").write_text(text)
    with pytest.raises(WeightsError, match=r"manifest\.json in the bundle bundle is cut off or altered"):
        read_bundle(bundle_folder)


def test_bundle__refuses_a_manifest_that_leads_out_of_the_folder(bundle_folder):
    manifest = json.loads((bundle_folder / "manifest.json").read_text())
    manifest["files"]["../secret"] = "0" * 64
    (bundle_folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="names a file outside"):
        read_bundle(bundle_folder)


def test_bundle__parts_that_match_their_hash_but_not_each_other_are_refused_in_one_line(bundle_folder):
    (bundle_folder / "model.json").write_text('{"calibration": {}}')
    manifest = json.loads((bundle_folder / "manifest.json").read_text())
    manifest["files"]["model.json"] = hashlib.sha256((bundle_folder / "model.json").read_bytes()).hexdigest()
    (bundle_folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="do not fit together"):
        read_bundle(bundle_folder)


def test_bundle__of_a_later_format_asks_for_a_later_facies(bundle_folder):
    manifest = json.loads((bundle_folder / "manifest.json").read_text())
    (bundle_folder / "manifest.json").write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(InputError, match="install a later facies"):
        read_bundle(bundle_folder)


def test_bundle__another_folder_is_neither_read_nor_overwritten(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a bundle"):
        read_bundle(tmp_path / "bundle")
    with pytest.raises(InputError, match="exists and is not a bundle"):
        written(tmp_path)
    assert (tmp_path / "bundle" / "thesis.txt").read_text() == "mine"


def test_bundle__a_second_one_replaces_the_first(bundle_folder):
    first = read_bundle(bundle_folder)
    written(bundle_folder.parent, "label_distribution")
    second = read_bundle(bundle_folder)
    assert (first.frozen.regressor_name, second.frozen.regressor_name) == ("ridge", "label_distribution")
    assert first.sha256 != second.sha256
    assert parts(bundle_folder.parent) == ["bundle"]


def test_bundle__written_twice_has_the_same_bytes(tmp_path):
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    assert read_bundle(one).sha256 == read_bundle(two).sha256


def test_bundle__when_writing_fails_the_old_one_stays(bundle_folder, monkeypatch):
    import facies.models.bundle as module

    before = read_bundle(bundle_folder).sha256

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "copy_network", fail)
    with pytest.raises(StoreError, match="was not written"):
        written(bundle_folder.parent)
    assert read_bundle(bundle_folder).sha256 == before
    assert parts(bundle_folder.parent) == ["bundle"]


def test_bundle__takes_the_network_and_its_description_along(tmp_path):
    network = tmp_path / "net.onnx"
    network.write_bytes(b"a network")
    (tmp_path / "net.onnx.json").write_text("{}")
    folder = written(tmp_path, encoder_file=network)
    read = read_bundle(folder)
    assert read.encoder_file is not None
    assert read.encoder_file.read_bytes() == b"a network"
    assert (folder / "encoder.onnx.json").read_text() == "{}"
    read.encoder_file.write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"encoder\.onnx in the bundle"):
        read_bundle(folder)


def test_bundle__refuses_a_network_that_is_not_the_cards(tmp_path):
    network = tmp_path / "net.onnx"
    network.write_bytes(b"a network")
    frozen = fitted().frozen
    card = describe_model(frozen, encoder=dataclasses.replace(ENCODER, sha256="0" * 64))
    with pytest.raises(InputError, match=r"net\.onnx is not the network mean-colours"):
        write_bundle(tmp_path / "bundle", frozen=frozen, card=card, crop=CROP, encoder_file=network)


def test_bundle__refuses_a_card_of_another_model(tmp_path):
    frozen = fitted().frozen
    card = describe_model(frozen, encoder=ENCODER)
    with pytest.raises(InputError, match="the card is of other"):
        write_bundle(tmp_path / "b", frozen=frozen, card=dataclasses.replace(card, model_id="other"), crop=CROP)
    wrong = dataclasses.replace(card, encoder=dataclasses.replace(ENCODER, dimension=4))
    with pytest.raises(InputError, match="gives 4 numbers a face, the model expects 3"):
        write_bundle(tmp_path / "b", frozen=frozen, card=wrong, crop=CROP)


def test_model_card__says_what_it_is_for_and_what_not(bundle_folder):
    text = (bundle_folder / "MODEL_CARD.md").read_text()
    for words in ("Not a medical device", "who somebody is", "60 people, 60 photographs", "| mae | 1 | 0.8 to 1.2 | 60 |", "own cohort"):
        assert words in text
    assert "margin 0" in text
    assert "facies-finder" in text


def test_bundle__predicts_without_loading_torch_or_matplotlib(bundle_folder):
    code = (
        "import sys; from pathlib import Path; from facies.models import read_bundle\n"
        f"print(len(read_bundle(Path({str(bundle_folder)!r})).predict_vectors([[1.0, 2.0, 3.0]])))\n"
        "print([name for name in ('torch', 'timm', 'matplotlib', 'statsmodels') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n[]\n"
