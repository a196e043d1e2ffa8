"""Refresh, as Prefect shows it: a flow run per group, a task run per member and per step, and what was found."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.tasks import Task, exponential_backoff

from flows.prefect_server import literal
from flows.refresh.findings import Findings
from flows.refresh.logged import logged
from flows.refresh.ready import Report
from pipeline.errors import may_pass

ONCE = "promote"  # a step that the next refresh finishes; begun again it would be another commit
RETRIES = 3
BACK_OFF_S = 30


@flow(name="refresh", flow_run_name="{group}")
def refresh(group: str, crawl: bool = True) -> Report:
    """Refresh a group; RefusedError, which fails the run, says why its new model is not taken."""
    report = logged(group, crawl, _as_task, _show)
    for warning in report.warnings:
        get_run_logger().warning("%s", warning)
    return report


def _may_pass(step: Task[Any, Any], _: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return step.name != ONCE and isinstance(error, Exception) and may_pass(error)


def _as_task(name: str, work: Callable[[], Any]) -> Any:
    @task(
        name=name.partition(" ")[0],
        task_run_name=literal(name),
        retries=RETRIES,
        retry_delay_seconds=exponential_backoff(BACK_OFF_S),
        retry_condition_fn=_may_pass,
        cache_policy=NO_CACHE,
    )
    def step() -> Any:
        return work()

    return step()


def _show(findings: Findings) -> None:
    """Keep what was found as artifacts of the run."""
    key = "refresh-" + (re.sub("[^a-z0-9]+", "-", findings.group.lower()).strip("-") or "group")
    verdict = [f"Refused: {reason}" for reason in findings.reasons] or ["Nothing speaks against the new model."]
    told = "\n".join(f"    {line}" for line in [*verdict, "", *findings.lines()])  # indented: nothing in it is markup
    create_markdown_artifact(told, key=key, description="What changed")
    photos = [{"member": one.member, "before": one.before, "after": one.after} for one in findings.photos]
    create_table_artifact(photos, key=f"{key}-photos", description="Photos of each member")
    for name, rows in (("dropped", findings.dropped), ("metrics", findings.metrics)):
        table = [{"what": what, "before": before, "after": after} for what, before, after in rows]
        create_table_artifact(table, key=f"{key}-{name}", description=f"{name}, before and after")
    if findings.confusion and findings.confusion.is_file():
        picture = base64.b64encode(findings.confusion.read_bytes()).decode("ascii")
        create_image_artifact(f"data:image/png;base64,{picture}", key=f"{key}-confusion", description="Confusion")
