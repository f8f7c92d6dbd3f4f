"""Who is in which table before anything is analysed, and why somebody is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.tables import PREFLIGHT

LACKS = {
    "in_participants": "not in the participants' table",
    "photographed": "no photograph that can be used",
    "computed": "no computed perceived age",
    "human": "no human perceived age",
    "outcomes": "not in the outcomes' table",
    "genotyped": "not in the genotypes",
}
"""What somebody may lack, in the order in which it is looked for."""

WITHDRAWN = "withdrew consent"


class NearIdentifiers(Protocol):
    """Finds for each unknown identifier the known one that was probably meant (as ``cohort.identifiers.near_identifiers`` does)."""

    def __call__(self, unknown: Iterable[str], known: Iterable[str]) -> Mapping[str, str]:
        """Return unknown -> meant, for those with just one near miss."""


def preflight(
    participants: pd.DataFrame,
    photographs: pd.DataFrame,
    participant_predictions: pd.DataFrame,
    outcomes: pd.DataFrame | None = None,
    genotype_ids: Collection[str] | None = None,
    *,
    needs: Sequence[str] | None = None,
    near: NearIdentifiers | None = None,
    why_differ: Callable[[str, str], str] | None = None,
) -> pd.DataFrame:
    """Say for everybody who stands in any table in which ones they stand, and what they lack first.

    Parameters
    ----------
    participants, photographs, participant_predictions, outcomes
        Tables of these names. Photographs with ``included`` false do not count. A reference in ``participant_predictions`` is a human
        perceived age.
    genotype_ids
        The people of the genotypes, as participant_id; None where the study has none.
    needs
        Which of :data:`LACKS` a person must have to be ``complete``; None: all that the study has.
    near, why_differ
        Where given, a reason names the identifier that was probably meant, and how it differs.

    Returns
    -------
    Table ``preflight``: the participants in their order, then the others sorted.

    Raises
    ------
    InputError
        When ``needs`` names something else.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2"], "age": [60.0, 61.0]})
    >>> photographs = pd.DataFrame({"photo_id": ["a", "b"], "participant_id": ["p1", "p2"], "path": ["a.jpg", "b.jpg"]})
    >>> predictions = pd.DataFrame({"participant_id": ["p1", "p2"], "model_id": "m", "predicted": [60.0, 62.0], "observed": np.nan})
    >>> preflight(people, photographs, predictions, genotype_ids=["p1", "P2"])[["participant_id", "reason"]].to_numpy().tolist()
    [['p1', nan], ['p2', 'not in the genotypes'], ['P2', "not in the participants' table"]]
    """
    present = _present(participants, photographs, participant_predictions, outcomes, genotype_ids)
    needed = _needed(needs, present, outcomes, genotype_ids)
    known = list(dict.fromkeys(map(str, participants.participant_id)))
    others = sorted(set().union(*present.values()) - set(known))
    ids = known + others
    table = pd.DataFrame({"participant_id": pd.Series(ids, dtype=object)})
    for name in ("in_participants", "photographed", "human", "computed", "outcomes", "genotyped"):
        table[name] = [person in present[name] for person in ids]
    reasons: dict[str, str] = {}
    for name in reversed(needed):
        lacking = table.participant_id[~table[name]]
        hints = _hints(lacking, present, name, near, why_differ)
        reasons |= {str(person): LACKS[name] + hints.get(str(person), "") for person in lacking}
    reasons |= dict.fromkeys(_withdrawn(participants), WITHDRAWN)
    reason = pd.Series([reasons.get(person, np.nan) for person in ids], index=table.index, dtype=object)
    return PREFLIGHT.validate(table.assign(complete=reason.isna(), reason=reason))


def _present(
    participants: pd.DataFrame,
    photographs: pd.DataFrame,
    predictions: pd.DataFrame,
    outcomes: pd.DataFrame | None,
    genotype_ids: Collection[str] | None,
) -> dict[str, set[str]]:
    usable = photographs[photographs.included.astype(bool)] if "included" in photographs else photographs
    return {
        "in_participants": _ids(participants),
        "photographed": _ids(usable),
        "computed": _ids(predictions),
        "human": _ids(predictions[predictions.observed.notna()]),
        "outcomes": set() if outcomes is None else _ids(outcomes),
        "genotyped": set(genotype_ids or ()),
    }


def _ids(table: pd.DataFrame) -> set[str]:
    return set(table.participant_id.dropna().astype(str))


def _withdrawn(participants: pd.DataFrame) -> list[str]:
    if "consent_scope" not in participants:
        return []
    return participants.participant_id[participants.consent_scope == "withdrawn"].astype(str).tolist()


def _needed(
    needs: Sequence[str] | None, present: Mapping[str, set[str]], outcomes: pd.DataFrame | None, genotype_ids: Collection[str] | None
) -> list[str]:
    if needs is None:
        absent = {"outcomes": outcomes is None, "genotyped": genotype_ids is None, "human": not present["human"]}
        return [name for name in LACKS if not absent.get(name, False)]
    unknown = [name for name in needs if name not in LACKS]
    if unknown:
        raise InputError(f"'{unknown[0]}' cannot be needed: choose among {', '.join(LACKS)}")
    return [name for name in LACKS if name in needs]


def _hints(
    lacking: pd.Series,
    present: Mapping[str, set[str]],
    name: str,
    near: NearIdentifiers | None,
    why_differ: Callable[[str, str], str] | None,
) -> dict[str, str]:
    """Return for people who lack something the identifier that was probably meant: one that stands there and belongs to no participant."""
    if near is None or why_differ is None or name in ("computed", "human"):
        return {}
    known = present[name] if name == "in_participants" else present[name] - present["in_participants"]
    meant = near(list(lacking), sorted(known))
    return {person: f"; '{other}' is there: {why_differ(person, other)}" for person, other in meant.items()}


def summarise_preflight(table: pd.DataFrame) -> pd.DataFrame:
    """Count people by reason, most first; ``n`` are participants, and ``hint`` is the likely cause of the first of them.

    Examples
    --------
    >>> people = pd.DataFrame({"participant_id": ["p1", "p2"], "age": [60.0, 61.0]})
    >>> nobody = pd.DataFrame({"photo_id": [], "participant_id": []})
    >>> predictions = pd.DataFrame({"participant_id": ["p1"], "observed": [np.nan]})
    >>> summarise_preflight(preflight(people, nobody, predictions)).to_numpy().tolist()
    [['no photograph that can be used', 2, '']]
    """
    PREFLIGHT.validate(table)
    counts: dict[str, int] = {}
    hints: dict[str, str] = {}
    for text in table.reason.dropna().astype(str):
        reason, _, hint = text.partition("; ")
        counts[reason] = counts.get(reason, 0) + 1
        hints[reason] = hints.get(reason, "") or hint
    rows = [(reason, n, hints[reason]) for reason, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return pd.DataFrame(rows, columns=["reason", "n", "hint"])
