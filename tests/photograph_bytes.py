"""Writes photographs of every format and oddity, for tests. Nothing here uses the code under test."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

Pixels = NDArray[np.uint8]

PLANTED = "PLANTED"
"""Stands in every planted metadata string."""

STORED_AS = {
    1: None, 2: Pillow.Transpose.FLIP_LEFT_RIGHT, 3: Pillow.Transpose.ROTATE_180, 4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE, 6: Pillow.Transpose.ROTATE_90, 7: Pillow.Transpose.TRANSVERSE, 8: Pillow.Transpose.ROTATE_270,
}  # fmt: skip
"""How an upright picture is stored so that the EXIF orientation turns it back."""


def encode(pixels: Pixels, kind: str, **options: Any) -> bytes:
    """Encode pixels, (height, width) or (height, width, 3 or 4), by Pillow, or by pillow-heif for HEIC."""
    if kind == "HEIC":
        return encode_heic(pixels, **options)
    return encode_picture(Pillow.fromarray(pixels), kind, **options)


def encode_picture(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    """Encode a Pillow picture of any mode."""
    if kind in ("JPEG", "WebP"):
        options = {"quality": 95, **options}
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def encode_heic(pixels: Pixels, **options: Any) -> bytes:
    """Encode as HEIC; an orientation in ``exif`` becomes the container's own rotation."""
    buffer = io.BytesIO()
    height, width = pixels.shape[:2]
    pillow_heif.encode(
        "RGB",
        (width, height),
        np.ascontiguousarray(pixels).tobytes(),
        buffer,
        **{"quality": 90, "enc_params": {"preset": "ultrafast", "x265:pools": "none"}, **options},
    )
    return buffer.getvalue()


def encode_by_opencv(pixels: NDArray[Any], ending: str) -> bytes:
    """Encode 16-bit or float RGB or grey, which Pillow cannot write."""
    swapped = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    return bytes(cv2.imencode(ending, np.ascontiguousarray(swapped))[1])


def stored_turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return the picture as a camera held otherwise stores it."""
    turn = STORED_AS[orientation]
    return pixels if turn is None else np.asarray(Pillow.fromarray(pixels).transpose(turn))


def exif_with(orientation: int) -> bytes:
    """Return an EXIF block that states an orientation only."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def encode_turned(pixels: Pixels, kind: str, orientation: int) -> bytes:
    """Encode a picture that has to be turned before it is shown."""
    if kind == "TIFF":
        return encode(stored_turned(pixels, orientation), kind, tiffinfo={0x0112: orientation})
    return encode(stored_turned(pixels, orientation), kind, exif=exif_with(orientation))


def dicom(
    pixels: NDArray[Any],
    *,
    photometric: str = "RGB",
    planar: int = 0,
    bits_stored: int | None = None,
    syntax: str = "1.2.840.10008.1.2.1",
    pixel_bytes: bytes | None = None,
    patient: str = "Doe^Jane",
    rows: int | None = None,
    **attributes: Any,
) -> bytes:
    """Write a DICOM VL Photographic file; ``pixel_bytes`` replaces the native pixels."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, VLPhotographicImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLPhotographicImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["facies", patient])
    meta.TransferSyntaxUID = UID(syntax)
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = patient, "p-1"
    dataset.Rows, dataset.Columns = rows or pixels.shape[0], rows or pixels.shape[1]
    dataset.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    dataset.PhotometricInterpretation = photometric
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = planar
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = bits_stored or dataset.BitsAllocated
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    for name, value in attributes.items():
        setattr(dataset, name, value)
    native = pixels.transpose(2, 0, 1) if planar else pixels
    dataset.PixelData = np.ascontiguousarray(native).tobytes() if pixel_bytes is None else pixel_bytes
    dataset["PixelData"].VR = "OB" if pixels.dtype == np.uint8 else "OW"
    if syntax not in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"):
        dataset["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_jpeg(pixels: Pixels, *, frame: bytes | None = None, photometric: str = "YBR_FULL_422", **options: Any) -> bytes:
    """Write DICOM with a JPEG baseline frame inside."""
    from pydicom.encaps import encapsulate

    data = encapsulate([frame or encode(pixels, "JPEG")])
    return dicom(pixels, photometric=photometric, syntax="1.2.840.10008.1.2.4.50", pixel_bytes=data, **options)


def dicom_rle(pixels: Pixels, **options: Any) -> bytes:
    """Write run-length encoded DICOM."""
    from pydicom import dcmread

    dataset = dcmread(io.BytesIO(dicom(pixels, **options)))
    dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """Write a PNG of a few bytes whose header claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, data) for kind, data in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg_claiming(data: bytes, width: int, height: int) -> bytes:
    """Change the size in a JPEG's frame header."""
    start = next(i for i in range(2, len(data)) if data[i : i + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return data[: start + 5] + struct.pack(">HH", height, width) + data[start + 9 :]


def tiff_claiming(data: bytes, width: int, height: int) -> bytes:
    """Change the size in a little-endian TIFF's first directory."""
    (start,) = struct.unpack_from("<I", data, 4)
    (n,) = struct.unpack_from("<H", data, start)
    changed = bytearray(data)
    for position in range(start + 2, start + 2 + 12 * n, 12):
        (tag,) = struct.unpack_from("<H", data, position)
        if tag in (256, 257):
            struct.pack_into("<HII", changed, position + 2, 4, 1, width if tag == 256 else height)
    return bytes(changed)


def webp_claiming(data: bytes, width: int, height: int) -> bytes:
    """Put an extended header of any size before a WebP's picture."""
    extended = struct.pack("<4sI", b"VP8X", 10) + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + extended + data[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def damaged(data: bytes, *, start: int | None = None, n: int = 64) -> bytes:
    """Overwrite some bytes within the file, by default beyond its middle."""
    start = len(data) * 6 // 10 if start is None else start
    return data[:start] + b"\xff\x01" * (n // 2) + data[start + n :]


def planted_icc() -> bytes:
    """Return an sRGB profile whose description is a planted string."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    old = "sRGB built-in".encode("utf-16-be")
    if old not in profile:
        raise ValueError("this Little CMS describes its sRGB profile otherwise")
    return profile.replace(old, f"{PLANTED}-ICCXX"[:13].encode("utf-16-be"))


def planted_exif() -> bytes:
    """Return an EXIF block with planted names, place, maker note and thumbnail."""
    exif = Pillow.Exif()
    exif[0x010E], exif[0x013B], exif[0x8298] = f"{PLANTED}-DESCRIPTION", f"{PLANTED}-ARTIST", f"{PLANTED}-COPYRIGHT"
    exif[0x9C9D] = f"{PLANTED}-XPAUTHOR\0".encode("utf-16-le")
    camera = exif.get_ifd(0x8769)
    camera[0x927C] = f"{PLANTED}-MAKERNOTE".encode()
    camera[0x9286] = b"UNICODE\0" + f"{PLANTED}-COMMENT".encode("utf-16-be")
    exif.get_ifd(0x8825)[27] = f"{PLANTED}-GPS".encode()
    return _with_thumbnail(exif.tobytes())


def _with_thumbnail(exif: bytes) -> bytes:
    """Append a second directory with an embedded thumbnail that carries a planted comment."""
    block = bytearray(exif.removeprefix(b"Exif\0\0"))
    order = "<" if block[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", block, 4)
    (n,) = struct.unpack_from(order + "H", block, start)
    thumbnail = encode(np.zeros((16, 16, 3), np.uint8), "JPEG", comment=f"{PLANTED}-THUMBNAIL".encode())
    struct.pack_into(order + "I", block, start + 2 + 12 * n, len(block))
    where = len(block) + 2 + 24 + 4
    block += struct.pack(order + "H", 2)
    block += struct.pack(order + "HHII", 0x0201, 4, 1, where) + struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail))
    block += struct.pack(order + "I", 0) + thumbnail
    return b"Exif\0\0" + bytes(block)


def planted_xmp() -> bytes:
    """Return an XMP packet with a planted name."""
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><name>{PLANTED}-XMP</name></x:xmpmeta>'.encode()


def planted_iptc() -> bytes:
    """Return Photoshop image resources with a planted IPTC caption."""
    caption = f"{PLANTED}-IPTC".encode()
    record = b"\x1c\x02\x78" + struct.pack(">H", len(caption)) + caption
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + b"\0" * (len(record) % 2)


def planted(pixels: Pixels, kind: str) -> bytes:
    """Write a photograph with a planted string in every kind of metadata that the format has."""
    return _PLANTERS[kind](pixels)


def _planted_jpeg(pixels: Pixels) -> bytes:
    comment = f"{PLANTED}-COM".encode()
    data = encode(pixels, "JPEG", exif=planted_exif(), xmp=planted_xmp(), icc_profile=planted_icc(), comment=comment)
    iptc = b"Photoshop 3.0\0" + planted_iptc()
    segment = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    return data[:2] + segment + data[2:] + f"{PLANTED}-TRAILER".encode()


def _planted_png(pixels: Pixels) -> bytes:
    text = PngInfo()
    text.add_text("Author", f"{PLANTED}-TEXT")
    text.add_text("Comment", f"{PLANTED}-ZTXT " * 20, zip=True)
    text.add_itxt("Title", f"{PLANTED}-ITXT", lang="en", tkey=f"{PLANTED}-KEY")
    text.add_itxt("XML:com.adobe.xmp", planted_xmp().decode())
    return encode(pixels, "PNG", pnginfo=text, exif=planted_exif(), icc_profile=planted_icc())


def _planted_tiff(pixels: Pixels) -> bytes:
    tags = {270: f"{PLANTED}-DESCRIPTION", 315: f"{PLANTED}-ARTIST", 316: f"{PLANTED}-HOST", 700: planted_xmp(), 33723: planted_iptc(),
            34377: planted_iptc(), 33432: f"{PLANTED}-COPYRIGHT", 65000: f"{PLANTED}-PRIVATE"}  # fmt: skip
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory.tagtype[tag] = 7 if isinstance(value, bytes) else 2
        directory[tag] = value
    return encode(pixels, "TIFF", tiffinfo=directory, icc_profile=planted_icc())


def _planted_webp(pixels: Pixels) -> bytes:
    return encode(pixels, "WebP", exif=planted_exif(), xmp=planted_xmp(), icc_profile=planted_icc())


def _planted_heic(pixels: Pixels) -> bytes:
    return encode_heic(pixels, exif=planted_exif(), xmp=planted_xmp(), icc_profile=planted_icc(), icc_profile_type="prof")


def _planted_dicom(pixels: Pixels) -> bytes:
    names = {"InstitutionName": f"{PLANTED}-SITE", "ReferringPhysicianName": f"{PLANTED}^DOCTOR", "PatientComments": f"{PLANTED}-COMMENT"}
    return dicom(pixels, patient=f"{PLANTED}^PATIENT", ICCProfile=planted_icc(), **names)


_PLANTERS = {
    "JPEG": _planted_jpeg,
    "PNG": _planted_png,
    "TIFF": _planted_tiff,
    "WebP": _planted_webp,
    "HEIC": _planted_heic,
    "DICOM": _planted_dicom,
}


def holds_planted(data: bytes) -> bool:
    """Return whether a planted string stands in the bytes, as UTF-8 or UTF-16."""
    return any(PLANTED.encode(code) in data for code in ("utf-8", "utf-16-le", "utf-16-be"))
