"""Agreement of readings that are calls or choices from a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.stats.kappa import fleiss_kappa
from facies.stats.krippendorff import krippendorff_alpha
from facies.tables import PANEL_MODEL

METHOD = "participant bootstrap"


def agree_in_categories(
    readings: pd.DataFrame, photographs: pd.DataFrame, *, target: str, n_bootstrap: int = 2000, random_state: int = 0
) -> pd.DataFrame:  # fmt: skip
    """Return how far readers agree beyond chance on calls or choices; first readings of a photograph alone.

    Krippendorff's alpha (nominal) takes photographs with different numbers of readers; Fleiss' kappa stands beside it where all have as
    many.

    Returns
    -------
    Table :data:`facies.tables.PANEL_MODEL`: ``krippendorff_alpha`` and perhaps ``fleiss_kappa``.

    Raises
    ------
    InputError
        When no photograph has two readers.

    Examples
    --------
    >>> readings = pd.DataFrame({"reader_id": ["r1", "r2"] * 4, "photo_id": list("aabbccdd"), "target": "x", "repeat": 0,
    ...                          "reading": [1.0, 1, 0, 0, 1, 1, 0, 0]})
    >>> photographs = pd.DataFrame({"photo_id": list("abcd"), "participant_id": list("pqrs")})
    >>> agree_in_categories(readings, photographs, target="x", n_bootstrap=50)[["term", "estimate"]].values.tolist()
    [['krippendorff_alpha', 1.0], ['fleiss_kappa', 1.0]]
    """
    own = readings[(readings.target == target) & (readings["repeat"] == 0) & readings.photo_id.isin(set(photographs.photo_id))]
    table = own.pivot(index="photo_id", columns="reader_id", values="reading")
    several = table.notna().sum(axis=1) > 1
    if not several.any():
        raise InputError(f"no photograph has two readings of {target}: agreement needs two")
    owner = photographs.set_index("photo_id").participant_id.reindex(table.index[several]).to_numpy(dtype=str)
    drawn: dict[str, Any] = {"clusters": owner, "n_bootstrap": n_bootstrap, "random_state": random_state}
    base = {
        "target": target, "kind": "reliability", "std_error": np.nan, "method": METHOD, "n": len(set(owner)),
        "n_photographs": int(several.sum()), "n_readers": table.shape[1], "n_readings": len(own), "note": np.nan,
    }  # fmt: skip
    rows: list[dict[str, Any]] = []
    alpha = krippendorff_alpha(table[several].to_numpy(dtype=np.float64), scale="nominal", **drawn)
    for term, found in (("krippendorff_alpha", alpha), ("fleiss_kappa", _fleiss(table[several], drawn))):
        if found is not None and np.isfinite(found.value):
            rows.append({**base, "term": term, "estimate": found.value, "ci_low": found.ci_low, "ci_high": found.ci_high})
    if not rows:
        raise InputError(f"all readings of {target} are alike: agreement beyond chance has no number")
    return PANEL_MODEL.validate(pd.DataFrame(rows)[[column.name for column in PANEL_MODEL.columns]])


def _fleiss(table: pd.DataFrame, drawn: dict[str, Any]) -> Any:
    """Return Fleiss' kappa, or None where photographs have different numbers of readers."""
    readers = table.notna().sum(axis=1)
    if readers.nunique() > 1:
        return None
    categories = sorted(set(table.to_numpy()[table.notna().to_numpy()]))
    counts = np.column_stack([(table == category).sum(axis=1) for category in categories])
    return fleiss_kappa(counts, **drawn) if len(categories) > 1 else None
