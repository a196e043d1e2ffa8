"""The process that labels one video: how far it is, whether it still does something, and an end with all it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import psutil

GRACE_S: Final = 10
KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows knows only the latter, which ends at once there


class VideoProcess:
    """A running `command`, in a group of its own, until it is closed.

    Its stdin is a pipe that closes when this process dies in whatever way: it is to end then (pipeline.tether). What it
    prints is kept. In `folder` it leaves the status.json of pipeline.video.preview: each change is a sign of life.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=self._out, stderr=self._err, start_new_session=True
        )
        self._sign, self._sign_s = b"", time.monotonic()

    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def progress(self) -> dict[str, Any]:
        """What it told last of how far it is; nothing at first."""
        try:
            sign = (self._folder / "status.json").read_bytes()
        except OSError:  # not begun, or just being replaced
            sign = self._sign
        if sign != self._sign:
            self._sign, self._sign_s = sign, time.monotonic()
        return json.loads(sign or b"{}")

    def silent_s(self) -> float:
        """Seconds since `progress` last heard anything new."""
        return time.monotonic() - self._sign_s

    def printed(self) -> tuple[str, str]:
        """What it has written to stdout and to stderr."""
        return _read(self._out), _read(self._err)

    def stop(self) -> None:
        """End it and all that it started, by asking first; also what it left behind when it ended by itself."""
        if self.status() is None:
            self._end(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        self._end(KILL)
        self._process.wait()

    def close(self) -> None:
        """Stop it, and forget what it printed."""
        self.stop()
        for stream in (self._process.stdin, self._out, self._err):
            if stream:
                stream.close()

    def _end(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError, psutil.Error):  # nothing of it is left
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, how)
            else:
                for process in psutil.Process(self._process.pid).children(recursive=True):
                    process.kill()
                self._process.kill()


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")
