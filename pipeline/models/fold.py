"""Folds what is constant in a network once, so that a plain ONNX Runtime session takes it and runs it faster.

The SFace file stores block-quantised weights and lists its initializers as graph inputs: ONNX Runtime then can neither
fold nor check them. Every node that depends on initializers alone is computed once and kept as a plain weight.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

from pipeline.files import sha256_of, write_bytes
from pipeline.pinned import unwritable


def folded(path: Path) -> Path:
    """Path of the folded copy of the network at `path`, made beside it on first use.

    Its name holds the source's hash and its own, so that a damaged copy is told and made again. WeightsError when it
    cannot be written there.
    """
    prefix = f"{path.stem}-folded-{sha256_of(path)[:16]}-"
    for earlier in path.parent.glob(f"{prefix}*.onnx"):
        if earlier.name == f"{prefix}{sha256_of(earlier)[:16]}.onnx":
            return earlier
    content = fold(onnx.load(path)).SerializeToString()
    target = path.with_name(f"{prefix}{sha256(content).hexdigest()[:16]}.onnx")
    try:
        write_bytes(target, content)
    except OSError as error:
        raise unwritable(target, error) from None
    return target


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """A network with the same inputs and outputs, its constant nodes replaced by their values, its batch size free."""
    graph = model.graph
    initializers = {tensor.name for tensor in graph.initializer}
    constant_nodes, live_nodes = _split_constant(list(graph.node), initializers)
    values = _compute(constant_nodes, model)
    needed = {name for node in live_nodes for name in node.input}
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    weights += [numpy_helper.from_array(value, name) for name, value in values.items() if name in needed]
    inputs = [value for value in graph.input if value.name in needed - initializers]
    for value in [*inputs, *graph.output]:
        for axis in value.type.tensor_type.shape.dim[:1]:  # an output need not say its shape
            axis.dim_param = "batch"
    slim = helper.make_graph(live_nodes, graph.name, inputs, list(graph.output), weights)
    return helper.make_model(slim, opset_imports=model.opset_import, ir_version=model.ir_version)


def _split_constant(
    nodes: list[onnx.NodeProto], initializers: set[str]
) -> tuple[list[onnx.NodeProto], list[onnx.NodeProto]]:
    known = set(initializers)
    constant, live = [], []
    for node in nodes:
        if node.op_type != "Dropout" and all(name in known for name in node.input):
            constant.append(node)
            known.update(node.output)
        else:
            live.append(node)
    return constant, live


def _compute(nodes: list[onnx.NodeProto], model: onnx.ModelProto) -> dict[str, npt.NDArray[Any]]:
    if not nodes:
        return {}
    outputs = [helper.make_empty_tensor_value_info(name) for node in nodes for name in node.output]
    read = {name for node in nodes for name in node.input}
    weights = [tensor for tensor in model.graph.initializer if tensor.name in read]
    graph = helper.make_graph(nodes, "constants", [], outputs, weights)
    constants = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    session = ort.InferenceSession(constants.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in outputs]
    return dict(zip(names, session.run(names, {}), strict=True))
