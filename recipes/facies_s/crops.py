"""Cut the crops that facies-s learns from: `python crops.py --out OUT` writes crops.npy and crops.tsv there, and data.tsv here.

Portraits come from FACIES_SHARED or `shared` beside the checkout: `pool`, `ldn` and `can`. The official portraits of `usc` and the
synthetic people of `omi` take no part, so that both can judge the encoder. Painted faces (5 to 92 years) are simulated here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facies.embeddings.facies_s_network import CROP
from facies.faces import QualityGate, load_detector, read_photograph
from facies.imaging import align_face
from facies.simulation import draw_face_parameters, faces_to_paint, paint_faces, simulate_cohort
from facies.store import file_sha256, write_tsv

WIDE = replace(CROP, size=140, margin=0.25)
"""More than facies-s sees, so that shifts and turns do not leave the picture."""
N_PAINTED = 3000
SEED = 7
SIGNS = "sign_"
PRECISE = {"ldn": 0.5, "can": 0.5}
"""Half width in years of a self-reported age."""


def shared_folder() -> Path:
    """Return the folder of photographs."""
    return Path(os.environ.get("FACIES_SHARED", Path(__file__).parents[3] / "shared"))


def portraits(shared: Path) -> pd.DataFrame:
    """Return file, part, subject, sex, age_low and age_high of the portraits that may be learnt from."""
    labels = pd.read_csv(shared / "faces" / "labels.csv", dtype={"subject": str})
    labels["part"] = labels.file.str.extract(r"images/([a-z]+)_", expand=False)
    labels = labels[labels.part.isin(PRECISE)]
    half = labels.part.map(PRECISE)
    labels = labels.assign(age_low=labels.age - half, age_high=labels.age + half)
    pool = pd.read_csv(shared / "faces" / "pool" / "labels.csv", dtype={"subject": str})
    pool = pool.assign(part="pool", file="pool/" + pool.file)
    columns = ["file", "part", "subject", "sex", "age_low", "age_high"]
    return pd.concat([labels[columns], pool[columns]], ignore_index=True)


def cut_portraits(shared: Path, table: pd.DataFrame) -> Iterator[tuple[dict[str, object], np.ndarray]]:
    """Yield a row and a crop for each portrait in which the finder finds a face."""
    finder, gate = load_detector("facies-finder"), QualityGate(max_outside=None)
    for row in table.to_dict("records"):
        path = shared / "faces" / row["file"]
        found = read_photograph("one", path, detector=finder, contracts=[WIDE], gate=gate)
        if found.crops:
            yield {**row, "sha256": file_sha256(path)}, found.crops[0]


def cut_painted(n: int) -> Iterator[tuple[dict[str, object], np.ndarray]]:
    """Yield a row and a crop for each painted face; the row holds what it was painted from."""
    people = faces_to_paint(simulate_cohort(n, random_state=SEED, age_range=(5.0, 92.0), conditions={"acromegaly": 0.05, "cushing": 0.05}))
    parameters = draw_face_parameters(people, random_state=SEED, cameras="anywhere")
    finder = load_detector("facies-finder")
    for start in range(0, len(parameters), 50):
        some = parameters.iloc[start : start + 50]
        painted = paint_faces(some, size=224)
        for row, image in zip(some.to_dict("records"), painted.images, strict=True):
            faces = finder.detect(image)
            if faces:
                kept = {name: value for name, value in row.items() if name.startswith(SIGNS) or name in ("looked_age", "hair_grey")}
                sex = "M" if row["male"] == 1 else "F"
                yield {"part": "painted", "subject": row["participant_id"], "sex": sex, **kept}, align_face(image, faces[0].points, WIDE)


def main() -> None:
    """Cut all crops."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--painted", type=int, default=N_PAINTED)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    shared = shared_folder()
    pairs = [*cut_portraits(shared, portraits(shared)), *cut_painted(options.painted)]
    table = pd.DataFrame([row for row, _ in pairs])
    np.save(options.out / "crops.npy", np.stack([crop for _, crop in pairs]))
    write_tsv(options.out / "crops.tsv", table)
    listed = table[table.part.ne("painted")]
    write_tsv(Path(__file__).with_name("data.tsv"), listed[["file", "part", "sha256"]])
    print(table.part.value_counts().to_string())


if __name__ == "__main__":
    main()
