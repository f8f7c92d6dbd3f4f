"""One stage of a study: run it, or find that it has been run on the same things, and keep the record."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from facies import __version__
from facies.records import RunRecord
from facies.stats.threads import one_blas_thread
from facies.store import file_sha256, read_record, write_record

_SHOWN_PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "opencv-python-headless", "pillow", "onnxruntime")


@dataclass(frozen=True)
class Outcome:
    """What a stage wrote and counted."""

    outputs: tuple[Path, ...]
    n_in: int
    n_out: int
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A stage about to run: its settings, the files it reads, and the function that computes and writes.

    A stage that runs ``always`` finds out by itself what is left to do; its old record stays when nothing changed. ``precision`` is
    what its networks compute in.
    """

    name: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, Path]
    compute: Callable[[], Outcome]
    always: bool = False
    precision: str = "float32"


def run_stage(study: Path, stage: Stage, *, random_state: int) -> tuple[RunRecord, bool]:
    """Run a stage unless its last run had the same settings, inputs and version and its outputs are unchanged.

    Returns
    -------
    The record, and whether the stage ran now.
    """
    inputs = {name: file_sha256(path) for name, path in sorted(stage.inputs.items())}
    last = read_record(study, stage.name)
    valid = last if last is not None and _still_holds(study, last, stage, inputs, random_state) else None
    if valid is not None and not stage.always:
        return valid, False
    started = datetime.now(UTC).isoformat(timespec="seconds")
    clock = time.monotonic()
    with one_blas_thread():
        outcome = stage.compute()
    outputs = {_relative(study, path): file_sha256(path) for path in outcome.outputs}
    if valid is not None and outputs == valid.outputs:
        return valid, False
    record = RunRecord(
        stage=stage.name, facies_version=__version__, commit=source_commit(), settings=_plain(stage.settings), random_state=random_state,
        inputs=inputs, outputs=outputs, started_at=started, seconds=round(time.monotonic() - clock, 3),
        n_in=outcome.n_in, n_out=outcome.n_out, excluded=dict(outcome.excluded), versions=package_versions(),
        precision=stage.precision,
    )  # fmt: skip
    write_record(study, record)
    return record, True


def _still_holds(study: Path, last: RunRecord, stage: Stage, inputs: Mapping[str, str], random_state: int) -> bool:
    same = (last.facies_version, last.settings, last.inputs, last.random_state) == (
        __version__,
        _plain(stage.settings),
        inputs,
        random_state,
    )
    return same and all((study / name).exists() and file_sha256(study / name) == sha256 for name, sha256 in last.outputs.items())


def _plain(settings: Mapping[str, Any]) -> Any:
    import json

    return json.loads(json.dumps(dict(settings)))


def _relative(study: Path, path: Path) -> str:
    return path.relative_to(study).as_posix()


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _SHOWN_PACKAGES}


def _version(name: str) -> str:
    """Return a package's version; OpenCV and onnxruntime may be installed under other names (opencv-python, onnxruntime-gpu)."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "installed under another name"


def source_commit() -> str:
    """Return the commit when facies runs from a source checkout, otherwise an empty string."""
    folder = Path(__file__).resolve().parents[3] / ".git"
    head = folder / "HEAD"
    if not head.is_file():
        return ""
    text = head.read_text(encoding="ascii").strip()
    if not text.startswith("ref: "):
        return text
    name = text.removeprefix("ref: ")
    if (folder / name).is_file():
        return (folder / name).read_text(encoding="ascii").strip()
    return _packed_commit(folder / "packed-refs", name)


def _packed_commit(file: Path, name: str) -> str:
    """Return the commit of a branch that git has packed away with others, one line each."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")
