"""Who is in everything that the study asks for, and why others are not: counts only."""

from __future__ import annotations

import re
from collections import Counter

from facies.report.blocks import Block, Grid, Heading, Text
from facies.report.data import ReportData
from facies.report.numbers import count, share
from facies.report.privacy import scrubber_for

PARTS = {
    "in_participants": "In the participants' table",
    "photographed": "With a usable photograph",
    "human": "With a human perceived age",
    "computed": "With a computed perceived age",
    "outcomes": "In the outcomes' table",
    "genotyped": "In the genotypes",
    "complete": "In everything that is asked for",
}
"""Columns of PREFLIGHT and what they count."""

_QUOTED = re.compile(r"'[^']*'|“[^”]*”|\"[^\"]*\"")


def preflight_blocks(data: ReportData) -> list[Block]:
    """Return the counts by part and by reason; nothing when tables were not compared."""
    frame = data.table("preflight")
    if frame is None:
        return []
    parts = tuple((label, share(int(frame[column].sum()), len(frame))) for column, label in PARTS.items())
    reasons = tuple((reason, count(n)) for reason, n in reason_counts(data).items())
    intro = (
        f"{count(len(frame))} people are named in any of the tables. Each who is not in everything is counted once, by the first thing "
        "that is "
        "lacking."
    )
    lost = [Grid("table-lost", "Why people are lost between tables", ("First thing lacking", "Participants"), reasons)] if reasons else []
    return [
        Heading("Across tables"), Text(intro), Grid("table-preflight", "People by table", ("", "Participants (of all named)"), parts), *lost
    ]  # fmt: skip


def reason_counts(data: ReportData) -> dict[str, int]:
    """Return the people who are not in everything by reason, most first; identifiers and quoted text in a reason become ``[id]``."""
    frame = data.table("preflight")
    if frame is None:
        return {}
    scrub = scrubber_for(data)
    reasons = frame.loc[~frame.complete, "reason"].fillna("no reason was noted")
    counts = Counter(scrub(_QUOTED.sub("[id]", str(reason))) for reason in reasons)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
