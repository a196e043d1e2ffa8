"""Fleet: one batch labelled by several processes or machines, which all have the project's folder at the same path."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import State
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.task_runners import TaskRunner
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from flows.label.capacity import jobs_at_once
from flows.label.flow import LABEL, label_batch
from flows.label.request import Outcome, Request
from flows.prefect_server import check_server
from flows.queue.pinned import pin
from flows.report import path_of
from pipeline.errors import LineupError
from pipeline.loopback import HOST

POLL_S: Final = 1.0
POOL: Final = "pool:"
DASK: Final = ("tcp://", "tls://")


def label_on(where: str, videos: Sequence[Path], request: Request) -> Iterator[Outcome]:
    """Label videos where `where` says, and yield what became of each: 'dask' (workers of this machine), a Dask
    scheduler's address, or 'pool:NAME', a Prefect work pool, in which each video is a flow run of its own.

    LineupError when it says something else, no Prefect server is set or it does not answer, or prefect-dask is not
    installed.
    """
    label = partial(_in_pool, _pool(where)) if where.startswith(POOL) else partial(_in_batch, task_runner(where))
    check_server()  # one that Prefect starts for the call has no workers of a pool, and each of Dask's starts its own
    asked: dict[str, Any] = {
        "group": request.group,
        "out": str(request.out),
        "threshold": request.threshold,
        "options": list(request.options),
        "model": pin(request.group),
    }
    yield from label(videos, asked)


def task_runner(where: str) -> TaskRunner[Any]:
    """What runs a batch's tasks: see label_on."""
    if where != "dask" and not where.startswith(DASK):
        raise LineupError(f"videos are labelled on 'dask', on tcp://HOST:PORT or in 'pool:NAME', not {where!r}")
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError:
        raise LineupError("prefect-dask is not installed: pip install 'lineup[dask]'") from None
    if where == "dask":
        local = {"host": HOST, "dashboard_address": None}  # its dashboard would answer to anybody
        return DaskTaskRunner(cluster_kwargs={"n_workers": jobs_at_once(), "threads_per_worker": 1, **local})
    return DaskTaskRunner(address=where)


def _in_batch(runner: TaskRunner[Any], videos: Sequence[Path], asked: dict[str, Any]) -> Iterator[Outcome]:
    batch = label_batch.with_options(task_runner=runner)
    state = batch(list(map(str, videos)), **asked, return_state=True)
    yield from _outcomes(state.state_details.flow_run_id, state, videos)


def _pool(where: str) -> str:
    if pool := where.removeprefix(POOL):
        return pool
    raise LineupError("--on pool: names no work pool: write pool:NAME")


def _in_pool(pool: str, videos: Sequence[Path], asked: dict[str, Any]) -> Iterator[Outcome]:
    with get_client(sync_client=True) as client:
        _create(client, pool)
        deployment = _deployed(pool)
        runs = [
            client.create_flow_run_from_deployment(deployment, parameters={"videos": [str(video)], **asked})
            for video in videos
        ]
        for run, video in zip(runs, videos, strict=True):
            yield from _done(client, run.id, video)


def _deployed(pool: str) -> UUID:
    deployment = RunnerDeployment.from_flow(
        label_batch,
        name=pool,
        work_pool_name=pool,
        job_variables={"working_dir": str(Path.cwd())},  # where every worker has the project
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return asyncio.run(deployment.aapply())


def _create(client: SyncPrefectClient, pool: str) -> None:
    template = ProcessWorker.get_default_base_job_template()
    try:
        client.create_work_pool(WorkPoolCreate(name=pool, type=ProcessWorker.type, base_job_template=template))
    except ObjectAlreadyExists:
        return


def _done(client: SyncPrefectClient, run: UUID, video: Path) -> list[Outcome]:
    while not (state := client.read_flow_run(run).state) or not state.is_final():
        time.sleep(POLL_S)
    return _outcomes(run, state, [video])


def _outcomes(run: UUID | None, state: State[Any], videos: Sequence[Path]) -> list[Outcome]:
    """What the report of a run says; when there is none, how the run ended, for each of its videos."""
    try:
        report = json.loads(path_of(LABEL, str(run)).read_bytes())
        return [
            Outcome(
                Path(row["video"]),
                Path(row["folder"]) if row["folder"] else None,
                row["error"],
                row["seconds"],
                tuple(row["warnings"]),
                row["kind"],
            )
            for row in report["videos"]
        ]
    except (OSError, ValueError, KeyError):
        error = f"its run ended as {state.name}: {state.message or 'nothing is known'}"
        return [Outcome(video, None, error, kind="crashed") for video in videos]
