"""Networks without a head: networks of the timm library by name, and the architecture of the shipped encoder."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facies.embeddings.pretrain.offline import import_training
from facies.errors import InputError, WeightsError

SHIPPED = "facies-s"
"""The architecture of the encoder that comes with the package."""


def make_backbone(name: str, *, size: int, weights: Path | None = None, random_state: int = 0) -> Any:
    """Return a network that turns crops into vectors, with fresh weights or those of a file.

    Vision transformers give the mean of their patch tokens, which every way of pretraining trains (a class token is not trained by masked
    autoencoding).

    Parameters
    ----------
    name
        A name of the timm library, such as ``resnet18`` or ``vit_tiny_patch16_224``, or ``facies-s``.
    size
        Side of the crops in pixels.
    weights
        A ``.safetensors`` file of this network; a classifier in it is left out. Nothing is ever fetched.
    random_state
        What fresh weights are drawn from; they are the same on every machine.

    Returns
    -------
    torch.nn.Module
        ``forward`` takes float (n, 3, size, size), ``(pixel / 255 - 0.5) / 0.5``, and gives (n, ``num_features``).

    Raises
    ------
    InputError
        When there is no network of this name, or it cannot take crops of this size.
    WeightsError
        When the weights are absent, not safetensors, or those of another network.
    MissingExtraError
        When torch or timm is absent.

    Examples
    --------
    >>> make_backbone("resnet81", size=64)
    Traceback (most recent call last):
    ...
    facies.errors.InputError: no network 'resnet81': did you mean resnet18, ...
    """
    torch = import_training("torch")
    timm = import_training("timm")
    _require_name(name, timm)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        network = _build(name, size, timm)
    _require_size(network, name, size, torch)
    if weights is not None:
        fill(network, weights)
    return network


def _require_name(name: str, timm: Any) -> None:
    known = [*timm.list_models(), SHIPPED]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        advice = f"did you mean {', '.join(near)}?" if near else "write a name from timm.list_models()"
        raise InputError(f"no network '{name}': {advice}")


def _build(name: str, size: int, timm: Any) -> Any:
    if name == SHIPPED:
        return importlib.import_module("facies.embeddings.facies_s_network").make_network(size=size)
    settings: dict[str, Any] = {}
    if timm.get_pretrained_cfg(name).fixed_input_size:
        settings["img_size"] = size
    if timm.models.model_entrypoint(name).__module__ == "timm.models.vision_transformer":
        settings |= {"global_pool": "avg", "fc_norm": False}
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, **settings)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be built for crops of {size} px ({error}): choose another size or network") from error


def _require_size(network: Any, name: str, size: int, torch: Any) -> None:
    """Try one crop, and note how many numbers a vector has."""
    network.eval()
    try:
        with torch.inference_mode():
            vectors = network(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise InputError(f"{name} cannot take crops of {size} px ({str(error).splitlines()[0]}): choose another size") from error
    if vectors.ndim != 2:
        raise InputError(f"{name} gives no vector but an array of shape {tuple(vectors.shape)}: choose another network")
    network.num_features = int(vectors.shape[1])
    network.train()


def fill(network: Any, weights: Path) -> None:
    """Give a network the weights of a file; a classifier in the file is left out, everything else must match.

    Raises
    ------
    WeightsError
        When the file is absent, not safetensors, or holds the weights of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{weights.name} cannot be read as safetensors: give the network's .safetensors file") from error
    try:
        network.load_state_dict(_without_classifier(network, state), strict=True)
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip()[:120]
        raise WeightsError(f"{weights.name} holds the weights of another network ({detail}): give those of this one") from error


def _without_classifier(network: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    heads = getattr(network, "pretrained_cfg", {}).get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    return {name: value for name, value in state.items() if not any(name.startswith(f"{head}.") for head in heads)}


def save_weights(network: Any, path: Path) -> Path:
    """Write a network's weights as safetensors, whole or not at all."""
    from facies.store import write_arrays

    return write_arrays(path, {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()})
