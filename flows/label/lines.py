"""Lines: how far each video of a call is, one line each, for whoever watches a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from pipeline.words import printable


def left(progress: dict[str, Any]) -> str:
    """How long the present phase will take, in words."""
    seconds = progress.get("left_s")
    if seconds is None:
        return ""
    return f"{seconds:.0f} s left" if seconds < 100 else f"{seconds / 60:.0f} min left"


class Lines:
    """The lines of the videos in hand: `watch` is a flows.label.run.Watch, `done` takes a line away."""

    def __init__(self, table: Progress) -> None:
        self._table = table
        self._shown: dict[Path, TaskID] = {}
        self._lock = threading.Lock()

    def watch(self, video: Path, progress: dict[str, Any]) -> bool:
        """Show how far a video is; it goes on."""
        done, total = progress.get("done", 0), progress.get("total")
        what = printable(f"{video.name}: {progress.get('phase', 'starting')}")
        with self._lock:
            if video not in self._shown:
                self._shown[video] = self._table.add_task(what, total=None, left="")
            self._table.update(self._shown[video], description=what, completed=done, total=total, left=left(progress))
        return True

    def done(self, video: Path) -> None:
        """Take its line away, if it has one."""
        with self._lock:
            if video in self._shown:
                self._table.remove_task(self._shown.pop(video))


@contextmanager
def lines() -> Iterator[Lines]:
    """Show a line per video in hand on stderr while the block runs; nothing when that is no terminal."""
    console = Console(stderr=True)
    words, estimate = (TextColumn(f"{{task.{what}}}", markup=False) for what in ("description", "fields[left]"))
    # What is printed meanwhile goes above the lines, unless it goes into a file.
    on_top = sys.stdout.isatty()
    columns = (words, BarColumn(), MofNCompleteColumn(), estimate)
    with Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=on_top) as table:
        yield Lines(table)
