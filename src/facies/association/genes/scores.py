"""Gene scores: risk alleles counted by name, with every check of the variants written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.association.genes.alleles import MIRRORED, Match, frequency_note, match_alleles
from facies.association.genes.genotypes import Genotypes, is_autosome, place_people, plain_chromosome
from facies.errors import InputError
from facies.stats.hardy_weinberg import hardy_weinberg_p
from facies.tables import GENE_SCORES, SCORE_VARIANTS, SCORE_WEIGHTS
from facies.types import Floats

HARD_CALL = 0.1
"""A dosage within this of 0, 1 or 2 is that call (as in PLINK 2); others are missing where calls are needed."""

HWE_ALARM = 1e-6
"""A Hardy-Weinberg p-value below this in any group is noted."""

TRICKLE = (2, 0.01)
"""More people than this, and a larger share than this, with an impossible sum: alleles or strand are wrong, and nobody gets a score."""


@dataclass(frozen=True, eq=False)
class GeneScore:
    """A gene score.

    Parameters
    ----------
    name
        Its column in table ``gene_scores``.
    variants
        Table ``score_weights``.
    at_most
        For alleles that never share a chromosome: the largest possible sum. Dosages are then turned into calls, all variants are needed,
        and a person whose known alleles reach the sum already needs no further call. None: the weighted sum of dosages, by the variants
        that can be used, missing where one of them is.
    places
        variant_id -> chromosome and position on each build, to find variants that the genotypes name otherwise.
    """

    name: str
    variants: pd.DataFrame
    at_most: int | None = None
    places: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)


MC1R = GeneScore(
    "mc1r",
    pd.DataFrame(
        {
            "variant_id": ["rs1805005", "rs1805007", "rs1805008", "rs1805009"],
            "effect_allele": ["T", "T", "T", "C"],
            "other_allele": ["G", "C", "C", "G"],
            "weight": 1.0,
            "expected_frequency": [0.12, 0.07, 0.07, 0.02],
        }
    ),
    at_most=2,
    places={
        "rs1805005": (("16", 89985844), ("16", 89919436)),
        "rs1805007": (("16", 89986117), ("16", 89919709)),
        "rs1805008": (("16", 89986144), ("16", 89919736)),
        "rs1805009": (("16", 89986546), ("16", 89920138)),
    },
)
"""Compound heterozygosity of MC1R: V60L, R151C, R160W and D294H (Liu et al., Curr Biol 2016;26:1213-1220), 0, 1 or 2.

Alleles are on the forward strand (dbSNP), positions on GRCh37 and GRCh38. The variants never share a chromosome, so a sum above 2 is an
error of the genotypes. Expected frequencies are rounded ones of non-Finnish Europeans (gnomAD); they decide the strand of D294H (C/G).
"""

SCORES = {"mc1r": MC1R}
"""Scores that are built in."""


def score_from_table(name: str, variants: pd.DataFrame) -> GeneScore:
    """Return the score that a table ``score_weights`` describes: the weighted sum of its effect alleles.

    Raises
    ------
    InputError
        When the name is that of a built-in score or of an identifier, or the table has no rows or the same allele twice.

    Examples
    --------
    >>> table = pd.DataFrame({"variant_id": ["rs1"], "effect_allele": ["T"], "other_allele": ["C"], "weight": [0.3]})
    >>> score_from_table("height", table).name
    'height'
    """
    if name in SCORES or name == "participant_id" or not name.strip():
        raise InputError(f"a gene score of your own cannot be called '{name}': choose another name")
    SCORE_WEIGHTS.validate(variants)
    if variants.empty:
        raise InputError(f"the gene score '{name}' has no variants: add rows")
    same = variants.effect_allele == variants.get("other_allele", pd.Series(np.nan, index=variants.index))
    if same.any():
        raise InputError(f"the gene score '{name}' names the same allele twice for {variants.variant_id[same].iloc[0]}: correct it")
    return GeneScore(name, variants.reset_index(drop=True), places=_table_places(variants))


def _table_places(variants: pd.DataFrame) -> dict[str, tuple[tuple[str, int], ...]]:
    if "position" not in variants or "chromosome" not in variants:
        return {}
    placed = variants.dropna(subset=["chromosome", "position"])
    return {
        str(variant): ((str(chromosome), int(position)),)
        for variant, chromosome, position in zip(placed.variant_id, placed.chromosome, placed.position, strict=True)
    }


def gene_scores(
    genotypes: Genotypes,
    scores: Sequence[GeneScore],
    *,
    participant_ids: Sequence[str] | None = None,
    groups: pd.Series | None = None,
    min_call_rate: float = 0.95,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute gene scores and check their variants.

    Alleles are matched by name, order and strand (:func:`facies.association.genes.alleles.match_alleles`). A variant that is absent, has
    other alleles, cannot be decided, mirrors its expected frequency or is called in too few people is not used, with the reason.

    Parameters
    ----------
    genotypes
        The people's genotypes.
    scores
        Built-in ones (:data:`SCORES`) and ones by table (:func:`score_from_table`).
    participant_ids
        Whose scores, frequencies and call rates; None: everybody with genotypes. People without genotypes are left out.
    groups
        A group (ancestry, site) by participant_id, within which Hardy-Weinberg proportions are tested; None: all together.
    min_call_rate
        Variants called in a smaller share of people are not used.

    Returns
    -------
    Table ``gene_scores`` with one column a score, NaN where a person has none; and table ``score_variants``.

    Raises
    ------
    InputError
        When two scores share a name, or nobody of ``participant_ids`` has genotypes.

    Examples
    --------
    >>> from facies.association.genes.genotypes import ArrayGenotypes
    >>> variants = MC1R.variants.assign(chromosome="16", position=[89985844, 89986117, 89986144, 89986546])
    >>> counts = np.array([[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]])
    >>> table, checks = gene_scores(ArrayGenotypes(["a", "b", "c"], variants, counts), [MC1R])
    >>> table.mc1r.tolist(), checks.match.unique().tolist()
    ([0.0, 2.0, 1.0], ['as written'])
    """
    names = [score.name for score in scores]
    if len(set(names)) < len(names):
        raise InputError(f"two gene scores are called '{max(names, key=names.count)}': rename one")
    ids, people = place_people(genotypes, participant_ids)
    table = pd.DataFrame({"participant_id": pd.Series(ids, dtype=object)})
    checks = [pd.DataFrame(columns=[column.name for column in SCORE_VARIANTS.columns])]
    labels = _labels(groups, ids)
    for score in scores:
        values, rows = _score(genotypes, score, people, labels, min_call_rate)
        table[score.name] = values
        checks.append(pd.DataFrame(rows, columns=checks[0].columns))
    return GENE_SCORES.validate(table), SCORE_VARIANTS.validate(_joined(checks))


def _joined(checks: list[pd.DataFrame]) -> pd.DataFrame:
    if len(checks) == 1:
        return SCORE_VARIANTS.empty()
    return pd.concat(checks[1:], ignore_index=True)


def _labels(groups: pd.Series | None, ids: list[str]) -> pd.Series:
    """Return each person's group by place; people without one are in none."""
    if groups is None:
        return pd.Series("all", index=range(len(ids)), dtype=object)
    return groups.reindex(ids).astype(object).reset_index(drop=True)


def _score(
    genotypes: Genotypes, score: GeneScore, people: NDArray[np.intp], labels: pd.Series, min_call_rate: float
) -> tuple[Floats, list[dict[str, Any]]]:
    found = find_variants(genotypes.variants, score)
    calls = {row: genotypes.read(row, row + 1, people)[:, 0] for row in sorted({row for rows in found.values() for row in rows})}
    checked = [_check(score, variant, genotypes.variants, found, calls, labels, min_call_rate) for variant in _records(score)]
    rows = [row for row, _ in checked]
    used = [counts for _, counts in checked if counts is not None]
    weights = [float(row["weight"]) for row, counts in checked if counts is not None]
    if score.at_most is None:
        values, notes, refused = _weighted_sum(used, weights, len(people))
    else:
        values, notes, refused = _compound_sum(used, weights, len(people), score.at_most, needed=len(rows))
    for row in rows:
        row["included"] = row["included"] and not refused
        row["note"] = "; ".join([part for part in (row["note"], notes) if part]) or np.nan
    return values, rows


def _records(score: GeneScore) -> list[dict[str, Any]]:
    table = score.variants.reindex(columns=["variant_id", "effect_allele", "other_allele", "weight", "expected_frequency"])
    table = table.assign(effect_allele=table.effect_allele.str.upper(), other_allele=table.other_allele.astype(object).str.upper())
    return [{str(key): value for key, value in record.items()} for record in table.to_dict("records")]


def find_variants(variants: pd.DataFrame, score: GeneScore) -> dict[str, list[int]]:
    """Return the rows of the genotypes at which each variant of a score stands: by name, else by chromosome and position.

    Positions of one build only are used: that on which more variants of the score are found.
    """
    named = variants.variant_id[variants.variant_id.isin(score.variants.variant_id)]
    found: dict[str, list[int]] = {str(name): [] for name in score.variants.variant_id}
    for row, name in named.items():
        found[str(name)].append(int(str(row)))
    absent = [name for name, rows in found.items() if not rows and name in score.places]
    if absent:
        found |= _by_place(variants, {name: score.places[name] for name in absent})
    return found


def _by_place(variants: pd.DataFrame, places: Mapping[str, tuple[tuple[str, int], ...]]) -> dict[str, list[int]]:
    near = variants[variants.position.isin([position for builds in places.values() for _, position in builds])]
    here: dict[tuple[str, int], list[int]] = {}
    for row, chromosome, position in zip(near.index, near.chromosome, near.position, strict=True):
        here.setdefault((plain_chromosome(str(chromosome)), int(position)), []).append(int(row))
    builds = range(max(len(each) for each in places.values()))
    found = [
        {name: here.get((plain_chromosome(each[build][0]), each[build][1]), []) for name, each in places.items() if build < len(each)}
        for build in builds
    ]
    return max(found, key=lambda rows: sum(map(bool, rows.values())))


def _chromosome(standing: pd.Series, score: GeneScore, variant_id: str) -> str:
    """Return a variant's chromosome as the genotypes have it, or where they have none (``0``) as the score knows it."""
    known = str(standing.chromosome)
    places = score.places.get(variant_id, ())
    return places[0][0] if plain_chromosome(known) == "0" and places else known


def _check(
    score: GeneScore,
    variant: dict[str, Any],
    variants: pd.DataFrame,
    found: Mapping[str, list[int]],
    calls: Mapping[int, Floats],
    labels: pd.Series,
    min_call_rate: float,
) -> tuple[dict[str, Any], Floats | None]:
    """Return a row of table ``score_variants``, and the counts of the effect allele where the variant can be used."""
    row: dict[str, Any] = {column.name: np.nan for column in SCORE_VARIANTS.columns} | variant | {"score": score.name}
    expected = None if pd.isna(variant["expected_frequency"]) else float(variant["expected_frequency"])
    place, match, problem = _choose(variant, expected, variants, found[variant["variant_id"]], calls)
    if place is None:
        return row | {"match": match.level, "n": 0, "included": False, "note": problem}, None
    counts = 2 - calls[place] if match.turned else calls[place]
    standing = variants.iloc[place]
    called = np.isfinite(counts)
    rate, frequency = float(called.mean()), float(counts[called].mean() / 2) if called.any() else np.nan
    autosomal = is_autosome(_chromosome(standing, score, variant["variant_id"]))
    p_value, group, alarm = _hardy_weinberg(counts, labels) if autosomal else (np.nan, np.nan, "")
    few = f"called in {rate:.1%} of people, fewer than {min_call_rate:.0%}" if rate < min_call_rate else ""
    mirrored = match.usable and expected is not None and abs(frequency - expected) > MIRRORED
    unlike = frequency_note(frequency, expected) if match.usable else ""
    by_place = "" if standing.variant_id == variant["variant_id"] else f"found by position as {standing.variant_id}"
    usable = match.usable and not problem and not few and not mirrored
    row |= {
        "chromosome": str(standing.chromosome), "position": int(standing.position), "match": match.level, "hwe_p": p_value,
        "found": f"{standing.effect_allele}/{standing.other_allele}", "effect_allele_frequency": frequency if match.usable else np.nan,
        "call_rate": rate, "n": int(called.sum()), "hwe_group": group, "included": bool(usable),
        "note": "; ".join(part for part in (problem, few, unlike, alarm, by_place) if part),
    }  # fmt: skip
    return row, counts if usable else None


def _choose(
    variant: dict[str, Any], expected: float | None, variants: pd.DataFrame, rows: list[int], calls: Mapping[int, Floats]
) -> tuple[int | None, Match, str]:
    """Return the row of the genotypes to use, how its alleles match, and why it cannot be used (an empty string when it can)."""
    if not rows:
        return None, Match("absent"), "not in the genotypes"
    matches = {row: _match(variant, expected, variants.iloc[row], calls[row]) for row in rows}
    fitting = [row for row, match in matches.items() if match.level != "alleles differ"]
    if not fitting:
        return (
            rows[0],
            matches[rows[0]],
            f"the genotypes have {_alleles(variants, rows)}: correct the score's alleles, or the variant's name",
        )
    place = fitting[0]
    if len(fitting) > 1:
        return place, Match("ambiguous"), f"stands in the genotypes {len(fitting)} times with these alleles: keep one"
    if len(rows) > 1 and matches[place].turned:
        return place, Match("ambiguous"), "has several alternative alleles, of which none is the effect allele: give the score another one"
    if matches[place].level == "ambiguous":
        return place, matches[place], _undecided(variants.iloc[place], expected)
    return place, matches[place], ""


def _undecided(standing: pd.Series, expected: float | None) -> str:
    what = f"the alleles {standing.effect_allele}/{standing.other_allele} do not say the strand"
    if expected is None:
        return f"{what}: give expected_frequency, or use a variant in linkage with it"
    return f"{what}, and a frequency near one half cannot decide: use a variant in linkage with it"


def _match(variant: dict[str, Any], expected: float | None, standing: pd.Series, counts: Floats) -> Match:
    other = None if pd.isna(variant["other_allele"]) else str(variant["other_allele"])
    frequency = float(np.nanmean(counts) / 2) if np.isfinite(counts).any() else np.nan
    return match_alleles(
        str(variant["effect_allele"]), other, str(standing.effect_allele).upper(), str(standing.other_allele).upper(),
        frequency=frequency, expected=expected,
    )  # fmt: skip


def _alleles(variants: pd.DataFrame, rows: list[int]) -> str:
    return ", ".join(f"{variants.effect_allele[row]}/{variants.other_allele[row]}" for row in rows)


def hard_calls(dosages: Floats) -> Floats:
    """Return the calls that dosages say clearly, NaN where they do not (see :data:`HARD_CALL`).

    Examples
    --------
    >>> hard_calls(np.array([0.05, 0.4, 1.0, 1.92]))
    array([ 0., nan,  1.,  2.])
    """
    nearest = np.round(dosages)
    return np.where(np.abs(dosages - nearest) <= HARD_CALL, nearest, np.nan)


def _hardy_weinberg(counts: Floats, labels: pd.Series) -> tuple[float, object, str]:
    """Return the p-value in the largest group, that group, and a note of groups with very small ones."""
    calls = pd.Series(hard_calls(counts))
    sizes = labels[calls.notna()].value_counts(sort=False).sort_index(kind="stable")
    if sizes.empty:
        return np.nan, np.nan, ""
    p_values = {group: _exact_p(calls[labels == group].dropna()) for group in sizes.index}
    largest = sizes.idxmax()
    alarms = [f"Hardy-Weinberg p = {p:.1g} in {group}" for group, p in p_values.items() if p < HWE_ALARM]
    return p_values[largest], str(largest), ", ".join(alarms)


def _exact_p(calls: pd.Series) -> float:
    return hardy_weinberg_p(int((calls == 0).sum()), int((calls == 1).sum()), int((calls == 2).sum()))


def _weighted_sum(used: list[Floats], weights: list[float], n: int) -> tuple[Floats, str, bool]:
    if not used:
        return np.full(n, np.nan), "no variant can be used: nobody has a score", True
    values = np.column_stack(used) @ np.array(weights)
    return values, _lacking(int(np.isnan(values).sum())), False


def _lacking(n: int) -> str:
    return _count(n, "lacks a call and has no score", "lack a call and have no score") if n else ""


def _count(n: int, one: str, many: str) -> str:
    return f"1 person {one}" if n == 1 else f"{n} people {many}"


def _compound_sum(used: list[Floats], weights: list[float], n: int, at_most: int, *, needed: int) -> tuple[Floats, str, bool]:
    """Return the sum of calls, and what to say. Nobody gets a score without all variants, or when many have an impossible sum."""
    nobody = np.full(n, np.nan)
    if len(used) < needed:
        return nobody, f"{len(used)} of {needed} variants can be used, and the score needs all: nobody has a score", True
    calls = hard_calls(np.column_stack(used)) * np.array(weights)
    known, complete = np.nansum(calls, axis=1), np.isfinite(calls).all(axis=1)
    n_over = int((known > at_most).sum())
    impossible = f"{_count(n_over, 'has', 'have')} more than {at_most} risk alleles, which cannot be"
    if n_over > TRICKLE[0] and n_over > TRICKLE[1] * n:
        return nobody, f"{impossible}: alleles or strand of a variant are probably wrong, and nobody has a score", True
    values = np.where((complete & (known < at_most)) | (known == at_most), known, np.nan)
    over = f"{impossible} (quality error): no score" if n_over else ""
    lacking = _lacking(int((np.isnan(values) & (known <= at_most)).sum()))
    return values, "; ".join(part for part in (over, lacking) if part), False
