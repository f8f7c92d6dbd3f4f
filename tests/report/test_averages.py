from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.report import average_faces, looking_thirds
from facies.types import Image


def people(n: int) -> pd.DataFrame:
    age = np.linspace(50, 80, n)
    older = np.where(np.arange(n) % 3 == 0, -5.0, np.where(np.arange(n) % 3 == 1, 0.0, 5.0))
    return pd.DataFrame({"participant_id": [f"p{i}" for i in range(n)], "age": age, "perceived_age": 10 + 0.8 * age + older})


def crops(n: int, repeats: int = 1) -> Iterator[tuple[str, Image]]:
    for i in range(n):
        for k in range(repeats):
            yield f"p{i}", np.full((4, 6, 3), 10 * (i % 3) + 100 * k, np.uint8)


def test_thirds__order_people_by_looks_at_equal_age() -> None:
    thirds = looking_thirds(people(90))
    young = {name for name, third in thirds.items() if third == "youngest-looking third"}
    assert young == {f"p{i}" for i in range(0, 90, 3)}
    assert (thirds == "oldest-looking third").sum() == 30


def test_thirds__leave_out_people_without_age_or_looks() -> None:
    table = people(30)
    table.loc[0, "age"] = np.nan
    assert "p0" not in looking_thirds(table).index


def test_average__is_the_mean_over_people_and_counts_them_once() -> None:
    groups = looking_thirds(people(90)).to_dict()
    young, old = average_faces(crops(90, repeats=2), groups)
    assert (young.label, young.n, old.label, old.n) == ("youngest-looking third", 30, "oldest-looking third", 30)
    assert young.image.shape == (4, 6, 3)
    assert (int(young.image.max()), int(old.image.min())) == (0, 20)


def test_average__of_fewer_than_10_people_in_any_group_is_refused() -> None:
    groups = looking_thirds(people(60)).to_dict()
    assert len(average_faces(crops(60), groups)) == 2
    assert average_faces(crops(29), groups) == ()


def test_average__the_smallest_group_cannot_be_set_below_10() -> None:
    with pytest.raises(InputError, match="choose at least 10"):
        average_faces(crops(60), {}, min_people=3)
