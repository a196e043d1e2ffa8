"""Batch: labelling as Prefect shows it, a run for the whole and in it a task run per video.

Only who wants to see it there imports this: the queue and its workers need neither the library nor a server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.futures import wait
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task, exponential_backoff

from flows.label.capacity import jobs_at_once
from flows.label.request import Outcome, Request, expand, patience_s
from flows.label.run import label_one
from flows.queue.pinned import pin, pinned
from flows.queue.store import BACK_OFF_S, TRIES
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
        kept = pinned(model or pin(group), group)
        request = Request(group, Path(out), threshold, tuple(options), kept, patience_s())
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


def _labelled(outcome: Outcome) -> Outcome:
    if outcome.folder is None:
        raise UnlabelledError(outcome)
    return outcome
