"""How many videos this machine can label at once."""

from __future__ import annotations

import os
from typing import Final

import psutil

# What labelling one video takes (bench/label.py), with some memory left for everything else.
CORES: Final = 1.5
MEMORY_BYTES: Final = 1_200_000_000


def jobs_at_once() -> int:
    """As many as the cores and the memory that is free bear, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(round(cores / CORES), psutil.virtual_memory().available // MEMORY_BYTES))
