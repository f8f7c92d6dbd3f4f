"""Fetch one file over HTTP so that a cut connection costs only what had not arrived.

What has arrived lies in ``.<name>.part`` beside the file to be. The next attempt asks for the rest, and only if the
server still offers the same file (``If-Range``).
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from facies import __version__
from facies.errors import WeightsError

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes of the whole file (0 when unknown)."""

BLOCK = 1 << 18
ATTEMPTS = 3
SECONDS_OF_SILENCE = 30.0


def part_path(target: Path) -> Path:
    """Return where an unfinished download lies.

    Examples
    --------
    >>> part_path(Path("weights/yunet.onnx")).name
    '.yunet.onnx.part'
    """
    return target.with_name(f".{target.name}.part")


def download(urls: Sequence[str], target: Path, *, limit: int, progress: Progress | None = None) -> Path:
    """Fetch a file from the first address that gives it; return the path of the unverified part file.

    Parameters
    ----------
    urls
        Addresses of the same file, tried in turn; each is tried three times, from where it stopped.
    target
        Where the file will stand in the end; only ``part_path(target)`` is written.
    limit
        Bytes that the file may have at most.

    Raises
    ------
    WeightsError
        When no address gives the file whole; what has arrived stays for the next time.
    """
    reason = "no address is known"
    for url in [url for url in urls for _ in range(ATTEMPTS)]:
        try:
            _attempt(url, part_path(target), limit, progress)
        except WeightsError:
            forget(target)
            raise
        except (OSError, http.client.HTTPException) as error:
            reason = f"{_host(url)}: {_reason(error)}"
            if _is_beyond_the_end(error):
                forget(target)
        else:
            return part_path(target)
    remedy = "run the same command again to go on where it stopped, or give --from FOLDER with the file"
    raise WeightsError(f"{target.name} was not fetched ({reason}): {remedy}")


def _is_beyond_the_end(error: Exception) -> bool:
    return isinstance(error, urllib.error.HTTPError) and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


def _attempt(url: str, part: Path, limit: int, progress: Progress | None) -> None:
    with urllib.request.urlopen(_request(url, part), timeout=SECONDS_OF_SILENCE) as answer:
        arrived = part.stat().st_size if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        total = arrived + int(answer.headers.get("Content-Length") or 0)
        _tag_path(part).write_text(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "", encoding="utf-8")
        with part.open("ab" if arrived else "wb") as file:
            arrived = _copy(answer, file, arrived, total, limit, progress)
    if arrived < total:
        raise ConnectionError(f"the connection ended after {arrived} of {total} bytes")
    _tag_path(part).unlink(missing_ok=True)


def _request(url: str, part: Path) -> urllib.request.Request:
    """Ask for the rest where a part of the same file is there, else for the whole."""
    request = urllib.request.Request(url, headers={"User-Agent": f"facies/{__version__}"})
    tag = _tag_path(part).read_text(encoding="utf-8") if part.exists() and _tag_path(part).exists() else ""
    if tag:
        request.add_header("Range", f"bytes={part.stat().st_size}-")
        request.add_header("If-Range", tag)
    return request


def _copy(answer: IO[bytes], file: IO[bytes], arrived: int, total: int, limit: int, progress: Progress | None) -> int:
    while block := answer.read(BLOCK):
        file.write(block)
        arrived += len(block)
        if arrived > limit:
            raise WeightsError(f"the source sends more than the {limit} bytes that the file may have: it is another file; nothing was kept")
        if progress is not None:
            progress(arrived, total)
    return arrived


def forget(target: Path) -> None:
    """Remove an unfinished or wrong download."""
    part_path(target).unlink(missing_ok=True)
    _tag_path(part_path(target)).unlink(missing_ok=True)


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _host(url: str) -> str:
    return url.split("/")[2]


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(getattr(error.reason, "strerror", None) or error.reason)
    return str(error) or type(error).__name__
