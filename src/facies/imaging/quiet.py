"""Keeping the decoders' own warnings out of a run.

Pillow and pydicom warn about damaged tags that facies does not read. Such a warning, or line in a log, must neither
reach the user nor, where warnings are errors, turn a good photograph into a damaged one.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_MODULES = r"(PIL|pydicom)(\.|$)"
_lock = threading.Lock()
_loggers = (logging.getLogger("PIL"), logging.getLogger("pydicom"))
_inside: list[warnings.catch_warnings[None]] = []
_levels: list[int] = []
_depth = 0


@contextmanager
def decoders_quiet() -> Iterator[None]:
    """Ignore warnings and log lines of Pillow and pydicom, and no others, within the block.

    Several threads may be inside at once: the first to enter sets the filter, the last to leave takes it away.

    Examples
    --------
    >>> with decoders_quiet():
    ...     pass
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _depth
    with _lock:
        if _depth == 0:
            _inside.append(warnings.catch_warnings())
            _inside[-1].__enter__()
            warnings.filterwarnings("ignore", module=_MODULES)
            _levels[:] = [logger.level for logger in _loggers]
            for logger in _loggers:
                logger.setLevel(logging.CRITICAL + 1)
        _depth += 1


def _leave() -> None:
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            for logger, level in zip(_loggers, _levels, strict=True):
                logger.setLevel(level)
            _inside.pop().__exit__(None, None, None)
