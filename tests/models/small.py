"""Small networks of the same shape as real ones, built by hand, whose right answers are known.

The detectors find squares of FACE_PX that stand on their grid, painted in a colour with more red than green; the score
is how much more, of 250. The embedders mix the mean colours of a face's parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline.models.geometry import CROP_PX, TEMPLATE_XY
from pipeline.models.weights import ANCHORS, Weights
from pipeline.origins import LocalFile
from pipeline.records import Rgb

FACE_PX = 32
DIMENSIONS = 32
OPSET = 17


@dataclass(frozen=True)
class Recipe:
    """How a network wants its pixels."""

    channels: str = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0

    def kernel(self, of_rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kernels (m, 3, h, w) meant for plain RGB, as they are for such pixels, and what must be added then (m,)."""
        own = of_rgb[:, ::-1] if self.channels == "bgr" else of_rgb
        return own / self.scale, (own * np.array(self.mean)[:, None, None]).sum(axis=(1, 2, 3))


PLAIN = Recipe()
ODD = Recipe("bgr", (104.0, 117.0, 127.0), 1 / 128)


def squares(*placed: tuple[int, int, int], width: int = 320, height: int = 256) -> Rgb:
    """A grey picture with a square at column and row of the grid, so much redder than green, for each face."""
    rgb = np.full((height, width, 3), 128, np.uint8)
    for column, row, redder in placed:
        part = rgb[row * FACE_PX : (row + 1) * FACE_PX, column * FACE_PX : (column + 1) * FACE_PX]
        part[:] = (redder, 0, 60)
    return rgb


class Graph:
    """A graph that grows node by node."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, values: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), f"w{len(self.weights)}"))
        return self.weights[-1].name

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def conv(self, source: str, kernel: np.ndarray, bias: np.ndarray, stride: int) -> str:
        weights = self.weight(kernel.astype(np.float32)), self.weight(bias.astype(np.float32))
        return self.node("Conv", source, *weights, strides=[stride, stride], auto_pad="SAME_UPPER")

    def flat(self, source: str, numbers: int, output: str = "") -> str:
        last = self.node("Transpose", source, perm=[0, 2, 3, 1])
        shape = self.weight(np.array([1, -1, numbers], np.int64))
        return self.node("Reshape", last, shape, output=output)

    def write(self, path: Path, given: Sequence[object], outputs: Sequence[str]) -> Path:
        entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, list(given))
        exits = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "small", [entry], exits, self.weights)
        opset = [helper.make_opsetid("", OPSET)]
        path.write_bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())
        return path


def described(path: Path, recipe: Recipe = PLAIN, **more: object) -> Weights:
    """The file at `path` as somebody's own network."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    plain = Weights(path.stem, f"own-{digest}.onnx", digest, None, "MIT", LocalFile(path))
    fed = replace(plain, channels=recipe.channels, mean=recipe.mean, scale=recipe.scale)
    return replace(fed, **more)


def _redder(stride: int, count: int, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Of a cell by how much it is redder than green, of 250, for each anchor; 0 unless it is as large as a face."""
    of_rgb = np.zeros((count, 3, stride, stride))
    of_rgb[:, 0], of_rgb[:, 1] = 1.0, -1.0
    return recipe.kernel(of_rgb / (stride * stride * 250.0) * (stride == FACE_PX))


def _encoded(stride: int, sizes: Sequence[int], first: float, variances: tuple[float, float]) -> np.ndarray:
    """Boxes (count, 4) and landmarks (count, 10) of a face that fills its cell, side by side."""
    rows = []
    for size in sizes:
        off = (stride / 2 - first) / size / variances[0]
        sides = np.log(FACE_PX / size) / variances[1]
        points = (TEMPLATE_XY / CROP_PX - 0.5) * FACE_PX / size / variances[0] + off
        rows.append([off, off, sides, sides, *points.ravel()])
    return np.array(rows)


def three_heads(
    path: Path,
    recipe: Recipe = PLAIN,
    anchors: tuple[tuple[int, ...], ...] = ANCHORS,
    given: Sequence[object] = ("batch", 3, "height", "width"),
    sure: bool = True,
) -> Path:
    """A RetinaFace as its PyTorch code exports it; not `sure`: without the softmax."""
    graph, found = Graph(), {2: [], 4: [], 10: []}
    for stride, *sizes in anchors:
        count = len(sizes)
        faces = graph.flat(graph.conv("input", *_redder(stride, count, recipe), stride), 1)
        low, high = graph.weight(np.float32(0.0 if sure else -9.0)), graph.weight(np.float32(1.0))
        faces = graph.node("Clip", graph.node("Add", faces, graph.weight(np.float32(0 if sure else -3))), low, high)
        nobody = graph.node("Sub", graph.weight(np.float32(1.0)), faces)
        found[2].append(graph.node("Concat", nobody, faces, axis=-1))
        encoded = _encoded(stride, sizes, stride / 2, (0.1, 0.2))
        for numbers, part in ((4, encoded[:, :4]), (10, encoded[:, 4:])):
            nothing = np.zeros((part.size, 3, stride, stride))
            found[numbers].append(graph.flat(graph.conv("input", nothing, part.ravel(), stride), numbers))
    for numbers, parts in found.items():
        graph.node("Concat", *parts, axis=1, output=f"head{numbers}")
    return graph.write(path, given, [f"head{numbers}" for numbers in (4, 2, 10)])


def nine_heads(path: Path, recipe: Recipe = PLAIN) -> Path:
    """A RetinaFace as the package retina-face has it: three heads for each feature map, channels last."""
    graph, outputs = Graph(), []
    source = graph.node("Transpose", "input", perm=[0, 3, 1, 2])
    for stride, *sizes in reversed(ANCHORS):
        faces = graph.conv(source, *_redder(stride, len(sizes), recipe), stride)
        faces = graph.node("Clip", faces, graph.weight(np.float32(0.0)), graph.weight(np.float32(1.0)))
        nobody = graph.node("Sub", graph.weight(np.float32(1.0)), faces)
        encoded = _encoded(stride, sizes[::-1], (stride - 1) / 2, (1.0, 1.0))
        parts = [graph.node("Concat", nobody, faces, axis=1)]
        for part in (encoded[:, :4], encoded[:, 4:]):
            nothing = np.zeros((part.size, 3, stride, stride))
            parts.append(graph.conv(source, nothing, part.ravel(), stride))
        for place, part in enumerate(parts):
            outputs.append(graph.node("Transpose", part, perm=[0, 2, 3, 1], output=f"s{stride}_{place}"))
    return graph.write(path, ["batch", "height", "width", 3], outputs)


def embedder(
    path: Path,
    recipe: Recipe = PLAIN,
    size_px: int = CROP_PX,
    batch: object = "batch",
    last: str = "",
) -> Path:
    """A network that mixes the mean colours of sixteen parts; `last`: the kind of a node that spoils its vectors."""
    rng, graph, cell = np.random.default_rng(0), Graph(), size_px // 4
    of_rgb = np.zeros((3, 3, cell, cell))
    of_rgb[range(3), range(3)] = 1.0 / cell**2
    parts = graph.conv("input", *recipe.kernel(of_rgb), cell)
    shape = graph.weight(np.array([-1, 48] if batch == "batch" else [1, 48], np.int64))
    flat = graph.node("Reshape", parts, shape)
    mixed = graph.node("MatMul", flat, graph.weight(rng.normal(size=(48, DIMENSIONS)).astype(np.float32)))
    if last == "Log":
        mixed = graph.node("Log", graph.node("Neg", graph.node("Abs", mixed)))
    if last == "mean":
        mixed = graph.node("Sub", mixed, graph.node("ReduceMean", mixed, axes=[0], keepdims=1))
    if last == "Shape":
        mixed = graph.node("Unsqueeze", mixed, graph.weight(np.array([2], np.int64)))
    return graph.write(path, [batch, 3, size_px, size_px], [mixed])
