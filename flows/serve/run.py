"""Run: all that serve starts, for as long as it runs; when one part of it ends, all of it does."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flows.listening import guarded, listening, server_of
from flows.serve import server
from flows.serve.parts import Parts, parts
from pipeline.errors import LineupError, ParamsError
from pipeline.loopback import HOST
from pipeline.names import check_group
from pipeline.params import Serve

if TYPE_CHECKING:
    import uvicorn

LABELLED: Final = Path("labelled")
START_S: Final = 120.0  # what a loaded machine may need to start Prefect; seconds are usual
POLL_S: Final = 0.2

Ready = Callable[[str, str], None]


def serve(params: Serve, port: int, prefect_port: int, worker: tuple[str, ...], ready: Ready) -> None:
    """Serve until Ctrl-C, the worker with these arguments; `ready` is called with the page's address and Prefect's.

    LineupError when a port is taken, a schedule is no good, Prefect does not start, or a part ends by itself.
    """
    if params.schedules:
        _check_groups(params)
    LABELLED.mkdir(exist_ok=True)
    with listening(port) as listener, parts() as running:
        environment = _prefect(running, prefect_port)
        api_url = environment["PREFECT_API_URL"]
        prefect_url = api_url.removesuffix("/api")
        page = _page(listener, prefect_url)
        if params.schedules:
            from flows.serve.schedules import check  # it loads Prefect, seconds in which its server starts

            check(params)
        _until_up(api_url, running)
        if params.schedules:
            running.start("schedules", environment, "flows.serve.schedules")
        running.start("worker", environment, "flows.cli", "worker", "--prefect", *worker)
        ready(f"http://{HOST}:{listener.getsockname()[1]}/", prefect_url)
        _serve_page(page, listener, running)


def _check_groups(params: Serve) -> None:
    for one in params.schedules:
        if not (Path("data") / check_group(one.group) / "roster.yaml").is_file():
            raise ParamsError(f"params.yaml: serve: schedules: there is no group {one.group!r}")


def _prefect(running: Parts, port: int) -> Mapping[str, str]:
    """What Prefect's clients are told: of the server that is set, else of one of our own, which is started."""
    if url := os.environ.get("PREFECT_API_URL"):
        if not server.answers(url):
            raise LineupError(f"the Prefect server at {url} does not answer: start it, or unset PREFECT_API_URL")
        return {"PREFECT_API_URL": url}
    with listening(port, "--prefect-port") as free:
        port = free.getsockname()[1]
    server.HOME.mkdir(parents=True, exist_ok=True)
    environment = server.environment(port)
    running.start("prefect", environment, "flows.serve.server", str(port))
    return environment


def _until_up(api_url: str, running: Parts) -> None:
    end_s = time.monotonic() + START_S
    while not server.answers(api_url):
        running.check()
        if time.monotonic() > end_s:
            raise LineupError(f"Prefect's server did not start within {START_S:.0f} s: see cache/logs/prefect.log")
        time.sleep(POLL_S)


def _page(listener: socket.socket, prefect_url: str) -> uvicorn.Server:
    from flows.serve.page import create_app  # it loads FastAPI, a second in which Prefect's server starts

    return server_of(guarded(create_app(LABELLED, prefect_url), listener.getsockname()[1]))


def _serve_page(page: uvicorn.Server, listener: socket.socket, running: Parts) -> None:
    trouble: list[LineupError] = []

    def watch() -> None:
        while not page.should_exit and not trouble:
            try:
                running.check()
            except LineupError as error:
                trouble.append(error)
                page.should_exit = True
            time.sleep(POLL_S)

    threading.Thread(target=watch, daemon=True).start()
    page.run(sockets=[listener])
    if trouble:
        raise trouble[0]
