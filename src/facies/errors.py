"""Every error that facies raises on purpose.

::

    FaciesError
    ├── InputError (ValueError)           a table, setting or argument is wrong; the message says what to do
    │   ├── TableError                    ... and names the file, the row and the column
    │   └── CropContractError             faces were made in another way than the model was trained on
    ├── ImageError (ValueError)           a photograph cannot be used; ``reason`` becomes its exclusion_reason
    ├── WeightsError (OSError)            a network's file is absent, altered or not accepted
    ├── StoreError (OSError)              the study folder cannot be read or written
    └── MissingExtraError (ImportError)   an optional package is needed; the message is the line to run

A message is one line: what is wrong, where, and the remedy. ``cli`` prints it and exits with status 2.
"""

from __future__ import annotations


class FaciesError(Exception):
    """The root of all errors that facies raises on purpose."""


class InputError(FaciesError, ValueError):
    """A table, setting or argument is wrong.

    Examples
    --------
    >>> raise InputError("n_folds is 9: choose 2 to 5, the number of participants")
    Traceback (most recent call last):
    ...
    facies.errors.InputError: n_folds is 9: choose 2 to 5, the number of participants
    """


class TableError(InputError):
    """A table is wrong; the message starts with the file and, where there is one, the row.

    Rows are counted as an editor shows them: the header is line 1.

    Examples
    --------
    >>> str(TableError("age is 'old': write a number of years", file="participants.tsv", row=7))
    "participants.tsv, line 7: age is 'old': write a number of years"
    """

    def __init__(self, message: str, *, file: str | None = None, row: int | None = None) -> None:
        places = (file, None if row is None else f"line {row}")
        where = ", ".join(place for place in places if place is not None)
        super().__init__(f"{where}: {message}" if where else message)
        self.file = file
        self.row = row


class CropContractError(InputError):
    """Faces were detected, aligned or cropped in another way than the model was trained on."""


class ImageError(FaciesError, ValueError):
    """A photograph cannot be used.

    Parameters
    ----------
    reason
        A level of ``exclusion_reason`` (see :mod:`facies.tables`), such as ``"truncated"``.
    detail
        What was found, in a few words, without anything from the photograph's metadata.

    Examples
    --------
    >>> error = ImageError("truncated", "12 of 4096 bytes")
    >>> error.reason, str(error)
    ('truncated', 'truncated: 12 of 4096 bytes')
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class WeightsError(FaciesError, OSError):
    """A network's file is absent, altered, or its licence was not accepted."""


class StoreError(FaciesError, OSError):
    """The study folder cannot be read or written."""


class MissingExtraError(FaciesError, ImportError):
    """An optional package is needed; the message is the line to run."""
