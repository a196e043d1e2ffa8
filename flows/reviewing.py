"""The review page for as long as a person reviews: a server on loopback that Ctrl-C ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from flows.listening import listening
from pipeline.loopback import HOST
from pipeline.review.app import create_app

LEAVE_S = 1  # what an answer on its way has to arrive when the page is ended


def review(data: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page of the group in folder `data` until Ctrl-C; `ready` is called with its address.

    Port 0 is a free one. LineupError when the port is taken, DatasetError when the group is not built yet.
    """
    with listening(port) as listener:
        port = listener.getsockname()[1]
        app = create_app(data, port)
        ready(f"http://{HOST}:{port}/")
        config = uvicorn.Config(
            app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=LEAVE_S
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
