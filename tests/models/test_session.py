"""Sessions: the best back end that starts is used, and one that does not costs speed only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.models import session

CUDA, DML = "CUDAExecutionProvider", "DmlExecutionProvider"
PLAIN = session.ort.InferenceSession


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Doubles two numbers."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "double.onnx")
    return tmp_path / "double.onnx"


def install(monkeypatch: pytest.MonkeyPatch, raising: tuple[str, ...] = (), silent: tuple[str, ...] = ()) -> list[str]:
    """A runtime that lists back ends which raise or quietly fall back; the list of those it was asked for."""
    asked: list[str] = []

    class Starting:
        """Pretends that the back end runs; the real one computes."""

        def __init__(self, path: str, options: Any, providers: list[str]) -> None:
            asked.append(providers[0])
            if providers[0] in raising:
                raise RuntimeError(f"LoadLibrary failed\nwith {providers[0]}")
            self._providers = [one for one in providers if one not in silent]
            self._real = PLAIN(path, options, providers=[session.CPU])

        def get_providers(self) -> list[str]:
            return self._providers

        def run(self, *arguments: Any) -> Any:
            return self._real.run(*arguments)

    monkeypatch.setattr(session, "_FAILED", {})
    monkeypatch.setattr(
        session.ort, "get_available_providers", lambda: [session.CPU, DML, "AzureExecutionProvider", CUDA]
    )
    monkeypatch.setattr(session.ort, "InferenceSession", Starting)
    return asked


@pytest.mark.parametrize(
    ("faults", "runs_on", "failed"),
    [
        ({}, [CUDA, DML, session.CPU], {}),
        ({"raising": (CUDA,)}, [DML, session.CPU], {CUDA: f"LoadLibrary failed with {CUDA}"}),
        ({"silent": (CUDA,)}, [DML, session.CPU], {CUDA: "it did not start"}),
        ({"raising": (CUDA,), "silent": (DML,)}, [session.CPU], {CUDA: "LoadLibrary", DML: "it did not start"}),
    ],
    ids=["starts", "raises", "falls back by itself", "none starts"],
)
def test_the_first_back_end_that_starts_is_used(
    faults: dict[str, Any], runs_on: list[str], failed: dict[str, str], network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, **faults)
    opened = session.open_session(network)
    assert opened.get_providers()[0] == runs_on[0]
    assert opened.run(None, {"x": np.array([1, 2], np.float32)})[0].tolist() == [2, 4]
    told = session.hardware()
    assert told.providers == runs_on
    assert told.failed.keys() == failed.keys()
    assert all(reason in told.failed[name] for name, reason in failed.items())


def test_a_back_end_that_failed_is_not_tried_again(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = install(monkeypatch, raising=(CUDA,))
    session.open_session(network)
    session.open_session(network)
    assert asked == [CUDA, DML, DML]


def test_here_networks_run_on_what_is_installed(network: Path) -> None:
    assert session.open_session(network).get_providers()[0] == session.hardware().providers[0]


def test_a_broken_network_is_no_matter_of_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    install(monkeypatch)
    with pytest.raises(Exception, match="INVALID_PROTOBUF"):
        session.open_session(tmp_path / "broken.onnx")
