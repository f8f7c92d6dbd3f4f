"""Write tiny.onnx, the network of these tests (needs the onnx package): python make_tiny_network.py

One 3 x 3 convolution of stride 2 with ReLU on 16 x 16 crops, random weights of a fixed seed. Outputs: ``map``
(1, 5, 8, 8) and ``features`` (1, 5), its average over height and width.
"""

from pathlib import Path

import numpy as np


def write_tiny_network(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(7)
    weights = [
        numpy_helper.from_array(rng.normal(size=(5, 3, 3, 3)).astype(np.float32), "kernel"),
        numpy_helper.from_array(rng.normal(size=5).astype(np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Conv", ["crop", "kernel", "bias"], ["raw"], strides=[2, 2], pads=[1, 1, 0, 0]),
        helper.make_node("Relu", ["raw"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    inputs = [helper.make_tensor_value_info("crop", TensorProto.FLOAT, ["n", 3, 16, 16])]
    outputs = [
        helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 5, 8, 8]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 5]),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    write_tiny_network(Path(__file__).with_name("tiny.onnx"))
