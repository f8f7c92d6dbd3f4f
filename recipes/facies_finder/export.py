"""Write both networks into one ONNX file and the card beside it: `python export.py --weights DIR`.

The file has one graph with a switch: ``refine`` chooses which network sees the grey pictures. Normalisation is part of the graph,
batch normalisation is folded into the convolutions, and weights are stored in half precision and computed with in single
precision. The graph is written node by node, so that the same weights give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from networks import Block, Detector, Refiner
from onnx import TensorProto, helper, numpy_helper
from scenes import TEMPLATE
from torch import nn

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "facies" / "faces" / "networks"
NAME = "facies_finder"
FOUND: list[str | int] = ["n", 11, "rows", "columns"]


class Branch:
    """The nodes and weights of one network, written as it is walked through."""

    def __init__(self, prefix: str) -> None:
        self.prefix, self.nodes, self.weights = prefix, [], []

    def name(self) -> str:
        return f"{self.prefix}{len(self.nodes) + len(self.weights)}"

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        output = self.name()
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        name = self.name()
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def weight(self, values: torch.Tensor) -> str:
        half = self.constant(values.detach().numpy().astype(np.float16))
        return self.node("Cast", half, to=TensorProto.FLOAT)

    def bias(self, values: torch.Tensor) -> str:
        return self.constant(values.detach().numpy().astype(np.float32))


def fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weight and bias of a convolution that does the normalisation as well."""
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return convolution.weight * factor[:, None, None, None], norm.bias - norm.running_mean * factor


def write_convolution(branch: Branch, layers: nn.Sequential, x: str) -> str:
    convolution, norm = layers[0], layers[1]
    weight, bias = fold(convolution, norm)
    pad = convolution.padding[0]
    x = branch.node(
        "Conv", x, branch.weight(weight), branch.bias(bias), kernel_shape=list(convolution.kernel_size),
        strides=list(convolution.stride), pads=[pad] * 4, group=convolution.groups,
    )  # fmt: skip
    return branch.node("Relu", x) if len(layers) == 3 else x


def write_block(branch: Branch, block: Block, x: str) -> str:
    y = write_convolution(branch, block.pointwise, write_convolution(branch, block.depthwise, x))
    return branch.node("Relu", branch.node("Add", y, x) if block.around else y)


def write_layers(branch: Branch, layers: nn.Module, x: str) -> str:
    if isinstance(layers, Block):
        return write_block(branch, layers, x)
    if isinstance(layers[0], nn.Conv2d):
        return write_convolution(branch, layers, x)
    for layer in layers:
        x = write_layers(branch, layer, x)
    return x


def write_doubled(branch: Branch, x: str) -> str:
    scales = branch.constant(np.array([1, 1, 2, 2], np.float32))
    return branch.node("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def write_detector(net: Detector, x: str) -> helper.onnx.GraphProto:
    branch = Branch("d")
    eighth = write_layers(branch, net.eighth, write_layers(branch, net.quarter, x))
    sixteenth = write_layers(branch, net.sixteenth, eighth)
    last = write_layers(branch, net.last, sixteenth)
    joined = branch.node("Add", sixteenth, write_doubled(branch, write_convolution(branch, net.side_16, last)))
    sixteenth = write_block(branch, net.join_16, joined)
    joined = branch.node("Add", eighth, write_doubled(branch, write_convolution(branch, net.side_8, sixteenth)))
    x = write_block(branch, net.head[0], write_block(branch, net.join_8, joined))
    out = branch.node("Conv", x, branch.weight(net.head[1].weight), branch.bias(net.head[1].bias), kernel_shape=[1, 1])
    return helper.make_graph(branch.nodes, "detector", [], [value(out, TensorProto.FLOAT, FOUND)], branch.weights)


def write_refiner(net: Refiner, x: str) -> helper.onnx.GraphProto:
    branch = Branch("r")
    fourth = write_layers(branch, net.fourth, x)
    eighth = write_layers(branch, net.eighth, fourth)
    last = write_layers(branch, net.last, eighth)
    joined = branch.node("Add", eighth, write_doubled(branch, write_convolution(branch, net.side_8, last)))
    eighth = write_block(branch, net.join_8, joined)
    joined = branch.node("Add", fourth, write_doubled(branch, write_convolution(branch, net.side_4, eighth)))
    x = write_block(branch, net.head[0], write_block(branch, net.join_4, joined))
    x = branch.node("Conv", x, branch.weight(net.head[1].weight), branch.bias(net.head[1].bias), kernel_shape=[1, 1])
    chance = branch.node("Softmax", branch.node("Reshape", x, branch.constant(np.array([-1, 5, 400], np.int64))), axis=2)
    places = branch.node("MatMul", chance, branch.constant(net.places.numpy()))
    points = branch.node("Reshape", places, branch.constant(np.array([-1, 10], np.int64)))
    points = branch.node("Sub", points, branch.constant(net.template.numpy()))
    pooled = branch.node("Flatten", branch.node("GlobalAveragePool", last), axis=1)
    face = branch.node("Gemm", pooled, branch.weight(net.face.weight), branch.bias(net.face.bias), transB=1)
    both = branch.node("Concat", face, points, axis=1)
    out = branch.node("Unsqueeze", both, branch.constant(np.array([2, 3], np.int64)))
    return helper.make_graph(branch.nodes, "refiner", [], [value(out, TensorProto.FLOAT, FOUND)], branch.weights)


def value(name: str, kind: int, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def write_finder(detector: Detector, refiner: Refiner) -> bytes:
    """Return the ONNX file: grey uint8 (n, 1, h, w) and a switch in, (n, 11, h/8, w/8) or (n, 11, 1, 1) out."""
    weights = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("scale", 1 / 127.5), ("offset", 1.0))]
    nodes = [
        helper.make_node("Cast", ["grey"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["single", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "offset"], ["x"]),
        helper.make_node("If", ["refine"], ["found"], then_branch=write_refiner(refiner, "x"), else_branch=write_detector(detector, "x")),
    ]
    inputs = [value("grey", TensorProto.UINT8, ["n", 1, "height", "width"]), value("refine", TensorProto.BOOL, [])]
    graph = helper.make_graph(nodes, NAME, inputs, [value("found", TensorProto.FLOAT, FOUND)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="facies")
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def load(net: nn.Module, path: Path) -> nn.Module:
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def require_same(data: bytes, detector: nn.Module, refiner: nn.Module) -> None:
    """Refuse a file whose answers differ from those of the trained networks."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for net, refine, shape in ((detector, False, (1, 1, 160, 128)), (refiner, True, (3, 1, 80, 80))):
        grey = rng.integers(0, 256, shape, dtype=np.uint8)
        got = session.run(None, {"grey": grey, "refine": np.array(refine)})[0]
        with torch.no_grad():
            wanted = net(torch.from_numpy(grey).float() / 127.5 - 1).numpy().reshape(got.shape)
        if np.abs(got - wanted).max() > 0.05 * max(1.0, np.abs(wanted).max()):
            raise SystemExit(f"the file's answers differ from the network's by {np.abs(got - wanted).max():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="folder with detector.pt and refiner.pt")
    parser.add_argument("--out", type=Path, default=PACKAGE)
    arguments = parser.parse_args()
    detector = load(Detector(), arguments.weights / "detector.pt")
    refiner = load(Refiner(torch.from_numpy(TEMPLATE)), arguments.weights / "refiner.pt")
    data = write_finder(detector, refiner)
    require_same(data, detector, refiner)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{NAME}.onnx").write_bytes(data)
    card = json.loads((Path(__file__).parent / "card.json").read_text())
    card["sha256"] = hashlib.sha256(data).hexdigest()
    card["training_list_sha256"] = hashlib.sha256((Path(__file__).parent / "data.tsv").read_bytes()).hexdigest()
    (arguments.out / f"{NAME}.json").write_text(json.dumps(card, indent=2) + "\n")
    print(f"{arguments.out / NAME}.onnx: {len(data)} bytes, {card['sha256']}")


if __name__ == "__main__":
    main()
