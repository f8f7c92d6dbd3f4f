"""DICOM VL Photographic and other DICOM pictures: native, RLE, JPEG and JPEG 2000."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import Jpeg2KImagePlugin, JpegImagePlugin

from facies.errors import ImageError
from facies.imaging.colour import scale_to_eight_bits
from facies.imaging.completeness import require_whole_jpeg
from facies.imaging.openers import Opened, Pixels
from facies.imaging.quiet import decoders_quiet

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_RLE = "1.2.840.10008.1.2.5"
_JPEG = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_JPEG_2000 = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
_VL_CLASSES = "1.2.840.10008.5.1.4.1.1.77.1"

_TAGS = [
    "SOPClassUID", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ICCProfile", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "PixelData",
]  # fmt: skip
"""All that is read; the patient's name is not."""


def open_dicom_picture(data: bytes) -> Opened:
    """Open the first frame of a DICOM file.

    Raises
    ------
    ImageError
        ``unknown_format`` when it holds no picture or one in a compression that facies does not read, ``truncated`` when it
        ends before its pixels do.
    """
    with decoders_quiet():
        dataset = _read_dataset(data)
        _require_picture(dataset)
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        decode = _decoder(syntax)
        profile = dataset.get("ICCProfile")
        width, height = int(dataset.Columns), int(dataset.Rows)

    def decode_first() -> Pixels:
        with decoders_quiet():
            return Pixels(decode(dataset), profile)

    return Opened(width, height, decode_first)


def _read_dataset(data: bytes) -> Any:
    import pydicom

    if _DEFLATED in data[:2048]:
        raise ImageError("unknown_format", "DICOM in a deflated transfer syntax")
    try:
        return pydicom.dcmread(io.BytesIO(data), specific_tags=list(_TAGS))
    except EOFError:
        raise ImageError("truncated", f"DICOM of {len(data)} bytes") from None


def _require_picture(dataset: Any) -> None:
    if "Rows" in dataset and "Columns" in dataset and "PixelData" in dataset:
        return
    is_picture = "Rows" in dataset or str(dataset.file_meta.get("MediaStorageSOPClassUID", "")).startswith(_VL_CLASSES)
    raise ImageError("truncated" if is_picture else "unknown_format", "DICOM without pixels")


def _decoder(syntax: str) -> Callable[[Any], Pillow.Image]:
    if syntax in _NATIVE or syntax == _RLE:
        return _decode_by_pydicom
    if syntax in _JPEG:
        return _decode_jpeg
    if syntax in _JPEG_2000:
        return _decode_jpeg_2000
    raise ImageError("unknown_format", f"DICOM in transfer syntax {syntax}")


def _decode_by_pydicom(dataset: Any) -> Pillow.Image:
    from pydicom.pixels import apply_color_lut, pixel_array

    if dataset.file_meta.TransferSyntaxUID != _RLE:
        _require_all_bytes(dataset)
    pixels = pixel_array(dataset, index=0)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels, bits = apply_color_lut(pixels, dataset), int(dataset.RedPaletteColorLookupTableDescriptor[2])
    else:
        bits = int(dataset.BitsStored)
    if dataset.get("PixelRepresentation", 0) == 1:
        pixels = pixels.astype(np.int64) + (1 << (bits - 1))
    grey = scale_to_eight_bits(pixels, white=(1 << bits) - 1) if bits != 8 else pixels.astype(np.uint8)
    return Pillow.fromarray(255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey)


def _require_all_bytes(dataset: Any) -> None:
    samples = 2 if dataset.PhotometricInterpretation == "YBR_FULL_422" else int(dataset.SamplesPerPixel)
    expected = int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) // 8
    if len(dataset.PixelData) < expected:
        raise ImageError("truncated", f"DICOM with {len(dataset.PixelData)} of {expected} bytes of pixels")


def _first_frame(dataset: Any) -> bytes:
    from pydicom.encaps import generate_frames

    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    return bytes(next(iter(generate_frames(dataset.PixelData, number_of_frames=frames))))


def _decode_jpeg(dataset: Any) -> Pillow.Image:
    frame = _first_frame(dataset).rstrip(b"\x00")
    require_whole_jpeg(frame)
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(frame))
    _require_same_size(image, dataset)
    if dataset.PhotometricInterpretation == "RGB" and "adobe" not in image.info and image.mode == "RGB":
        image.draft("YCbCr", None)
        image.load()
        return Pillow.merge("RGB", image.split())
    image.load()
    return image


def _decode_jpeg_2000(dataset: Any) -> Pillow.Image:
    image = Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(_first_frame(dataset)))
    _require_same_size(image, dataset)
    image.load()
    return image


def _require_same_size(image: Pillow.Image, dataset: Any) -> None:
    if image.size != (int(dataset.Columns), int(dataset.Rows)):
        raise ImageError("damaged", "the DICOM header and its picture state different sizes")
