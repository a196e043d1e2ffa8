"""A refresh whose steps are lines of a log, and which leaves a report of what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flows.log import event_log
from flows.refresh.ready import Report
from flows.refresh.run import Show, Step, plainly, refreshed
from flows.report import reported


def logged(group: str, crawl: bool = True, step: Step = plainly, show: Show = lambda _: None) -> Report:
    """flows.refresh.run.refreshed, with its steps in cache/logs/refresh.jsonl and its report in cache/reports/."""
    log = event_log("refresh")

    def noted(name: str, work: Callable[[], Any]) -> Any:
        what, _, member = name.partition(" ")
        about = {"group": group, "step": what} | ({"member": member} if member else {})
        began_s = time.monotonic()
        log.info("began", extra={"about": about})
        try:
            done = step(name, work)
        except BaseException as error:
            reason = str(error) or type(error).__name__
            log.error("failed", extra={"about": about | {"seconds": _since(began_s), "reason": reason}})
            raise
        log.info("ended", extra={"about": about | {"seconds": _since(began_s)}})
        return done

    with reported("refresh", group=group) as told:
        report = refreshed(group, crawl, noted, show)
        told |= asdict(report)
    for warning in report.warnings:
        log.warning("warning", extra={"about": {"group": group, "reason": warning}})
    return report


def _since(began_s: float) -> float:
    return round(time.monotonic() - began_s, 1)
