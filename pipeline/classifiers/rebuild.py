"""An ONNX network as a Keras model, layer by layer with the same weights; and its own graph again, with new weights.

ONNX Runtime does not train: a network is rebuilt in Keras to learn more, and goes back into its ONNX graph to be used.
Keras has the channels last, ONNX has them first, so weights are transposed on both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from pipeline.classifiers.keras_backend import keras
from pipeline.errors import WeightsError

Array = npt.NDArray[Any]

# Where the axes of a node's first weight go in Keras; its other weights have one axis.
KERNEL: Final = (2, 3, 1, 0)  # (out, in, height, width) -> (height, width, in, out)
DEPTHWISE: Final = (2, 3, 0, 1)  # (channels, 1, height, width) -> (height, width, channels, 1)
SLOPES: Final = (1, 2, 0)  # (channels, 1, 1) -> (1, 1, channels)
MATRIX: Final = (1, 0)  # (out, in) -> (in, out)


def rebuilt(network: Path) -> Any:
    """The Keras model of the folded network at `network` (see fold.py); a layer with weights has its node's name.

    Takes what the network takes, but as (n, height, width, channels); gives the same. WeightsError when it has a node
    that is not known here.
    """
    graph = onnx.load(network).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    channels, height, width = (axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim[1:])
    entry = keras().Input((height, width, channels), name="crops")
    values = {graph.input[0].name: entry}
    for node in graph.node:
        own = [weights[name] for name in node.input if name in weights]
        given = [values[name] for name in node.input if name in values]
        value = given[0] if len(given) == 1 else given
        for layer in _layers(node, own, network):
            value = layer(value)
            if layer.name == node.name and layer.weights:
                layer.set_weights([_to_keras(node, weight) for weight in own])
        values[node.output[0]] = value
    return keras().Model(entry, values[graph.output[0].name], name="embedder")


def renewed(network: Path, model: Any) -> bytes:
    """The ONNX file of the network at `network`, with the weights of `model`, which was rebuilt from it."""
    proto = onnx.load(network)
    tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
    learnt = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    for node in proto.graph.node:
        own = [tensors[name] for name in node.input if name in tensors]
        for tensor, weight in zip(own, learnt[node.name], strict=True) if node.name in learnt else ():
            tensor.CopyFrom(numpy_helper.from_array(_to_onnx(node, weight), tensor.name))
    return proto.SerializeToString(deterministic=True)


def _layers(node: onnx.NodeProto, own: Sequence[Array], network: Path) -> list[Any]:
    """The layers that do what `node` with weights `own` does, one after the other."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    layers = keras().layers
    match node.op_type:
        case "Sub" if own and own[0].size == 1:
            return [layers.Rescaling(1.0, -float(own[0].item()), name=node.name)]
        case "Mul" if own and own[0].size == 1:
            return [layers.Rescaling(float(own[0].item()), name=node.name)]
        case "Conv" if given["group"] in {1, len(own[0])} and set(given["dilations"]) == {1}:
            return _convolution(node, own, given)
        case "BatchNormalization":
            return [layers.BatchNormalization(epsilon=given["epsilon"], momentum=given["momentum"], name=node.name)]
        case "PRelu" if own[0].shape[1:] == (1, 1):
            return [layers.PReLU(shared_axes=[1, 2], name=node.name)]
        case "Relu":
            return [layers.ReLU(name=node.name)]
        case "Add" if not own:
            return [layers.Add(name=node.name)]
        case "Dropout":
            return []
        case "Flatten":
            return [layers.Permute((3, 1, 2), name=f"{node.name}_axes"), layers.Flatten(name=node.name)]
        case "Gemm" if given.get("transB") and len(own) == 2:
            return [layers.Dense(len(own[0]), name=node.name)]
    raise WeightsError(
        f"{network.name} cannot be rebuilt in Keras: node {node.name!r} ({node.op_type}) is not known, "
        f"take finetune out of section train"
    )


def _convolution(node: onnx.NodeProto, own: Sequence[Array], given: dict[str, Any]) -> list[Any]:
    layers, (top, left, bottom, right) = keras().layers, given["pads"]
    size, strides = tuple(given["kernel_shape"]), tuple(given["strides"])
    same = strides == (1, 1) and (top, left) == (bottom, right) == (size[0] // 2, size[1] // 2)
    settings = {"kernel_size": size, "strides": strides, "use_bias": len(own) == 2, "name": node.name}
    settings["padding"] = "same" if same else "valid"
    border = layers.ZeroPadding2D(((top, bottom), (left, right)), name=f"{node.name}_border")
    depthwise = _axes(node, own[0]) == DEPTHWISE
    convolution = layers.DepthwiseConv2D(**settings) if depthwise else layers.Conv2D(len(own[0]), **settings)
    return [convolution] if same else [border, convolution]


def _axes(node: onnx.NodeProto, weight: Array) -> tuple[int, ...]:
    """Where the axes of one of the node's weights, as ONNX has it, go in Keras."""
    if weight.ndim == 1:
        return (0,)
    if node.op_type == "Conv":
        return DEPTHWISE if any(one.name == "group" and one.i > 1 for one in node.attribute) else KERNEL
    return SLOPES if node.op_type == "PRelu" else MATRIX


def _to_keras(node: onnx.NodeProto, weight: Array) -> Array:
    return weight.transpose(_axes(node, weight))


def _to_onnx(node: onnx.NodeProto, weight: Array) -> Array:
    return np.ascontiguousarray(weight.transpose(np.argsort(_axes(node, weight))))
