"""Processes on a tether, and the one that labels a video: how far it is, whether it still does something, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from pipeline.tether import OWN_GROUP, end_group

OUT, ERR = "printed.txt", "said.txt"
GRACE_S: Final = 10


class Tethered:
    """A running `command`, in a group of its own; who starts it must stop it, also when it has ended by itself.

    Its stdin is a pipe that closes when this process dies in whatever way: it is to end then (pipeline.tether). What it
    prints goes to `out` and `err`, where this process prints to if None.
    """

    def __init__(
        self, command: Sequence[str], out: IO[bytes] | None = None, err: IO[bytes] | None = None, **environment: str
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            env={**os.environ, **environment},
            **OWN_GROUP,
        )
        self.pid = self._process.pid

    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it and all that it started, by asking first; also what it left behind when it ended by itself."""
        if self.status() is None:
            end_group(self.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        end_group(self.pid)
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


class VideoProcess(Tethered):
    """The process of one video: `folder` gets what it prints, and pipeline.video.preview's status.json, of which each
    change is a sign of life.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._folder = folder
        with (folder / OUT).open("wb") as out, (folder / ERR).open("wb") as err:
            super().__init__(command, out, err)
        self._sign, self._sign_s = b"", time.monotonic()

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
        out, err = ((self._folder / name).read_text(encoding="utf-8", errors="replace") for name in (OUT, ERR))
        return out, err
