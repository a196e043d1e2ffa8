"""What Prefect shows of a refresh: a run for the group, a task run per step, artifacts, and why it was refused."""

from __future__ import annotations

import errno
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import draw

from flows.refresh.findings import Findings
from flows.refresh.run import RefusedError, Report
from pipeline.evaluation.compare import Comparison
from pipeline.evaluation.drift import Count

GROUP = "Duo {x} 등불"


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A Prefect server for these tests only."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def findings(confusion: Path, *reasons: str) -> Findings:
    photos = (Count("mira", 3, 5), Count("<b>tavi", 4, 4))
    metrics = (("accuracy", 1.0, 0.5), ("n_test", 5, 6))
    compared = (Comparison("named right", 5, 5, 3, 2, 0, 0.25),)
    return Findings(GROUP, photos, (("clean: duplicate", 1, 2),), metrics, compared, confusion, reasons)


def told(names: set[str]) -> dict[str, str]:
    """The states of the task runs that the server knows by these names, which it writes down a little later."""
    from prefect.client.orchestration import get_client

    states: dict[str, str] = {}
    with get_client(sync_client=True) as client:
        for _ in range(100):
            runs = client.read_task_runs()
            states = {run.name: str(run.state_type.value) for run in runs if run.state_type and run.name in names}
            if set(states) == names and "RUNNING" not in states.values():
                break
            time.sleep(0.1)
    return states


def artifacts() -> dict[str, Any]:
    from prefect.artifacts import Artifact

    keys = ("", "-photos", "-dropped", "-metrics", "-confusion")
    return {key: Artifact.get(f"refresh-duo-x{key}") for key in keys}


def test_steps_are_task_runs_and_findings_are_artifacts(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.refresh import flow, logged

    draw(1).save(tmp_path / "confusion.png")

    def refreshed(group: str, crawl: bool, step: Any, show: Any) -> Report:
        assert step("crawl mi{r}a", lambda: 3) == 3
        show(findings(tmp_path / "confusion.png"))
        return Report(group, "model/duo/2", warnings=("not pushed {x}",))

    monkeypatch.setattr(logged, "refreshed", refreshed)
    logger = logging.getLogger("prefect.flow_runs")  # whether it hands on, the tests before decide
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    monkeypatch.setattr(logger, "propagate", False)
    assert flow.refresh(GROUP) == Report(GROUP, "model/duo/2", warnings=("not pushed {x}",))
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == ["not pushed {x}"]
    assert told({"crawl mi{r}a"}) == {"crawl mi{r}a": "COMPLETED"}
    shown = artifacts()
    assert "named right: 5 -> 3 of 5" in shown[""].data
    assert all(line.startswith("    ") for line in shown[""].data.splitlines())
    assert '"<b>tavi"' in shown["-photos"].data
    assert shown["-confusion"].data.startswith("data:image/png;base64,")
    assert '"what": "accuracy", "before": 1.0, "after": 0.5' in shown["-metrics"].data
    assert "clean: duplicate" in shown["-dropped"].data


def test_a_refusal_fails_the_run_with_its_reason(server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.refresh import flow, logged

    def refreshed(group: str, crawl: bool, step: Any, show: Any) -> Report:
        show(findings(tmp_path / "none.png", "3 of 4 photos of mira are gone"))
        raise RefusedError("refused: 3 of 4")

    monkeypatch.setattr(logged, "refreshed", refreshed)
    state = flow.refresh(GROUP, return_state=True)
    assert state.is_failed()
    assert "refused: 3 of 4" in state.message
    assert "Refused: 3 of 4 photos of mira are gone" in artifacts()[""].data


FULL = OSError(errno.ENOSPC, "No space left on device")
TRIES = {
    "for good": ("stage", RefusedError("no"), 1),
    "for now": ("stage", FULL, 4),
    "for now, in what cannot be done twice": ("promote", FULL, 1),
}


@pytest.mark.parametrize(("name", "error", "tries"), TRIES.values(), ids=TRIES.keys())
def test_a_step_that_fails_is_tried_again(
    name: str, error: Exception, tries: int, server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.refresh import flow, logged

    tried = []

    def broken() -> None:
        tried.append(1)
        raise error

    monkeypatch.setattr(flow, "BACK_OFF_S", 0)
    monkeypatch.setattr(logged, "refreshed", lambda group, crawl, step, show: step(name, broken))
    assert flow.refresh(GROUP, return_state=True).is_failed()
    assert len(tried) == tries


def comes_to_its_end(group: str, crawl: bool, step: Any, show: Any) -> Report:
    step("crawl mira", lambda: None)
    return step("build", lambda: Report(group, "model/duo/2", ("photos: 3 -> 4",), ("not pushed",)))


def is_refused(group: str, crawl: bool, step: Any, show: Any) -> Report:
    def build() -> Report:
        raise RefusedError("refused: 3 of 4")

    return step("build", build)


WRITTEN: dict[str, tuple[Callable[..., Report], list[tuple[str, ...]], dict[str, object]]] = {
    "one that is promoted": (
        comes_to_its_end,
        [
            ("began", "crawl", "mira"),
            ("ended", "crawl", "mira"),
            ("began", "build"),
            ("ended", "build"),
            ("warning", "not pushed"),
        ],
        {"error": "", "tag": "model/duo/2", "changes": ["photos: 3 -> 4"], "warnings": ["not pushed"]},
    ),
    "one that is refused": (
        is_refused,
        [("began", "build"), ("failed", "build", "refused: 3 of 4")],
        {"error": "refused: 3 of 4"},
    ),
}


@pytest.mark.parametrize(("refreshed", "events", "report"), WRITTEN.values(), ids=WRITTEN.keys())
def test_what_is_written_down_of_a_refresh(
    refreshed: Callable[..., Report],
    events: list[tuple[str, ...]],
    report: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows.refresh import logged

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logged, "refreshed", refreshed)
    with suppress(RefusedError):
        logged.logged("duo")
    lines = [json.loads(line) for line in Path("cache/logs/refresh.jsonl").read_text().splitlines()]
    told = [[one[name] for name in ("event", "step", "member", "reason") if name in one] for one in lines]
    assert list(map(tuple, told)) == events
    assert {one["group"] for one in lines} == {"duo"}
    assert all(one["seconds"] >= 0 for one in lines if one["event"] in ("ended", "failed"))
    (path,) = Path("cache/reports").iterdir()
    written = json.loads(path.read_text())
    assert written | report | {"run": "refresh", "group": "duo"} == written
