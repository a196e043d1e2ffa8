"""A dense network on face vectors: learnt by Keras, kept as dense.keras, used as dense.onnx without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.classifiers import CURVES, Classifier, Examples, balanced
from pipeline.classifiers.folds import folds
from pipeline.classifiers.keras_backend import keras, keras_bytes
from pipeline.errors import ModelError
from pipeline.files import write_bytes, write_json
from pipeline.models import Embedder
from pipeline.models.session import open_session
from pipeline.params import Dense as DenseParams
from pipeline.params import Network, Params
from pipeline.records import Float32, Float64

VALIDATION_FOLDS: Final = 5  # one in so many faces says when to stop
UNTRIED_EPOCHS: Final = 40  # where no face can be spared for that
SAME: Final = 1e-5  # how far Keras and ONNX may differ
OPSET: Final = 17

Weights = list[Float32]  # matrix and bias of each layer in turn
Curves = dict[str, list[float]]


class Dense:
    """Scores are the network's logits."""

    name = "dense"
    embedder: Embedder | None = None

    @classmethod
    def settings(cls, params: Params) -> list[Callable[[], Classifier]]:
        """Every network of section dense."""
        return [partial(cls, network, params.dense, params.train.seed) for network in params.dense.networks]

    def __init__(self, network: Network, params: DenseParams, seed: int) -> None:
        """`network` is the one of those in params to learn; `seed` makes it repeatable."""
        self._network, self._params, self._seed = network, params, seed
        self._weights: Weights = []
        self._curves: Curves = {}
        self._session: Any = None

    def fit(self, faces: Examples) -> None:
        """Learn from faces of at least two members: how long, a fold of them says; then all of them that long."""
        pairs = folds(faces.labels, faces.groups, VALIDATION_FOLDS, self._seed)
        epochs = UNTRIED_EPOCHS
        if pairs:
            learn, validate = pairs[0]
            self._curves = self._learn(faces[learn], self._params.epochs, faces[validate])
            epochs = int(np.argmin(self._curves["val_loss"])) + 1
        self._learn(faces, epochs)
        self._session = open_session(onnx_of(self._weights).SerializeToString())

    def scores(self, vectors: Float32) -> Float64:
        """Logits (n, members)."""
        logits: Float64 = self._session.run(None, {"vectors": vectors.astype(np.float32)})[0].astype(np.float64)
        return logits

    def write(self, folder: Path) -> None:
        """Write dense.keras, dense.onnx and dense_curves.json; ModelError when the first two do not agree."""
        network = _build(self._network, self._weights[0].shape[0], len(self._weights[-1]))
        network.set_weights(self._weights)
        probe = np.random.default_rng(0).normal(size=(64, len(self._weights[0]))).astype(np.float32)
        probe /= np.linalg.norm(probe, axis=1, keepdims=True)
        difference = float(np.abs(np.asarray(network(probe)) - self.scores(probe)).max())
        if not difference <= SAME:
            raise ModelError(
                f"dense.onnx differs from dense.keras by {difference:.2g}: take dense out of train.candidates"
            )
        write_bytes(folder / "dense.keras", keras_bytes(network))
        write_bytes(folder / "dense.onnx", onnx_of(self._weights).SerializeToString())
        write_json(folder / f"{self.name}{CURVES}", self._curves)

    def read(self, folder: Path) -> None:
        """Open dense.onnx."""
        content = (folder / "dense.onnx").read_bytes()
        try:
            self._session = open_session(content)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime has many of its own
            raise ValueError(str(error)) from None

    def _learn(self, faces: Examples, epochs: int, validation: Examples | None = None) -> Curves:
        """Learn anew for `epochs`, or until faces of `validation` are told no better; what happened in each."""
        members = int(faces.labels.max()) + 1
        network, start = _compiled(self._network, faces.vectors.shape[1], members, self._seed)
        keras().utils.set_random_seed(self._seed)
        for variable, value in start:
            variable.assign(value)
        weigh, curves = balanced(faces.labels)[faces.labels].astype(np.float32), Curves()
        # All faces in one step: they are few, and a step costs more than its arithmetic.
        for epoch in range(epochs):
            told = network.train_on_batch(faces.vectors, faces.labels, sample_weight=weigh, return_dict=True)
            if validation:
                network.reset_metrics()
                tried = network.test_on_batch(validation.vectors, validation.labels, return_dict=True)
                told |= {f"val_{name}": value for name, value in tried.items()}
            network.reset_metrics()
            for name, value in told.items():
                curves.setdefault(name, []).append(round(float(value), 5))
            if validation and epoch - int(np.argmin(curves["val_loss"])) >= self._params.patience:
                break
        self._weights = network.get_weights()
        return curves


def _build(network: Network, dimensions: int, members: int) -> Any:
    layers = keras().layers  # named, or the file would count how many networks were made before
    scale = layers.Rescaling(dimensions**0.5, name="scale")  # coordinates of a vector of length 1 are small
    stack = [keras().Input((dimensions,), name="vectors"), scale]
    for number, width in enumerate(network.widths):
        decay = keras().regularizers.L2(network.l2)
        stack.append(layers.Dense(width, "relu", kernel_regularizer=decay, name=f"hidden{number}"))
        stack.append(layers.Dropout(network.dropout, name=f"dropout{number}"))
    return keras().Sequential([*stack, layers.Dense(members, name="scores")], name="dense")


@cache
def _compiled(network: Network, dimensions: int, members: int, seed: int) -> tuple[Any, list[tuple[Any, Any]]]:
    """A network to learn with, made once since that takes longer than learning; and what its variables begin with."""
    keras().utils.set_random_seed(seed)
    built = _build(network, dimensions, members)
    optimizer = keras().optimizers.get({"class_name": network.optimizer, "config": {"learning_rate": network.rate}})
    loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
    built.compile(optimizer, loss, metrics=["accuracy"])
    optimizer.build(built.trainable_variables)
    return built, [(variable, variable.numpy()) for variable in (*built.variables, *optimizer.variables)]


def onnx_of(weights: Weights) -> onnx.ModelProto:
    """The network of these layers: input `vectors` (n, d), output `scores` (n, members), both float32."""
    scale = np.float32(weights[0].shape[0] ** 0.5)
    tensors: dict[str, npt.NDArray[np.float32]] = {"scale": np.array(scale)}
    nodes = [helper.make_node("Mul", ["vectors", "scale"], ["scaled"])]
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    last = "scaled"
    for number, (matrix, bias) in enumerate(layers):
        tensors |= {f"matrix{number}": matrix, f"bias{number}": bias}
        is_last = number == len(layers) - 1
        out = "scores" if is_last else f"sum{number}"
        nodes.append(helper.make_node("Gemm", [last, f"matrix{number}", f"bias{number}"], [out]))
        if not is_last:
            last = f"layer{number}"
            nodes.append(helper.make_node("Relu", [out], [last]))
    ends = {"vectors": weights[0].shape[0], "scores": len(weights[-1])}
    given, found = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in ends.items()
    )
    kept = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "dense", [given], [found], kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
