"""How many videos at once a machine bears."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flows.label.capacity import jobs_at_once

MACHINES = {
    "one core": (1, 64, 1),
    "two cores": (2, 64, 1),
    "four cores": (4, 64, 3),
    "sixteen cores": (16, 64, 11),
    "many cores, little memory": (64, 4, 3),
    "hardly any memory": (8, 0.5, 1),
}


@pytest.mark.parametrize(("cores", "free_gb", "jobs"), MACHINES.values(), ids=MACHINES.keys())
def test_cores_and_memory_set_the_limit(cores: int, free_gb: float, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=free_gb * 1e9))
    assert jobs_at_once() == jobs
