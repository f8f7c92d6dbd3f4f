"""Photographs of one folder, and none outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facies.cohort import locate_photograph
from facies.errors import ImageError
from facies.faces import without_face
from facies.study.extraction import Reads, Result, Task


@dataclass(frozen=True)
class InFolder:
    """Reads the photographs of a folder, but none to which a link leads out of it."""

    reader: Reads
    folder: Path

    def extract(self, task: Task) -> Result:
        """Return what a photograph gave; its ``path`` is a file below the folder."""
        if isinstance(task.path, bytes):
            return self.reader.extract(task)
        try:
            locate_photograph(str(task.path.relative_to(self.folder)), [self.folder])
        except ImageError as error:
            return Result(task.key, without_face(task.photo_id, error.reason).rows, None, [])
        return self.reader.extract(task)
