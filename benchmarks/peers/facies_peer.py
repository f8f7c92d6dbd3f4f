"""facies itself, measured as its peers are: ``extract_parts``, which also stores what it finds."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from timed import options_of

from facies.faces import QualityGate
from facies.study.extraction import ExtractorRecipe, collect_faces, extract_parts, plan_tasks


def main() -> None:
    """Extract the listed photographs with ``--workers`` processes; ``--setting`` is the encoder."""
    options = options_of()
    paths = options.list.read_text().split("\n")
    extractor = ExtractorRecipe("facies-finder", None, [options.setting], [None], asdict(QualityGate())).build()
    table = pd.DataFrame({"photo_id": [f"p{i:06d}" for i in range(len(paths))], "path": paths, "sha256": "x", "included": True})
    tasks = plan_tasks(table, [Path("/")], extractor)
    at: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        index = extract_parts(
            tasks, extractor, Path(folder), jobs=options.workers, progress=lambda done, _: at.setdefault(done, time.perf_counter())
        )
        end = time.perf_counter()
        faces = collect_faces(tasks[options.warm :], index)
    vectors = int(faces[faces.included].photo_id.nunique())
    print(json.dumps({"seconds": end - at[options.warm], "photographs": len(paths) - options.warm, "vectors": vectors}))


if __name__ == "__main__":
    main()
