"""What every encoder must keep to, and how one is chosen."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from facies.embeddings import ENCODERS, list_encoders, load_encoder
from facies.errors import InputError, MissingExtraError, WeightsError
from facies.records import EncoderCard

TINY = Path(__file__).with_name("tiny.onnx")
SPECS = ("pixels", "hog", f"onnx:{TINY}")
NETWORKS = ("face-reidentification-retail-0095", "mobilenet_v2_imagenet", "faceapi_age_gender")


@pytest.fixture(params=SPECS, ids=["pixels", "hog", "tiny"])
def encoder(request):
    return load_encoder(request.param)


@pytest.fixture(params=NETWORKS)
def network(request, shared):
    return load_encoder(f"onnx:{shared / 'weights' / request.param}.onnx")


def random_crops(encoder, n, seed=1):
    side = encoder.card.crop.size
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def coloured_crop(encoder):
    """Red above, blue below: swapped colours show."""
    side = encoder.card.crop.size
    crop = np.full((1, side, side, 3), 60, dtype=np.uint8)
    crop[:, : side // 2, :, 0] = 220
    crop[:, side // 2 :, :, 2] = 200
    return crop


def test_vectors__are_finite_float32_of_the_card_s_dimension(encoder):
    vectors = encoder.encode(random_crops(encoder, 3))
    assert vectors.shape == (3, encoder.card.dimension)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_card__is_a_record_with_a_licence(encoder):
    assert isinstance(encoder.card, EncoderCard)
    assert encoder.card.licence == "Apache-2.0"


def test_batch__gives_the_same_bits_as_one_by_one(encoder):
    crops = random_crops(encoder, 7)
    alone = np.concatenate([encoder.encode(crop[None]) for crop in crops])
    assert np.array_equal(encoder.encode(crops), alone)


def test_order_of_the_batch__changes_no_vector(encoder):
    crops = random_crops(encoder, 5)
    assert np.array_equal(encoder.encode(crops[::-1])[::-1], encoder.encode(crops))


def test_no_crops__give_no_vectors(encoder):
    assert encoder.encode(random_crops(encoder, 0)).shape == (0, encoder.card.dimension)


def test_even_crops__give_finite_vectors(encoder):
    side = encoder.card.crop.size
    for value in (0, 128, 255):
        assert np.isfinite(encoder.encode(np.full((1, side, side, 3), value, dtype=np.uint8))).all()


def test_swapped_colours__change_the_vector(encoder):
    crop = coloured_crop(encoder)
    assert np.abs(encoder.encode(crop) - encoder.encode(crop[..., ::-1].copy())).max() > 1e-3


def test_views_that_are_not_contiguous__give_the_same_vector(encoder):
    crops = random_crops(encoder, 2)
    assert np.array_equal(encoder.encode(np.asfortranarray(crops)), encoder.encode(crops))


def test_several_threads__give_the_same_vectors_as_one(encoder):
    crops = random_crops(encoder, 24)
    expected = encoder.encode(crops)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda crop: encoder.encode(crop[None])[0], crops))
    assert np.array_equal(np.stack(found), expected)


@pytest.mark.parametrize("change", [lambda c: c[0], lambda c: c[:, :-1], lambda c: c.astype(np.float32), lambda c: c[..., :1]])
def test_crops_of_another_shape_or_type__are_refused(encoder, change):
    with pytest.raises(InputError, match="crop contract"):
        encoder.encode(change(random_crops(encoder, 2)))


def test_real_networks__give_the_same_bits_batched_and_alone(network):
    crops = random_crops(network, 3)
    assert np.array_equal(network.encode(crops), np.concatenate([network.encode(crop[None]) for crop in crops]))


def test_real_networks__see_swapped_colours(network):
    crop = coloured_crop(network)
    assert np.abs(network.encode(crop) - network.encode(crop[..., ::-1].copy())).max() > 1e-3


def test_number_of_threads__changes_no_bit_of_a_real_network(shared):
    spec = f"onnx:{shared / 'weights' / NETWORKS[0]}.onnx"
    one, two = load_encoder(spec, threads=1), load_encoder(spec, threads=2)
    crops = random_crops(one, 3)
    assert np.array_equal(one.encode(crops), two.encode(crops))


def test_unknown_encoder__is_answered_with_the_list():
    with pytest.raises(InputError, match="choose one of pixels, hog, facies-s, onnx:<file>, timm:<name>, farl, ssl"):
        load_encoder("resnet50")


@pytest.mark.parametrize("spec", ["onnx", "onnx:", "hog:8", "timm"])
def test_incomplete_specification__says_how_to_write_it(spec):
    with pytest.raises(InputError, match=r"write (onnx:<file>|hog|timm:<name>)"):
        load_encoder(spec)


@pytest.mark.parametrize("spec", SPECS)
def test_weights_that_would_have_no_effect__are_refused(spec):
    with pytest.raises(InputError, match="leave out the weights"):
        load_encoder(spec, weights=TINY)


def test_settings_out_of_range__are_refused():
    with pytest.raises(InputError, match="threads is 0"):
        load_encoder("hog", threads=0)
    with pytest.raises(InputError, match="precision is 'float16'"):
        load_encoder("hog", precision="float16")


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
@pytest.mark.parametrize("spec", ["timm:resnet18", "farl"])
def test_encoder_of_an_absent_extra__names_the_line_to_run(spec):
    with pytest.raises(MissingExtraError, match=r"pip install 'facies\[train\]'"):
        load_encoder(spec, weights=TINY)


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
def test_timm_network__needs_weights_from_a_file():
    with pytest.raises(WeightsError, match="never fetches"):
        load_encoder("timm:resnet18")


def test_list__has_a_row_for_each_encoder():
    table = list_encoders()
    assert len(table) == len(ENCODERS)
    assert set(table.columns) == {"encoder", "meaning", "licence", "needs_weights", "extra", "to_do"}
    assert table.set_index("encoder").loc["farl", "extra"] == "train"


def test_list__says_what_is_still_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("FACIES_WEIGHTS", str(tmp_path))
    to_do = list_encoders().set_index("encoder")["to_do"]
    assert to_do["hog"] == ""
    assert to_do["onnx:<file>"] == "give <file>"
    assert to_do["farl"] in ("pip install 'facies[train]'", "facies weights fetch farl")


def test_each_entry__names_something_that_can_be_imported():
    for entry in ENCODERS.values():
        module, _, name = entry.path.partition(":")
        assert hasattr(importlib.import_module(module), name)


def test_classical_encoder__loads_no_network_library():
    code = """if True:
        import sys
        from facies.embeddings import load_encoder
        load_encoder("hog")
        print({"torch", "onnxruntime", "timm"} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
