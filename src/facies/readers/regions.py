"""Regions of the face that readers marked: from brush strokes to marks, agreement, and consensus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.records import CropContract
from facies.stats.agreement import ratio
from facies.stats.resampling import bootstrap
from facies.stats.staple import MISSING, Staple, majority, staple
from facies.tables import REGION_AGREEMENT, REGION_CONSENSUS, REGION_MARKS, REGIONS
from facies.types import Floats, Points

FACE_REGIONS = tuple(name for name in REGIONS if name != "background")
"""Regions that marks and models are compared on, in their order."""

MARKED = 0.1
"""A region counts as marked when at least this share of it is covered."""

ROUNDING = 1e-12


class Brush(NamedTuple):
    """What one reader painted on one aligned crop; ``mask`` is (size, size), true where painted."""

    reader_id: str
    photo_id: str
    target_condition: str
    repeat: int
    mask: NDArray[np.bool_]


class ConsensusMap(NamedTuple):
    """What readers agree on, pixel by pixel.

    Parameters
    ----------
    probability
        That the pixel carries the sign, by STAPLE, (height, width).
    majority
        Whether more than half of the readers painted it, (height, width).
    staple
        Readers' sensitivity and specificity, iterations and convergence.
    """

    probability: Floats
    majority: NDArray[np.bool_]
    staple: Staple


class RegionConsensus(NamedTuple):
    """What readers agree on, region by region.

    Parameters
    ----------
    table
        Table ``region_consensus``.
    readers
        ``reader_id``, ``sensitivity`` and ``specificity`` against the consensus.
    n_iterations, converged
        Of STAPLE.
    """

    table: pd.DataFrame
    readers: pd.DataFrame
    n_iterations: int
    converged: bool


def region_coverage(mask: NDArray[np.bool_], labels: NDArray[np.uint8]) -> Floats:
    """Return the share of each region that is painted, (n_regions,) in the order of ``REGIONS``; NaN for a region without pixels.

    Parameters
    ----------
    mask
        True where painted, (size, size).
    labels
        Number of each pixel's region (:func:`facies.imaging.atlas.region_labels`), (size, size).

    Raises
    ------
    InputError
        When the shapes differ or the mask is not boolean.

    Examples
    --------
    >>> labels = np.array([[REGIONS.index("nose")] * 2, [REGIONS.index("chin")] * 2], dtype=np.uint8)
    >>> shares = region_coverage(np.array([[True, False], [False, False]]), labels)
    >>> float(shares[REGIONS.index("nose")]), float(shares[REGIONS.index("chin")]), bool(np.isnan(shares[0]))
    (0.5, 0.0, True)
    """
    if mask.shape != labels.shape:
        raise InputError(f"the mask has the shape {mask.shape} and the crop {labels.shape}: paint on the aligned crop")
    if mask.dtype != np.bool_:
        raise InputError(f"the mask is of type {mask.dtype}: give booleans, true where painted")
    area = np.bincount(labels.ravel(), minlength=len(REGIONS)).astype(np.float64)
    painted = np.bincount(labels[mask], minlength=len(REGIONS)).astype(np.float64)
    return ratio(painted, area)


def mark_regions(brushes: Iterable[Brush], crop: CropContract, *, points: Mapping[str, Points] | None = None) -> pd.DataFrame:
    """Turn what readers painted on aligned crops into shares of regions.

    A reader who painted nothing has a row with 0 for each region, so that "nothing to see" counts as an answer.

    Parameters
    ----------
    brushes
        One a reading.
    crop
        How the faces were cut.
    points
        The five points of each photograph in pixels of its crop, by photo_id; None: those of the contract's template.

    Returns
    -------
    Table ``region_marks``.

    Raises
    ------
    InputError
        When a mask does not have the size of the crop, a photograph has no points, or there is no brush.
    TableError
        When a reader marked a photograph twice under one ``repeat``.

    Examples
    --------
    >>> CROP = CropContract(((0.34, 0.42), (0.66, 0.42), (0.5, 0.577), (0.369, 0.737), (0.631, 0.737)), size=60)
    >>> from facies.imaging.atlas import region_labels
    >>> mask = region_labels(CROP) == REGIONS.index("chin")
    >>> marks = mark_regions([Brush("r1", "a", "acromegaly", 0, mask)], CROP)
    >>> marks[marks.marked > 0][["reader_id", "photo_id", "region", "marked"]]
      reader_id photo_id region  marked
    7        r1        a   chin     1.0
    """
    from facies.imaging.atlas import region_labels

    rows = []
    for brush in brushes:
        shares = region_coverage(brush.mask, region_labels(crop, points=_points_of(brush.photo_id, points)))
        ids = {"reader_id": brush.reader_id, "photo_id": brush.photo_id, "target_condition": brush.target_condition, "repeat": brush.repeat}
        rows += [{**ids, "region": name, "marked": share} for name, share in zip(REGIONS, shares, strict=True) if np.isfinite(share)]
    if not rows:
        raise InputError("there is no brush: give at least one reading")
    return REGION_MARKS.validate(pd.DataFrame(rows))


def pairwise_dice(masks: NDArray[np.bool_]) -> Floats:
    """Return Dice's coefficient of each two masks, (n, n); NaN where both are empty.

    Dice LR, Ecology 1945;26:297-302: twice the shared area over the sum of both.

    Parameters
    ----------
    masks
        (n, ...), of any shape after the first axis.

    Examples
    --------
    >>> pairwise_dice(np.array([[True, True, False], [True, False, False], [False, False, False]]))[0].round(3).tolist()
    [1.0, 0.667, 0.0]
    """
    flat = masks.reshape(len(masks), -1).astype(np.float64)
    sizes = flat.sum(axis=1)
    return ratio(2 * flat @ flat.T, sizes[:, None] + sizes[None, :])


def consensus_map(masks: NDArray[np.bool_], *, prior: float | str = "mean") -> ConsensusMap:
    """Return what readers of one crop agree on, by STAPLE and by majority.

    Parameters
    ----------
    masks
        True where painted, (n_readers, height, width).
    prior
        Share of the crop that carries the sign, ``"mean"`` or ``"estimated"`` (:func:`facies.stats.staple.staple`); with readers who paint
        far too much, ``"estimated"`` finds the sign where ``"mean"`` does not.

    Raises
    ------
    InputError
        When fewer than two masks are given.

    Examples
    --------
    >>> mask = np.zeros((4, 4), dtype=bool)
    >>> mask[1:3, 1:3] = True
    >>> found = consensus_map(np.stack([mask, mask, ~mask]))
    >>> bool((found.probability.round(3) == mask).all()), bool((found.majority == mask).all()), found.staple.converged
    (True, True, True)
    """
    if masks.ndim != 3 or len(masks) < 2:
        raise InputError(f"the masks have the shape {masks.shape}: give those of two readers or more, (n_readers, height, width)")
    flat = masks.reshape(len(masks), -1)
    found = staple(flat, prior=prior)
    return ConsensusMap(found.probability.reshape(masks.shape[1:]), majority(flat).reshape(masks.shape[1:]), found)


def region_agreement(
    marks: pd.DataFrame,
    *,
    target_condition: str,
    photographs: pd.DataFrame | None = None,
    at_least: float = MARKED,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return how far readers agree on which regions carry the signs of a condition.

    Fleiss' kappa by region (Psychol Bull 1971;76:378-382; photographs may have different numbers of readers), the share of markings that
    cover the region, and Dice's coefficient of two readers' sets of regions, averaged over pairs and photographs. A reader's first marking
    of a photograph counts. Pairs who both marked nothing have no Dice and are left out of it. Kappa is missing where all or none marked.

    Parameters
    ----------
    marks
        Table ``region_marks``.
    photographs
        At least ``photo_id`` and ``participant_id``; intervals draw participants. None: each photograph is of its own participant.
    at_least
        Share of a region that must be covered for the region to be marked.

    Returns
    -------
    Table ``region_agreement``; ``n`` counts participants whose photographs have two readers or more.

    Raises
    ------
    InputError
        When nobody marked this condition, no photograph has two readers, or ``photographs`` lack one.

    Examples
    --------
    >>> marks = pd.DataFrame({"reader_id": ["r1", "r2"] * 2, "photo_id": ["a", "a", "b", "b"], "target_condition": "acromegaly",
    ...                       "region": "chin", "marked": [1.0, 1.0, 0.0, 0.0]})
    >>> table = region_agreement(marks, target_condition="acromegaly", n_bootstrap=100)
    >>> table[table.region == "chin"][["measure", "region", "value", "n_readers", "n"]]
             measure region  value  n_readers  n
    14  fleiss_kappa   chin    1.0          2  2
    15        marked   chin    0.5          2  2
    """
    yes, photo_ids, reader_ids = _decisions(marks, target_condition, at_least)
    n_decided = (yes != MISSING).all(axis=2).sum(axis=0)
    if not (n_decided > 1).any():
        raise InputError(f"no photograph has markings of '{target_condition}' by two readers: agreement needs two")
    people = _participants(photo_ids, photographs)
    kept = n_decided > 1
    settings = {"clusters": people[kept], "n_bootstrap": n_bootstrap, "level": level, "random_state": random_state}
    n, n_readers = len(np.unique(people[kept])), len(reader_ids)
    rows: list[dict[str, object]] = []
    for number, region in enumerate(FACE_REGIONS):
        found = bootstrap(_kappa_components(yes[:, kept, number]), _kappa_statistics, **settings)
        rows += [
            {"measure": measure, "region": region, "value": value, "ci_low": low, "ci_high": high}
            for measure, value, low, high in zip(("fleiss_kappa", "marked"), *found, strict=True)
        ]
    dice = bootstrap(_dice_components(yes[:, kept]), lambda sums: ratio(sums[..., 1:], sums[..., :1]), **settings)
    rows.append({"measure": "dice", "region": "all", "value": dice.value[0], "ci_low": dice.ci_low[0], "ci_high": dice.ci_high[0]})
    table = pd.DataFrame(rows).assign(n_readers=n_readers, n=n)
    table.insert(0, "target_condition", target_condition)
    return REGION_AGREEMENT.validate(table)


def consensus_regions(
    marks: pd.DataFrame, *, target_condition: str, at_least: float = MARKED, prior: float | str = "mean"
) -> RegionConsensus:  # fmt: skip
    """Return which regions readers agree on, for each photograph: by STAPLE, with the majority beside it.

    Every region of every photograph is an item; a reader's sensitivity and specificity hold for all of them, and photographs that a reader
    did not see are no answer. A reader's first marking of a photograph counts.

    Parameters
    ----------
    marks
        Table ``region_marks``.
    at_least
        Share of a region that must be covered for the region to be marked.
    prior
        Share of regions that carry the sign, ``"mean"`` or ``"estimated"`` (:func:`facies.stats.staple.staple`).

    Raises
    ------
    InputError
        When nobody marked this condition.

    Examples
    --------
    >>> marks = pd.DataFrame({"reader_id": ["r1", "r2", "r3"] * 2, "photo_id": ["a"] * 3 + ["b"] * 3, "target_condition": "acromegaly",
    ...                       "region": "chin", "marked": [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]})
    >>> found = consensus_regions(marks, target_condition="acromegaly")
    >>> found.table[found.table.region == "chin"][["photo_id", "marked", "majority"]]
       photo_id    marked  majority
    7         a  0.666667      True
    16        b  0.000000     False
    """
    yes, photo_ids, reader_ids = _decisions(marks, target_condition, at_least)
    flat = yes.reshape(len(reader_ids), -1)
    found = staple(flat, prior=prior)
    decided = (flat != MISSING).sum(axis=0)
    table = pd.DataFrame({
        "photo_id": np.repeat(photo_ids, len(FACE_REGIONS)), "target_condition": target_condition,
        "region": np.tile(np.array(FACE_REGIONS, dtype=object), len(photo_ids)), "n_readers": decided,
        "marked": (flat == 1).sum(axis=0) / decided, "majority": majority(flat), "staple": np.clip(found.probability, 0, 1),
    })  # fmt: skip
    readers = pd.DataFrame({"reader_id": reader_ids, "sensitivity": found.sensitivity, "specificity": found.specificity})
    return RegionConsensus(REGION_CONSENSUS.validate(table), readers, found.n_iterations, found.converged)


def consensus_as_marks(consensus: pd.DataFrame, *, by: str = "staple") -> pd.DataFrame:
    """Return a consensus as the marks of one more reader, named ``staple`` or ``majority``.

    Parameters
    ----------
    consensus
        Table ``region_consensus``.
    by
        ``"staple"``: marked is the probability; ``"majority"``: 1 or 0.

    Returns
    -------
    Table ``region_marks``.

    Raises
    ------
    InputError
        When ``by`` is neither.
    """
    REGION_CONSENSUS.validate(consensus)
    if by not in {"staple", "majority"}:
        raise InputError(f"by is '{by}': choose staple or majority")
    table = consensus[["photo_id", "target_condition", "region"]].assign(reader_id=by, repeat=0, marked=consensus[by].astype(np.float64))
    return REGION_MARKS.validate(table[["reader_id", "photo_id", "target_condition", "repeat", "region", "marked"]])


def mean_marks(marks: pd.DataFrame, *, target_condition: str) -> Floats:
    """Return the mean share that was marked of each region of the face, (9,) in the order of :data:`FACE_REGIONS`.

    The mean is over readings, a reader's repeats of one photograph being one; regions without a row were not marked. Compare it with a
    model's shares of the same regions by :func:`facies.saliency.overlap.region_overlap`.

    Raises
    ------
    InputError
        When nobody marked this condition.

    Examples
    --------
    >>> marks = pd.DataFrame({"reader_id": ["r1", "r2"], "photo_id": "a", "target_condition": "acromegaly", "region": ["chin", "nose"],
    ...                       "marked": 1.0})
    >>> dict(zip(FACE_REGIONS, mean_marks(marks, target_condition="acromegaly").tolist()))["chin"]
    0.5
    """
    rows = _of_condition(marks, target_condition)
    n_repeats = rows.groupby(["reader_id", "photo_id"]).repeat.transform("nunique")
    total = (rows.marked / n_repeats).groupby(rows.region).sum()
    n_readings = rows.groupby(["reader_id", "photo_id"]).ngroups
    return np.asarray(total.reindex(list(FACE_REGIONS)).fillna(0.0).to_numpy(dtype=np.float64) / n_readings)


def _points_of(photo_id: str, points: Mapping[str, Points] | None) -> Points | None:
    if points is None:
        return None
    if photo_id not in points:
        raise InputError(f"photograph '{photo_id}' has no points: give the five points of every marked photograph")
    return points[photo_id]


def _of_condition(marks: pd.DataFrame, target_condition: str) -> pd.DataFrame:
    REGION_MARKS.validate(marks)
    rows = marks[marks.target_condition == target_condition]
    if rows.empty:
        have = ", ".join(sorted(map(str, marks.target_condition.unique()))) or "none"
        raise InputError(f"nobody marked '{target_condition}' (conditions: {have}): name one of these")
    return rows if "repeat" in rows.columns else rows.assign(repeat=0)


def _decisions(
    marks: pd.DataFrame, target_condition: str, at_least: float
) -> tuple[NDArray[np.int8], NDArray[np.object_], NDArray[np.object_]]:
    """Return 1 marked, 0 not, -1 not seen, (n_readers, n_photographs, n_regions), and the photographs and readers in their order."""
    if not 0 < at_least <= 1:
        raise InputError(f"at_least is {at_least}: choose more than 0 and up to 1, a share of the region")
    rows = _of_condition(marks, target_condition)
    first = rows.groupby(["reader_id", "photo_id"]).repeat.transform("min")
    rows = rows[rows.repeat == first]
    wide = rows.pivot(index=["reader_id", "photo_id"], columns="region", values="marked").reindex(columns=list(FACE_REGIONS)).fillna(0.0)
    readers, photos = (np.array(sorted(rows[name].unique()), dtype=object) for name in ("reader_id", "photo_id"))
    full = wide.reindex(pd.MultiIndex.from_product([readers.tolist(), photos.tolist()], names=wide.index.names))
    values = full.to_numpy(dtype=np.float64).reshape(len(readers), len(photos), len(FACE_REGIONS))
    return np.where(np.isnan(values), MISSING, values >= at_least - ROUNDING).astype(np.int8), photos, readers


def _participants(photo_ids: NDArray[np.object_], photographs: pd.DataFrame | None) -> NDArray[np.object_]:
    if photographs is None:
        return photo_ids
    owner = photographs.set_index("photo_id").participant_id.reindex(photo_ids)
    if owner.isna().any():
        raise InputError(f"photograph '{owner.index[owner.isna()][0]}' was marked but is not in the photographs: add it")
    return owner.to_numpy(dtype=object)


def _kappa_components(yes: NDArray[np.int8]) -> Floats:
    """Return what kappa is made of, for each photograph: 1, pairs' agreement, markings and readers, (n_photographs, 4)."""
    n, marked = (yes != MISSING).sum(axis=0).astype(np.float64), (yes == 1).sum(axis=0).astype(np.float64)
    agreement = (marked * (marked - 1) + (n - marked) * (n - marked - 1)) / (n * (n - 1))
    return np.column_stack([np.ones_like(n), agreement, marked, n])


def _kappa_statistics(sums: Floats) -> Floats:
    photographs, agreement, marked, n = np.moveaxis(sums, -1, 0)
    share = ratio(marked, n)
    by_chance = share**2 + (1 - share) ** 2
    return np.stack([ratio(ratio(agreement, photographs) - by_chance, 1 - by_chance), share], axis=-1)


def _dice_components(yes: NDArray[np.int8]) -> Floats:
    """Return the number of pairs with a Dice and the sum of their Dice, for each photograph, (n_photographs, 2)."""
    components = np.zeros((yes.shape[1], 2))
    for first, second in combinations(range(len(yes)), 2):
        seen = (yes[first] != MISSING).all(axis=1) & (yes[second] != MISSING).all(axis=1)
        sizes = (yes[first] == 1).sum(axis=1) + (yes[second] == 1).sum(axis=1)
        shared = ((yes[first] == 1) & (yes[second] == 1)).sum(axis=1)
        counts = seen & (sizes > 0)
        components[counts] += np.column_stack([np.ones(counts.sum()), 2 * shared[counts] / sizes[counts]])
    return components
