"""Schedules: the refreshes of params.yaml as Prefect deployments, and the process that runs each at its time."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule
from prefect.runner import Runner
from prefect.schedules import Cron
from pydantic import ValidationError

from pipeline.errors import ParamsError
from pipeline.params import Serve, read_params


def check(serve: Serve) -> None:
    """ParamsError for a schedule that Prefect does not understand."""
    for one in serve.schedules:
        try:
            CronSchedule(cron=one.cron, timezone=serve.timezone)
        except ValidationError as error:
            why = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ParamsError(f"params.yaml: serve: schedules: {one.group}: {why}") from None


def keep(refresh: Flow[..., Any], serve: Serve) -> None:
    """Run `refresh(group)` by these schedules until SIGTERM, one at a time: they share the project's folder.

    A time that passes while nothing runs this is left out, not made up for.
    """
    runner = Runner(name="lineup", limit=1)
    for one in serve.schedules:
        schedule = Cron(one.cron, timezone=serve.timezone)
        runner.add_flow(refresh, name=one.group, schedule=schedule, parameters={"group": one.group})
    asyncio.run(_until_stopped(runner))


async def _until_stopped(runner: Runner) -> None:
    running = asyncio.create_task(runner.start())
    await asyncio.sleep(0)  # by now it has taken SIGTERM, only to leave its runs where they are
    stops: list[asyncio.Task[None]] = []  # the loop itself keeps no task
    with suppress(NotImplementedError):  # Windows ends a process without asking
        stop = lambda: stops.append(asyncio.create_task(runner.astop()))  # noqa: E731
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    await running


def main() -> None:
    """Keep the schedules of params.yaml."""
    from flows.refresh.flow import refresh

    keep(refresh, read_params().serve)


if __name__ == "__main__":
    main()
