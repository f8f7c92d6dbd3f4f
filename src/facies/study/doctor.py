"""What this machine has, what works on it, how fast it is, and what that recommends."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from facies import __version__
from facies.study.stages import package_versions

EXTRAS = {
    "train": ("torch", "torchvision", "timm", "lightly", "onnx"),
    "openvino": ("openvino",),
    "cluster": ("ray", "fsspec"),
    "mesh": ("ai_edge_litert",),
    "genes": ("bed_reader", "cyvcf2"),
    "pgen": ("pgenlib",),
}

INSTRUCTIONS = {
    "avx2": ("avx2",),
    "avx512": ("avx512f",),
    "vnni": ("avx512_vnni", "avx_vnni"),
    "avx512_bf16": ("avx512_bf16",),
    "amx": ("amx_tile",),
}
"""What networks gain from, and the flags of /proc/cpuinfo that say that the processor has it."""

CPU_INFO = Path("/proc/cpuinfo")


def examine_machine(*, encoders: Sequence[str] = (), tell: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Return findings by name: machine, packages, extras, the milliseconds of each step for one photograph, and what they recommend.

    Takes about 10 seconds, of which a GPU costs some: PyTorch is asked for it where it is installed.

    Parameters
    ----------
    encoders
        Encoders to time beside those that need no file, such as ``onnx:networks/mine.onnx``.
    tell
        Called with what takes long before it begins.

    Raises
    ------
    InputError, WeightsError
        When one of ``encoders`` cannot be used.
    """
    from facies.study.doctor_speed import measure_steps, recommend

    steps = measure_steps(encoders)
    return {
        "facies": __version__,
        "machine": f"{platform.system()} {platform.machine()}, {count_cores()} cores, {_memory()}",
        "instructions": find_instructions(),
        "gpu": find_gpu(tell),
        "free_disk": f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB in this folder",
        "packages": ", ".join(f"{name} {version}" for name, version in package_versions().items()),
        **{f"extra_{extra}": _extra(extra, modules) for extra, modules in EXTRAS.items()},
        "weights_folder": _weights_folder(),
        "milliseconds": steps.as_dict(),
        "recommended": recommend(steps, n_cores=count_cores(), memory_gib=memory_gib()),
    }


def count_cores() -> int:
    """Return the number of cores that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> float | None:
    """Return the machine's memory in GiB, None where it is not known."""
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _memory() -> str:
    found = memory_gib()
    return "memory unknown" if found is None else f"{found:.0f} GiB"


def find_instructions(info: Path = CPU_INFO) -> str:
    """Return which instructions for networks the processor has.

    Examples
    --------
    >>> find_instructions(Path("nowhere"))
    'not known on this system'
    """
    try:
        lines = info.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return "not known on this system"
    flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split(":", 1)[1].split()}
    has = [name for name, any_of in INSTRUCTIONS.items() if flags.intersection(any_of)]
    lacks = [name for name in INSTRUCTIONS if name not in has]
    return "; ".join(part for part in (", ".join(has), "without " * bool(lacks) + ", ".join(lacks)) if part)


def find_gpu(tell: Callable[[str], None] | None = None) -> str:
    """Return the GPUs that PyTorch sees, where it is installed."""
    if importlib.util.find_spec("torch") is None:
        return "not looked for: PyTorch, which would use it for training, is not installed"
    if tell is not None:
        tell("asking PyTorch for a GPU, which takes some seconds")
    import torch

    names = [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
    return ", ".join(names) or "none that PyTorch sees; only training would use it"


def _extra(extra: str, modules: tuple[str, ...]) -> str:
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return "there" if not absent else f"absent ({', '.join(absent)}): pip install 'facies[{extra}]'"


def _weights_folder() -> str:
    from facies.embeddings import weights_dir

    folder = weights_dir()
    held = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return f"{folder}: {', '.join(held) if held else 'nothing fetched yet'}"
