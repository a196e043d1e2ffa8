"""Alive: which worker holds a job, and whether it still can."""

from __future__ import annotations

import os
import platform

import psutil


def this_worker() -> str:
    """A name for this process that no other has or will have: machine, process id, and when it began."""
    return f"{platform.node()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_dead(worker: str) -> bool:
    """Whether the worker is known to have ended; of another machine's nothing is known."""
    machine, pid, began = worker.rsplit(":", 2)
    if machine != platform.node():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != began
    except psutil.NoSuchProcess:
        return True
