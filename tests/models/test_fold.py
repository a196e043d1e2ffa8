"""Folding: the same answers from fewer nodes, any batch size, made once and never trusted blindly."""

from __future__ import annotations

import errno
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.errors import WeightsError
from pipeline.models.fold import fold, folded
from pipeline.models.weights import fetch


def network() -> onnx.ModelProto:
    """Like SFace in small: quantised weights, weights among the inputs, a fixed batch size, a live dropout."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.integers(-9, 9, (4, 3), dtype=np.int8), "quantised"),
        numpy_helper.from_array(np.float32(0.1), "scale"),
        numpy_helper.from_array(np.int8(0), "zero"),
        numpy_helper.from_array(rng.normal(size=3).astype(np.float32), "bias"),
        numpy_helper.from_array(np.ones(7, np.float32), "unused"),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["quantised", "scale", "zero"], ["weight"]),
        helper.make_node("Neg", ["weight"], ["negated"]),
        helper.make_node("Dropout", ["picture"], ["kept"]),
        helper.make_node("MatMul", ["kept", "negated"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["vector"]),
    ]
    inputs = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 4])]
    inputs += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in weights]
    inputs += [helper.make_tensor_value_info("weight", TensorProto.FLOAT, [4, 3])]
    outputs = [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, 3])]
    graph = helper.make_graph(nodes, "small", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, pictures: np.ndarray) -> np.ndarray:
    """The answers of every node of the network as it stands; what it also lists as inputs is left out."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    del plain.graph.input[1:]
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(plain.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {plain.graph.input[0].name: pictures})[0]


def test_the_answers_stay_and_the_constants_go() -> None:
    model = network()
    slim = fold(model)
    onnx.checker.check_model(slim)
    picture = np.random.default_rng(1).normal(size=(1, 4)).astype(np.float32)
    assert run(slim, picture) == pytest.approx(run(model, picture), abs=1e-6)
    assert [node.op_type for node in slim.graph.node] == ["Dropout", "MatMul", "Add"]
    assert [value.name for value in slim.graph.input] == ["picture"]
    assert {tensor.name for tensor in slim.graph.initializer} == {"negated", "bias"}


def test_the_batch_size_becomes_free() -> None:
    slim = fold(network())
    pictures = np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)
    together = run(slim, pictures)
    assert together.shape == (5, 3)
    assert together == pytest.approx(np.concatenate([run(slim, pictures[i : i + 1]) for i in range(5)]), abs=1e-6)


def test_a_network_without_constants_stays_as_it_is() -> None:
    slim = fold(network())
    again = fold(slim)
    assert [node.op_type for node in again.graph.node] == [node.op_type for node in slim.graph.node]
    assert {tensor.name for tensor in again.graph.initializer} == {tensor.name for tensor in slim.graph.initializer}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    onnx.save(network(), path)
    return path


def test_it_is_folded_once(source: Path) -> None:
    made = folded(source)
    before = made.stat()
    assert folded(source) == made
    assert (made.stat().st_mtime_ns, made.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert sorted(path.name for path in source.parent.iterdir()) == sorted([source.name, made.name])


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_copy_is_made_again(source: Path, damage: str) -> None:
    made = folded(source)
    good = made.read_bytes()
    made.write_bytes(good[:100] if damage == "cut" else good[:-1] + bytes([good[-1] ^ 1]))
    assert folded(source).read_bytes() == good


def test_a_full_or_read_only_folder_is_one_line(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.mkstemp", Mock(side_effect=OSError(errno.EROFS, "Read-only file system")))
    with pytest.raises(WeightsError, match=r"cannot be written \(Read-only file system\): .* LINEUP_WEIGHTS"):
        folded(source)


def test_another_source_of_the_same_name_is_another_network(source: Path) -> None:
    first = folded(source)
    model = network()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.float32(0.2), "scale"))
    onnx.save(model, source)
    assert folded(source) != first


def test_folded_sface_answers_like_the_unfolded() -> None:
    path = fetch("sface")
    whole = onnx.load(path)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 112, 112)).astype(np.float32)
    expected = np.concatenate([run(whole, pictures[i : i + 1]) for i in range(2)])
    session = ort.InferenceSession(str(folded(path)), providers=["CPUExecutionProvider"])
    assert session.run(None, {session.get_inputs()[0].name: pictures})[0] == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected).max() > 0.1
