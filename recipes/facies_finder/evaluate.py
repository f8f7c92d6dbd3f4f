"""Judge facies-finder, and YuNet beside it, on people that facies-finder was not trained on: `python evaluate.py --face-free DIR`.

Needs facies itself (no torch). A face counts as found when a returned face lies within 0.3 eye distances of the labelled points, on
average; the point error is that average, for found faces. The labels are YuNet's own at full resolution with a border of 25 %, so
that YuNet is close to them by construction when it sees the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from portraits import POINT_COLUMNS, list_portraits, shared_folder
from scenes import cut_face_free, draw_gradient, draw_noise, draw_shapes, draw_stripes, read_face_free

from facies.faces import FaciesFinder, YuNet
from facies.simulation import draw_face_parameters, iterate_faces, paint_backgrounds
from facies.types import Detector

NEAR = 0.3
N_CUT, N_DRAWN, N_SIMULATED = 500, 500, 500


def read_rgb(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1])


def judge_portraits(detector: Detector, shared: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a photograph: prefix, whether found, point error in eye distances, number of faces."""
    judged = []
    for _, row in rows.iterrows():
        truth = row[POINT_COLUMNS].to_numpy(dtype=np.float64).reshape(5, 2)
        eyes = np.linalg.norm(truth[1] - truth[0])
        faces = detector.detect(read_rgb(shared / row.path))
        errors = [float(np.linalg.norm(face.points - truth, axis=1).mean() / eyes) for face in faces]
        error = min(errors, default=np.inf)
        judged.append({"path": row.path, "prefix": row.prefix, "found": error <= NEAR, "error": error, "n_faces": len(faces)})
    return pd.DataFrame(judged)


def summarise(judged: pd.DataFrame) -> pd.DataFrame:
    found = judged[judged.found]
    errors = found.groupby("prefix").error
    table = judged.groupby("prefix").agg(n=("found", "size"), found=("found", "mean"), several=("n_faces", lambda n: (n > 1).mean()))
    return table.assign(point_error=errors.mean(), point_error_95=errors.quantile(0.95))


def face_free_pictures(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield pictures that show nobody: whole ones, turned and scaled pieces of them, drawn backgrounds, the simulation's backgrounds."""
    rng = np.random.default_rng(7)
    pictures = read_face_free(folder)
    for pyramid in pictures:
        yield "whole", pyramid[0]
    for _ in range(N_CUT):
        yield "pieces", cut_face_free(rng, pictures, int(rng.integers(160, 480)))
    drawers = (draw_noise, draw_stripes, draw_shapes, draw_gradient)
    for i in range(N_DRAWN):
        yield "drawn", drawers[i % 4](rng, int(rng.integers(160, 480)))
    for background in paint_backgrounds(simulated_people(N_SIMULATED)):
        yield "simulated", cv2.cvtColor(background, cv2.COLOR_RGB2GRAY)


def simulated_people(n: int) -> pd.DataFrame:
    """Return parameters of n simulated people's photographs."""
    rng = np.random.default_rng(8)
    names = [f"p{i}" for i in range(n)]
    people = pd.DataFrame(
        {"photo_id": names, "participant_id": names, "age": rng.uniform(18, 90, n), "sex": rng.choice(["female", "male"], n)}
    )
    return draw_face_parameters(people, random_state=8, cameras="anywhere")


def judge_simulated(detector: Detector, n: int = 300) -> float:
    """Return the share of simulated faces that are found near their true points."""
    found = []
    for image, points in iterate_faces(simulated_people(n)):
        near = [
            np.linalg.norm(face.points - points, axis=1).mean() / np.linalg.norm(points[1] - points[0]) for face in detector.detect(image)
        ]
        found.append(min(near, default=np.inf) <= NEAR)
    return float(np.mean(found))


def judge_face_free(detector: Detector, folder: Path) -> dict[str, float]:
    """Return the share of face-free pictures in which a face was found, by kind."""
    finds: dict[str, list[bool]] = {}
    for kind, grey in face_free_pictures(folder):
        finds.setdefault(kind, []).append(bool(detector.detect(np.dstack([grey] * 3))))
    finds["all"] = [found for values in finds.values() for found in values]
    return {kind: float(np.mean(values)) for kind, values in finds.items()}


def pictures_a_second(detector: Detector, shared: Path, rows: pd.DataFrame) -> float:
    """Return how many decoded portraits of 400 px are searched in a second of one core's time."""
    images = [read_rgb(shared / path) for path in rows[rows.prefix.isin(["ldn", "omi"])].path[:200]]
    for image in images[:10]:
        detector.detect(image)
    begun = time.process_time()
    for image in images:
        detector.detect(image)
    return len(images) / (time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face-free", type=Path, required=True, help="folder of held-out PNG pictures that show nobody")
    parser.add_argument("--at-most", type=int, default=10_000, help="photographs a prefix")
    parser.add_argument("--finder-only", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    shared = shared_folder()
    rows = list_portraits(shared)
    rows = rows[rows.part == "held_out"].groupby("prefix").head(arguments.at_most)
    detectors: list[Detector] = [FaciesFinder()]
    if not arguments.finder_only:
        detectors.append(YuNet(shared / "weights" / "yunet_n_dynamic.onnx"))
    for detector in detectors:
        print(f"## {detector.name} {detector.sha256[:12]}")
        judged = judge_portraits(detector, shared, rows)
        print(summarise(judged).round(4).to_string())
        print("not found:", ", ".join(judged[~judged.found].path) or "none")
        print("false finds:", {kind: round(share, 4) for kind, share in judge_face_free(detector, arguments.face_free).items()})
        print(f"simulated faces found: {judge_simulated(detector):.4f}")
        print(f"portraits of 400 px a second, one core: {pictures_a_second(detector, shared, rows):.0f}\n")


if __name__ == "__main__":
    main()
