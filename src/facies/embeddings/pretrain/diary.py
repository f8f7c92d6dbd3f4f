"""What a run has gone through: one row a look, and what has come since the last one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

COLUMNS = ("step", "epoch", "loss", "lr", "probe_mae", "knn_mae", "spread", "head_spread", "rank", "seconds", "img_per_s")
"""The columns of ``history.tsv``: loss is the mean since the row before, seconds are of the whole run, img_per_s leaves out the looks."""

Row = dict[str, Any]


@dataclass
class Diary:
    """The history of a run; part of every checkpoint.

    Parameters
    ----------
    rows
        The looks so far.
    losses, n_losses
        Sum and number of the losses since the last row.
    seconds
        Spent in learning and looking until the last note.
    learning
        Seconds of learning since the last row.
    """

    rows: list[Row] = field(default_factory=list)
    losses: float = 0.0
    n_losses: int = 0
    seconds: float = 0.0
    learning: float = 0.0
    _since: float = field(default_factory=time.perf_counter)
    _saved: float = field(default_factory=time.perf_counter)

    def note_losses(self, losses: list[float]) -> bool:
        """Take in the losses of some steps and return whether all are numbers."""
        for loss in losses:
            self.losses += loss
        self.n_losses += len(losses)
        return math.isfinite(self.losses)

    def spend(self, *, learning: bool) -> None:
        """Count the time since the last call."""
        now = time.perf_counter()
        self.seconds += now - self._since
        self.learning += (now - self._since) * learning
        self._since = now

    def mark_saved(self) -> None:
        """Note that a checkpoint was taken now."""
        self._saved = time.perf_counter()

    def seconds_since_saved(self) -> float:
        """Return how long ago the last checkpoint was taken."""
        return time.perf_counter() - self._saved

    def add(self, row: Row, *, batch_size: int) -> None:
        """Close a row with what came since the one before."""
        speed = self.n_losses * batch_size / self.learning if self.n_losses and self.learning > 0 else None
        loss = self.losses / self.n_losses if self.n_losses else None
        self.rows.append({**row, "loss": loss, "seconds": round(self.seconds, 1), "img_per_s": None if speed is None else round(speed, 1)})
        self.losses, self.n_losses, self.learning = 0.0, 0, 0.0

    def frame(self) -> pd.DataFrame:
        """Return the rows as a table of :data:`COLUMNS`; what was not measured is missing."""
        return pd.DataFrame(self.rows, columns=list(COLUMNS)).astype({"step": int, "epoch": int})

    def numbers(self) -> Row:
        """Return all as JSON can hold it, in a copy: it is written while the run goes on."""
        counts = {name: getattr(self, name) for name in ("losses", "n_losses", "seconds", "learning")}
        return {"rows": list(self.rows), **counts}
