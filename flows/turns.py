"""Turns: refreshes, rollbacks and forgetting, of which one at a time runs in a project."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

LOCK: Final = Path("cache", "refresh", "lock")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let the block run when no other refresh, rollback or forgetting does in this project; it waits, and says so."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print("another refresh is running here: waiting for it", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
