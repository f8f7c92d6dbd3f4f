"""The part of facies-s that was learnt, as a torch module with a linear head: what gradients can be taken of."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from facies._optional import import_extra
from facies.embeddings.facies_s import FaciesS
from facies.errors import InputError
from facies.models.classifiers import ConditionModel
from facies.saliency.gradients import grad_cam, integrated_gradients
from facies.types import Floats, Image

FIRST, LENGTH = 2380, 544
"""Where the network's block begins in a vector of facies-s, and its length."""


def require_learnt_part(encoder: Any, model: ConditionModel, method: str) -> None:
    """Refuse gradients where there is no network that they could be taken of.

    Raises
    ------
    InputError
        When the encoder is another than facies-s or the classifier is not linear.
    """
    if not isinstance(encoder, FaciesS) or model.coefficients() is None:
        raise InputError(
            f"conditions.saliency.methods: {method} needs the encoder facies-s with logistic or lda; use occlusion for {encoder.card.name}"
        )


class LearntPart:
    """Gradients of what the network of facies-s gives to the log-odds."""

    def __init__(self) -> None:
        torch = import_extra("torch", extra="explain")
        from safetensors.torch import load_file

        from facies.embeddings.facies_s_network import CROP, make_network

        self._torch, self.size = torch, CROP.size
        self._network = make_network(size=CROP.size)
        self._network.load_state_dict(load_file(str(files("facies.embeddings") / "facies_s.safetensors")))
        self._network.eval()

    def map(self, method: str, crop: Image, filling: Floats, model: ConditionModel) -> Floats:
        """Return a map of the crop's size; ``filling`` is the average face."""
        module = self._head(model)
        tensor = self._prepared(crop)
        if method == "grad_cam":
            found = grad_cam(module, self._network.stages[-1], tensor)
        else:
            found = integrated_gradients(module, tensor, self._prepared(filling))
        return np.asarray(cv2.resize(found[0], (len(crop), len(crop)), interpolation=cv2.INTER_LINEAR))

    def _prepared(self, crop: Any) -> Any:
        small = cv2.resize(np.asarray(crop, dtype=np.float32), (self.size, self.size), interpolation=cv2.INTER_AREA)
        return self._torch.from_numpy(np.ascontiguousarray((small / 255 - 0.5).transpose(2, 0, 1)[None] / 0.5)).float()

    def _head(self, model: ConditionModel) -> Callable[[Any], Any]:
        linear = model.coefficients()
        if linear is None:
            raise InputError("the classifier is not linear: gradients need logistic or lda")
        torch, network = self._torch, self._network
        weights = torch.from_numpy(linear[0][FIRST : FIRST + LENGTH].astype(np.float32))

        class Head(torch.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, x: Any) -> Any:
                return self.network(x) @ weights

        head: Callable[[Any], Any] = Head().eval()
        return head
