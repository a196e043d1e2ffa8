"""Keras on TensorFlow, started when first needed, quietly, and so that the same seed gives the same weights."""

from __future__ import annotations

import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any


@cache
def keras() -> Any:
    """The library; starting it takes seconds, which naming faces never has to wait for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _no_chatter():
        import keras
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
        tensorflow.zeros(1)  # starts what is left to start
    return keras


def keras_bytes(network: Any) -> bytes:
    """The file <name>.keras of a network, without dates and addresses: the same network is always the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        undated = io.BytesIO()
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(undated, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    content = b'{"keras_version": "%s"}' % keras().__version__.encode()  # it has the date besides
                if name == "config.json":
                    content = _renumbered(content)
                target.writestr(zipfile.ZipInfo(name), content)
    return undated.getvalue()


def _renumbered(config: bytes) -> bytes:
    """A network's configuration in which objects that are shared, told by where they lay in memory, are counted."""
    numbers: dict[bytes, bytes] = {}

    def number(found: re.Match[bytes]) -> bytes:
        return found[1] + numbers.setdefault(found[2], b"%d" % (len(numbers) + 1))

    return re.sub(rb'("shared_object_id": )(\d+)', number, config)


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Without what native code says on stderr before its log level counts; errors are exceptions."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - the descriptor is what matters
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
