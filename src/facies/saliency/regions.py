"""Attribution summed over named regions, by face and over people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facies.saliency.occlusion import Part
from facies.stats.resampling import bootstrap
from facies.tables import REGION_SCORES, REGION_SHARES, REGIONS
from facies.types import Floats

GROUPS = ("cases", "others", "cases_found", "cases_missed", "false_alarms")
"""Over whom means are taken; the columns that :func:`share_means` needs of the faces."""

FEWEST = 5
"""A group of fewer people has no mean."""


def region_shares(drops: Floats, parts: Sequence[Part]) -> tuple[Floats, Floats]:
    """Return each region's share of the positive attribution, and its share of the crop, (n_regions,) in the order of ``REGIONS``.

    A face from which no part takes anything has shares of 0.

    Examples
    --------
    >>> one = np.ones((2, 2), dtype=bool)
    >>> parts = [Part("nose", "middle", one), Part("chin", "middle", one), Part("malar", "left", one)]
    >>> shares, areas = region_shares(np.array([3.0, 1.0, -1.0]), parts)
    >>> dict(zip(REGIONS, shares.tolist()))["nose"]
    0.75
    """
    positive = np.maximum(drops, 0.0)
    total = positive.sum()
    shares, areas = np.zeros(len(REGIONS)), np.zeros(len(REGIONS))
    for value, part in zip(positive, parts, strict=True):
        place = REGIONS.index(part.region)
        shares[place] += value / total if total > 0 else 0.0
        areas[place] += part.mask.mean()
    return shares, areas


def region_rows(face_id: str, model_id: str, condition: str, method: str, shares: Floats, areas: Floats) -> list[dict[str, object]]:
    """Return one row a region (:data:`facies.tables.REGION_SCORES`)."""
    ids = {"face_id": face_id, "model_id": model_id, "target": condition, "method": method}
    return [
        {**ids, "region": name, "attribution": float(share), "area": float(area)}
        for name, share, area in zip(REGIONS, shares, areas, strict=True)
    ]


def region_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return rows as the table REGION_SCORES."""
    columns = [column.name for column in REGION_SCORES.columns]
    return REGION_SCORES.validate(pd.DataFrame(rows, columns=columns) if rows else REGION_SCORES.empty())


def share_means(
    scores: pd.DataFrame, groups: Mapping[str, pd.DataFrame], owner: pd.Series, *, n_bootstrap: int = 1000, random_state: int = 0
) -> pd.DataFrame:  # fmt: skip
    """Average region shares over people, with intervals by drawing people.

    Parameters
    ----------
    scores
        :data:`facies.tables.REGION_SCORES`.
    groups
        By condition: booleans by face_id, one column a group of :data:`GROUPS`.
    owner
        Person by face_id.

    Returns
    -------
    DataFrame
        :data:`facies.tables.REGION_SHARES`.
    """
    rows = []
    for keys, part in scores.groupby(["model_id", "target", "method"], sort=False):
        model_id, condition, method = map(str, keys)
        wide = part.pivot(index="face_id", columns="region", values="attribution").reindex(columns=list(REGIONS))
        area = part.groupby("region").area.mean().reindex(list(REGIONS)).fillna(0.0)
        member = groups[condition].reindex(wide.index).fillna(False).astype(bool)
        for name in GROUPS:
            own = wide[member[name].to_numpy()]
            people = owner.reindex(own.index)
            if people.nunique() < FEWEST:
                continue
            found = bootstrap(
                np.column_stack([np.ones(len(own)), own.to_numpy(dtype=float)]), lambda sums: sums[..., 1:] / sums[..., :1],
                clusters=people.to_numpy(), n_bootstrap=n_bootstrap, random_state=random_state,
            )  # fmt: skip
            rows += [
                {
                    "model_id": model_id, "target_condition": condition, "method": method, "people": name, "region": region,
                    "share": found.value[i], "ci_low": found.ci_low[i], "ci_high": found.ci_high[i], "area": area[region],
                    "enrichment": found.value[i] / area[region] if area[region] > 0 else np.nan, "n": int(people.nunique()),
                }
                for i, region in enumerate(REGIONS)
            ]  # fmt: skip
    columns = [column.name for column in REGION_SHARES.columns]
    return REGION_SHARES.validate(pd.DataFrame(rows, columns=columns) if rows else REGION_SHARES.empty())
