"""How a reading room is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from facies.errors import InputError
from facies.web.tasks import AgeTask, Task

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine reaches."""


@dataclass(frozen=True)
class RoomSettings:
    """How a room is set up.

    Parameters
    ----------
    tasks
        What is asked for each target of the plan.
    title
        What the pages are headed with.
    session_hours, idle_minutes
        When a reader must sign in again, at the latest and without activity.
    link_hours
        How long an invitation holds.
    picture_mm
        Side of the square in which photographs are shown, where the screen is large enough.
    screen_check
        Whether readers first match a bank card and grey steps on their screen.
    attention
        ``instructed``: a check asks for a certain answer. ``hidden``: it looks like any face, whose answer is beyond doubt.
    attention_years
        How far an age may be from that of a hidden check.
    body_bytes
        Largest request; more is answered with 413.
    hosts
        Names under which the room is reached; requests to others are refused.
    tls
        Whether the room is reached by https only; cookies are then marked so.

    Raises
    ------
    InputError
        When there is no task, a figure is not above 0, or ``attention`` is neither.

    Examples
    --------
    >>> RoomSettings(session_hours=0)
    Traceback (most recent call last):
    ...
    facies.errors.InputError: session_hours is 0: choose more than 0
    """

    tasks: Mapping[str, Task] = field(default_factory=lambda: {"perceived_age": AgeTask()})
    title: str = "Reading room"
    session_hours: float = 8
    idle_minutes: float = 60
    link_hours: float = 72
    picture_mm: float = 120
    screen_check: bool = True
    attention: str = "instructed"
    attention_years: float = 10
    body_bytes: int = 1_000_000
    hosts: tuple[str, ...] = LOOPBACK
    tls: bool = False

    def __post_init__(self) -> None:
        if not self.tasks:
            raise InputError("the room has no tasks: name what is asked for each target")
        if self.attention not in ("instructed", "hidden"):
            raise InputError(f"attention is '{self.attention}': choose instructed or hidden")
        for name in ("session_hours", "idle_minutes", "link_hours", "picture_mm", "body_bytes"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}: choose more than 0")
