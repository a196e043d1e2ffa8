"""Tether: a process that its parent started ends with it, however that died.

Run as `python -m pipeline.tether MODULE ARGUMENT...`, which is `python -m MODULE ARGUMENT...` on a tether.
"""

from __future__ import annotations

import gc
import os
import runpy
import signal
import sys
import threading
from typing import Final

CHUNK_BYTES: Final = 4096
OBJECTS_PER_COLLECTION: Final = 50_000  # imports make many and no garbage: at the usual 700, a tenth of their time


def end_with_parent() -> None:
    """End this process and all it started as soon as stdin ends, a pipe that the parent holds open and never writes to.

    The system closes that pipe whatever kills the parent, on every platform. The process must lead a group of its own.
    """
    threading.Thread(target=_wait, args=(sys.stdin.fileno(),), daemon=True).start()


def _wait(stdin: int) -> None:
    while os.read(stdin, CHUNK_BYTES):
        pass
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    end_with_parent()  # before the module's imports, which take seconds
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
