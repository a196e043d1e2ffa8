"""Networks rebuilt in Keras give what they gave in ONNX, and go back into their own graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from standins import unit

from pipeline.classifiers.rebuild import rebuilt, renewed
from pipeline.errors import WeightsError
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.fold import folded
from pipeline.models.pixels import pixels
from pipeline.models.weights import fetch, named

CROPS = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)


def test_the_built_in_embedder_is_equal_in_keras(embedder: OnnxEmbedder) -> None:
    network = rebuilt(folded(fetch("sface")))
    vectors = np.asarray(network(pixels(named("sface"), CROPS).transpose(0, 2, 3, 1), training=False))
    assert np.abs(unit(vectors) - embedder.embed(CROPS)).max() < 1e-4


def small(path: Path, ops: tuple[str, ...], stride: int = 2, group: int = 1) -> Path:
    """A network of images (n, 4, 9, 9): a convolution, the element-wise `ops`, a dense layer, random weights."""
    rng = np.random.default_rng(1)
    shapes = {"kernel": (4, 4 // group, 3, 3), "bias": (4,), "slope": (4, 1, 1), "matrix": (5, 4 * 5 * 5), "last": (5,)}
    if stride == 1:
        shapes["matrix"] = (5, 4 * 9 * 9)
    pads, last = [1, 1, 1, 1], "convolved"
    convolution = {"kernel_shape": [3, 3], "strides": [stride] * 2, "pads": pads, "dilations": [1, 1], "group": group}
    nodes = [helper.make_node("Conv", ["image", "kernel", "bias"], [last], name="convolution", **convolution)]
    for op in ops:
        inputs = [last, *({"PRelu": ["slope"], "Add": ["convolved"]}.get(op, []))]
        nodes.append(helper.make_node(op, inputs, [op], name=op))
        last = op
    nodes.append(helper.make_node("Flatten", [last], ["flat"], name="flat"))
    nodes.append(helper.make_node("Gemm", ["flat", "matrix", "last"], ["vector"], name="dense", transB=1))
    ends = {"image": ["n", 4, 9, 9], "vector": ["n", 5]}
    entry, end = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends.items())
    used = {name for node in nodes for name in node.input}
    weights = [
        numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
        for name, shape in shapes.items()
        if name in used
    ]
    graph = helper.make_graph(nodes, "small", [entry], [end], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("ops", "stride", "group"),
    [((), 2, 1), ((), 1, 1), ((), 2, 4), (("PRelu",), 1, 4), (("Relu", "Add"), 2, 1), (("Dropout",), 1, 1)],
    ids=["stride 2", "stride 1", "depthwise", "slopes", "shortcut", "dropout"],
)
def test_new_weights_go_back_into_the_same_graph(tmp_path: Path, ops: tuple[str, ...], stride: int, group: int) -> None:
    path = small(tmp_path / "small.onnx", ops, stride, group)
    images = np.random.default_rng(2).normal(size=(2, 4, 9, 9)).astype(np.float32)
    network = rebuilt(path)

    def agree(content: bytes) -> bool:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        there = session.run(None, {"image": images})[0]
        return bool(np.abs(np.asarray(network(images.transpose(0, 2, 3, 1))) - there).max() < 1e-4)

    assert agree(path.read_bytes())
    network.set_weights([weight + 0.1 for weight in network.get_weights()])
    assert not agree(path.read_bytes())
    assert agree(renewed(path, network))
    assert onnx.load_from_string(renewed(path, network)).graph.node == onnx.load(path).graph.node


def test_a_network_with_an_unknown_node_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"small\.onnx cannot be rebuilt in Keras: node 'Sigmoid' \(Sigmoid\)"):
        rebuilt(small(tmp_path / "small.onnx", ("Sigmoid",)))
