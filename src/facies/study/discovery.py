"""What a finished study hands to another one: its settings, frozen models, associations, and numbers about its cohort without persons.

Of the discovery's folder only this is read: ``study.toml``, ``derived/models/`` (bundles, ``model_cards.json``, ``cohort_summary.json``)
and ``derived/association/associations.tsv``. Where its tables of people are at hand too, they serve to find people who are in both studies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from facies.errors import CropContractError, InputError
from facies.evaluation.shift import CohortSummary, summarise_cohort
from facies.models import Bundle, read_bundle
from facies.records import CropContract, from_json, to_json
from facies.store import file_sha256, read_json, read_record, read_table, table_path, write_json
from facies.study.config import CONFIG_NAME, StudyConfig, read_config
from facies.study.extraction import Extractor, ExtractorRecipe
from facies.study.faces import detector_file, make_gate
from facies.study.models import CARDS, bundle_name
from facies.tables import ASSOCIATIONS, FACES, PARTICIPANT_PREDICTIONS, PARTICIPANTS, PHOTOGRAPHS

SUMMARY = "cohort_summary.json"
"""Numbers about the discovery's cohort, beside its bundles."""


@dataclass(frozen=True, eq=False)
class Discovery:
    """A finished study, as far as it travels.

    ``associations`` is None where the study asks for none. ``summary`` is None where neither it nor the tables behind it are at hand.
    """

    folder: Path
    config: StudyConfig
    bundles: tuple[Bundle, ...]
    associations: pd.DataFrame | None
    summary: CohortSummary | None

    @property
    def target(self) -> str:
        """Return what the models predict."""
        return self.config.study.target

    @property
    def model_ids(self) -> list[str]:
        """Return the models in the order of the study."""
        return [bundle.card.model_id for bundle in self.bundles]

    @property
    def files(self) -> dict[str, Path]:
        """Return the files whose change makes a replication out of date, those that there are."""
        named = {
            "discovery_associations": table_path(self.folder, ASSOCIATIONS),
            "discovery_cohort_summary": summary_path(self.folder),
            "discovery_participants": table_path(self.folder, PARTICIPANTS),
            "discovery_photographs": table_path(self.folder, PHOTOGRAPHS),
            "discovery_hashes": table_path(self.folder, FACES).with_name("perceptual_hashes.json"),
        }
        return {name: path for name, path in named.items() if path.exists()}


def summary_path(study: Path) -> Path:
    """Return where the summary of a study's cohort lies."""
    return study / "derived" / "models" / SUMMARY


def write_cohort_summary(study: Path, participants: pd.DataFrame, photographs: pd.DataFrame, predictions: pd.DataFrame) -> Path:
    """Write the summary of a study's cohort beside its bundles; ``predictions`` is table ``participant_predictions``."""
    summary = summarise_cohort(participants, photographs, read_table(study, FACES), predictions)
    return write_json(summary_path(study), asdict(summary))


def read_discovery(folder: Path) -> Discovery:
    """Read and check what a finished study hands on.

    Raises
    ------
    InputError
        When the study has not been run, or parts of it come from different runs.
    WeightsError
        When a bundle is cut off or altered.

    Examples
    --------
    >>> read_discovery(Path("no-such-study"))
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no-such-study has no study.toml: make one with `facies init no-such-study`
    """
    config = read_config(folder)
    bundles = _read_bundles(folder, config)
    return Discovery(folder, config, bundles, _read_associations(folder, config), _read_summary(folder))


def _read_bundles(folder: Path, config: StudyConfig) -> tuple[Bundle, ...]:
    models = folder / "derived" / "models"
    if not (models / CARDS).is_file():
        raise InputError(f"{folder} has no models ({CARDS} is absent): run `facies run {folder}`, or copy derived/models whole")
    bundles = tuple(_read_named(folder, card) for card in read_json(models / CARDS))
    for bundle in bundles:
        if bundle.card.target != config.study.target:
            raise InputError(
                f"{bundle.card.model_id} predicts {bundle.card.target}, {CONFIG_NAME} of {folder} says {config.study.target}: "
                f"run `facies run {folder}` again"
            )
    return bundles


def _read_named(folder: Path, card: Mapping[str, Any]) -> Bundle:
    model_id = str(card["model_id"])
    bundle = read_bundle(folder / "derived" / "models" / bundle_name(model_id))
    if json.loads(to_json(bundle.card)) != card:
        raise InputError(f"the bundle of {model_id} and {CARDS} come from different runs: copy derived/models of {folder} again, whole")
    return bundle


def _read_associations(folder: Path, config: StudyConfig) -> pd.DataFrame | None:
    if not config.association.outcomes and not config.association.traits:
        return None
    path = table_path(folder, ASSOCIATIONS)
    if not path.exists():
        raise InputError(f"{folder} has no associations ({path.name} is absent): run `facies run {folder}`, or copy derived/association")
    record = read_record(folder, ASSOCIATIONS.written_by)
    if record is not None:
        _require_current(folder, config, record.settings, record.outputs.get(path.relative_to(folder).as_posix()), path)
    return read_table(folder, ASSOCIATIONS)


def _require_current(folder: Path, config: StudyConfig, settings: Mapping[str, Any], sha256: str | None, path: Path) -> None:
    """Refuse associations that were made with other settings than study.toml has now, or changed since."""
    asked = json.loads(json.dumps(config.association.model_dump()))
    changed = [name for name, value in asked.items() if name in settings and settings[name] != value]
    if changed:
        raise InputError(
            f"association.{changed[0]} in {CONFIG_NAME} of {folder} was changed after its associations were computed: "
            f"run `facies run {folder}` again"
        )
    if sha256 is not None and file_sha256(path) != sha256:
        raise InputError(f"{path.name} of {folder} was changed after it was computed: run `facies run {folder}` again")


def _read_summary(folder: Path) -> CohortSummary | None:
    path = summary_path(folder)
    if path.exists():
        return from_json(CohortSummary, json.dumps(read_json(path)))
    tables = (PARTICIPANTS, PHOTOGRAPHS, FACES, PARTICIPANT_PREDICTIONS)
    if not all(table_path(folder, table).exists() for table in tables):
        return None
    return summarise_cohort(*(read_table(folder, table) for table in tables))


def make_frozen_extractor(discovery: Discovery, validation: Path, config: StudyConfig) -> Extractor:
    """Return what finds, cuts and encodes faces as the discovery's models expect.

    The quality gate is the discovery's, unless the validation sets thresholds of its own. Files of networks that the bundles do not hold
    are those that the validation's ``study.toml`` names, or that were fetched.

    Raises
    ------
    InputError
        When the validation asks for another detector, or an encoder is another than the model's.
    CropContractError
        When the detector at hand has other weights than the one that the models were trained with.
    WeightsError
        When a network's file is absent.
    """
    detector = _common_detector(discovery, config)
    encoders = {_spec(bundle): bundle for bundle in discovery.bundles}
    weights = [_weights(spec, bundle, validation, config) for spec, bundle in encoders.items()]
    given = None if config.faces.detector_weights is None else validation / config.faces.detector_weights
    found = detector_file(detector, given)
    thresholds = config.faces.gate if "gate" in config.faces.model_fields_set else discovery.config.faces.gate
    recipe = ExtractorRecipe(
        detector=detector,
        detector_weights=None if found is None else str(found.resolve()),
        encoders=list(encoders),
        weights=weights,
        gate=asdict(make_gate(thresholds)),
        max_pixels=config.faces.max_pixels,
        margin=discovery.config.embeddings.margin,
        runtime=discovery.config.embeddings.runtime,
        precision=discovery.config.embeddings.precision,
    )
    extractor = recipe.build()
    for bundle in discovery.bundles:
        _require_contract(bundle, extractor, encoder_place(discovery, bundle))
    return extractor


def encoder_place(discovery: Discovery, bundle: Bundle) -> int:
    """Return which of the extractor's encoders makes a model's vectors."""
    return list(dict.fromkeys(map(_spec, discovery.bundles))).index(_spec(bundle))


def _common_detector(discovery: Discovery, config: StudyConfig) -> str:
    name: str = discovery.bundles[0].crop.detector
    asked = config.faces.detector
    if "detector" in config.faces.model_fields_set and asked != name:
        raise InputError(
            f"the models' faces were found by {name}, {CONFIG_NAME} of the validation asks for {asked}: "
            f"write faces.detector = '{name}' there"
        )
    return name


def _spec(bundle: Bundle) -> str:
    return bundle.card.encoder.name if bundle.encoder_file is None else f"onnx:{bundle.encoder_file.resolve()}"


def _weights(spec: str, bundle: Bundle, validation: Path, config: StudyConfig) -> str | None:
    named = config.embeddings.weights.get(spec)
    return None if named is None or bundle.encoder_file is not None else str((validation / named).resolve())


def _require_contract(bundle: Bundle, extractor: Extractor, place: int) -> None:
    card = extractor.encoders[place].card
    bundle.require_encoder(card)
    made: CropContract = extractor.contract(card)
    try:
        bundle.crop.require(made)
    except CropContractError as error:
        raise CropContractError(f"{bundle.card.model_id}: {error}") from error
