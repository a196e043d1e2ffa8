"""Table: the queue in a terminal, once or kept up to date."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flows.label.lines import left
from flows.queue.job import SHORT_ID, Job, State
from flows.queue.store import Queue
from flows.queue.watch import watches
from pipeline.words import printable

EVERY_S: Final = 1.0
MOST: Final[dict[State, int]] = {"running": 100, "failed": 100, "cancelled": 20, "done": 20, "waiting": 20}


def shown(queue: Queue) -> None:
    """Print the queue as it is."""
    Console(highlight=False).print(_page(queue, MOST))


def followed(queue: Queue) -> None:
    """Show the queue until Ctrl-C; as much of it as the terminal has lines for."""
    console = Console(highlight=False)
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            each = max(1, (console.height - 6) // 4)
            live.update(_page(queue, dict.fromkeys(MOST, each)), refresh=True)
            time.sleep(EVERY_S)


def row_of(job: Job) -> dict[str, Any]:
    """A job as JSON tells it."""
    return {
        "id": job.id, "state": job.state, "video": job.video, "video_sha256": job.video_sha256,
        "model": job.model, "group": job.request.group, "out": job.request.out,
        "threshold": job.request.threshold, "options": list(job.request.options), "priority": job.priority,
        "attempts": job.attempts, "worker": job.worker, "phase": job.progress.get("phase", ""), "share": job.share,
        "left_s": job.progress.get("left_s"), "folder": job.folder,
        "reason": job.reason, "kind": job.kind, "seconds": job.seconds, "warnings": list(job.warnings),
    }  # fmt: skip


def _page(queue: Queue, most: dict[State, int]) -> Group:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("job", "state", "group", "video", ""):
        table.add_column(name, overflow="fold")
    counts = queue.counts()
    for state, limit in most.items():
        # Of what is over the latest is shown.
        for job in queue.jobs(state, limit=limit):
            table.add_row(
                *(
                    Text(printable(cell))
                    for cell in (job.id[:SHORT_ID], state, job.request.group, job.video.name, _what(job))
                )
            )
        if counts[state] > limit:
            table.add_row("", state, "", "", f"and {counts[state] - limit} more")
    summary = ", ".join(f"{number} {state}" for state, number in counts.items())
    folders = [Text(printable(f"watched: {one.folder} for {one.request.group}")) for one in watches(queue)]
    return Group(table, Text(summary), *folders) if sum(counts.values()) else Group("the queue is empty", *folders)


def _what(job: Job) -> str:
    """How far it is, where it went, or why it did not."""
    if job.state == "running":
        share = "" if job.share is None else f"{job.share:.0%}"
        return " ".join(filter(None, (job.progress.get("phase", "starting"), share, left(job.progress))))
    if job.state == "done":
        return "; ".join([str(job.folder), *(f"warning: {one}" for one in job.warnings)])
    reason = job.reason.removeprefix(f"{job.video.name}: ")
    return f"attempt {job.attempts} failed: {reason}" if job.state == "waiting" and reason else reason
