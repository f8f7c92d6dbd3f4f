"""Packages that only some users need."""

from __future__ import annotations

import importlib
from types import ModuleType

from facies.errors import MissingExtraError


def import_extra(name: str, *, extra: str) -> ModuleType:
    """Import an optional package, or say which line installs it.

    Raises
    ------
    MissingExtraError
        When the package is not installed.

    Examples
    --------
    >>> import_extra("no_such_package", extra="train")
    Traceback (most recent call last):
    ...
    facies.errors.MissingExtraError: The `no_such_package` package is required for this: pip install 'facies[train]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != name.split(".")[0]:
            raise
        raise MissingExtraError(f"The `{name.split('.')[0]}` package is required for this: pip install 'facies[{extra}]'") from error
