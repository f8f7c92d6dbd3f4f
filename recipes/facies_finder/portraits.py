"""The photographs that the finder learns from and is judged on: which, in which part, and their pixels."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

POINT_COLUMNS = [f"{name}_{axis}" for name in ("reye", "leye", "nose", "rmouth", "lmouth") for axis in "xy"]
HELD_OUT_SHARE = 0.25
EYES_AT_MOST = 60.0
"""Photographs are kept in memory with the eyes at most this many pixels apart."""


@dataclass(frozen=True)
class Portrait:
    """A grey photograph, at full, half and quarter size, and its five points in pixels of the full size."""

    file: str
    pyramid: tuple[np.ndarray, ...]
    points: np.ndarray

    @property
    def eye_distance(self) -> float:
        return float(np.linalg.norm(self.points[1] - self.points[0]))


def shared_folder() -> Path:
    """Return where the photographs lie: the variable FACIES_SHARED, or `shared` beside the checkout."""
    beside = Path(__file__).resolve().parents[2].parent / "shared"
    return Path(os.environ.get("FACIES_SHARED", beside))


def part_of(prefix: str, subject: str) -> str:
    """Return `train` or `held_out`; a person is in one part, and synthetic people are never trained on."""
    if prefix == "omi":
        return "held_out"
    if prefix == "pool":
        return "train"
    draw = int(hashlib.sha256(f"facies-finder {subject}".encode()).hexdigest()[:8], 16) / 2**32
    return "held_out" if draw < HELD_OUT_SHARE else "train"


def list_portraits(shared: Path) -> pd.DataFrame:
    """Return one row a photograph: path, prefix, subject, part and the five points."""
    main = pd.read_csv(shared / "faces" / "labels.csv").assign(folder="faces")
    pool = pd.read_csv(shared / "faces" / "pool" / "labels.csv").assign(folder="faces/pool")
    rows = pd.concat([main, pool], ignore_index=True)
    rows["prefix"] = rows.file.str.extract(r"/([a-z]+)_")[0]
    rows["path"] = rows.folder + "/" + rows.file
    rows["part"] = [part_of(prefix, subject) for prefix, subject in zip(rows.prefix, rows.subject, strict=True)]
    return rows[["path", "prefix", "subject", "part", "mono", *POINT_COLUMNS]].sort_values("path", ignore_index=True)


def read_portrait(shared: Path, row: pd.Series) -> Portrait:
    grey = cv2.imread(str(shared / row.path), cv2.IMREAD_GRAYSCALE)
    points = row[POINT_COLUMNS].to_numpy(dtype=np.float64).reshape(5, 2)
    scale = min(1.0, EYES_AT_MOST / float(np.linalg.norm(points[1] - points[0])))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        points = (points + 0.5) * scale - 0.5
    return Portrait(row.path, pyramid_of(grey), points)


def pyramid_of(grey: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the picture at full, half and quarter size."""
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return grey, half, cv2.resize(half, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def read_part(shared: Path, part: str) -> list[Portrait]:
    rows = list_portraits(shared)
    return [read_portrait(shared, row) for _, row in rows[rows.part == part].iterrows()]


def list_hashes(shared: Path) -> pd.DataFrame:
    """Return which file, by its SHA-256, is in which part."""
    rows = list_portraits(shared)
    rows["sha256"] = [hashlib.sha256((shared / path).read_bytes()).hexdigest() for path in rows.path]
    return rows[["sha256", "prefix", "part"]].sort_values(["prefix", "part", "sha256"], ignore_index=True)


if __name__ == "__main__":
    list_hashes(shared_folder()).to_csv(Path(__file__).parent / "data.tsv", sep="\t", index=False)
