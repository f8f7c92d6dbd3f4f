"""Photographs as readers see them: all of one size and one length, without anything but pixels.

A reader's browser could otherwise tell cases from controls by what surrounds the face: the file's name and length, its camera, its
size in pixels (DeGrave et al., Nat Mach Intell 2021;3:610-619 show how readily such traces are used).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from facies.errors import InputError
from facies.tables import PHOTOGRAPHS
from facies.types import Image
from facies.web import audit
from facies.web.database import empty_journal, reading, writing
from facies.web.refusals import RequestRefused
from facies.web.schema import PICTURES, ROOM, TRIALS, WITHDRAWN

SIDE = 720
"""Side of every picture, in pixels."""

QUALITY = 90

_STEP = 16 * 1024
_SEGMENT = 65_000

LoadPhotograph = Callable[[str], Image]
"""Gives the upright sRGB pixels of a photograph by its ``photo_id``."""


def photograph_loader(photographs: pd.DataFrame, folder: Path) -> LoadPhotograph:
    """Return a loader of a study's photographs.

    Parameters
    ----------
    photographs
        Table ``photographs``.
    folder
        Where its paths start.

    Raises
    ------
    InputError
        From the loader, when a photograph is not in the table.
    ImageError
        From the loader, when a photograph cannot be decoded.
    """
    PHOTOGRAPHS.validate(photographs)
    paths = dict(zip(photographs.photo_id, photographs.path, strict=True))

    def load(photo_id: str) -> Image:
        from facies.imaging import decode_photograph

        if photo_id not in paths:
            raise InputError(f"the plan names photograph {photo_id}, which photographs.tsv does not: add or remove it")
        return decode_photograph(folder / str(paths[photo_id]), target_side=SIDE).image

    return load


def prepare_pictures(engine: sa.Engine, load: LoadPhotograph) -> int:
    """Make the pictures of all photographs of the plan that have none yet; return how many were made.

    Every picture is kept in the database, so that serving one costs the same whoever has seen it before.
    """
    missing = _without_picture(engine)
    for photo_id in missing:
        image = load(photo_id)
        row = {"photo_id": photo_id, "jpeg": encode_picture(image), "width": image.shape[1], "height": image.shape[0]}
        with writing(engine) as connection:
            connection.execute(sa.insert(PICTURES).values(row))
    if missing:
        with writing(engine) as connection:
            audit.append(connection, actor="facies", action="pictures_prepared", n=len(missing))
            _note_length(connection)
    return len(missing)


def _without_picture(engine: sa.Engine) -> list[str]:
    query = sa.select(TRIALS.c.photo_id).distinct().where(TRIALS.c.photo_id.not_in(sa.select(PICTURES.c.photo_id)))
    with reading(engine) as connection:
        return sorted(connection.execute(query).scalars())


def _note_length(connection: sa.Connection) -> None:
    longest = connection.execute(sa.select(sa.func.max(sa.func.length(PICTURES.c.jpeg)))).scalar_one()
    connection.execute(sa.delete(ROOM).where(ROOM.c.name == "picture_bytes"))
    connection.execute(sa.insert(ROOM).values(name="picture_bytes", value=str(padded_length(longest))))


def withdraw_photographs(engine: sa.Engine, photo_ids: Iterable[str]) -> int:
    """Delete the pictures of people who withdrew; return how many there were.

    Readers are not shown them any more and exports leave their readings out. The answers themselves stay, since the log vouches for them;
    they hold a number and a ``photo_id``.

    Raises
    ------
    InputError
        When a photograph is not in the room.
    """
    asked = sorted(set(photo_ids))
    with writing(engine) as connection:
        known = set(connection.execute(sa.select(TRIALS.c.photo_id).distinct()).scalars())
        unknown = [photo_id for photo_id in asked if photo_id not in known]
        if unknown:
            raise InputError(f"photograph {unknown[0]} is not in the room: give photo_ids of its plan")
        gone = connection.execute(sa.delete(PICTURES).where(PICTURES.c.photo_id.in_(asked), PICTURES.c.photo_id.not_in(WITHDRAWN))).rowcount
        there = set(connection.execute(WITHDRAWN).scalars())
        rows = [{"photo_id": photo_id, "jpeg": b"", "width": 0, "height": 0} for photo_id in asked if photo_id not in there]
        if rows:
            connection.execute(sa.insert(PICTURES), rows)
        audit.append(connection, actor="facies", action="withdrawn", n=len(rows))
    empty_journal(engine)
    return gone


def padded_length(longest: int) -> int:
    """Return the one length of all responses that carry a picture, in bytes.

    Examples
    --------
    >>> padded_length(70_000)
    81920
    """
    return (longest // _STEP + 1) * _STEP


def encode_picture(image: Image) -> bytes:
    """Draw a photograph into the square box, on mid-grey, enlarged or reduced to touch its sides, and encode it as JPEG."""
    from PIL import Image as Pillow

    picture = Pillow.fromarray(image)
    width, height = fitted(image.shape[1], image.shape[0])
    box = Pillow.new("RGB", (SIDE, SIDE), (119, 119, 119))
    box.paste(picture.resize((width, height), Pillow.Resampling.LANCZOS), ((SIDE - width) // 2, (SIDE - height) // 2))
    out = io.BytesIO()
    box.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


def fitted(width: int, height: int) -> tuple[int, int]:
    """Return the width and height within the box, in its pixels.

    Examples
    --------
    >>> fitted(300, 600), fitted(4000, 3000)
    ((360, 720), (720, 540))
    """
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def pad_jpeg(jpeg: bytes, length: int) -> bytes:
    """Fill a JPEG up to ``length`` bytes with empty comments after its first marker, which every decoder skips.

    Examples
    --------
    >>> import numpy as np
    >>> padded = pad_jpeg(encode_picture(np.zeros((40, 30, 3), np.uint8)), 100_000)
    >>> len(padded), padded[:2].hex()
    (100000, 'ffd8')
    """
    room = length - len(jpeg)
    if room < 4:
        raise InputError(f"a picture of {len(jpeg)} bytes cannot be filled up to {length}: prepare the pictures again")
    return jpeg[:2] + b"".join(_comment(size) for size in _segments(room)) + jpeg[2:]


def _segments(room: int) -> Iterable[int]:
    while room > _SEGMENT + 4:
        yield _SEGMENT
        room -= _SEGMENT
    yield room


def _comment(size: int) -> bytes:
    return b"\xff\xfe" + (size - 2).to_bytes(2, "big") + bytes(size - 4)


def served_picture(engine: sa.Engine, photo_id: str) -> bytes:
    """Return the bytes of a picture as they are sent, all of one length."""
    with reading(engine) as connection:
        jpeg = connection.execute(sa.select(PICTURES.c.jpeg).where(PICTURES.c.photo_id == photo_id)).scalar_one_or_none()
        length = connection.execute(sa.select(ROOM.c.value).where(ROOM.c.name == "picture_bytes")).scalar_one_or_none()
    if not jpeg or length is None:
        raise RequestRefused(404, "not_found")
    return pad_jpeg(bytes(jpeg), int(length))
