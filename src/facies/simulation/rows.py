"""Rows of a table, as painting reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

Row = Mapping[str, Any]
"""The parameters of one face: numbers by name, and its identifiers."""


def rows_of(table: pd.DataFrame) -> Iterator[Row]:
    """Return the rows of a table as plain Python values, one after the other.

    Examples
    --------
    >>> list(rows_of(pd.DataFrame({"photo_id": ["a"], "yaw": [2.5]})))
    [{'photo_id': 'a', 'yaw': 2.5}]
    """
    names = [str(name) for name in table.columns]
    for values in zip(*(table[name].tolist() for name in table.columns), strict=True):
        yield dict(zip(names, values, strict=True))
