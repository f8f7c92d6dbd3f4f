"""Models of conditions in a folder: what they are, how faces must be cut, one file of arrays for each condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from facies.errors import InputError, WeightsError
from facies.models.bundle import (
    MANIFEST,
    NETWORK,
    Bundle,
    bundle_kind,
    checked_files,
    copy_network,
    read_bundle,
    require_same_encoder,
    write_folder,
)
from facies.models.classifiers import ConditionModel, classifier_entry
from facies.models.condition_fit import LOG_ODDS, ConditionFit, FrozenCondition
from facies.models.unlikeness import Unlikeness
from facies.records import ConditionCard, CropContract, EncoderCard, from_json, to_json
from facies.stats.calibration_binary import recalibrate
from facies.store import file_sha256, read_arrays, read_json, write_arrays, write_json, write_whole

KIND = "condition"
PARTS = ("MODEL_CARD.md", "card.json", "crop.json", "model.json", "unlikeness.safetensors")

WARNINGS = {
    "unlike_training": "the face lies farther from the training faces than 99 in 100 of them",
    "quality_outside": "sharpness or the distance between the eyes lies outside what the model was trained on",
    "age_outside": "the age lies outside that of the people whom the model was trained on",
    "source_unknown": "the photograph is not from a source that the model was trained on, or its source is not given",
}
"""Words in the column ``warning``; several are joined by a semicolon."""

INTENDED_USE = """\
For research on groups of people, by researchers who may hold their photographs. Not a medical device: it must not be used to diagnose,
to screen, to treat or to decide about a person. A score is what this model makes of one photograph. Models of this kind can recognise
the camera instead of the disease: read the verdict on confounding in the report that this bundle came with before you use it."""

HOLDS_PEOPLE = """\
This folder holds vectors of the faces of people that it was trained on, without names. They are personal data: keep the folder where the
photographs may be kept, and do not hand it on without the people's consent."""

HOLDS_NOBODY = "This folder holds coefficients, means and axes over all people that it was trained on, and no vector of a single face."


@dataclass(frozen=True, eq=False)
class ConditionBundle:
    """Models read from their folder."""

    models: Mapping[str, FrozenCondition]
    unlikeness: Unlikeness
    farthest: float
    card: ConditionCard
    crop: CropContract
    encoder_file: Path | None
    sha256: str

    def require_encoder(self, card: EncoderCard | None) -> None:
        """Refuse another encoder than the models'.

        Raises
        ------
        InputError
            Naming both, or the precision where only that differs.
        """
        require_same_encoder(self.card.encoder, card)

    def warn(self, *, unlike: bool, quality: Mapping[str, float], age: float | None, source: str | None) -> str:
        """Return why a prediction deserves doubt, words of :data:`WARNINGS` joined by a semicolon; empty when nothing speaks against it.

        Parameters
        ----------
        quality
            Measures of the face, by the names in the card; a measure that is missing is not judged.
        age, source
            Of the person and photograph, None where nothing is said of them. A source that is asked for and not given is ``""``.
        """
        lowest, highest = self.card.ages or (-np.inf, np.inf)
        ranges = self.card.quality.items()
        outside = any(not low <= quality[name] <= high for name, (low, high) in ranges if np.isfinite(quality.get(name, np.nan)))
        old_or_young = age is not None and np.isfinite(age) and not lowest <= age <= highest
        found = (unlike, outside, old_or_young, source is not None and source not in self.card.sources)
        return ";".join(word for word, holds in zip(WARNINGS, found, strict=True) if holds)

    def predict_vectors(self, X: ArrayLike, *, prevalence: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Score vectors, (n, p), for every condition.

        Parameters
        ----------
        prevalence
            Of conditions among the people who are looked at; adds ``probability_at_prevalence``, missing for conditions without one.

        Returns
        -------
        DataFrame
            One row a vector and condition: ``row``, ``target_condition``, ``score`` (log-odds at the training mix), ``probability``, one
            column ``positive_<rule>`` an operating point (thresholds are medians over the folds), ``unlike_training``.
        """
        vectors = np.asarray(X, dtype=np.float64)
        unlike = self.unlikeness.distances(vectors) > self.farthest
        parts = []
        for name, frozen in self.models.items():
            score = np.clip(frozen.model.decision(vectors), -LOG_ODDS, LOG_ODDS)
            table = pd.DataFrame({"row": range(len(vectors)), "target_condition": name, "score": score, "probability": _probability(score)})
            for rule, threshold in frozen.thresholds.items():
                table[f"positive_{rule}"] = score >= threshold
            if prevalence is not None:
                table["probability_at_prevalence"] = np.nan
                if name in prevalence:
                    brought = recalibrate(score, sample_prevalence=frozen.share, prevalence=prevalence[name])
                    table["probability_at_prevalence"] = _probability(brought)
            parts.append(table.assign(unlike_training=unlike))
        return pd.concat(parts, ignore_index=True)


def _probability(log_odds: ArrayLike) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(log_odds))))


def write_condition_bundle(folder: Path, fit: ConditionFit, card: ConditionCard, *, crop: CropContract, encoder_file: Path | None) -> Path:
    """Write the models fitted on all as a folder, whole or not at all.

    Raises
    ------
    InputError
        When ``folder`` holds something else than a bundle.
    StoreError
        When the folder cannot be written; what was there is untouched.
    """

    def fill(building: Path) -> None:
        write_whole(building / "MODEL_CARD.md", render_condition_card(card).encode())
        write_whole(building / "card.json", (to_json(card, indent=2) + "\n").encode())
        write_whole(building / "crop.json", (to_json(crop, indent=2) + "\n").encode())
        plain = {
            "farthest": fit.farthest,
            "thresholds": {name: frozen.thresholds for name, frozen in fit.frozen.items()},
            "shares": {name: frozen.share for name, frozen in fit.frozen.items()},
        }
        write_json(building / "model.json", plain)
        write_arrays(building / "unlikeness.safetensors", fit.unlikeness.to_arrays())
        for number, (name, frozen) in enumerate(fit.frozen.items()):
            metadata = {"condition": name, "classifier": frozen.model.classifier}
            write_arrays(building / f"condition_{number}.safetensors", frozen.model.to_arrays(), metadata)
        copy_network(building, encoder_file)

    return write_folder(folder, fill, model_id=card.model_id, kind=KIND)


def read_condition_bundle(folder: Path) -> ConditionBundle:
    """Read a bundle of conditions and check every part against its hash.

    Raises
    ------
    WeightsError
        When a part is absent, cut off or altered.
    InputError
        When the folder is no bundle, or one of ages.
    """
    folder = Path(folder)
    if bundle_kind(folder) != KIND:
        raise InputError(f"{folder.name} predicts age, not a condition: give a bundle of a study with target 'facies'")
    files = checked_files(folder, PARTS)
    card = from_json(ConditionCard, (folder / "card.json").read_text(encoding="utf-8"))
    crop = from_json(CropContract, (folder / "crop.json").read_text(encoding="utf-8"))
    try:
        plain = read_json(folder / "model.json")
        models = {}
        for number in range(len(card.target_conditions)):
            arrays, metadata = read_arrays(folder / f"condition_{number}.safetensors")
            name = metadata["condition"]
            model = ConditionModel.from_arrays(arrays, metadata["classifier"])
            models[name] = FrozenCondition(model, dict(plain["thresholds"][name]), float(plain["shares"][name]))
        unlikeness = Unlikeness.from_arrays(read_arrays(folder / "unlikeness.safetensors")[0])
        farthest = float(plain["farthest"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the parts of the bundle {folder.name} do not fit together: take a bundle that facies wrote") from error
    network = folder / NETWORK if NETWORK in files else None
    return ConditionBundle(models, unlikeness, farthest, card, crop, network, file_sha256(folder / MANIFEST))


def read_any_bundle(folder: Path) -> Bundle | ConditionBundle:
    """Read a bundle of either kind.

    Raises
    ------
    WeightsError
        When a part is absent, cut off or altered.
    InputError
        When the folder is no bundle, or of a later version.
    """
    return read_condition_bundle(folder) if bundle_kind(Path(folder)) == KIND else read_bundle(folder)


def render_condition_card(card: ConditionCard) -> str:
    """Write MODEL_CARD.md."""
    cases = "\n".join(f"- {name}: {n} people with it, {card.n_participants - n} others" for name, n in card.n_cases.items())
    sources = "\n".join(f"- {name}: {n} people" for name, n in card.sources.items())
    ages = "not known" if card.ages is None else f"{card.ages[0]:.0f} to {card.ages[1]:.0f} years"
    warnings = "\n".join(f"- `{name}`: {meaning}." for name, meaning in WARNINGS.items())
    licences = "\n".join(f"- {line}" for line in card.licences) or "Not stated."
    rules = ", ".join(card.operating_points)
    sections = (
        ("Intended use", INTENDED_USE),
        (
            "What it does",
            f"Log-odds of {', '.join(card.target_conditions)}, each against all others, by {card.classifier} on {card.encoder.name}.",
        ),
        ("Trained on", f"{card.n_participants} people, {card.n_photographs} photographs, ages {ages}.\n\n{cases}\n\nSources:\n\n{sources}"),
        ("Operating points", f"{rules}. Thresholds are medians over all folds, each fixed on people of the other folds."),
        ("Warnings it gives", warnings),
        ("Personal data", HOLDS_PEOPLE if classifier_entry(card.classifier).holds_people else HOLDS_NOBODY),
        ("Licences", licences),
    )
    return f"# {card.model_id}\n\n" + "\n\n".join(f"## {title}\n\n{body}" for title, body in sections) + "\n"
