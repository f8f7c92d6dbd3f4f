"""A model in a folder: it says what it is, runs without torch and refuses faces that were cut in another way.

::

    bundle/
    ├── MODEL_CARD.md              for people
    ├── card.json  crop.json       what the model is; how faces must be cut
    ├── model.json                 half widths of the intervals, training range
    ├── regressor.safetensors      the fitted regressor
    ├── unlikeness.safetensors     the training faces' mean and principal axes
    ├── encoder.onnx (.json)       the network, where it has a file, and its description
    └── manifest.json              SHA-256 of each of these
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from facies.errors import InputError, StoreError, WeightsError
from facies.models.frozen import Calibration, FrozenModel, TrainingSummary
from facies.models.model_card import render_model_card
from facies.models.regressors import regressor_class
from facies.models.unlikeness import Unlikeness
from facies.records import CropContract, EncoderCard, ModelCard, from_json, to_json
from facies.store import file_sha256, read_arrays, read_json, write_arrays, write_json, write_whole
from facies.types import Encoder, Images

FORMAT = 1
MANIFEST = "manifest.json"
NETWORK = "encoder.onnx"
PARTS = ("MODEL_CARD.md", "card.json", "crop.json", "model.json", "regressor.safetensors", "unlikeness.safetensors")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model read from its folder.

    Parameters
    ----------
    frozen
        The fitted regressor with its interval and warnings.
    card, crop
        What it is; how faces must be cut.
    encoder_file
        The network's file inside the bundle, or None when the encoder has none (``pixels``, ``hog``) or was left out.
    sha256
        Of the manifest, and so of the whole bundle.
    """

    frozen: FrozenModel
    card: ModelCard
    crop: CropContract
    encoder_file: Path | None
    sha256: str

    def predict_vectors(self, X: ArrayLike, *, level: float | None = None) -> pd.DataFrame:
        """Predict from vectors of this bundle's encoder, (n, p): ``predicted``, ``ci_low``, ``ci_high``, ``warning``."""
        return self.frozen.predict_vectors(X, level=level)

    def predict(self, crops: Images, *, crop_contract: CropContract, encoder: Encoder, level: float | None = None) -> pd.DataFrame:
        """Predict from aligned crops, (n, size, size, 3).

        Raises
        ------
        CropContractError
            When the crops were cut in another way than those the model was trained on; the message names what differs.
        InputError
            When ``encoder`` is another one than the model's.
        """
        self.crop.require(crop_contract)
        self.require_encoder(getattr(encoder, "card", None))
        return self.predict_vectors(encoder.encode(crops), level=level)

    def require_encoder(self, card: EncoderCard | None) -> None:
        """Refuse another encoder than the model's.

        Raises
        ------
        InputError
            Naming both, or the precision where only that differs.
        """
        require_same_encoder(self.card.encoder, card)


def require_same_encoder(mine: EncoderCard, card: EncoderCard | None) -> None:
    """Refuse vectors of another encoder than a model's, ``mine``; nothing is known of a card that is None.

    Raises
    ------
    InputError
        Naming both, or the precision where only that differs.
    """
    if card is None:
        return
    if _identity(card) != _identity(mine):
        given, wanted = (f"{one.name} ({_what_differs(one, other)})" for one, other in ((card, mine), (mine, card)))
        raise InputError(f"the vectors are by {given}, the model needs {wanted}: use the model's own encoder")
    if card.precision != mine.precision:
        raise InputError(
            f"the vectors by {card.name} were made in {card.precision}, the model needs {mine.precision}: encode in that precision"
        )


def _what_differs(card: EncoderCard, other: EncoderCard) -> str:
    """Return the hash of an encoder's network, or, where another of the same name has the same, its version or how it prepares pixels."""
    if (card.name, card.sha256) != (other.name, other.sha256):
        return card.sha256[:12] or "no hash"
    if card.source != other.source:
        return card.source or "no source"
    return card.preparation or f"{card.dimension} numbers"


def _identity(card: EncoderCard) -> tuple[str, str, int, str]:
    return card.name, card.sha256, card.dimension, card.preparation


def write_bundle(folder: Path, *, frozen: FrozenModel, card: ModelCard, crop: CropContract, encoder_file: Path | None = None) -> Path:
    """Write a model as a folder, whole or not at all; an older bundle of this name is replaced.

    Parameters
    ----------
    encoder_file
        The network's ONNX file, copied together with its description ``<file>.json`` where there is one. None: the encoder has no file.

    Raises
    ------
    InputError
        When ``folder`` holds something else than a bundle, the card is of another model or the file of another network.
    StoreError
        When the folder cannot be written; what was there is untouched.
    """
    _check_parts(frozen, card, encoder_file)

    def fill(building: Path) -> None:
        _write_parts(building, frozen, card, crop)
        copy_network(building, encoder_file)

    return write_folder(Path(folder), fill, model_id=card.model_id)


def write_folder(folder: Path, fill: Callable[[Path], None], *, model_id: str, kind: str | None = None) -> Path:
    """Write a bundle's folder, whole or not at all: ``fill`` writes the parts into the folder that it is given.

    Raises
    ------
    InputError
        When ``folder`` holds something else than a bundle.
    StoreError
        When the folder cannot be written; what was there is untouched.
    """
    _check_place(folder)
    building = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
        fill(building)
        hashes = {path.name: file_sha256(path) for path in sorted(building.iterdir())}
        named = {} if kind is None else {"kind": kind}
        write_json(building / MANIFEST, {"format": FORMAT, "model_id": model_id, "files": hashes, **named})
        _put_in_place(building, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"the bundle {folder.name} was not written ({reason}): free some space or choose another folder") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every part against its hash.

    Raises
    ------
    WeightsError
        When a part is absent, cut off or altered; the message names it.
    InputError
        When the folder is no bundle, or of a later version.
    """
    folder = Path(folder)
    if bundle_kind(folder) != "age":
        raise InputError(f"{folder.name} predicts conditions, not age: read it by facies.models.read_any_bundle")
    files = checked_files(folder, PARTS)
    card = from_json(ModelCard, (folder / "card.json").read_text(encoding="utf-8"))
    crop = from_json(CropContract, (folder / "crop.json").read_text(encoding="utf-8"))
    network = folder / NETWORK if NETWORK in files else None
    try:
        frozen = _read_frozen(folder, card)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the parts of the bundle {folder.name} do not fit together: take a bundle that facies wrote") from error
    return Bundle(frozen, card, crop, network, file_sha256(folder / MANIFEST))


def _check_place(folder: Path) -> None:
    if folder.exists() and not (folder / MANIFEST).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder.name} exists and is not a bundle: choose another folder")


def _check_parts(frozen: FrozenModel, card: ModelCard, encoder_file: Path | None) -> None:
    if (frozen.model_id, frozen.target, frozen.regressor_name) != (card.model_id, card.target, card.regressor):
        raise InputError(f"the card is of {card.model_id}, the model is {frozen.model_id}: describe the same model")
    expected, given = frozen.regressor.n_features_in_, card.encoder.dimension
    if expected != given:
        raise InputError(f"{card.encoder.name} gives {given} numbers a face, the model expects {expected}: give its own encoder")
    if encoder_file is not None and card.encoder.sha256 and file_sha256(encoder_file) != card.encoder.sha256:
        raise InputError(f"{encoder_file.name} is not the network {card.encoder.name} that the model was trained on: give that file")


def _write_parts(building: Path, frozen: FrozenModel, card: ModelCard, crop: CropContract) -> None:
    write_whole(building / "MODEL_CARD.md", render_model_card(card, crop).encode())
    write_whole(building / "card.json", (to_json(card, indent=2) + "\n").encode())
    write_whole(building / "crop.json", (to_json(crop, indent=2) + "\n").encode())
    parts = {"calibration": dataclasses.asdict(frozen.calibration), "training": dataclasses.asdict(frozen.training)}
    write_json(building / "model.json", {**parts, "level": frozen.level, "settings": frozen.settings})
    write_arrays(building / "regressor.safetensors", frozen.regressor.to_arrays(), _regressor_metadata(frozen))
    write_arrays(building / "unlikeness.safetensors", frozen.unlikeness.to_arrays())


def _regressor_metadata(frozen: FrozenModel) -> dict[str, str]:
    return {"regressor": frozen.regressor_name, "settings": json.dumps(frozen.regressor.get_params(), sort_keys=True)}


def copy_network(building: Path, encoder_file: Path | None) -> None:
    """Copy a network and its description into a bundle, where it has a file."""
    if encoder_file is None:
        return
    shutil.copyfile(encoder_file, building / NETWORK)
    description = encoder_file.with_name(f"{encoder_file.name}.json")
    if description.exists():
        shutil.copyfile(description, building / f"{NETWORK}.json")


def _put_in_place(building: Path, folder: Path) -> None:
    """Rename the new folder to its name; an older one is moved aside first and comes back if that fails."""
    older = folder.with_name(f".{folder.name}.{os.getpid()}.older")
    if folder.exists():
        folder.replace(older)
    try:
        building.replace(folder)
    except OSError:
        if older.exists():
            older.replace(folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


def bundle_kind(folder: Path) -> str:
    """Return what a bundle predicts: ``age`` (a number of years) or ``condition``.

    Raises
    ------
    InputError
        When the folder is no bundle.
    """
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder.name} is not a bundle, it has no {MANIFEST}: give the folder that `facies run` wrote")
    try:
        return str(read_json(folder / MANIFEST).get("kind", "age"))
    except (StoreError, AttributeError) as error:
        raise WeightsError(_altered(folder, MANIFEST)) from error


def checked_files(folder: Path, parts: Sequence[str]) -> Mapping[str, str]:
    """Return the files of a bundle with their hashes, once all are there and unaltered.

    Raises
    ------
    WeightsError
        Naming the file that is absent or altered.
    InputError
        When the folder is no bundle, or of a later version.
    """
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder.name} is not a bundle, it has no {MANIFEST}: give the folder that `facies run` wrote")
    files = _manifest(folder)
    for name in (*parts, *files):
        if name not in files or not (folder / name).is_file():
            raise WeightsError(f"{name} is absent from the bundle {folder.name}: copy the bundle again, whole")
        if file_sha256(folder / name) != files[name]:
            raise WeightsError(_altered(folder, name))
    return files


def _altered(folder: Path, name: str) -> str:
    return f"{name} in the bundle {folder.name} is cut off or altered: copy the bundle again from where it was made"


def _manifest(folder: Path) -> dict[str, str]:
    try:
        manifest = read_json(folder / MANIFEST)
        version, files = manifest["format"], dict(manifest["files"])
    except (StoreError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(_altered(folder, MANIFEST)) from error
    if version != FORMAT:
        raise InputError(f"the bundle {folder.name} has format {version}, this facies reads {FORMAT}: install a later facies")
    foreign = [name for name in files if Path(name).name != name or name in ("", ".", "..")]
    if foreign:
        raise WeightsError(f"{MANIFEST} in the bundle {folder.name} names a file outside of it: do not use this bundle")
    return files


def _read_frozen(folder: Path, card: ModelCard) -> FrozenModel:
    plain: dict[str, Any] = read_json(folder / "model.json")
    arrays, metadata = read_arrays(folder / "regressor.safetensors")
    regressor = regressor_class(metadata["regressor"]).from_arrays(arrays, json.loads(metadata["settings"]))
    return FrozenModel(
        model_id=card.model_id,
        target=card.target,
        regressor_name=metadata["regressor"],
        regressor=regressor,
        unlikeness=Unlikeness.from_arrays(read_arrays(folder / "unlikeness.safetensors")[0]),
        calibration=from_json(Calibration, json.dumps(plain["calibration"])),
        training=from_json(TrainingSummary, json.dumps(plain["training"])),
        level=plain["level"],
        settings=plain["settings"],
    )
