"""Pictures come from the study's photographs and keep nothing of them but pixels."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fastapi")

import room
import visit
from PIL import Image

from facies.errors import InputError
from facies.web import (
    export_readings,
    load_plan,
    open_room,
    photograph_loader,
    prepare_pictures,
    verify_audit,
    withdraw_photographs,
)
from facies.web.pictures import encode_picture, pad_jpeg, padded_length


def portrait(path, *, orientation: int) -> None:
    """Write a tall photograph, red above and blue below, with a name and a place in its metadata."""
    image = np.zeros((400, 300, 3), np.uint8)
    image[:200, :, 0] = image[200:, :, 2] = 255
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x9286] = orientation, "SECRETNAME", "SECRETNAME was here"
    Image.fromarray(image).save(path, "JPEG", quality=95, exif=exif, comment=b"SECRETNAME")


def test_picture_of_a_photograph_on_disk__is_upright_and_holds_no_metadata(tmp_path):
    portrait(tmp_path / "SECRETNAME.jpg", orientation=3)  # turned by half
    photographs = pd.DataFrame({"photo_id": ["p1"], "participant_id": ["SECRETNAME"], "path": ["SECRETNAME.jpg"]})
    engine = open_room("sqlite://")
    load_plan(engine, [{"reader_id": "anna", "position": 1, "photo_id": "p1", "target": "perceived_age"}], settings=room.SETTINGS)
    assert prepare_pictures(engine, photograph_loader(photographs, tmp_path)) == 1
    assert prepare_pictures(engine, photograph_loader(photographs, tmp_path)) == 0
    client = visit.enter(engine, "anna")
    sent = client.get(f"/picture/{client.get('/api/next').json()['trial']['id']}").content
    assert b"SECRETNAME" in (tmp_path / "SECRETNAME.jpg").read_bytes()
    assert b"SECRETNAME" not in sent
    assert b"Exif" not in sent
    pixels = np.asarray(Image.open(io.BytesIO(sent)), int)
    assert pixels.shape == (720, 720, 3)
    assert np.abs(pixels[100, 360] - (0, 0, 255)).max() < 12  # what was below is above now
    assert np.abs(pixels[600, 360] - (255, 0, 0)).max() < 12
    assert np.abs(pixels[360, 40] - 119).max() < 12  # grey beside a tall photograph


def test_withdrawn_photograph__is_gone_from_the_file_the_screen_and_the_exports(tmp_path):
    engine = room.small_room(f"sqlite:///{tmp_path}/room.db")
    client = visit.enter(engine, "anna")
    seen = visit.read_everything(client, [60, 50])
    core = [answer.content for answer in seen if answer.headers["content-type"] == "image/jpeg"][1].rstrip(b"\0")[-400:]
    on_disk = lambda: b"".join(path.read_bytes() for path in tmp_path.glob("room.db*"))  # noqa: E731
    assert core in on_disk()
    assert withdraw_photographs(engine, ["SECRETNAME_a"]) == 1
    assert withdraw_photographs(engine, ["SECRETNAME_a"]) == 0
    assert prepare_pictures(engine, room.colour_of) == 0
    assert core not in on_disk()
    assert client.get("/api/next").json()["total"] == 4  # read once and to be read again
    visit.read_everything(client, [51, 37, 70, 74])
    assert client.get("/api/next").json() == {"state": "done", "done": 4, "total": 4}
    table = export_readings(engine, settings=room.SETTINGS)
    assert table.photo_id.tolist() == ["SECRETNAME_b", "SECRETNAME_c", "SECRETNAME_c"]
    assert verify_audit(engine).whole
    engine.dispose()


def test_withdrawing_an_unknown_photograph__is_refused():
    with pytest.raises(InputError, match="photograph nobody is not in the room"):
        withdraw_photographs(room.small_room(), ["nobody"])


def test_photograph_that_the_table_does_not_name__is_refused(tmp_path):
    photographs = pd.DataFrame({"photo_id": ["p1"], "participant_id": ["a"], "path": ["p1.jpg"]})
    with pytest.raises(InputError, match="the plan names photograph p2"):
        photograph_loader(photographs, tmp_path)("p2")


@pytest.mark.parametrize("more", [4, 5, 65_000, 65_003, 65_004, 65_005, 130_010, 200_000])
def test_filled_picture__has_the_wanted_length_and_the_same_pixels(more):
    rng = np.random.default_rng(1)
    jpeg = encode_picture(rng.integers(0, 256, (30, 20, 3), dtype=np.uint8))
    filled = pad_jpeg(jpeg, len(jpeg) + more)
    assert len(filled) == len(jpeg) + more
    pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in (jpeg, filled)]
    assert np.array_equal(*pixels)


def test_picture_that_is_longer_than_the_room_allows__is_refused():
    with pytest.raises(InputError, match="prepare the pictures again"):
        pad_jpeg(b"\xff\xd8" + bytes(100), 103)


@pytest.mark.parametrize("longest", [0, 1, 16 * 1024 - 1, 16 * 1024, 100_000])
def test_common_length__leaves_room_for_a_comment_and_is_a_step(longest):
    length = padded_length(longest)
    assert length % (16 * 1024) == 0
    assert length >= longest + 4 or length > longest
