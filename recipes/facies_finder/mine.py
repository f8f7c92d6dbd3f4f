"""Collect crops that the detector takes for faces where there is none: `python mine.py --face-free DIR --out DIR`.

Between the two phases, with the first phase's networks exported; needs facies itself (no torch). The refiner's second phase learns
from these crops to say no.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from portraits import read_part, shared_folder
from scenes import CROP, Sources, damage, read_face_free, relight

from facies.faces.finder import TEMPLATE, FaciesFinder, invert, upright
from facies.imaging.alignment import warp

SEED, N_PICTURES, N_CROPS = 40, 15_000, 5_000


def crops_of(finder: FaciesFinder, grey: np.ndarray) -> list[np.ndarray]:
    """Return what the refiner is shown of a picture: the detector's peaks, as they are and as the refiner would move them."""
    crops = []
    for points, _ in finder._look(grey, 160):
        for _ in range(2):
            matrix = upright(points)
            if matrix is None:
                break
            crops.append(warp(grey, matrix, (CROP, CROP)))
            found = finder._run(crops[-1][None], refine=True).reshape(11)
            points = invert(matrix, TEMPLATE + found[1:].reshape(5, 2) * CROP)
    return crops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face-free", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    sources = Sources(read_part(shared_folder(), "train"), read_face_free(arguments.face_free))
    rng, finder, crops = np.random.default_rng(SEED), FaciesFinder(), []
    for _ in range(N_PICTURES):
        crops += crops_of(finder, damage(rng, relight(rng, sources.background(rng, 160))))
        if len(crops) >= N_CROPS:
            break
    np.save(arguments.out / "hard.npy", np.stack(crops))
    print(f"{len(crops)} crops")


if __name__ == "__main__":
    main()
