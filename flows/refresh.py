"""Refresh, as Prefect shows it: a flow run per group, a task run per member crawled and per step."""

from __future__ import annotations

from prefect import flow

from flows.refreshing import Report, refreshed


@flow(name="refresh", flow_run_name="{group}")
def refresh(group: str, crawl: bool = True) -> Report:
    """Refresh a group; RefusedError, which fails the run, says why its new model is not taken."""
    return refreshed(group, crawl)
