"""Preview: how far a video is and the picture just drawn, left in a folder for whoever shows them meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import av
import numpy as np

from pipeline.files import write_bytes
from pipeline.images import encode_jpeg
from pipeline.progress import meter
from pipeline.video.decode import converted

STATUS: Final = "status.json"
PICTURE: Final = "picture.jpg"
EVERY_S: Final = 0.25
COST_SHARE: Final = 0.02  # of the time, that may go into pictures, whatever a machine takes for one
WIDTH_PX: Final = 640


class Preview:
    """Writes STATUS and, if wanted, PICTURE into a folder a few times a second.

    Without a folder it only feeds the terminal. STATUS is JSON: phase, done, total (null when not known), left_s (null
    at first), picture (which one it is, from 1).
    """

    def __init__(self, folder: Path | None, pictures: bool = True) -> None:
        self._folder = folder
        self._wanted = folder is not None and pictures
        self._pictures = 0
        self._next_picture_s = 0.0

    @contextmanager
    def meter(self, video: str, phase: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Yield a function that is told how many of `total` are done; see progress.meter."""
        started_s = time.monotonic()
        told_s = 0.0

        def tell(done: int) -> None:
            nonlocal told_s
            shown(done)
            now_s = time.monotonic()
            if now_s - told_s >= EVERY_S or done == total:
                told_s = now_s
                left_s = (now_s - started_s) / done * (total - done) if total and done else None
                self._write_status(phase, done, total, left_s)

        with meter(f"{video}: {phase}", total) as shown:
            yield tell if self._folder else shown

    def show(self, picture: av.VideoFrame) -> None:
        """Show a picture, small, unless the last is too recent; it is only read."""
        now_s, began_s = time.monotonic(), time.thread_time()
        if not self._wanted or now_s < self._next_picture_s:
            return
        scale = min(1.0, WIDTH_PX / picture.width)
        width, height = (max(2, round(side * scale / 2) * 2) for side in (picture.width, picture.height))
        small = converted(picture, format="rgb24", width=width, height=height, interpolation="AREA")
        self._write(PICTURE, encode_jpeg(np.asarray(small.to_ndarray(), np.uint8)))
        self._pictures += 1
        self._next_picture_s = now_s + max(EVERY_S, (time.thread_time() - began_s) / COST_SHARE)

    def _write_status(self, phase: str, done: int, total: int | None, left_s: float | None) -> None:
        status = {"phase": phase, "done": done, "total": total, "left_s": left_s, "picture": self._pictures}
        self._write(STATUS, json.dumps(status).encode())

    def _write(self, name: str, content: bytes) -> None:
        assert self._folder is not None  # noqa: S101 - without a folder nothing is written
        # Nobody's video fails because the disk is full or the preview was closed.
        with suppress(OSError):
            write_bytes(self._folder / name, content)
