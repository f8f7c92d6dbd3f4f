"""Files are there whole or as they were; numbers come back to the last bit."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from facies.errors import StoreError, TableError
from facies.store import locked, read_arrays, read_frame, read_record, read_table, table_path, write_arrays, write_table, write_whole
from facies.tables import METRICS, SPLITS


def metrics_frame() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=500) * 10.0 ** np.random.default_rng(1).integers(-8, 8, 500)
    return pd.DataFrame(
        {"system": "m", "target": "age", "subgroup": "all", "metric": [f"m{i}" for i in range(500)],
         "value": values, "ci_low": np.nan, "ci_high": values, "n": 3}
    )  # fmt: skip


def test_write_table__numbers_come_back_to_the_last_bit(tmp_path):
    frame = metrics_frame()
    write_table(tmp_path, METRICS, frame)
    pd.testing.assert_frame_equal(read_table(tmp_path, METRICS), frame, check_exact=True)


def test_write_table__large_tables_are_parquet_and_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr("facies.store.MAX_TSV_ROWS", 100)
    write_table(tmp_path, METRICS, metrics_frame())
    assert table_path(tmp_path, METRICS).name == "metrics.parquet"
    pd.testing.assert_frame_equal(read_table(tmp_path, METRICS), metrics_frame(), check_exact=True)


def test_write_table__a_table_that_shrinks_is_text_again(tmp_path, monkeypatch):
    for most, name in ((100, "metrics.parquet"), (1_000_000, "metrics.tsv"), (100, "metrics.parquet")):
        monkeypatch.setattr("facies.store.MAX_TSV_ROWS", most)
        assert write_table(tmp_path, METRICS, metrics_frame()) == table_path(tmp_path, METRICS)
        assert table_path(tmp_path, METRICS).name == name


def test_read_table__a_cut_parquet_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("facies.store.MAX_TSV_ROWS", 100)
    path = write_table(tmp_path, METRICS, metrics_frame())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StoreError, match=r"metrics\.parquet is damaged"):
        read_table(tmp_path, METRICS)


def test_read_record__what_is_no_record_counts_as_none(tmp_path):
    path = tmp_path / "derived" / "models" / "run.json"
    path.parent.mkdir(parents=True)
    for data in (b"", b"{}", b"\xff\xfe", b'{"stage": 1'):
        path.write_bytes(data)
        assert read_record(tmp_path, "models") is None


def test_write_table__text_with_tabs_quotes_and_newlines_comes_back(tmp_path):
    frame = metrics_frame().head(3).assign(metric=["a\tb", 'c"d', "e\nf"])
    write_table(tmp_path, METRICS, frame)
    assert read_table(tmp_path, METRICS).metric.tolist() == frame.metric.tolist()


def test_write_table__a_wrong_table_is_not_written(tmp_path):
    with pytest.raises(TableError, match="line 3: participant_id p1 stands twice"):
        write_table(tmp_path, SPLITS, pd.DataFrame({"participant_id": ["p1", "p1"], "fold": [0, 1], "partition": "train"}))
    assert not table_path(tmp_path, SPLITS).exists()


def test_write_whole__a_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "a.tsv", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full: free some space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_read_arrays__a_cut_file_is_named(tmp_path):
    path = write_arrays(tmp_path / "x.safetensors", {"a": np.arange(1000.0)}, {"note": "n"})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StoreError, match=r"x\.safetensors is absent or damaged"):
        read_arrays(path)


def test_write_arrays__equal_arrays_give_equal_bytes(tmp_path):
    arrays = {"b": np.arange(3), "a": np.eye(2, dtype=np.float32)}
    one = write_arrays(tmp_path / "1", arrays, {"y": "1", "x": "2"}).read_bytes()
    assert one == write_arrays(tmp_path / "2", dict(reversed(arrays.items())), {"x": "2", "y": "1"}).read_bytes()


def test_locked__a_second_program_is_refused(tmp_path):
    code = f"from pathlib import Path\nfrom facies.store import locked\nwith locked(Path({str(tmp_path)!r})): pass"
    with locked(tmp_path):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another facies is working" in done.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_locked__a_disk_without_locks_is_not_called_another_program(tmp_path, monkeypatch):
    def no_locks(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("facies.store._lock", no_locks)
    with pytest.raises(StoreError, match=r"cannot be locked \(No locks available\)"), locked(tmp_path):
        pass


def test_read_frame__what_is_no_table_is_named(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"")
    with pytest.raises(StoreError, match=r"a\.tsv is not a table"):
        read_frame(tmp_path / "a.tsv")
