"""A vision transformer in the layout of CLIP's image tower, forward only.

Method: Dosovitskiy et al. 2021 (the transformer), Radford et al. 2021 (its layout: normalisation before the first block,
quick GELU, a learnt projection after the last). The module names below are those of published weight files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from facies._optional import import_extra
from facies.errors import WeightsError

HEAD_WIDTH = 64


class ClipVit:
    """The image tower as a function of its weights.

    Parameters
    ----------
    weights
        Arrays by name, as in ``conv1.weight`` (width, 3, patch, patch) and ``transformer.resblocks.0.ln_1.weight``;
        ``proj`` is not used.

    Raises
    ------
    WeightsError
        When an array is absent or has another shape than the others demand.
    MissingExtraError
        When torch is absent.
    """

    def __init__(self, weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self._torch = import_extra("torch", extra="train")
        self._arrays = {name: self._torch.from_numpy(np.array(array, dtype=np.float32)) for name, array in weights.items()}
        self._require("conv1.weight")
        self.width = int(self._arrays["conv1.weight"].shape[0])
        self.patch = int(self._arrays["conv1.weight"].shape[-1])
        self.depth = sum(name.endswith(".ln_1.weight") for name in self._arrays)
        for name, shape in self._shapes().items():
            self._require(name, shape)
        tokens = int(self._arrays["positional_embedding"].shape[0])
        self.size = round((tokens - 1) ** 0.5) * self.patch

    def __call__(self, images: Any) -> Any:
        """Return the normalised class token of each picture, (n, width).

        Parameters
        ----------
        images
            Float tensor (n, 3, size, size), colours standardised.
        """
        w = self._arrays
        patches = self._torch.nn.functional.conv2d(images, w["conv1.weight"], stride=self.patch).flatten(2).transpose(1, 2)
        first = w["class_embedding"].expand(len(images), 1, self.width)
        tokens = self._norm(self._torch.cat([first, patches], dim=1) + w["positional_embedding"], "ln_pre")
        for block in range(self.depth):
            tokens = self._block(tokens, f"transformer.resblocks.{block}")
        return self._norm(tokens[:, 0], "ln_post")

    def _block(self, tokens: Any, at: str) -> Any:
        tokens = tokens + self._attend(self._norm(tokens, f"{at}.ln_1"), f"{at}.attn")
        hidden = self._linear(self._norm(tokens, f"{at}.ln_2"), f"{at}.mlp.c_fc")
        return tokens + self._linear(hidden * self._torch.sigmoid(1.702 * hidden), f"{at}.mlp.c_proj")

    def _attend(self, tokens: Any, at: str) -> Any:
        n, length, width = tokens.shape
        joint = self._torch.nn.functional.linear(tokens, self._arrays[f"{at}.in_proj_weight"], self._arrays[f"{at}.in_proj_bias"])
        query, key, value = joint.reshape(n, length, 3, width // HEAD_WIDTH, HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        mixed = self._torch.nn.functional.scaled_dot_product_attention(query, key, value)
        return self._linear(mixed.transpose(1, 2).reshape(n, length, width), f"{at}.out_proj")

    def _linear(self, tokens: Any, at: str) -> Any:
        return self._torch.nn.functional.linear(tokens, self._arrays[f"{at}.weight"], self._arrays[f"{at}.bias"])

    def _norm(self, tokens: Any, at: str) -> Any:
        return self._torch.nn.functional.layer_norm(tokens, (self.width,), self._arrays[f"{at}.weight"], self._arrays[f"{at}.bias"])

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        width = self.width
        norms = {f"{at}.{part}": (width,) for at in ("ln_pre", "ln_post") for part in ("weight", "bias")}
        blocks = [_block_shapes(f"transformer.resblocks.{i}", width) for i in range(self.depth)]
        return {"class_embedding": (width,), **norms, **{name: shape for block in blocks for name, shape in block.items()}}

    def _require(self, name: str, shape: tuple[int, ...] | None = None) -> None:
        if name not in self._arrays:
            raise WeightsError(f"the weights hold no '{name}': they are not those of a CLIP image tower")
        found = tuple(self._arrays[name].shape)
        if shape is not None and found != shape:
            raise WeightsError(f"'{name}' has shape {found}, expected {shape}: the weights are not those of one CLIP image tower")


def _block_shapes(at: str, width: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{at}.ln_1.weight": (width,),
        f"{at}.ln_1.bias": (width,),
        f"{at}.attn.in_proj_weight": (3 * width, width),
        f"{at}.attn.in_proj_bias": (3 * width,),
        f"{at}.attn.out_proj.weight": (width, width),
        f"{at}.attn.out_proj.bias": (width,),
        f"{at}.ln_2.weight": (width,),
        f"{at}.ln_2.bias": (width,),
        f"{at}.mlp.c_fc.weight": (4 * width, width),
        f"{at}.mlp.c_fc.bias": (4 * width,),
        f"{at}.mlp.c_proj.weight": (width, 4 * width),
        f"{at}.mlp.c_proj.bias": (width,),
    }
