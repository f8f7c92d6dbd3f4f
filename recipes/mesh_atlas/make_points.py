"""Where the 468 points of the face mesh lie on an average frontal face: ``src/facies/imaging/mesh_points.tsv``.

    python recipes/mesh_atlas/make_points.py [--people 400] [--write]

Every portrait is one of a person of the folder named by FACIES_SHARED (see its README), nearly frontal. Its points are brought to the
coordinates of the atlas (eye distances from the midpoint of the eyes, the mouth at the template's height), mirrored and averaged. Only the
average is kept. Needs the extra ``mesh`` and `facies weights fetch face-mesh`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

from facies.embeddings.weights import find_weights
from facies.faces.facemesh import VERTICES, FaceMesh
from facies.imaging import decode_photograph
from facies.imaging.atlas import face_coordinates

SHARED = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[3] / "shared")) / "faces"
TARGET = Path(__file__).parents[2] / "src" / "facies" / "imaging" / "mesh_points.tsv"


def main() -> None:
    """Average, print the spread, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    labels = pd.read_csv(SHARED / "labels.csv")
    frontal = labels[labels.yaw_proxy.abs() < 0.08].drop_duplicates("subject")
    rows = frontal.sample(min(asked.people, len(frontal)), random_state=1)
    mesh = FaceMesh(find_weights("face-mesh"))
    found = []
    for file in rows.file:
        points = mesh.meshes(decode_photograph(SHARED / file).image)
        if points:
            five = np.array([points[0][list(vertices)].mean(axis=0) for vertices in VERTICES])
            found.append(np.column_stack(face_coordinates(points[0], five)))
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
    print(f"{len(found)} people of {rows.file.str.split('/').str[-1].str.split('_').str[0].nunique()} sources")
    print(f"standard deviation of a point between people: median {np.median(spread):.3f}, largest {spread.max():.3f} eye distances")
    mirrored = _mirrored(mean)
    print(f"largest difference from the mirror image: {np.abs(mirrored - mean).max():.3f}")
    if asked.write:
        frame = pd.DataFrame(np.round((mean + mirrored) / 2, 3), columns=["across", "below"])
        frame.rename_axis("vertex").reset_index().to_csv(TARGET, sep="\t", index=False)
        print(f"written: {TARGET.name}")


def _mirrored(mean: np.ndarray) -> np.ndarray:
    """Return the mirror image, each point in the place of its counterpart: the nearest one across the middle, one to one."""
    from scipy.optimize import linear_sum_assignment

    flipped = mean * [-1, 1]
    cost = np.linalg.norm(mean[:, None] - flipped[None], axis=2)
    return flipped[linear_sum_assignment(cost)[1]]


if __name__ == "__main__":
    main()
