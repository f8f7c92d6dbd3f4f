"""``python -m facies.study.worker RECIPE``: one process that reads photographs for a run; see :mod:`facies.study.workers`."""

from __future__ import annotations

import json
import os
import signal
import sys

import cv2

from facies.study.extraction import ExtractorRecipe
from facies.study.workers import serve


def main() -> None:
    """Serve until the input ends. What libraries print goes to standard error, so that answers stay whole."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(ExtractorRecipe(**json.loads(sys.argv[1])), sys.stdin.buffer, answers)
    sys.stderr.flush()
    os._exit(0)  # all is answered, and somebody waits: to take the libraries down in order is a tenth of a second for nothing


if __name__ == "__main__":
    main()
