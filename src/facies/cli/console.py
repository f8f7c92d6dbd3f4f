"""What all commands share: options that mean the same everywhere, and how results are shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="The study folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed instead of the one in study.toml.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=0, help="Threads; 0 for one a core.")]


def n_jobs(jobs: int) -> int:
    """Return the number of threads: as asked, or one for each core that the program may use."""
    return jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or os.cpu_count() or 1


def quiet_opencv() -> None:
    """Keep OpenCV from starting threads of its own inside each of ours."""
    import cv2

    cv2.setNumThreads(1)


def say(text: str) -> None:
    """Print one line for the user."""
    typer.echo(text)


def show_json(value: object) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(title: str, frame: pd.DataFrame) -> None:
    """Print a small table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in frame.columns:
        table.add_column(str(name).replace("_", " "), overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def show_records(frame: pd.DataFrame) -> None:
    """Print each row as a paragraph: its first value, then the others by name."""
    first, *others = frame.columns
    for row in frame.to_dict("records"):
        typer.echo(f"{row[first]}")
        for name in others:
            if text := _cell(row[name]):
                typer.echo(f"    {str(name).replace('_', ' ')}: {text}")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return "" if value is None else str(value)


@contextmanager
def progress_bar(title: str, *, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar with the share done and the time left on standard error, where that is a terminal."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
