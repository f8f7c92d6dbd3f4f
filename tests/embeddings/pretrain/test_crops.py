"""Crops on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import CONTRACT, SIZE, crops_in, pictures

from facies.embeddings.pretrain.crops import read_crops, write_crops
from facies.errors import InputError, StoreError


def test_read_crops__gives_back_every_crop_with_its_people_and_its_contract(tmp_path: Path) -> None:
    written, expected = crops_in(tmp_path, 6), list(pictures(6))
    found = read_crops(tmp_path / "crops")
    assert found.face_ids == tuple(row[0] for row in expected)
    assert found.participant_ids == tuple(row[1] for row in expected)
    assert found.contract == CONTRACT
    assert (found.size, len(found), found.sha256) == (SIZE, 6, written.sha256)
    np.testing.assert_array_equal(np.asarray(found.crops), [row[2] for row in expected])
    assert isinstance(found.crops, np.memmap)
    assert not found.crops.flags.writeable


def test_write_crops__interrupted_leaves_the_crops_that_were_there(tmp_path: Path) -> None:
    before = crops_in(tmp_path, 4)

    def cut_short() -> object:
        yield from pictures(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_crops(tmp_path / "crops", cut_short(), contract=CONTRACT)  # type: ignore[arg-type]
    assert read_crops(tmp_path / "crops").sha256 == before.sha256
    assert len(list((tmp_path / "crops").iterdir())) == 3


def test_write_crops__replaces_the_crops_that_were_there(tmp_path: Path) -> None:
    crops_in(tmp_path, 4)
    assert len(crops_in(tmp_path, 6)) == 6
    assert len(list((tmp_path / "crops").iterdir())) == 3


def test_write_crops__keeps_no_crops_as_no_crops(tmp_path: Path) -> None:
    assert write_crops(tmp_path, [], contract=CONTRACT).crops.shape == (0, SIZE, SIZE, 3)


def test_write_crops__refuses_another_size_and_a_face_that_comes_twice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"crop 1 is uint8 \(30, 32, 3\)"):
        write_crops(tmp_path, [("f", "p", np.zeros((30, 32, 3), np.uint8))], contract=CONTRACT)
    with pytest.raises(InputError, match="crop 2 is of a face that came before"):
        write_crops(tmp_path, [*pictures(1), *pictures(1)], contract=CONTRACT)
    assert not list(tmp_path.iterdir())


def test_read_crops__refuses_a_file_that_was_cut_off(tmp_path: Path) -> None:
    crops_in(tmp_path, 4)
    pixels = next((tmp_path / "crops").glob("*.rgb"))
    pixels.write_bytes(pixels.read_bytes()[:-1])
    with pytest.raises(StoreError, match="has 12287 of 12288 bytes: delete"):
        read_crops(tmp_path / "crops")
