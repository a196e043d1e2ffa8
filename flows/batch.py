"""Batch: labelling as Prefect shows it, a run for the whole and in it a task run per video.

Only who wants to see it there imports this: the queue and its workers need neither the library nor a server.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import TaskRun
from prefect.futures import wait
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task, exponential_backoff

from flows.capacity import jobs_at_once
from flows.labelling import Outcome, Request, expand, label_one
from flows.queue.job import SHORT_ID, Job
from flows.queue.pinned import pin, pinned
from flows.queue.store import BACK_OFF_S, TRIES
from flows.queue.worker import Worker
from flows.report import reported, rows
from pipeline.errors import LineupError

LABEL: Final = "label"  # the kind of report
HERE: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=jobs_at_once())


class UnlabelledError(LineupError):
    """A video that could not be labelled; its task run fails with the reason."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[UnlabelledError], tuple[Outcome]]:
        return UnlabelledError, (self.outcome,)  # so that it comes back from a task in another process


def _may_pass(_: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, UnlabelledError) and run.run_count < TRIES.get(error.outcome.kind, 1)


@task(
    name="label-video",
    task_run_name="{request.group}/{video.name}",
    retries=max(TRIES.values()) - 1,
    retry_delay_seconds=exponential_backoff(BACK_OFF_S),
    retry_condition_fn=_may_pass,
    cache_policy=NO_CACHE,
)
def label_video(video: Path, request: Request) -> Outcome:
    """Label one video; UnlabelledError when that cannot be, retried if it may pass."""
    return _labelled(label_one(video, request))


@flow(name="label-batch", flow_run_name="{group}", task_runner=HERE)
def label_batch(
    videos: list[str],
    group: str,
    out: str = "labelled",
    threshold: float | None = None,
    options: tuple[str, ...] = (),
    model: str = "",
) -> list[State[Outcome]]:
    """Label videos, folders and globs without the queue, with the model of this hash, the one of now if it is ''.

    Every video is one task, and the run fails when one of them does; `with_options(task_runner=...)` says where. What
    became of each is in the report that is named like the run.
    """
    paths, nothing = expand(videos)
    with reported(LABEL, str(flow_run.id), group=group) as report:
        if nothing:
            raise UnlabelledError(nothing[0])
        request = Request(group, Path(out), threshold, tuple(options), pinned(model or pin(group), group))
        runs = [label_video.submit(path, request) for path in paths]
        wait(runs)
        states = [run.state for run in runs]
        report["videos"] = rows([_outcome(path, state) for path, state in zip(paths, states, strict=True)])
    return states


def _outcome(video: Path, state: State[Outcome]) -> Outcome:
    found: Any = state.result(raise_on_failure=False)
    if isinstance(found, Outcome):
        return found
    return found.outcome if isinstance(found, UnlabelledError) else Outcome(video, None, str(found), kind="crashed")


def check_server() -> None:
    """Raise LineupError when no server is set, or it does not answer: a temporary one would show nothing to anybody."""
    url = get_current_settings().api.url
    if not url:
        raise LineupError("no Prefect server is set: run 'prefect server start' and set PREFECT_API_URL to its address")
    with get_client(sync_client=True) as client:
        if client.api_healthcheck():
            raise LineupError(f"the Prefect server at {url} does not answer: start it, or unset PREFECT_API_URL")


def work_in_prefect(worker: Worker, jobs: int, until_empty: bool) -> None:
    """Worker.work as a flow run, each job a task run in it; a job that is tried again is a further one of its name.

    LineupError when there is no server.
    """
    check_server()
    worker.run = _as_task
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
        task_run_name=name.replace("{", "{{").replace("}", "}}"),
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


def _labelled(outcome: Outcome) -> Outcome:
    if outcome.folder is None:
        raise UnlabelledError(outcome)
    return outcome
