"""Alleles of a gene score against alleles of the genotypes: order, strand, and what a frequency can decide."""

from __future__ import annotations

from dataclasses import dataclass

COMPLEMENT = str.maketrans("ACGT", "TGCA")

NOT_SEEN = ("0", ".")
"""How files write the allele that nobody has."""

UNKNOWN = "N"
"""An allele that the genotypes do not name."""

DECIDED = 0.4
"""A frequency decides the strand of an A/T or C/G variant when the rarer allele is no more frequent than this, here and as expected."""

FAR = 0.2
"""A frequency that is further than this from the expected one is noted."""

MIRRORED = 0.5
"""A frequency that is further than this from the expected one says that the alleles are named the wrong way round: not used."""


@dataclass(frozen=True)
class Match:
    """How a variant's alleles were matched (a level of ``match`` in table ``score_variants``), and whether to count ``2 - count``."""

    level: str
    turned: bool = False

    @property
    def usable(self) -> bool:
        """Return whether the effect allele can be counted."""
        return self.level not in {"ambiguous", "alleles differ", "absent"}


def other_strand(allele: str) -> str:
    """Return an allele as the other strand spells it.

    Examples
    --------
    >>> other_strand("A"), other_strand("AC")
    ('T', 'GT')
    """
    return allele.translate(COMPLEMENT)[::-1]


def match_alleles(
    effect: str, other: str | None, found_effect: str, found_other: str, *, frequency: float, expected: float | None = None
) -> Match:
    """Match a score's alleles with those of the genotypes.

    Variants whose alleles are each other's complement (A/T, C/G) look the same from both strands: they are ``ambiguous`` unless the
    frequency decides, which it does when the rarer allele has at most :data:`DECIDED` both here and as expected. The same holds for
    genotypes that do not name their alleles.

    Parameters
    ----------
    effect, other
        The score's alleles; ``other`` may be unknown (None).
    found_effect, found_other
        The alleles of the genotypes, of which the first is counted.
    frequency
        Of the counted allele, in these people.
    expected
        Frequency of the score's effect allele.

    Examples
    --------
    >>> match_alleles("T", "C", "G", "A", frequency=0.9)
    Match(level='other strand and swapped', turned=True)
    >>> match_alleles("C", "G", "C", "G", frequency=0.02)
    Match(level='ambiguous', turned=False)
    >>> match_alleles("C", "G", "C", "G", frequency=0.02, expected=0.02)
    Match(level='as written', turned=False)
    """
    found_effect, found_other = _complete(effect, other, found_effect, found_other)
    if UNKNOWN in (found_effect, found_other):
        return _by_frequency(Match("as written"), Match("swapped", turned=True), frequency, expected)
    if found_effect == other_strand(found_other):
        return _palindromic(effect, other, found_effect, found_other, frequency, expected)
    for spelled, words in (
        (lambda allele: allele, ("as written", "swapped")),
        (other_strand, ("other strand", "other strand and swapped")),
    ):
        wanted = (spelled(effect), None if other is None else spelled(other))
        if _agree(wanted, found_effect, found_other):
            return Match(words[0])
        if _agree(wanted, found_other, found_effect):
            return Match(words[1], turned=True)
    return Match("alleles differ")


def _complete(effect: str, other: str | None, found_effect: str, found_other: str) -> tuple[str, str]:
    """Return the found alleles, with one that nobody has named by the score, where the other one is the score's."""
    seen = found_other if found_effect in NOT_SEEN else found_effect
    if other is None or (found_effect in NOT_SEEN) == (found_other in NOT_SEEN):
        return found_effect, found_other
    partners = {other_strand(effect): other_strand(other), other_strand(other): other_strand(effect)} | {effect: other, other: effect}
    unseen = partners.get(seen, "?")
    return (unseen, found_other) if found_effect in NOT_SEEN else (found_effect, unseen)


def _agree(wanted: tuple[str, str | None], effect: str, other: str) -> bool:
    return wanted[0] == effect and wanted[1] in (None, other)


def _palindromic(effect: str, other: str | None, found_effect: str, found_other: str, frequency: float, expected: float | None) -> Match:
    if _agree((effect, other), found_effect, found_other):
        return _by_frequency(Match("as written"), Match("other strand and swapped", turned=True), frequency, expected)
    if _agree((effect, other), found_other, found_effect):
        return _by_frequency(Match("other strand"), Match("swapped", turned=True), frequency, expected)
    return Match("alleles differ")


def _by_frequency(counted: Match, turned: Match, frequency: float, expected: float | None) -> Match:
    """Choose by whether the counted allele is on the same side of one half as the effect allele is expected to be."""
    if expected is None or min(expected, 1 - expected) > DECIDED or not min(frequency, 1 - frequency) <= DECIDED:
        return Match("ambiguous")
    return counted if (frequency < 0.5) == (expected < 0.5) else turned


def frequency_note(frequency: float, expected: float | None) -> str:
    """Say that a frequency is far from the expected one, or return an empty string.

    Examples
    --------
    >>> frequency_note(0.93, 0.07)
    'frequency 0.93 mirrors the expected 0.07: the genotypes name the alleles the wrong way round'
    """
    if expected is None or not abs(frequency - expected) > FAR:
        return ""
    if abs(frequency - expected) > MIRRORED:
        return f"frequency {frequency:.2g} mirrors the expected {expected:.2g}: the genotypes name the alleles the wrong way round"
    return f"frequency {frequency:.2g} is far from the expected {expected:.2g}: check alleles, strand and ancestry"
