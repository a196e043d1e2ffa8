"""A worker as Prefect shows it: a run for the worker, and in it a task run per job.

Only who wants to see it there imports this: the queue and its workers need neither the library nor a server.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Completed, Failed

from flows.label.request import Outcome
from flows.prefect_server import check_server, literal
from flows.queue.job import SHORT_ID, Job
from flows.queue.worker import Worker


def work_in_prefect(worker: Worker, jobs: int, until_empty: bool) -> None:
    """Worker.work as a flow run, each job a task run in it; a job that is tried again is a further one of its name.

    LineupError when there is no server.
    """
    check_server()
    worker = replace(worker, run=_as_task)
    asked: list[int] = []

    @flow(name="label-queue", flow_run_name=worker.name)
    def label_queue(jobs: int, until_empty: bool) -> None:
        with _stopped_by_signals(worker.stopping, asked):
            worker.work(jobs, until_empty)

    label_queue(jobs, until_empty)
    if asked:
        raise KeyboardInterrupt


@contextmanager
def _stopped_by_signals(stopping: threading.Event, asked: list[int]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set `stopping`: a worker that is stopped is no run that crashed."""

    def stop(number: int, _: object) -> None:
        asked.append(number)
        stopping.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_task(job: Job, label: Callable[[], Outcome]) -> Outcome:
    """What `label` gives, shown as a task run named group/video/job, which fails when the video does.

    It says so by its state: an error that is raised Prefect prints with its whole trace. A try that is left, and never
    taken, keeps Prefect from telling that none is, with the trace of an error that there is not.
    """
    name = f"{job.request.group}/{job.video.name}/{job.id[:SHORT_ID]}"

    @task(
        name="label-video",
        task_run_name=literal(name),
        retries=1,
        retry_condition_fn=_never,
        cache_policy=NO_CACHE,
    )
    def label_job() -> State[None]:
        outcomes.append(outcome := label())
        if outcome.folder is not None:
            return Completed()
        return (Cancelled if outcome.kind == "stopped" else Failed)(message=outcome.error)

    outcomes: list[Outcome] = []
    state = label_job(return_state=True)
    if not outcomes:
        state.result()  # raises what went wrong
    return outcomes[0]


def _never(*_: object) -> bool:
    return False
