"""How fast faces are painted, and whether a detector that never saw them finds them.

    python benchmarks/bench_simulated_faces.py [--faces 1200]

Speed is per second of processor time on one thread, so that other work on the machine counts little; beside it stands the time of a
picture in units of its own JPEG encoding and decoding. The detector is YuNet, from FACIES_SHARED (or ../shared).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facies.simulation import draw_face_parameters, faces_to_paint, iterate_faces, paint_faces, simulate_cohort

SIZE = 256


def people(n: int) -> pd.DataFrame:
    """Return people of 18 to 90 years, a third of them with acromegaly or Cushing's syndrome."""
    cohort = simulate_cohort(n, random_state=11, age_range=(18.0, 90.0), conditions={"acromegaly": 0.17, "cushing": 0.17})
    return faces_to_paint(cohort)


def seconds_of(call: object, n: int) -> float:
    """Return the processor time of one of ``n`` calls, the best of three rounds."""
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        for _ in range(n):
            call()  # type: ignore[operator]
        best = min(best, (time.process_time() - start) / n)
    return float(best)


def print_speed(parameters: pd.DataFrame) -> None:
    """Print faces a second, and a face in units of JPEG encoding and decoding."""
    image = paint_faces(parameters.head(2), size=SIZE).images[0]
    some = parameters.head(100)
    paint = seconds_of(lambda: [0 for _ in iterate_faces(some, size=SIZE)], 1) / len(some)
    jpeg = seconds_of(lambda: cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_COLOR), 300)
    print(f"faces a second a core at {SIZE} px: {1 / paint:.0f} (target 100, ratio {1 / paint / 100:.2f})")
    print(f"one face takes {paint / jpeg:.1f} times as long as encoding and decoding it as JPEG")


def print_detection(parameters: pd.DataFrame, weights: Path) -> None:
    """Print the share of faces that YuNet finds and how far its points lie from the true ones."""
    detector = cv2.FaceDetectorYN.create(str(weights), "", (SIZE, SIZE), 0.5, 0.3, 50)
    errors = []
    for face in iterate_faces(parameters, size=SIZE):
        _, found = detector.detect(np.ascontiguousarray(face.image[..., ::-1]))
        if found is not None:
            apart = np.linalg.norm(face.points[1] - face.points[0])
            errors.append(np.linalg.norm(found[0, 4:14].reshape(5, 2) - face.points, axis=1).mean() / apart)
    print(f"YuNet finds {len(errors) / len(parameters):.2%} of {len(parameters)} faces (target 99 %)")
    print(f"its points lie {np.mean(errors):.1%} of the eye distance from the true ones")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1200)
    n = parser.parse_args().faces
    cv2.setNumThreads(1)
    parameters = draw_face_parameters(people(n), random_state=11, cameras="anywhere")
    print_speed(parameters)
    weights = Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[2] / "shared")) / "weights" / "yunet_n_dynamic.onnx"
    if weights.exists():
        print_detection(parameters, weights)
    else:
        print("YuNet's weights are absent: detection was not measured (set FACIES_SHARED)")


if __name__ == "__main__":
    main()
