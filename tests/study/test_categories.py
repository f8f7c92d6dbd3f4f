"""Agreement on calls: people are drawn, not photographs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.study.reading.categories import METHOD, agree_in_categories


def calls(n_people: int, photographs_each: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return calls of four readers; all photographs of a person are called alike."""
    rng = np.random.default_rng(4)
    truth = rng.random(n_people) < 0.4
    said = np.where(rng.random((n_people, 4)) < 0.8, truth[:, None], ~truth[:, None]).astype(float)
    people = [f"p{i:03d}" for i in range(n_people)]
    photographs = pd.DataFrame([{"photo_id": f"{name}_{k}", "participant_id": name} for name in people for k in range(photographs_each)])
    rows = [
        {"reader_id": f"r{j}", "photo_id": f"{name}_{k}", "target": "x", "repeat": 0, "reading": said[i, j]}
        for i, name in enumerate(people) for k in range(photographs_each) for j in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows), photographs


def test_agreement__photographs_repeated_within_people_do_not_narrow_the_interval():
    one, five = (agree_in_categories(*calls(60, n), target="x", n_bootstrap=500).set_index("term") for n in (1, 5))
    for term in ("krippendorff_alpha", "fleiss_kappa"):
        widths = [table.ci_high[term] - table.ci_low[term] for table in (one, five)]
        assert widths[1] == pytest.approx(widths[0], rel=0.05)
        assert five.n[term] == 60
        assert five.method[term] == METHOD
