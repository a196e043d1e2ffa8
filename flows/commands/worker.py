"""lineup worker: does what the queue holds."""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flows.commands.options import Jobs, print_outcome, stoppable
from flows.project import enter_project
from pipeline.errors import FAILED
from pipeline.words import counted

MOST_REPORTED: Final = 10_000  # a worker may run for years

if TYPE_CHECKING:
    from flows.label.request import Outcome
    from flows.queue.job import Job
    from flows.queue.worker import Worker


def worker(
    jobs: Jobs = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing waits any more; the status is 1 if a job failed.")
    ] = False,
    prefect: Annotated[
        bool | None,
        typer.Option(
            "--prefect/--no-prefect", help="Whether each video is shown in Prefect; if PREFECT_API_URL is set, yes."
        ),
    ] = None,
) -> None:
    """Label what is queued, and what comes to lie in watched folders, until stopped. Several workers may share a queue.

    Example: `lineup worker --until-empty --jobs 2`
    """
    from flows.label.capacity import jobs_at_once
    from flows.label.request import patience_s
    from flows.queue.store import Queue
    from flows.queue.worker import Worker
    from flows.report import reported, rows

    states: Counter[str] = Counter()
    outcomes: deque[Outcome] = deque(maxlen=MOST_REPORTED)

    def told(job: Job, outcome: Outcome) -> None:
        states[job.state] += 1
        outcomes.append(outcome)
        print_outcome(outcome)

    enter_project()
    silent_s = patience_s()
    at_once = jobs or jobs_at_once()
    what_then = "what was in hand waits for the next worker"
    with stoppable(what_then), Queue() as queue, reported("worker") as report:
        one = Worker(queue, silent_s, told)
        print(f"worker {one.name}: {counted(at_once, 'video')} at a time", file=sys.stderr, flush=True)
        try:
            shown = bool(os.environ.get("PREFECT_API_URL")) if prefect is None else prefect
            _work(one, at_once, until_empty, shown)
        finally:
            report["videos"] = rows(outcomes)
            if states or until_empty:
                _print_sum(states)
    if states["failed"]:
        raise typer.Exit(FAILED)


def _print_sum(states: Counter[str]) -> None:
    again = f", {states['waiting']} to be tried again" if states["waiting"] else ""
    print(f"{states['done']} done, {states['failed']} failed{again}", flush=True)


def _work(one: Worker, at_once: int, until_empty: bool, shown: bool) -> None:
    """Have the worker work, `shown` in Prefect or not."""
    if not shown:
        one.work(at_once, until_empty)
        return
    from flows.queue.flow import work_in_prefect

    work_in_prefect(one, at_once, until_empty)
