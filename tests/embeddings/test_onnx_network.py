"""Networks in ONNX files: fed as their description says, described or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from facies.embeddings import KNOWN_NETWORKS, NetworkSidecar, example_sidecar, load_encoder
from facies.errors import WeightsError
from facies.store import file_sha256

TINY = Path(__file__).with_name("tiny.onnx")


@pytest.fixture
def folder(tmp_path):
    for name in ("tiny.onnx", "tiny.onnx.json"):
        shutil.copy(TINY.with_name(name), tmp_path)
    return tmp_path


def described(folder, **changes):
    """Change the description in the folder; None removes a key."""
    path = folder / "tiny.onnx.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return f"onnx:{folder / 'tiny.onnx'}"


def by_hand(crop):
    """The tiny network in numpy: its weights come from the seed in make_tiny_network.py."""
    rng = np.random.default_rng(7)
    kernel, bias = rng.normal(size=(5, 3, 3, 3)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    bgr = crop[..., ::-1].astype(np.float64)
    fed = (bgr * 0.00784313725490196 - np.array([1.0, 0.9, 0.8])) / np.array([0.5, 0.6, 0.7])
    padded = np.pad(fed.transpose(2, 0, 1), ((0, 0), (1, 0), (1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
    return np.maximum(np.einsum("chwyx,ocyx->ohw", windows, kernel) + bias[:, None, None], 0).mean(axis=(1, 2))


@pytest.fixture
def crop():
    return np.random.default_rng(5).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def test_vector__is_what_the_same_arithmetic_gives_by_hand(crop):
    assert load_encoder(f"onnx:{TINY}").encode(crop[None])[0] == pytest.approx(by_hand(crop), rel=1e-4)


def test_map_output__is_averaged_over_height_and_width(folder, crop):
    pooled = load_encoder(described(folder, output="map")).encode(crop[None])[0]
    assert pooled == pytest.approx(by_hand(crop), rel=1e-4)


def test_card__carries_the_file_s_hash_and_the_description_s_crop():
    card = load_encoder(f"onnx:{TINY}").card
    assert (card.name, card.dimension, card.sha256) == ("tiny", 5, file_sha256(TINY))
    assert (card.crop.size, card.crop.colour_order, card.crop.template[0]) == (16, "BGR", (0.3, 0.4))


def test_colour_order__turned_in_crop_and_description_cancels_out(folder, crop):
    settings = {"mean": [0.8, 0.9, 1.0], "std": [0.7, 0.6, 0.5], "colour_order": "RGB"}
    turned = load_encoder(described(folder, **settings)).encode(crop[None, ..., ::-1].copy())
    other = load_encoder(described(folder, mean=[1.0, 0.9, 0.8], std=[0.5, 0.6, 0.7], colour_order="BGR"))
    assert not np.allclose(turned, other.encode(crop[None]))
    same = load_encoder(described(folder, colour_order="RGB")).encode(crop[None, ..., ::-1].copy())
    assert np.array_equal(same, other.encode(crop[None]))


def test_absent_file__is_named():
    with pytest.raises(WeightsError, match=r"nowhere.onnx is not there"):
        load_encoder("onnx:nowhere.onnx")


def test_file_that_is_no_network__is_refused_in_one_line(folder):
    (folder / "tiny.onnx").write_bytes(b"\x08\x07 no network at all")
    with pytest.raises(WeightsError, match="not an ONNX network") as refusal:
        load_encoder(f"onnx:{folder / 'tiny.onnx'}")
    assert "\n" not in str(refusal.value)


def test_truncated_network__is_refused_in_one_line(folder):
    (folder / "tiny.onnx").write_bytes(TINY.read_bytes()[:500])
    with pytest.raises(WeightsError) as refusal:
        load_encoder(f"onnx:{folder / 'tiny.onnx'}")
    assert "\n" not in str(refusal.value)


def test_network_without_description__is_told_what_to_write(folder):
    (folder / "tiny.onnx.json").unlink()
    with pytest.raises(WeightsError, match=r"write tiny.onnx.json beside it"):
        load_encoder(f"onnx:{folder / 'tiny.onnx'}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": None}, "size: field required"),
        ({"size": 4}, "size: input should be greater"),
        ({"template": [[0.5, 0.5]]}, "template"),
        ({"colour_order": "GBR"}, "colour_order"),
        ({"std": [1, 0, 1]}, "std.1"),
        ({"licence": ""}, "licence"),
        ({"colour": "RGB"}, "colour: extra inputs"),
        ({"output": "logits"}, "no output 'logits': name one of map, features"),
        ({"size": 24}, "does not run on a 24 x 24 crop"),
        ({"layout": "NHWC"}, "does not run on a 16 x 16 crop"),
        ({"sha256": "0" * 64}, "describes a file with SHA-256 000000000000"),
    ],
)
def test_wrong_description__names_what_is_wrong(folder, changes, said):
    with pytest.raises(WeightsError) as refusal:
        load_encoder(described(folder, **changes))
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_description_that_is_not_json__is_refused(folder):
    (folder / "tiny.onnx.json").write_text("size = 16")
    with pytest.raises(WeightsError, match=r"tiny\.onnx\.json"):
        load_encoder(f"onnx:{folder / 'tiny.onnx'}")


def test_right_hash_in_the_description__is_accepted(folder):
    assert load_encoder(described(folder, sha256=file_sha256(TINY))).card.dimension == 5


def test_example__is_complete_and_valid():
    example = NetworkSidecar.model_validate_json(example_sidecar())
    assert example.crop().size == 112


def test_page_on_encoders__shows_the_example_that_the_command_prints():
    page = Path(__file__).parents[2] / "docs" / "how-to" / "encoders.md"
    block = page.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    assert json.loads(block) == json.loads(example_sidecar())


@pytest.mark.parametrize(
    ("name", "dimension", "size", "order"),
    [
        ("face-reidentification-retail-0095", 512, 128, "BGR"),
        ("mobilenet_v2_imagenet", 1280, 224, "RGB"),
        ("faceapi_age_gender", 512, 112, "RGB"),
    ],
)
def test_known_networks__need_no_description(shared, name, dimension, size, order):
    card = load_encoder(f"onnx:{shared / 'weights' / name}.onnx").card
    assert (card.dimension, card.crop.size, card.crop.colour_order) == (dimension, size, order)
    assert card.sha256 in KNOWN_NETWORKS


def test_template_of_0095__is_the_published_one(shared):
    card = load_encoder(f"onnx:{shared / 'weights' / 'face-reidentification-retail-0095.onnx'}").card
    published = [(0.3156, 0.4616), (0.6826, 0.4598), (0.5003, 0.6405), (0.3495, 0.8247), (0.6534, 0.8233)]
    assert card.crop.points() == pytest.approx(np.array(published) * 128 - 0.5)


def test_0095__is_fed_blue_green_red_from_0_to_255(shared):
    import onnxruntime

    path = shared / "weights" / "face-reidentification-retail-0095.onnx"
    crop = np.random.default_rng(2).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    fed = crop[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    expected = session.run(["pooled512"], {session.get_inputs()[0].name: np.ascontiguousarray(fed)})[0]
    assert load_encoder(f"onnx:{path}").encode(crop[None]) == pytest.approx(expected, abs=1e-5)
