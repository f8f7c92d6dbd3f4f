"""Decoding: orientation, colour, depth, reduced scale, and what is refused."""

from __future__ import annotations

import io
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import photograph_bytes as pb
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from facies.errors import ImageError, InputError
from facies.imaging.decode import decode_photograph, probe_photograph


@pytest.fixture(scope="module")
def picture():
    """Return a smooth picture whose sides, colours and corners all differ."""
    y, x = np.mgrid[0:72, 0:104]
    picture = np.stack([x * 2, y * 3, 255 - x - y], axis=-1).astype(np.uint8)
    picture[4:20, 6:30] = (250, 240, 20)
    return picture


def gap(image, picture) -> float:
    """Return the mean absolute difference in levels."""
    return float(np.abs(image.astype(float) - picture.astype(float)).mean())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP", "HEIC"])
def test_decode_photograph__turns_each_of_the_eight_orientations_upright_once(picture, kind, orientation):
    photograph = decode_photograph(pb.encode_turned(picture, kind, orientation))
    assert photograph.image.shape == picture.shape
    assert gap(photograph.image, picture) < 5


def test_decode_photograph__reports_the_size_as_stored(picture):
    photograph = decode_photograph(pb.encode_turned(picture, "JPEG", 6))
    assert (photograph.width, photograph.height) == (72, 104)
    assert photograph.image.shape == (72, 104, 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_decode_photograph__returns_the_very_pixels_of_a_lossless_file(picture, kind):
    assert np.array_equal(decode_photograph(pb.encode(picture, kind)).image, picture)


def test_decode_photograph__gives_the_same_pixels_as_pillow_for_jpeg(picture):
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}):
        data = pb.encode(picture, "JPEG", **options)
        assert np.array_equal(decode_photograph(data).image, np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")))


def test_decode_photograph__gives_an_array_that_cannot_be_changed(picture):
    for data in (pb.encode(picture, "JPEG"), pb.encode(picture, "PNG"), pb.encode_turned(picture, "PNG", 6)):
        assert not decode_photograph(data).image.flags.writeable


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(401, 523), (400, 520), (407, 519)])
def test_decode_photograph__reduced_shows_a_point_where_the_full_picture_does(orientation, size):
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    spot = np.array([171.0, 246.0])
    picture = np.repeat((255 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 800))[..., None], 3, axis=2).astype(np.uint8)
    photograph = decode_photograph(pb.encode_turned(picture, "JPEG", orientation), target_side=90)
    assert photograph.scale == 4
    assert min(photograph.image.shape[:2]) >= 90
    weights = photograph.image[..., 0].astype(float)
    rows, columns = np.mgrid[0 : weights.shape[0], 0 : weights.shape[1]]
    found = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
    assert np.abs(photograph.to_full(found) - spot).max() < 0.3
    assert np.allclose(photograph.from_full(photograph.to_full(found)), found)


@pytest.mark.parametrize(("target", "scale"), [(401, 1), (400, 1), (200, 2), (150, 2), (100, 4), (51, 4), (50, 8), (10, 8)])
def test_decode_photograph__reduces_only_as_far_as_the_shorter_side_allows(target, scale):
    data = pb.encode(np.zeros((400, 600, 3), np.uint8), "JPEG")
    assert decode_photograph(data, target_side=target).scale == scale


@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {"progressive": True}), ("RGB", {"subsampling": 0}), ("RGB", {"subsampling": 2}), ("L", {}), ("CMYK", {})],
    ids=["progressive", "4:4:4", "4:2:0", "grey", "CMYK"],
)
def test_decode_photograph__reduced_is_the_full_picture_averaged(mode, options):
    height, width = 480, 640
    y, x = np.mgrid[0:height, 0:width]
    soft = np.stack([128 + 90 * np.sin(x / 40), 128 + 90 * np.cos(y / 50), 128 + 60 * np.sin((x + y) / 60)], axis=2).astype(np.uint8)
    data = pb.encode_picture(Pillow.fromarray(soft).convert(mode), "JPEG", **options)
    full, reduced = decode_photograph(data).image, decode_photograph(data, target_side=120)
    assert (reduced.scale, reduced.image.shape) == (4, (120, 160, 3))
    averaged = full.reshape(120, 4, 160, 4, 3).mean(axis=(1, 3))
    assert np.abs(reduced.image - averaged).mean() < 1.0


def test_decode_photograph__grey_is_the_luma_that_opencv_makes(picture):
    import cv2

    photograph = decode_photograph(pb.encode(picture, "JPEG"))
    assert np.array_equal(photograph.grey, cv2.cvtColor(photograph.image, cv2.COLOR_RGB2GRAY))


def test_decode_photograph__does_not_reduce_other_formats(picture):
    assert decode_photograph(pb.encode(picture, "PNG"), target_side=10).scale == 1


def test_decode_photograph__refuses_a_target_that_is_no_size(picture):
    with pytest.raises(InputError, match="target_side is 0"):
        decode_photograph(pb.encode(picture, "JPEG"), target_side=0)


def test_decode_photograph__scales_sixteen_bits_by_257_and_does_not_clip():
    ramp = np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 64, axis=0)
    for data in (pb.encode(ramp, "PNG"), pb.encode(ramp, "TIFF"), pb.encode_by_opencv(np.dstack([ramp] * 3), ".png")):
        assert np.array_equal(decode_photograph(data).image[0, :, 1], np.arange(256))


def test_decode_photograph__takes_white_of_a_deep_tiff_from_its_bits_and_its_photometric():
    ramp = np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 64, axis=0)
    inverted = pb.encode(65535 - ramp, "TIFF", tiffinfo={262: 0})
    assert np.array_equal(decode_photograph(inverted).image[0, :, 1], np.arange(256))


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_decode_photograph__reads_float_tiff_of_any_usual_range(white):
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None], 64, axis=0) * np.float32(white)
    ramp[0, 0] = np.nan
    image = decode_photograph(pb.encode_picture(Pillow.fromarray(ramp), "TIFF")).image
    assert image[0, 0, 0] == 0
    assert np.abs(image[1, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "WebP", "TIFF"])
def test_decode_photograph__shows_mid_grey_through_transparent_parts(picture, kind):
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:, 52:] = 0
    options = {"lossless": True} if kind == "WebP" else {}
    image = decode_photograph(pb.encode(np.dstack([picture, alpha]), kind, **options)).image
    assert np.array_equal(image[:, :52], picture[:, :52])
    assert np.unique(image[:, 52:]).tolist() == [128]


def test_decode_photograph__handles_grey_with_alpha_palette_with_transparency_and_one_bit(picture):
    grey = Pillow.fromarray(picture).convert("L")
    half = Pillow.fromarray(np.full(picture.shape[:2], 0, np.uint8))
    two_bands = Pillow.merge("LA", (grey, half))
    assert np.unique(decode_photograph(pb.encode_picture(two_bands, "PNG")).image).tolist() == [128]
    palette = Pillow.fromarray(picture).quantize(8)
    shown = decode_photograph(pb.encode_picture(palette, "PNG", transparency=palette.getpixel((0, 0)))).image
    assert shown[0, 0].tolist() == [128, 128, 128]
    bits = Pillow.fromarray((picture[..., 0] > 100).astype(np.uint8) * 255).convert("1")
    assert np.array_equal(decode_photograph(pb.encode_picture(bits, "PNG")).image[..., 2], (picture[..., 0] > 100) * 255)


def test_decode_photograph__reads_cmyk_of_adobe_and_of_others_alike(picture):
    cmyk = Pillow.fromarray(picture).convert("CMYK")
    adobe = pb.encode_picture(cmyk, "JPEG")
    start = adobe.index(b"\xff\xee")
    length = int.from_bytes(adobe[start + 2 : start + 4], "big")
    inverted = pb.encode_picture(Pillow.eval(cmyk, lambda value: 255 - value), "JPEG")
    unmarked = inverted[:start] + inverted[start + 2 + length :]
    assert b"Adobe" in adobe
    assert b"Adobe" not in unmarked
    assert gap(decode_photograph(adobe).image, picture) < 6
    assert gap(decode_photograph(unmarked).image, picture) < 6


def test_decode_photograph__exchanges_colours_where_the_profile_exchanges_the_primaries():
    plain = np.zeros((64, 64, 3), np.uint8) + np.array([200, 30, 90], np.uint8)
    for data in (pb.encode(plain, "PNG", icc_profile=swapped_profile()), pb.encode(plain, "JPEG", icc_profile=swapped_profile())):
        assert np.abs(decode_photograph(data).image[0, 0].astype(int) - [90, 30, 200]).max() <= 3


def test_decode_photograph__brings_linear_light_to_the_srgb_curve():
    """The answer is known from IEC 61966-2-1."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None], 64, axis=0)
    light = np.arange(256) / 255
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    image = decode_photograph(pb.encode(np.dstack([ramp] * 3), "PNG", icc_profile=linear_profile())).image
    assert np.abs(image[0, :, 1] - expected).max() <= 1


def srgb_profile() -> bytearray:
    """Return the profile that Little CMS builds."""
    return bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def swapped_profile() -> bytes:
    """Return the sRGB profile with its red and blue primaries exchanged."""
    profile = srgb_profile()
    names = {bytes(profile[i : i + 4]): i for i in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12)}
    red, blue = names[b"rXYZ"], names[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def linear_profile() -> bytes:
    """Return the sRGB profile with a straight line for its curves."""
    profile = srgb_profile()
    curve = profile.index(b"para", 132 + 12 * int.from_bytes(profile[128:132], "big"))
    profile[curve + 8 : curve + 16] = b"\0\0\0\0" + (1 << 16).to_bytes(4, "big")
    return bytes(profile)


def test_decode_photograph__ignores_a_profile_that_is_broken_or_of_another_kind(picture):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (srgb[:300], b"no profile at all", lab):
        assert np.array_equal(decode_photograph(pb.encode(picture, "PNG", icc_profile=profile)).image, picture)


def test_decode_photograph__applies_a_profile_below_transparency(picture):
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    plain = decode_photograph(pb.encode(picture, "PNG", icc_profile=swapped_profile())).image
    assert np.array_equal(decode_photograph(pb.encode(opaque, "PNG", icc_profile=swapped_profile())).image, plain)


def test_decode_photograph__uses_the_first_frame_or_page(picture):
    other = [Pillow.fromarray(255 - picture)]
    for kind in ("PNG", "TIFF", "WebP", "MPO"):
        data = pb.encode(picture, kind, save_all=True, append_images=other)
        assert gap(decode_photograph(data).image, picture) < 5


def test_decode_photograph__reads_the_dicom_kinds(picture):
    grey = picture[..., 1]
    ybr = np.asarray(Pillow.fromarray(picture).convert("YCbCr"))
    exact = [pb.dicom(picture), pb.dicom(picture, planar=1), pb.dicom_rle(picture), pb.dicom(picture, syntax="1.2.840.10008.1.2")]
    for data in exact:
        assert np.array_equal(decode_photograph(data).image, picture)
    for data in (pb.dicom(ybr, photometric="YBR_FULL"), pb.dicom_jpeg(picture)):
        assert gap(decode_photograph(data).image, picture) < 4
    assert np.array_equal(decode_photograph(pb.dicom(grey, photometric="MONOCHROME2")).image[..., 0], grey)
    assert np.array_equal(decode_photograph(pb.dicom(255 - grey, photometric="MONOCHROME1")).image[..., 0], grey)


def test_decode_photograph__reads_the_first_of_several_dicom_frames(picture):
    both = pb.dicom(picture, pixel_bytes=picture.tobytes() + (255 - picture).tobytes(), NumberOfFrames=2)
    assert np.array_equal(decode_photograph(both).image, picture)


def test_decode_photograph__reads_jpeg_frames_that_dicom_says_are_rgb(picture):
    stored = pb.encode_picture(Pillow.merge("YCbCr", Pillow.fromarray(picture).split()), "JPEG", subsampling=0)
    start = stored.index(b"\xff\xe0")
    unmarked = stored[:start] + stored[start + 2 + int.from_bytes(stored[start + 2 : start + 4], "big") :]
    assert gap(decode_photograph(pb.dicom_jpeg(picture, frame=unmarked, photometric="RGB")).image, picture) < 5


def test_decode_photograph__says_which_dicom_compression_it_does_not_read(picture):
    data = pb.dicom(picture, syntax="1.2.840.10008.1.2.4.70", pixel_bytes=b"\xfe\xff\x00\xe0" + bytes(12))
    with pytest.raises(ImageError, match=r"unknown_format: DICOM in transfer syntax 1\.2\.840\.10008\.1\.2\.4\.70"):
        decode_photograph(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP", "HEIC", "DICOM"])
def test_decode_photograph__says_truncated_wherever_the_picture_is_cut(picture, kind):
    data = pb.dicom(picture) if kind == "DICOM" else pb.encode(picture, kind)
    for share in (0.3, 0.5, 0.7, 0.9, 0.99):
        with pytest.raises(ImageError) as caught:
            decode_photograph(data[: int(len(data) * share)])
        assert caught.value.reason == "truncated", share


def test_decode_photograph__keeps_the_callers_limit_and_leaves_pillows_alone(picture):
    before = Pillow.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match="too_large: 104 x 72 pixels, at most 7000 are allowed"):
        decode_photograph(pb.encode(picture, "PNG"), max_pixels=7000)
    big = pb.encode(np.zeros((9000, 10_100), np.uint8), "JPEG")
    assert decode_photograph(big, target_side=1000).image.shape == (1125, 1263, 3)
    assert before == Pillow.MAX_IMAGE_PIXELS


def test_decode_photograph__lets_no_decoder_warning_out_and_leaves_the_filters_as_they_were(picture):
    broken = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x3b\x01\x02\0\xff\xff\xff\x7f\xff\xff\xff\x7f"
    data = pb.encode(pb.stored_turned(picture, 6), "JPEG", exif=broken)
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: decode_photograph(data).image, range(40)))
    assert all(gap(image, picture) < 5 for image in images)
    assert warnings.filters == filters


def test_decode_photograph__gives_the_same_in_threads_as_alone(picture):
    sources = [pb.encode(picture, kind) for kind in ("JPEG", "PNG", "TIFF", "WebP", "HEIC")] + [pb.dicom(picture)]
    alone = [decode_photograph(data).image for data in sources]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: decode_photograph(data).image, sources * 5))
    assert threading.active_count() >= 1
    assert all(np.array_equal(image, alone[i % len(alone)]) for i, image in enumerate(together))


def test_decode_photograph__refuses_a_pipe_without_waiting(tmp_path):
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="not_a_file"):
        decode_photograph(tmp_path / "pipe")


def test_decode_photograph__refuses_names_that_no_file_can_have(tmp_path):
    for name in ("nul\0byte.jpg", "x" * 300):
        with pytest.raises(ImageError, match="missing_file"):
            decode_photograph(tmp_path / name)


def test_decode_photograph__refuses_a_cameras_raw_file(picture):
    data = pb.encode(picture, "TIFF", tiffinfo={254: 1})
    with pytest.raises(ImageError, match="unknown_format: a camera's raw file"):
        decode_photograph(data)


def test_decode_photograph__takes_bytes_and_paths_alike(picture, tmp_path):
    data = pb.encode(picture, "JPEG")
    (tmp_path / "a.jpg").write_bytes(data)
    assert np.array_equal(decode_photograph(tmp_path / "a.jpg").image, decode_photograph(data).image)


def test_probe_photograph__reads_a_long_file_by_its_beginning_or_whole(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (600, 700, 3), dtype=np.uint8)
    for kind in ("JPEG", "PNG", "TIFF", "WebP", "HEIC"):
        path = tmp_path / kind
        path.write_bytes(pb.encode(noise, kind))
        probe = probe_photograph(path)
        assert (probe.format, probe.width, probe.height) == (kind, 700, 600)
    (tmp_path / "dicom").write_bytes(pb.dicom(noise))
    assert probe_photograph(tmp_path / "dicom").width == 700


def test_decode_photograph__reads_every_real_photograph(shared):
    paths = sorted((shared / "faces" / "images").glob("*.jpg"))[::20] + sorted((shared / "faces" / "pool").rglob("*.jpg"))[::40]
    for path in paths:
        photograph = decode_photograph(path)
        assert photograph.image.shape == (photograph.height, photograph.width, 3)
