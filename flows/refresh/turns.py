"""Turns: refreshes, rollbacks and forgetting, of which one at a time runs in a project."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from pipeline.files import held

LOCK: Final = Path("cache", "refresh", "lock")


def one_at_a_time() -> AbstractContextManager[None]:
    """Let the block run when no other refresh, rollback or forgetting does in this project; it waits, and says so."""
    return held(LOCK, "another refresh, rollback or forgetting is running here: waiting for it")
