"""Alive: which worker holds a job, and whether it still can."""

from __future__ import annotations

import os
import platform

import psutil


def this_worker() -> str:
    """A name for this process: machine and process id."""
    return f"{platform.node()}:{os.getpid()}"


def is_dead(worker: str) -> bool:
    """Whether the worker is known to have ended. Of another machine's nothing is known, nor when another process has
    its id by now: no clock tells them apart for sure, and what they held is to be had when its lease ends."""
    machine, _, pid = worker.rpartition(":")
    return machine == platform.node() and not psutil.pid_exists(int(pid))
