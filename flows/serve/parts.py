"""Parts: the processes that serve starts, each on a tether, and what it writes down about them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from flows.label.process import Tethered
from flows.log import LOGS, event_log
from pipeline.errors import LineupError


class Parts:
    """Processes that belong together, by name; cache/logs/serve.jsonl says when each began and ended."""

    def __init__(self) -> None:
        self._running: dict[str, Tethered] = {}
        self._log = event_log("serve")

    def start(self, name: str, environment: Mapping[str, str], module: str, *arguments: str) -> None:
        """Start `python -m module`; what it prints goes to cache/logs/<name>.log, the worker's to this terminal."""
        command = [sys.executable, "-m", "pipeline.tether", module, *arguments]
        with nullcontext() if name == "worker" else (LOGS / f"{name}.log").open("ab") as out:
            self._running[name] = Tethered(command, out, out, **environment)
        self._log.info("started", extra={"about": {"part": name, "pid": self._running[name].pid}})

    def check(self) -> None:
        """LineupError when a part has ended by itself."""
        for name, part in self._running.items():
            if part.status() is not None:
                where = "above" if name == "worker" else f"in {LOGS / name}.log"
                raise LineupError(f"{name} ended by itself (exit status {part.status()}): what it said stands {where}")

    def stop(self) -> None:
        """End all, the last first: Prefect's server has to hear how the others end."""
        for name, part in reversed(self._running.items()):
            by_itself = part.status() is not None
            part.stop()
            about = {"part": name, "status": part.status(), "by_itself": by_itself}
            self._log.log(40 if by_itself else 20, "ended", extra={"about": about})


@contextmanager
def parts() -> Iterator[Parts]:
    """Parts that all end with the block."""
    found = Parts()
    try:
        yield found
    finally:
        found.stop()
