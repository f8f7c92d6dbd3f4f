"""What this machine has, what works on it, and how fast it is."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facies import __version__
from facies.study.stages import package_versions

_EXTRAS = {"train": ("torch", "torchvision", "timm"), "mesh": ("ai_edge_litert",)}


def examine_machine() -> dict[str, Any]:
    """Return findings by name: versions, cores, memory, disk, extras, and photographs a second of the parts that need no study."""
    return {
        "facies": __version__,
        "machine": f"{platform.system()} {platform.machine()}, {_n_cores()} cores, {_memory()}",
        "free_disk": f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB in this folder",
        "packages": ", ".join(f"{name} {version}" for name, version in package_versions().items()),
        **{f"extra_{extra}": _extra(extra, modules) for extra, modules in _EXTRAS.items()},
        "weights_folder": _weights_folder(),
        **_speed(),
    }


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return "memory unknown"
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _extra(extra: str, modules: tuple[str, ...]) -> str:
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return "there" if not absent else f"absent ({', '.join(absent)}): pip install 'facies[{extra}]'"


def _weights_folder() -> str:
    from facies.embeddings import weights_dir

    folder = weights_dir()
    held = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return f"{folder}: {', '.join(held) if held else 'nothing fetched yet'}"


def _speed() -> dict[str, str]:
    """Time the finder and the classical encoder on a simulated face, one thread."""
    from facies.embeddings import load_encoder
    from facies.faces import load_detector
    from facies.imaging import align_face
    from facies.simulation import simulate_faces

    person = pd.DataFrame({"photo_id": ["a"], "participant_id": ["a"], "age": [60.0], "sex": ["female"]})
    image = simulate_faces(person, random_state=1, size=400).images[0]
    detector = load_detector("facies-finder")
    faces = detector.detect(image)
    if not faces:
        return {"finder": "finds no face in the simulated portrait: the installation is damaged, install facies again"}
    encoder = load_encoder("hog")
    crop = align_face(image, faces[0].points, encoder.card.crop)[None]
    return {
        "finder": f"{_per_second(lambda: detector.detect(image)):.0f} portraits of 400 px a second on one core",
        "hog": f"{_per_second(lambda: encoder.encode(crop)):.0f} crops a second on one core",
    }


def _per_second(call: Any) -> float:
    call()
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(1 / np.median(seconds))
