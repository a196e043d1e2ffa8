"""The review page for as long as a person reviews: a server on loopback that Ctrl-C ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flows.listening import listening, server_of
from pipeline.loopback import HOST
from pipeline.review.app import create_app


def review(data: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page of the group in folder `data` until Ctrl-C; `ready` is called with its address.

    Port 0 is a free one. LineupError when the port is taken, DatasetError when the group is not built yet.
    """
    with listening(port) as listener:
        port = listener.getsockname()[1]
        app = create_app(data, port)
        ready(f"http://{HOST}:{port}/")
        with suppress(KeyboardInterrupt):
            server_of(app).run(sockets=[listener])
