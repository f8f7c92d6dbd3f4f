"""Follow-up: the test-retest error, who changed by more than it, and the course after treatment. Nobody is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from facies.report.blocks import Block, Bullets, Drawing, Grid, Heading, Missing, Panels, Section, Text
from facies.report.condition_data import ConditionData
from facies.report.effects import each, first_capital
from facies.report.figures.timelines import FEWEST_LINES, cohort_timelines
from facies.report.footnotes import legend, lettered, mark
from facies.report.numbers import DASH, count, effect, fixed, plural, with_interval
from facies.tables.conditions import TRAJECTORY_EDGES

MEANING = (
    "A score is the log-odds of a condition by models that never saw the person, the same models at all visits, averaged over the repeats. "
    "Changes compare visits in the views that both have. A change counts as lower or higher where its 95% interval excludes 0. The "
    "interval is made from the error between photographs of one visit and, where controls were seen more than once, from what visits add. "
    "A falling score is a face that looks less like the condition: it is not a cure, and no test of one."
)
RETEST_NOTE = (
    "SD between photographs of one view in one visit. SD of visits: what another day adds in people who are controls at all their visits. "
    "Smallest change: between two single photographs, what error alone exceeds in 5% of people (1.96 standard errors); means of k "
    "photographs divide the part of the photographs by √k. ICC: share of the variance between these people, so it depends on who they are."
)
VERDICT_NOTE = (
    "Each person's last visit against the first. Treated: had the condition, a visit before the treatment or on its day, and the last "
    "visit after it. Of people without change about 5% are called lower or higher."
)
COURSE_NOTE = (
    "Mean change since the last visit before treatment (or on its day), one number a patient in each interval of time, 95% interval by "
    "the t distribution over patients. Not the same patients are behind each row."
)
VERDICTS = ("lower", "within error", "higher", "no error known")


class FollowUpTables(NamedTuple):
    """The tables of follow-up, and the data that knows how names are printed."""

    data: ConditionData
    session_scores: pd.DataFrame
    score_changes: pd.DataFrame
    test_retest: pd.DataFrame
    trajectories: pd.DataFrame


def follow_up_section(data: ConditionData, *, figures: bool) -> Section | None:
    """Return the section on follow-up, or None where nobody was followed.

    Lines of single patients are drawn without identifiers, and only with 10 patients or more.
    """
    tables = _tables(data)
    if tables is None:
        return None
    last = last_changes(tables)
    blocks: tuple[Block, ...] = (
        Text(MEANING), Bullets(tuple(_sentences(tables, last))), _retest(tables),
        Heading("Who changed"), _verdicts(tables, last),
        Heading("After treatment"), *_courses(tables, figures=figures),
    )  # fmt: skip
    return Section("follow-up", "Follow-up", blocks)


def follow_up_sentences(data: ConditionData) -> list[str]:
    """Return what was found, by the first model: the error, and who changed. Empty where nobody was followed."""
    tables = _tables(data)
    return [] if tables is None else _sentences(tables, last_changes(tables))


def _tables(data: ConditionData) -> FollowUpTables | None:
    if data.test_retest is None or data.test_retest.empty or data.session_scores is None:
        return None
    return FollowUpTables(data, data.session_scores, _given(data.score_changes), data.test_retest, _given(data.trajectories))


def _given(frame: pd.DataFrame | None) -> pd.DataFrame:
    return pd.DataFrame(columns=["model_id", "target_condition"]) if frame is None else frame


def last_changes(tables: FollowUpTables) -> pd.DataFrame:
    """Return each person's last change from the first visit, with ``treated``: a visit before the treatment, and this one after it."""
    keys = ["participant_id", "model_id", "target_condition"]
    if tables.score_changes.empty:
        return pd.DataFrame(columns=[*keys, "verdict", "treated"])
    scores = tables.session_scores
    first = scores.drop_duplicates(keys)[[*keys, "days_from_treatment"]].rename(columns={"days_from_treatment": "from_treatment_first"})
    since = scores[[*keys, "session_id", "days_from_treatment"]]
    last = tables.score_changes.drop_duplicates(keys, keep="last")
    told = last.merge(since, on=[*keys, "session_id"], how="left").merge(first, on=keys, how="left")
    return told.assign(treated=(told["from_treatment_first"] <= 0) & (told["days_from_treatment"] > 0))


def _sentences(tables: FollowUpTables, last: pd.DataFrame) -> list[str]:
    model = tables.test_retest["model_id"].iloc[0]
    sentences = []
    for row in each(tables.test_retest[tables.test_retest["model_id"] == model]):
        name = tables.data.title(row.target_condition)
        own = last[(last["model_id"] == model) & (last["target_condition"] == row.target_condition)]
        if pd.notna(row.smallest_detectable):
            sentences.append(
                f"{name}: between single photographs, changes of less than {fixed(row.smallest_detectable)} log-odds are within error."
            )
        sentences += _of_treated(own, name)
    return sentences


def _of_treated(own: pd.DataFrame, name: str) -> list[str]:
    treated = own[own["treated"].astype(bool)]
    if treated.empty:
        return []
    lower, higher = ((treated["verdict"] == verdict).sum() for verdict in ("lower", "higher"))
    return [
        f"{name}: of {plural(len(treated), 'treated patient')} {count(lower)} scored lower at the last visit than at the first, beyond "
        f"error, and {count(higher)} higher."
    ]


def _retest(tables: FollowUpTables) -> Grid:
    data, rows = tables.data, tables.test_retest
    letters = lettered(rows["note"])
    cells = tuple(
        (
            data.title(row.target_condition) + mark(letters, row.note), data.label(row.model_id), count(row.n), count(row.n_sessions),
            count(row.n_photographs),
            with_interval(row.sd_within, row.sd_within_low, row.sd_within_high), fixed(row.sd_visits), fixed(row.smallest_detectable),
            with_interval(row.icc, row.icc_low, row.icc_high),
        )
        for row in each(rows)
    )  # fmt: skip
    columns = (
        "Condition", "Model", "n", "Visits with repeats", "Photographs", "SD, photographs (95% interval)", "SD of visits",
        "Smallest change", "ICC (95% interval)",
    )  # fmt: skip
    return Grid("table-test-retest", "Test-retest error of the score, log-odds", columns, cells, note=RETEST_NOTE + legend(letters),
                text_columns=frozenset({1}))  # fmt: skip


def _verdicts(tables: FollowUpTables, last: pd.DataFrame) -> Block:
    if last.empty:
        return Missing("Changes", "nobody was seen more than once in the same view")
    cells = tuple(
        (
            tables.data.title(str(condition)), tables.data.label(str(model)), group, count(len(part)),
            *(count((part["verdict"] == name).sum()) for name in VERDICTS),
        )
        for (condition, model), own in last.groupby(["target_condition", "model_id"], sort=False)
        for group, part in (("treated patients", own[own["treated"].astype(bool)]), ("all others", own[~own["treated"].astype(bool)]))
        if len(part)
    )  # fmt: skip
    columns = ("Condition", "Model", "People", "n", *map(first_capital, VERDICTS))
    return Grid(
        "table-score-changes", "Changes of the score from the first to the last visit", columns, cells, note=VERDICT_NOTE,
        text_columns=frozenset({1, 2}),
    )  # fmt: skip


def _courses(tables: FollowUpTables, *, figures: bool) -> list[Block]:
    if tables.trajectories.empty:
        return [Missing("The course after treatment", "nobody with a condition was seen before and after a dated treatment")]
    drawings = tuple(_drawings(tables, figures=figures))
    cells = tuple(
        (
            tables.data.title(row.target_condition), tables.data.label(row.model_id), interval_of_time(row.days_from_treatment),
            count(row.n), effect(row.mean, row.ci_low, row.ci_high),
        )
        for row in each(tables.trajectories)
    )  # fmt: skip
    columns = ("Condition", "Model", "Days after treatment", "n", "Change, log-odds (95% interval)")
    grid = Grid(
        "table-trajectories", "Change of the score after treatment", columns, cells, note=COURSE_NOTE, text_columns=frozenset({1, 2})
    )
    return [Panels(drawings), grid]


def interval_of_time(middle: float) -> str:
    """Return the interval that a middle stands for.

    Examples
    --------
    >>> interval_of_time(45.0), interval_of_time(547.5)
    ('1 to 90', '366 to 730')
    """
    at = int(np.searchsorted(TRAJECTORY_EDGES, middle))
    if not 0 < at < len(TRAJECTORY_EDGES):
        return DASH
    return f"{count(TRAJECTORY_EDGES[at - 1] + 1)} to {count(TRAJECTORY_EDGES[at])}"


def _drawings(tables: FollowUpTables, *, figures: bool) -> Iterator[Drawing]:
    """Draw each condition's course by the first model that has one."""
    for number, (condition, means) in enumerate(tables.trajectories.groupby("target_condition", sort=False)):
        model = means["model_id"].iloc[0]
        own = means[means["model_id"] == model]
        lines = treated_lines(tables, str(model), str(condition))
        retest = tables.test_retest[(tables.test_retest["model_id"] == model) & (tables.test_retest["target_condition"] == condition)]
        detectable = float(_typical(tables, str(model), str(condition), retest))
        name = f"figure-follow-up-{number + 1}"
        svg = cohort_timelines(lines, own, detectable=detectable, name=name) if figures else ""
        n = lines["patient"].nunique()
        thin = f" One thin line a patient, {count(n)} in all." if n >= FEWEST_LINES else ""
        caption = (
            f"{tables.data.title(str(condition))}: change of the score since the last visit before treatment, model "
            f"{tables.data.label(str(model))}.{thin} Squares: "
            "means with 95% intervals. The band is what error alone makes of a typical patient's change."
        )
        said = "; ".join(
            f"{interval_of_time(row.days_from_treatment)} days: {effect(row.mean, row.ci_low, row.ci_high)}, n {count(row.n)}"
            for row in each(own)
        )
        yield Drawing(name, caption, f"Change of the score after treatment, {tables.data.label(str(condition))}. {said}.", svg)


def _typical(tables: FollowUpTables, model: str, condition: str, retest: pd.DataFrame) -> float:
    """Return the median smallest detectable change of this score, with the photographs that there are."""
    changes = tables.score_changes
    if changes.empty:
        return float(retest["smallest_detectable"].iloc[0]) if len(retest) else float("nan")
    own = changes[(changes["model_id"] == model) & (changes["target_condition"] == condition)]
    return float(own["smallest_detectable"].median())


def treated_lines(tables: FollowUpTables, model: str, condition: str) -> pd.DataFrame:
    """Return each treated patient's changes since the last visit before treatment: ``patient`` (a number), ``days``, ``change``."""
    keys = ["participant_id", "session_id", "model_id", "target_condition"]
    scores = tables.session_scores
    own = scores[(scores["model_id"] == model) & (scores["target_condition"] == condition)]
    number = own.groupby("participant_id", sort=False).cumcount()
    told = own.assign(number=number)[own["days_from_treatment"].notna()].merge(
        tables.score_changes[[*keys, "change"]], on=keys, how="left", validate="one_to_one"
    )  # fmt: skip
    told["change"] = told["change"].where(told["number"] > 0, 0.0)
    before = told[told["days_from_treatment"] <= 0].drop_duplicates("participant_id", keep="last").set_index("participant_id")
    start, since = (told["participant_id"].map(before[name]) for name in ("change", "days_from_treatment"))
    shown = told.assign(change=told["change"] - start)[(told["days_from_treatment"] >= since) & told["change"].notna() & start.notna()]
    patient = pd.factorize(shown["participant_id"])[0]
    lines = pd.DataFrame({"patient": patient, "days": shown["days_from_treatment"].to_numpy(), "change": shown["change"].to_numpy()})
    return lines[lines.groupby("patient")["days"].transform("size") > 1].reset_index(drop=True)
