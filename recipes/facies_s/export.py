"""Write facies-s into the package: `python export.py --out OUT`, after train.py and scores.py.

The network's weights are rounded to half precision, in which they are stored; they are computed with in single precision.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file

from facies.embeddings.facies_s_network import CROP, FaciesS
from facies.embeddings.pretrain.export import export_encoder
from facies.embeddings.sidecar import NetworkSidecar, sidecar_path
from facies.store import file_sha256, write_json

PACKAGE = Path(__file__).parents[2] / "src" / "facies" / "embeddings"
HALVED = 1024
"""Tensors with more numbers than this are stored in half precision."""


def round_to_half(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights in half precision; counters stay."""
    return {name: value.half() if value.dtype.is_floating_point else value for name, value in state.items()}


def store_in_half(path: Path) -> None:
    """Store an ONNX file's large tensors in half precision, each with a cast to single precision in front of its use."""
    model = onnx.load(path)
    graph, casts = model.graph, []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > HALVED:
            name = tensor.name
            graph.initializer.remove(tensor)
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def main() -> None:
    """Write network, weights, scores and card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="facies_s")
    options = parser.parse_args()
    card = json.loads(Path(__file__).with_name("card.json").read_text(encoding="utf-8"))
    halved = round_to_half(load_file(options.out / f"{options.name}.safetensors"))
    net = FaciesS().eval()
    net.load_state_dict(halved)
    network = PACKAGE / "facies_s.onnx"
    export_encoder(
        net, network, name="facies-s network", crop=CROP, licence=card["licence"], source=card["recipe"], trained_on=card["trained_on"]
    )
    store_in_half(network)
    described = NetworkSidecar.model_validate_json(sidecar_path(network).read_bytes())
    write_json(sidecar_path(network), described.model_copy(update={"sha256": file_sha256(network)}).model_dump(mode="json"))
    save_file(halved, PACKAGE / "facies_s.safetensors")
    scores = shutil.copyfile(options.out / "facies_s_scores.safetensors", PACKAGE / "facies_s_scores.safetensors")
    write_json(PACKAGE / "facies_s.json", {**card, "network_sha256": file_sha256(network), "scores_sha256": file_sha256(Path(scores))})
    print({path.name: path.stat().st_size for path in sorted(PACKAGE.glob("facies_s*"))})


if __name__ == "__main__":
    main()
