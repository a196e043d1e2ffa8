"""Watch: folders in which videos appear that are to be labelled, each queued once it has stopped growing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.label.request import Request, expand
from flows.queue.job import as_json, as_request
from flows.queue.store import Queue
from flows.queue.submit import Submitted, submit

State = tuple[bytes, int, int]

STEADY_S: Final = 10.0  # a file that has not changed for so long has been copied to its end
AGAIN_S: Final = 600.0  # and one that could not be read is read again

ADD = (
    "INSERT INTO watches(folder, wishes, priority) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET priority=excluded.priority"
)
TAKE = "INSERT OR REPLACE INTO taken(watch, path, size, mtime_ns) VALUES(?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Watch:
    """A watched folder, and how what comes to lie in it is to be labelled."""

    number: int
    folder: Path
    request: Request
    priority: int


def watch(queue: Queue, folder: Path, request: Request, priority: int = 0) -> None:
    """From now on have the workers queue what lies in `folder`, with the model that the group has then."""
    with queue.writing() as db:
        db.execute(ADD, (os.fsencode(folder), json.dumps(as_json(request)), priority))


def unwatch(queue: Queue, gone: Iterable[Watch]) -> None:
    """Watch these no longer; nothing of them stays."""
    with queue.purging() as db:
        for one in gone:
            db.execute("DELETE FROM taken WHERE watch=?", (one.number,))
            db.execute("DELETE FROM watches WHERE number=?", (one.number,))


def watches(queue: Queue) -> list[Watch]:
    """All watched folders."""
    rows = queue.rows("SELECT * FROM watches ORDER BY number")
    return [
        Watch(row["number"], Path(os.fsdecode(row["folder"])), as_request(json.loads(row["wishes"])), row["priority"])
        for row in rows
    ]


class Watcher:
    """Looks into watched folders, and remembers since when each file there that is no job yet has been as it is."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._since_s: dict[int, dict[State, float]] = {}

    def look(self, one: Watch) -> Submitted:
        """Queue the files that have been as they are for STEADY_S: each once, and again when its content has changed.

        What is refused is tried again after AGAIN_S. LineupError when the group has no model.
        """
        now_s, before_s = time.monotonic(), self._since_s.get(one.number, {})
        rows = self._queue.rows("SELECT path, size, mtime_ns FROM taken WHERE watch=?", (one.number,))
        taken = {tuple(row) for row in rows}
        since_s = {state: before_s.get(state, now_s) for state in _states(one.folder) if state not in taken}
        self._since_s[one.number] = since_s
        ready = {Path(os.fsdecode(state[0])): state for state in since_s if now_s - since_s[state] >= STEADY_S}
        if not ready:
            return Submitted([], [], [])
        found = submit(self._queue, ready, one.request, one.priority)
        for outcome in found.refused:
            since_s[ready.pop(outcome.video)] = now_s + AGAIN_S
        with self._queue.writing() as db:
            db.executemany(TAKE, [(one.number, *state) for state in ready.values()])
        for state in ready.values():
            del since_s[state]
        return found

    def expects(self) -> bool:
        """Whether a file was there at the last look that the next ones may queue."""
        now_s = time.monotonic()
        return any(
            0 <= now_s - since_s < 2 * STEADY_S for of_one in self._since_s.values() for since_s in of_one.values()
        )


def _states(folder: Path) -> Iterator[State]:
    """Path, size and time of change of each video in `folder`."""
    for video in expand([str(folder)])[0]:
        with suppress(OSError):  # just taken away
            stat = video.stat()
            yield os.fsencode(video), stat.st_size, stat.st_mtime_ns
