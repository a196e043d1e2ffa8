"""Tether: a process that its parent started ends with it, however that died.

Run as `python -m pipeline.tether MODULE ARGUMENT...`, which is `python -m MODULE ARGUMENT...` on a tether.
"""

from __future__ import annotations

import gc
import os
import runpy
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, Final

CHUNK_BYTES: Final = 4096
OBJECTS_PER_COLLECTION: Final = 50_000  # imports make many and no garbage: at the usual 700, a tenth of their time
KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows knows only the latter, which ends at once there
# What gives a process a group of its own, which Ctrl-C in the terminal does not reach, as arguments of subprocess: the
# first does it everywhere but on Windows, the second only there.
OWN_GROUP: Final[dict[str, Any]] = {
    "start_new_session": True,
    "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
}


def end_group(pid: int, how: signal.Signals = KILL) -> None:
    """Send `how` to the process that leads a group of its own and to all in it; Windows ends them at once instead.

    Nothing happens when nothing of it is left.
    """
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, how)
        return
    import psutil

    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        for process in (*leader.children(recursive=True), leader):
            with suppress(psutil.Error):  # one that is gone spares no other
                process.kill()


def end_with_parent() -> None:
    """End this process and all it started as soon as stdin ends, a pipe that the parent holds open and never writes to.

    The system closes that pipe whatever kills the parent, on every platform. The process must lead a group of its own.
    """
    threading.Thread(target=_wait, args=(sys.stdin.fileno(),), daemon=True).start()


def _wait(stdin: int) -> None:
    while os.read(stdin, CHUNK_BYTES):
        pass
    end_group(os.getpid())
    os._exit(1)


if __name__ == "__main__":
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    end_with_parent()  # before the module's imports, which take seconds
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
