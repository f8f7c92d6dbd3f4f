"""``[reading]`` of ``study.toml``: how people read the photographs, and how readings are judged."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, model_validator

from facies.study.section import Section

_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@|[?&]password=")

METRICS = ("auc", "sensitivity", "specificity", "years")


class ListSection(Section):
    """``[[reading.lists]]``: a question with a list of answers."""

    name: str = Field(min_length=1, description="the target of its readings, such as tanned; a reading is the answer's place, from 0")
    question: str = Field(min_length=1, max_length=300, description="as readers see it, in their language")
    choices: list[str] = Field(min_length=2, max_length=30, description="the answers, in their order")


class ReadingSection(Section):
    """``[reading]``; who reads stands in reader_levels.tsv, or there are ``n_readers`` of them."""

    n_readers: int | None = Field(None, ge=1, description="readers named r01, r02, ... where there is no reader_levels.tsv")
    ask: list[Literal["perceived_age", "diagnosis"]] = Field(
        default_factory=list, description="what is asked of a face; empty: diagnosis where study.target is facies, else perceived_age"
    )
    lists: list[ListSection] = Field(default_factory=list, description="further questions with lists of answers")
    n_photographs: int | None = Field(
        None, ge=2, description="people of whom one photograph is read, drawn by the seed; left out: everybody"
    )
    case_share: float | None = Field(
        None, gt=0, lt=1, description="diagnosis: share of people with a target condition among n_photographs; left out: as they come"
    )
    public_negatives: bool = Field(
        True, description="diagnosis: whether public negatives are read too; false reads the clinic's people alone, who share its cameras"
    )
    readers_per_photograph: int | None = Field(None, ge=1, description="readers of each photograph; left out: every reader reads all")
    repeat_fraction: float = Field(0.1, ge=0, le=1, description="share of a reader's photographs that come back unannounced")
    gap: int = Field(20, ge=1, description="places between a reading and its repeat, at least")
    block_size: int | None = Field(50, ge=1, description="readings between two breaks, at most")
    training: list[str] = Field(
        default_factory=list, description="photo_ids that every reader sees first, with feedback; not read otherwise"
    )
    attention: list[str] = Field(
        default_factory=list, description="photo_ids that ask for a certain answer, to see whether the reader looks"
    )
    arms: Literal["unaided", "aided", "split", "crossover"] = Field(
        "unaided",
        description="whether readers see the model's answer after their own: never, always, for half, or for half and then swapped",
    )
    level_previous: bool = Field(False, description="let each face follow each other about equally often; for small sets of photographs")
    bin_years: Literal[0, 5] = Field(0, description="perceived_age: 0 asks for years, 5 for one of the bins 20-24, 25-29, ...")
    lowest: int = Field(1, ge=0, le=120, description="perceived_age: the lowest age that may be given")
    highest: int = Field(110, ge=1, le=130, description="perceived_age: the highest age that may be given")
    severity_grades: int = Field(0, ge=0, le=10, description="diagnosis: grades of severity that are asked for; 0 for none")
    regions: bool = Field(False, description="diagnosis: let readers mark what they saw on the photograph")
    title: str = Field(
        "Reading room", min_length=1, max_length=120, description="what readers see at the head of the page; it may unblind them"
    )
    picture_mm: float = Field(
        120.0, gt=20, le=400, description="side of the square in which photographs are shown, where the screen has room"
    )
    database: str = Field("reading/room.db", description="the room's file, seen from the study, or postgresql://user@host/name")
    estimator: Literal["mean", "blue", "blup"] = Field(
        "mean", description="label of a photograph: the readers' mean, or the panel model's value, plain (blue) or shrunken (blup)"
    )
    call_at: float | None = Field(
        None, description="from which reading on a reader is for the condition, where readings are no calls of 0 and 1"
    )
    margins: dict[str, float] = Field(
        default_factory=dict,
        description="auc, sensitivity, specificity = largest loss against readers that would not matter; years: for ages",
    )
    planned_difference: float = Field(0.05, gt=0, lt=0.5, description="difference of AUCs that the sizes of a next study are planned for")

    @model_validator(mode="after")
    def _fits(self) -> ReadingSection:
        if self.lowest >= self.highest:
            raise ValueError("lowest must be below highest: choose two ages")
        names = [one.name for one in self.lists]
        taken = sorted({name for name in names if names.count(name) > 1 or name in ("perceived_age", "diagnosis")})
        if taken:
            raise ValueError(f"lists names '{taken[0]}', which is taken: give each list its own name")
        if self.case_share is not None and self.n_photographs is None:
            raise ValueError("case_share needs n_photographs: give both, or neither")
        if len(set(self.ask)) < len(self.ask):
            raise ValueError("ask names something twice: name it once")
        if _PASSWORD.search(self.database):
            raise ValueError("database holds a password, which reports and records would print: keep it in PGPASSWORD or ~/.pgpass")
        for name, margin in self.margins.items():
            if name not in METRICS or not margin > 0:
                raise ValueError(f"margin of '{name}' is {margin}: give {', '.join(METRICS)} a number above 0")
        return self

    def printed(self) -> dict[str, Any]:
        """Return the settings as a page may show them: photographs are counted, not named, and where the database is is left out.

        Examples
        --------
        >>> ReadingSection(training=["p1_front"]).printed()["training"]
        1
        """
        kept = self.model_dump(exclude={"database"})
        return kept | {name: len(kept[name]) for name in ("training", "attention")}
