"""What Prefect shows of a batch: a run for the whole, a task run per video, and never a server of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")

PYTHON = """#!/bin/sh
for video; do :; done
case "$video" in
  *good*) echo '{"folder": "labelled/good", "warnings": []}' ;;
  *endless*) touch begun; exec sleep 60 ;;
  *) echo '{"error": "it is broken", "kind": "lasting"}'; exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A Prefect server for these tests only."""
    from prefect.logging.configuration import setup_logging
    from prefect.testing.utilities import prefect_test_harness

    setup_logging()  # the first run would, and caplog would hear nothing of it
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two videos, one of them broken, in a project that is the current folder; none is really labelled."""
    (tmp_path / "models" / "lanterns").mkdir(parents=True)
    (tmp_path / "models" / "lanterns" / "model.json").write_text("{}")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    paths = [tmp_path / name for name in ("good {x}.mp4", "broken.mp4")]
    for path in paths:
        path.write_bytes(path.name.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return paths


def task_states() -> dict[str, str]:
    """The state of each task run that the server knows, by its name; those of other tests too."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return {run.name: str(run.state_type.value) for run in client.read_task_runs() if run.state_type}


def assert_shown(states: dict[str, str]) -> None:
    """Wait until the server, which writes down what it hears a little later, has these states of task runs."""
    end_s = time.monotonic() + 30
    while not states.items() <= (shown := task_states()).items():
        assert time.monotonic() < end_s, shown
        time.sleep(0.1)


def test_a_worker_s_jobs_are_task_runs(server: None, videos: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    from flows.label.request import Request
    from flows.queue.flow import work_in_prefect
    from flows.queue.store import Queue
    from flows.queue.submit import submit
    from flows.queue.worker import Worker

    shown: dict[str, Any] = {}
    with Queue() as queue:
        jobs = submit(queue, videos, Request("lanterns", Path("labelled"))).new
        worker = Worker(queue, 60, lambda job, _: shown.update({job.video.name: (job.state, job.reason)}))
        work_in_prefect(worker, 2, until_empty=True)
    assert shown == {"good {x}.mp4": ("done", ""), "broken.mp4": ("failed", "it is broken")}
    assert caplog.text.count("it is broken") == 1
    assert "Traceback" not in caplog.text
    assert "NoneType" not in caplog.text
    names = [f"lanterns/{job.video.name}/{job.id[:10]}" for job in jobs]
    assert_shown(dict(zip(names, ["COMPLETED", "FAILED"], strict=True)))


@pytest.mark.parametrize(("by", "then"), [("the worker", "waiting"), ("queue cancel", "cancelled")])
def test_a_job_that_is_stopped_is_a_cancelled_task_run(
    by: str, then: str, server: None, videos: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.label.request import Request
    from flows.queue.flow import work_in_prefect
    from flows.queue.store import Queue
    from flows.queue.submit import submit
    from flows.queue.worker import Worker

    video = tmp_path / "endless.mp4"
    video.write_bytes(b"endless")
    with Queue() as queue:
        (job,) = submit(queue, [video], Request("lanterns", Path("labelled"))).new
        worker = Worker(queue, 60, lambda *_: None)

        def stop() -> None:
            while not (tmp_path / "begun").exists() and threading.main_thread().is_alive():
                time.sleep(0.05)
            if by == "queue cancel":
                with Queue() as another:
                    another.cancel([job])
            else:
                worker.stopping.set()

        threading.Thread(target=stop, daemon=True).start()
        work_in_prefect(worker, 1, until_empty=True)
        assert [one.id for one in queue.jobs(then)] == [job.id]
    assert "Cancelled" in caplog.text
    assert "Traceback" not in caplog.text
    assert "NoneType" not in caplog.text
    name = f"lanterns/endless.mp4/{job.id[:10]}"
    assert_shown({name: "CANCELLED"})


def test_a_batch_without_the_queue_fails_with_its_video(server: None, videos: list[Path]) -> None:
    from flows.label.flow import UnlabelledError, label_batch

    states = label_batch(list(map(str, videos)), "lanterns", return_state=True)
    assert states.is_failed()
    assert [state.name for state in label_batch([str(videos[0])], "lanterns")] == ["Completed"]
    with pytest.raises(UnlabelledError, match="no video there"):
        label_batch(["nosuch.mp4"], "lanterns")


ABSENT = {
    "no server": ("", "no Prefect server is set"),
    "one that is down": ("http://127.0.0.1:9/api", "does not answer"),
}


@pytest.mark.parametrize(("url", "says"), ABSENT.values(), ids=ABSENT.keys())
def test_no_server_is_started_in_secret(url: str, says: str, project: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(tmp_path), "PREFECT_API_URL": url}
    command = [sys.executable, "-m", "flows.cli", "worker", "--prefect", "--until-empty"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
