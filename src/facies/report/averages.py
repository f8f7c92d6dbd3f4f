"""Average faces of the youngest- and oldest-looking people. An average hides the single person; a small group is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.report.data import AverageFace
from facies.types import Floats, Image

MIN_PEOPLE = 10
"""Fewest participants behind an average face."""

YOUNGEST, OLDEST = "youngest-looking third", "oldest-looking third"

RULE = (
    "Participants were ordered by how much older they look than people of their age (residual of a straight line of perceived age on age) "
    "and cut into thirds; one aligned crop a participant was averaged."
)
"""The rule of :func:`looking_thirds`, for ``ReportData.average_face_rule``."""


def looking_thirds(people: pd.DataFrame, *, perceived: str = "perceived_age") -> pd.Series:
    """Name the third of each participant who looks youngest or oldest for their age.

    Parameters
    ----------
    people
        ``participant_id``, ``age`` and the column ``perceived``, all in years. Rows with missing values are left out.

    Returns
    -------
    pandas.Series
        ``participant_id`` to ``"youngest-looking third"`` or ``"oldest-looking third"``; the middle third is left out.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": list("abc"), "age": [50.0, 60.0, 70.0], "perceived_age": [52.0, 55.0, 72.0]})
    >>> looking_thirds(people).to_dict()
    {'b': 'youngest-looking third', 'c': 'oldest-looking third'}
    """
    known = people.dropna(subset=["age", perceived])
    age, seen = known["age"].to_numpy(float), known[perceived].to_numpy(float)
    older = seen - seen.mean() - _slope(age, seen) * (age - age.mean())
    place = pd.Series(older).rank(method="first").to_numpy() - 1
    names = np.array([YOUNGEST, "", OLDEST])[np.minimum(3 * place // max(len(known), 1), 2).astype(int)]
    thirds = pd.Series(names, index=pd.Index(known["participant_id"], name="participant_id"), dtype=object)
    return thirds[thirds != ""]


def _slope(x: Floats, y: Floats) -> float:
    spread = float(np.sum((x - x.mean()) ** 2)) if len(x) else 0.0
    return float(np.sum((x - x.mean()) * (y - y.mean()))) / spread if spread else 0.0


def average_faces(
    crops: Iterable[tuple[str, Image]], group_of: Mapping[str, str], *, min_people: int = MIN_PEOPLE
) -> tuple[AverageFace, ...]:
    """Average one crop a participant in each group, reading the crops one by one.

    The first crop of a participant counts, further ones are passed over. When any group has fewer than ``min_people``
    participants the answer is empty.

    Parameters
    ----------
    crops
        ``participant_id`` and aligned crop, all crops of one size.
    group_of
        ``participant_id`` to group, such as ``looking_thirds(people).to_dict()``.

    Raises
    ------
    InputError
        When ``min_people`` is below 10, the fewest that hide a person.
    """
    if min_people < MIN_PEOPLE:
        raise InputError(f"min_people is {min_people}: choose at least {MIN_PEOPLE}, so that no person can be recognised")
    sums: dict[str, Floats] = {}
    people: dict[str, set[str]] = {group: set() for group in sorted(set(group_of.values()))}
    for participant_id, crop in crops:
        group = group_of.get(participant_id)
        if group is not None and participant_id not in people[group]:
            people[group].add(participant_id)
            sums[group] = sums.get(group, np.zeros(crop.shape)) + crop
    if not sums or min(map(len, people.values())) < min_people:
        return ()
    order = sorted(people, key=lambda group: (group == OLDEST, group))
    return tuple(AverageFace(group, np.rint(sums[group] / len(people[group])).astype(np.uint8), len(people[group])) for group in order)
