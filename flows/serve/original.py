"""Original: the video that results were made of, found again and known by its hash."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import unquote_to_bytes
from urllib.request import url2pathname

from pipeline.files import sha256_of

_LOOKING: Final = Lock()  # held for a look at which files are being read, never while one is


def original_of(folder: Path) -> Path | None:
    """The video that the results in `folder` were made of, if it is where it was, as it was.

    What run.json names is believed only if size and SHA-256 are those of the video that was labelled.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        path = Path(os.path.normpath(folder.absolute() / _path(str(run["original"]["address"]))))
        found = path.stat()
        if path.is_file() and run["original"]["bytes"] == found.st_size:
            return path if _sha256(path, found.st_size, found.st_mtime_ns) == run["input_sha256"] else None
    return None


def _path(address: str) -> str:
    """The path that pipeline.video.exports.player.address gave this URL; of another drive's, the whole path."""
    if address.startswith("file:"):
        return url2pathname(address.removeprefix("file:"))
    return os.fsdecode(unquote_to_bytes(address))


def _sha256(path: Path, size: int, changed_ns: int) -> str:
    with _LOOKING:
        reading = _reading(path, size, changed_ns)
    with reading:  # of many requests for one video the first reads it, and none waits for another video
        return _hash(path, size, changed_ns)


@lru_cache(1000)
def _reading(path: Path, size: int, changed_ns: int) -> Lock:  # noqa: ARG001, one for each file as it is
    return Lock()


@lru_cache(1000)
def _hash(path: Path, size: int, changed_ns: int) -> str:  # noqa: ARG001, they tell whether it is to be read again
    return sha256_of(path)
