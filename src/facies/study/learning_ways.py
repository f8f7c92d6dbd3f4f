"""The ways to learn, and which of them a study can be shown by."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from facies.embeddings import ENCODERS
from facies.errors import InputError
from facies.study.config import StudyConfig
from facies.study.finetune_start import SHIPPED_WEIGHTS
from facies.tables import WAYS_TO_LEARN

WAY_NAMES = {
    "classical": "features written by hand",
    "dft": "a network trained elsewhere, its weights unchanged",
    "ssl": "a network pretrained on this cohort without labels",
    "finetuned": "a network adapted to the target, in every fold anew",
}
"""What each way is, in words."""

CLASSICAL = ("hog", "pixels")
"""The encoders that nothing was trained for."""

SSL = "ssl"
FINETUNED = "finetuned"
SHIPPED = "facies-s"

TRAINING_PACKAGES = ("torch", "timm", "lightly")
INSTALL = "pip install 'facies[train]'"


def way_of(encoder: str) -> str:
    """Return the way to learn of an encoder, by its name or specification, or of the model ``finetuned``.

    Examples
    --------
    >>> way_of("hog"), way_of("onnx:networks/a.onnx"), way_of("ssl"), way_of("finetuned")
    ('classical', 'dft', 'ssl', 'finetuned')
    """
    if encoder in CLASSICAL:
        return "classical"
    return encoder if encoder in (SSL, FINETUNED) else "dft"


@dataclass(frozen=True)
class WaysPlan:
    """Which encoders and models are compared.

    Parameters
    ----------
    own
        Encoders that ``study.toml`` names.
    further
        Encoders that only the comparison uses.
    pretrain, finetune
        Whether the network is still to be learnt.
    finetuned
        Whether the fine-tuned model takes part.
    left_out
        Way to the reason why it is not compared.
    """

    own: tuple[str, ...]
    further: tuple[str, ...]
    pretrain: bool
    finetune: bool
    finetuned: bool
    left_out: dict[str, str]


def plan_ways(study: Path, config: StudyConfig, *, skip: Sequence[str] = ()) -> WaysPlan:
    """Decide by what a study can be shown: what it names, what is at hand, and what can be learnt here.

    Raises
    ------
    InputError
        When ``skip`` names no way, or all of them.
    """
    require_ways(skip)
    own = tuple(spec for spec in config.embeddings.encoders if way_of(spec) not in skip)
    further = [] if "classical" in skip else [name for name in CLASSICAL if name not in own]
    left_out = dict.fromkeys(skip, "left out by --skip")
    if "dft" not in skip and not any(way_of(spec) == "dft" for spec in own):
        further += [SHIPPED] if SHIPPED in ENCODERS else []
        left_out |= {} if SHIPPED in ENCODERS else {"dft": "no pretrained network: name onnx:FILE or timm:NAME in embeddings.encoders"}
    absent = {way: _why_not_learnt(study, config, way) for way in (SSL, FINETUNED) if way not in skip}
    left_out |= {way: reason for way, reason in absent.items() if reason}
    takes = {way: way in absent and not absent[way] for way in (SSL, FINETUNED)}
    further += [SSL] if takes[SSL] and SSL not in own else []
    return WaysPlan(
        own=own, further=tuple(further), pretrain=takes[SSL] and not is_learnt(study, SSL),
        finetune=takes[FINETUNED] and not is_learnt(study, FINETUNED), finetuned=takes[FINETUNED], left_out=left_out,
    )  # fmt: skip


def require_ways(skip: Sequence[str]) -> None:
    """Refuse what is no way to learn, and leaving out all of them."""
    for way in skip:
        if way not in WAYS_TO_LEARN:
            raise InputError(f"--skip names '{way}': choose from {', '.join(WAYS_TO_LEARN)}")
    if set(WAYS_TO_LEARN) <= set(skip):
        raise InputError("--skip leaves out every way to learn: keep one or more")


def is_learnt(study: Path, way: str) -> bool:
    """Return whether the study has learnt its own network (``ssl``) or adapted one (``finetuned``)."""
    folder = study / "derived" / ("pretrain" if way == SSL else "finetune")
    return (folder / "run.json").exists()


def _why_not_learnt(study: Path, config: StudyConfig, way: str) -> str:
    """Return why a network is not at hand and cannot be learnt here; empty where it is or can be."""
    if is_learnt(study, way):
        return ""
    lacking = [name for name in TRAINING_PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        return f"left out, {lacking[0]} is not installed: {INSTALL}"
    if way == FINETUNED and config.finetune.start == SHIPPED and not files("facies.embeddings").joinpath(SHIPPED_WEIGHTS).is_file():
        return f"left out, this installation has no {SHIPPED_WEIGHTS} to start from: set finetune.start in study.toml"
    return ""
