"""The command line: one file a command; errors become one line in one place."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit: 0 done, 1 an unforeseen fault, 2 something to mend, 130 interrupted."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    from facies.cli.app import run

    sys.exit(run(sys.argv[1:]))
