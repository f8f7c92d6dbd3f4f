"""Photographs' files: what is used, and the true reason when one is not."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PillowImage

from facies.cohort import assess_photographs, list_photographs, locate_photograph
from facies.cohort import photographs as module
from facies.errors import ImageError, InputError
from facies.tables import PHOTOGRAPHS


class Seen(NamedTuple):
    format: str = "JPEG"
    width: int = 40
    height: int = 30


def any_file(path: Path, max_pixels: int) -> Seen:
    """A probe to which every file is a photograph."""
    return Seen()


def rows(paths, people=None) -> pd.DataFrame:
    ids = [f"i{number}" for number in range(len(paths))]
    return pd.DataFrame({"photo_id": ids, "participant_id": people or [f"p{number}" for number in range(len(paths))], "path": list(paths)})


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def portrait(path: Path, side: tuple[int, int] = (90, 120), **save) -> Path:
    noise = np.random.default_rng(zlib.crc32(path.name.encode())).integers(0, 255, (side[1], side[0], 3), dtype=np.uint8)
    PillowImage.fromarray(noise).save(path, **save)
    return path


def test_assess__real_files_give_hash_format_and_size(photos):
    file = portrait(photos / "a b\né 脸.jpg", quality=90)
    portrait(photos / "b.png")
    seen = assess_photographs(rows([file.name, "b.png"]), photos)
    assert seen.included.all()
    assert seen.sha256[0] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert seen[["format", "width", "height"]].to_numpy().tolist() == [["JPEG", 90, 120], ["PNG", 90, 120]]
    PHOTOGRAPHS.validate(seen)


def test_assess__each_unusable_file_has_its_true_reason(photos, tmp_path):
    (photos / "empty.jpg").touch()
    (photos / "folder.jpg").mkdir()
    (photos / "text.jpg").write_text("dear doctor")
    portrait(photos / "good.jpg")
    portrait(tmp_path / "secret.jpg")
    (photos / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (photos / "inner.jpg").symlink_to(photos / "good2.jpg")
    portrait(photos / "good2.jpg")
    (photos / "loop.jpg").symlink_to(photos / "loop.jpg")
    os.mkfifo(photos / "pipe.jpg")
    expected = {
        "empty.jpg": "empty_file",
        "folder.jpg": "not_a_file",
        "text.jpg": "unknown_format",
        "good.jpg": None,
        "link.jpg": "outside_folder",
        "inner.jpg": None,
        "loop.jpg": "missing_file",
        "pipe.jpg": "not_a_file",
        "gone.jpg": "missing_file",
        "../secret.jpg": "outside_folder",
        str(tmp_path / "secret.jpg"): "outside_folder",
        "x" * 5000: "missing_file",
        ".": "not_a_file",
        "a\x00b.jpg": "missing_file",
        "good.jpg/x": "missing_file",
    }
    seen = assess_photographs(rows(expected), photos, threads=3)
    found = {
        path: None if included else reason for path, included, reason in zip(seen.path, seen.included, seen.exclusion_reason, strict=True)
    }
    assert found == expected
    PHOTOGRAPHS.validate(seen)


def test_assess__too_many_pixels_are_refused(photos):
    portrait(photos / "a.png")
    assert assess_photographs(rows(["a.png"]), photos, max_pixels=1000).exclusion_reason.tolist() == ["too_large"]


def test_assess__a_huge_file_is_not_read(photos, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    (photos / "a.jpg").write_bytes(b"x" * 11)
    assert assess_photographs(rows(["a.jpg"]), photos, probe=any_file).exclusion_reason.tolist() == ["too_large"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_assess__a_forbidden_file_is_unreadable(photos):
    portrait(photos / "a.jpg").chmod(0)
    assert assess_photographs(rows(["a.jpg"]), photos).exclusion_reason.tolist() == ["unreadable"]


def test_assess__a_file_that_may_not_be_opened_is_unreadable(photos):
    def forbidden(path: Path, max_pixels: int) -> Seen:
        raise PermissionError(path)

    (photos / "a.jpg").write_bytes(b"x")
    assert assess_photographs(rows(["a.jpg"]), photos, probe=forbidden).exclusion_reason.tolist() == ["unreadable"]


def test_assess__rows_excluded_before_are_not_opened(photos):
    def never(path: Path, max_pixels: int) -> Seen:
        raise AssertionError(path)

    (photos / "a.jpg").write_bytes(b"x")
    table = rows(["a.jpg"]).assign(included=False, exclusion_reason="withdrawn")
    seen = assess_photographs(table, photos, probe=never)
    assert seen.exclusion_reason.tolist() == ["withdrawn"]
    assert seen.sha256.isna().all()


def test_assess__a_file_is_held_to_the_hash_that_its_row_states(photos):
    for name in "abc":
        (photos / name).write_bytes(name.encode())
    stated = [hashlib.sha256(b"a").hexdigest().upper(), hashlib.sha256(b"other").hexdigest(), np.nan]
    seen = assess_photographs(rows("abc").assign(sha256=stated), photos, probe=any_file)
    assert seen.exclusion_reason.fillna("").tolist() == ["", "altered", ""]
    assert seen.sha256[1] == hashlib.sha256(b"b").hexdigest()


def test_assess__several_folders_are_tried_in_order(photos, tmp_path):
    (photos / "a.jpg").write_bytes(b"1")
    (tmp_path / "b.jpg").write_bytes(b"2")
    seen = assess_photographs(rows(["a.jpg", "photos/a.jpg", "b.jpg"], ["p", "p", "q"]), [photos, tmp_path], probe=any_file)
    assert seen.exclusion_reason.fillna("").tolist() == ["", "exact_duplicate", ""]


def test_assess__a_linked_photographs_folder_is_allowed(photos, tmp_path):
    (photos / "a.jpg").write_bytes(b"1")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "photos").symlink_to(photos)
    assert assess_photographs(rows(["a.jpg"]), tmp_path / "study" / "photos", probe=any_file).included.all()


def test_assess__same_bytes_under_two_people_exclude_all_and_under_one_keep_the_first(photos):
    for name, data in {"a": b"1", "b": b"1", "c": b"2", "d": b"2", "e": b"2", "f": b"3"}.items():
        (photos / name).write_bytes(data)
    seen = assess_photographs(rows("abcdef", ["p", "p", "p", "p", "q", "q"]), photos, probe=any_file)
    assert seen.included.tolist() == [True, False, False, False, False, True]
    assert set(seen.exclusion_reason.dropna()) == {"exact_duplicate"}


def test_assess__the_number_of_threads_changes_nothing(photos):
    for number in range(40):
        (photos / f"{number}.jpg").write_bytes(bytes([number % 30 + 1]))
    table = rows([f"{number}.jpg" for number in range(45)])
    one, four = (assess_photographs(table, photos, probe=any_file, threads=threads) for threads in (1, 4))
    pd.testing.assert_frame_equal(one, four)


def test_assess__progress_counts_every_row(photos):
    counts: list[int] = []
    assess_photographs(rows([f"{number}.jpg" for number in range(300)]), photos, probe=any_file, progress=counts.append)
    assert counts == list(range(1, 301))


def test_assess__an_empty_table_stays_empty(photos):
    assert len(assess_photographs(PHOTOGRAPHS.empty(), photos)) == 0


def test_assess__no_threads_are_refused(photos):
    with pytest.raises(InputError, match="threads is 0"):
        assess_photographs(rows(["a"]), photos, threads=0)


def test_assess__memory_does_not_hold_the_photographs(photos):
    (photos / "a.jpg").write_bytes(b"x" * 4_000_000)
    table = rows(["a.jpg"] * 200, ["p"] * 200)
    tracemalloc.start()
    assess_photographs(table, photos, probe=any_file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_locate__the_reason_is_the_errors(photos):
    with pytest.raises(ImageError) as caught:
        locate_photograph("a.jpg", [photos])
    assert caught.value.reason == "missing_file"


def test_list__bids_names_give_person_session_and_path(photos):
    (photos / "sub-01").mkdir()
    for name in ("sub-01/sub-01_ses-a_acq-front.jpg", "sub-02.HEIC"):
        (photos / name).touch()
    listed = list_photographs(photos)
    assert listed.photo_id.tolist() == ["sub-01_ses-a_acq-front", "sub-02"]
    assert listed.participant_id.tolist() == ["sub-01", "sub-02"]
    assert listed.session_id.fillna("").tolist() == ["ses-a", ""]
    assert listed.path.tolist() == ["sub-01/sub-01_ses-a_acq-front.jpg", "sub-02.HEIC"]


def test_list__the_prefix_is_left_off_where_participants_have_none(photos):
    (photos / "sub-01.jpg").touch()
    assert list_photographs(photos, participant_ids=["01"]).participant_id.tolist() == ["01"]
    assert list_photographs(photos, participant_ids=["sub-01"]).participant_id.tolist() == ["sub-01"]


def test_list__another_name_is_refused_with_the_rule(photos):
    (photos / "jane_1.jpg").touch()
    with pytest.raises(InputError, match=r"'jane_1.jpg' does not say whose photograph it is: name files sub-<id>_ses-<id>_<more>.jpg"):
        list_photographs(photos)


def test_list__a_name_that_stands_twice_is_refused(photos):
    (photos / "sub-1.jpg").touch()
    (photos / "sub-1.png").touch()
    with pytest.raises(InputError, match="two files in 'photos' are called 'sub-1'"):
        list_photographs(photos)


def test_list__no_photographs_are_told(photos):
    with pytest.raises(InputError, match="the folder 'photos' has no photographs"):
        list_photographs(photos)
