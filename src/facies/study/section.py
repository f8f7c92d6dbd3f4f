"""What a part of ``study.toml`` is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of ``study.toml``; a setting that facies does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
