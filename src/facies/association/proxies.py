"""How much of an effect survives when a computed perceived age takes the place of the human one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from facies.association.design import gather, require_columns, require_covariates, require_numbers
from facies.association.families import Asked
from facies.association.rows import finish
from facies.association.traits import TraitPart, trait_rows
from facies.errors import InputError


def proxy_slopes(
    exposures: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    adjustments: Mapping[str, Sequence[str]],
    human: str = "perceived_age[panel]",
    level: float = 0.95,
    cluster_by: str | None = "family_id",
) -> pd.DataFrame:
    """Return both slopes between each computed perceived age and the human one, given covariates.

    The slope of computed on human is what an effect *on* perceived age (a gene's) is multiplied by when the computed one is the
    outcome; the slope of human on computed is what an effect *of* perceived age (on a disease) is multiplied by when the computed
    one is the exposure. Both hold when the computed age carries nothing about the gene or disease but what the human one does.

    Parameters
    ----------
    exposures
        ``participant_id``, the human perceived age and one column a computed one.
    human
        The column of the human one.
    covariates, adjustments, level, cluster_by
        As in :func:`facies.association.associate`.

    Returns
    -------
    Table ``associations``; each pair of perceived ages gives two rows an adjustment set. No q-values: these are no tests of effects.

    Raises
    ------
    InputError
        When ``human`` is no column, there is no computed one, or a covariate is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> age = rng.uniform(50, 80, 300)
    >>> human = age + rng.normal(0, 4, 300)
    >>> people = pd.DataFrame({"participant_id": range(300), "age": age})
    >>> computed = (age + human) / 2 + rng.normal(0, 0.01, 300)
    >>> exposures = people[["participant_id"]].assign(**{"perceived_age[panel]": human, "perceived_age[hog+ridge]": computed})
    >>> proxy_slopes(exposures, people, adjustments={"model_1": ["age"]})[["exposure", "estimate"]].round(2)
                       exposure  estimate
    0      perceived_age[panel]       0.5
    1  perceived_age[hog+ridge]       2.0
    """
    require_columns(exposures, [human], what="human perceived age", where="exposures")
    computed = [str(name) for name in exposures.columns if name not in {"participant_id", human}]
    if not computed:
        raise InputError(f"exposures hold no computed perceived age beside '{human}': add one")
    require_numbers(exposures, [human, *computed], what="perceived age")
    require_covariates(covariates, adjustments)
    cohort = gather(exposures, exposures, covariates, cluster_by=cluster_by)
    pairs = [pair for name in computed for pair in ((human, name), (name, human))]
    asked = Asked(min_events=0, level=level)
    rows = []
    for first, second in pairs:
        for adjustment, chosen in adjustments.items():
            part = TraitPart(cohort, first, (second,), adjustment, tuple(chosen), 1.0, "robust")
            rows += [row | {"test_family": None} for row in trait_rows(part, asked)]
    return finish(rows)
