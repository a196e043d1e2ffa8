"""ONNX Runtime sessions: the one place that chooses threads and hardware."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime as ort

# Fastest first; the CPU is always there. CoreML is left out: it runs these small networks slower than the CPU does.
_PREFERRED_PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider")


def providers() -> list[str]:
    """The hardware back ends of the installed ONNX Runtime that Lineup uses, the preferred one first."""
    available = ort.get_available_providers()
    return [name for name in _PREFERRED_PROVIDERS if name in available]


def open_session(path: Path) -> ort.InferenceSession:
    """A session for the network at `path`, on the preferred back end, with one thread per core."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    # Threads that wait for work by spinning take the cores from the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # warnings of the graph optimiser say nothing a user can act on
    return ort.InferenceSession(str(path), options, providers=providers())
