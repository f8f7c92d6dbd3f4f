"""Compile the reading room's catalogues: ``python docs/compile_languages.py`` after a ``room.po`` was changed."""

from __future__ import annotations

from facies.web.languages import compile_all

if __name__ == "__main__":
    for path in compile_all():
        print(path)
