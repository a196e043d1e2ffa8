"""Report: one JSON file per run of a flow or a command, for whoever wants to know later what it did."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flows.label.request import Outcome
from pipeline.files import write_json

REPORTS: Final = Path("cache") / "reports"


@contextmanager
def reported(kind: str, name: str = "", **about: Any) -> Iterator[dict[str, Any]]:
    """Write cache/reports/<kind>-<name>.json when the block ends, however it does: yields what it is to say besides.

    It says when the run began, how many seconds it took, `about`, and `error`: '' if there was none, 'stopped' after
    Ctrl-C. The name is the time and the process if none is given.
    """
    began, began_s = datetime.now(UTC), time.monotonic()
    name = name or f"{began:%Y%m%dT%H%M%S}-{os.getpid()}"
    report: dict[str, Any] = {"run": kind, "began": began.isoformat(timespec="seconds"), "error": "", **about}
    try:
        yield report
    finally:
        if error := sys.exc_info()[1]:
            stopped = isinstance(error, KeyboardInterrupt)
            report["error"] = "stopped" if stopped else str(error) or type(error).__name__
        report["seconds"] = round(time.monotonic() - began_s, 1)
        write_json(path_of(kind, name), report)


def path_of(kind: str, name: str) -> Path:
    """Where the report of a run is."""
    return REPORTS / f"{kind}-{name}.json"


def rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """What became of videos, for a report; a name that is no text is written as it can be."""
    return [
        {name: _plain(value) for name, value in asdict(outcome).items()}
        for outcome in sorted(outcomes, key=lambda outcome: outcome.video)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, (str, Path)):
        return str(value).encode(errors="backslashreplace").decode()
    return round(value, 1) if isinstance(value, float) else value
