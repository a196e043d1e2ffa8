"""ONNX Runtime sessions: the one place that chooses threads and hardware."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnxruntime as ort

CPU: Final = "CPUExecutionProvider"
# Fastest first; the CPU is always there. CoreML is left out: it runs these small networks slower than the CPU does.
_PREFERRED_PROVIDERS: Final = (
    "CUDAExecutionProvider",
    "MIGraphXExecutionProvider",
    "DmlExecutionProvider",
    "OpenVINOExecutionProvider",
    CPU,
)
_FAILED: Final[dict[str, str]] = {}  # found out by starting a session; a driver that is missing stays so


@dataclass(frozen=True, slots=True)
class Hardware:
    """The back ends in use, the preferred one first; and why others that are installed are not, by name."""

    providers: list[str]
    failed: dict[str, str]


def hardware() -> Hardware:
    """What networks run on here; a back end that does not start shows itself with the first session."""
    return Hardware(providers(), dict(_FAILED))


def providers() -> list[str]:
    """The back ends of the installed ONNX Runtime that Lineup uses, the preferred one first."""
    available = ort.get_available_providers()
    return [name for name in _PREFERRED_PROVIDERS if name in available and name not in _FAILED]


def open_session(network: Path | bytes) -> ort.InferenceSession:
    """A session for a network, given by its path or as bytes: on the first back end that starts, a thread per core."""
    source = network if isinstance(network, bytes) else str(network)
    options = ort.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    # Threads that wait for work by spinning take the cores from the decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # warnings of the graph optimiser say nothing a user can act on
    for provider in providers():
        if provider == CPU:
            break
        try:
            session = ort.InferenceSession(source, options, providers=[provider, CPU])
        except Exception as error:  # noqa: BLE001 - each back end has errors of its own
            _FAILED[provider] = " ".join(str(error).split())[:300]
            continue
        if provider in session.get_providers():
            return session
        _FAILED[provider] = "it did not start: are its driver and libraries installed?"  # the runtime took the CPU
    return ort.InferenceSession(source, options, providers=[CPU])
