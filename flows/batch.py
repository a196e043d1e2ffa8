"""Batch: labelling as Prefect shows it, a run per batch and in it a task run per video.

Without Prefect nothing here is imported: the queue and its workers need no server.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.futures import wait
from prefect.runtime import task_run
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from flows.capacity import jobs_at_once
from flows.labelling import Outcome, Request, expand, label_one
from flows.queue.job import SHORT_ID, Job
from flows.queue.store import BACK_OFF_S, TRIES
from flows.queue.worker import Worker
from pipeline.errors import LineupError

UNSHOWN: Final = {"persist_result": False, "cache_policy": NO_CACHE}


class UnlabelledError(LineupError):
    """A video that could not be labelled: the task run that failed says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[UnlabelledError], tuple[Outcome]]:
        return UnlabelledError, (self.outcome,)  # so that it comes back from a task on another machine
