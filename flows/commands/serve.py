"""lineup serve: schedules, the queue's worker, Prefect and a page of the results, until it is stopped."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from flows.commands.options import Jobs
from flows.project import enter_project
from pipeline.params import read_params


def serve(
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The page's port; 0: a free one.")
    ] = 4300,
    prefect_port: Annotated[
        int,
        typer.Option(
            "--prefect-port", metavar="N", min=0, max=65535, help="The port of Prefect's server; 0: a free one."
        ),
    ] = 4200,
    jobs: Jobs = None,
) -> None:
    """Refresh groups by the schedules of params.yaml, label what is queued, and show both, until Ctrl-C.

    Example: `lineup serve --jobs 2`
    """
    from flows.serve.run import serve as run

    enter_project()
    params = read_params()

    def ready(page: str, prefect: str) -> None:
        print(f"labelled videos: {page}\nPrefect: {prefect}")
        for one in params.serve.schedules:
            print(f"schedule: {one.group}, {one.cron} ({params.serve.timezone})")
        print("Ctrl-C ends it", flush=True)

    with suppress(KeyboardInterrupt):  # the worker, heard in this terminal, says what becomes of what was in hand
        run(params.serve, port, prefect_port, (f"--jobs={jobs}",) if jobs else (), ready)
