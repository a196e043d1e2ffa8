"""Workers: what becomes of jobs whose videos are fine, broken, hang or crash, and of those whose worker is killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest
from conftest import ROOT
from excerpts import excerpt
from running import until

from flows.label.request import Outcome, Request
from flows.label.run import label_one
from flows.queue.job import Job
from flows.queue.store import Queue
from flows.queue.submit import submit
from flows.queue.watch import watch
from flows.queue.worker import Worker
from pipeline.files import sha256_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")

# What a stand-in for the process of one video does, by the video's name.
PYTHON = """#!/bin/sh
for video; do :; done
case "$video" in
  *good*) echo '{"folder": "labelled/good", "warnings": []}' ;;
  *broken*) echo '{"error": "it is broken", "kind": "lasting"}'; exit 1 ;;
  *full*) echo '{"error": "No space left on device", "kind": "passing"}'; exit 1 ;;
  *crash*) echo 'in the decoder' >&2; kill -ABRT $$ ;;
  *hang*) echo $$ > hanging; sleep 60 & echo $! > grandchild; wait ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, the current one, in which no video is really labelled."""
    (tmp_path / "models" / "lanterns").mkdir(parents=True)
    (tmp_path / "models" / "lanterns" / "model.json").write_text("{}")
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr("flows.queue.store.BACK_OFF_S", 0.01)
    monkeypatch.setattr("flows.queue.worker.BEAT_S", 0.05)
    monkeypatch.setattr("flows.queue.worker.IDLE_S", 0.05)
    return tmp_path


@pytest.fixture
def queue(place: Path) -> Iterator[Queue]:
    with Queue() as queue:
        yield queue


def queued(queue: Queue, *names: str) -> None:
    for name in names:
        Path(name).write_bytes(name.encode())
    submit(queue, [Path(name).resolve() for name in names], Request("lanterns", Path("labelled")))


def events() -> list[dict[str, object]]:
    return [json.loads(line) for line in Path("cache/logs/worker.jsonl").read_text().splitlines()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and whose parent has not heard of it does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


FATES = {
    "good.mp4": ("done", 1, ""),
    "broken.mp4": ("failed", 1, "it is broken"),
    "full.mp4": ("failed", 5, "No space left on device"),
    "crash.mp4": ("failed", 2, "its process crashed (signal 6): in the decoder"),
}


def test_what_becomes_of_videos(queue: Queue) -> None:
    queued(queue, *FATES)
    told: list[tuple[Job, Outcome]] = []
    Worker(queue, 60, lambda *one: told.append(one)).work(2, until_empty=True)
    jobs = {job.video.name: (job.state, job.attempts, job.reason) for job in queue.jobs("done", "failed", "waiting")}
    assert jobs == FATES
    assert sorted(job.video.name for job, _ in told if job.state != "waiting") == sorted(FATES)
    said = events()
    assert {"time", "level", "event", "worker", "group", "video", "job", "reason", "kind", "seconds"} <= set(
        next(one for one in said if one["event"] == "failed")
    )
    assert [one["event"] for one in said if str(one.get("video", "")).endswith("crash.mp4")] == [
        "began", "will try again", "began", "failed",
    ]  # fmt: skip


def test_a_video_that_hangs_is_ended_with_all_it_started(queue: Queue, place: Path) -> None:
    queued(queue, "hang.mp4")
    Worker(queue, 0.6, lambda *_: None).work(1, until_empty=True)
    (job,) = queue.jobs("failed")
    assert (job.attempts, job.kind, job.reason) == (1, "hung", "no progress for 0.01 minutes: it was stopped")
    assert not alive(int((place / "grandchild").read_text()))


def test_a_watch_that_cannot_be_done_starves_no_other(
    queue: Queue, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(video: Path) -> str:
        if video.name == "refused.mp4":
            raise PermissionError(errno.EACCES, "Permission denied")
        return sha256_of(video)

    monkeypatch.setattr("flows.queue.submit.sha256_of", read)
    monkeypatch.setattr("flows.queue.worker.LOOK_S", 0.05)
    monkeypatch.setattr("flows.queue.watch.STEADY_S", 0.2)
    for group in ("bridges", "lanterns"):  # the first has no model
        (place / group).mkdir()
        (place / group / "good.mp4").write_bytes(group.encode())
        watch(queue, place / group, Request(group, Path("labelled")))
    (place / "lanterns" / "refused.mp4").write_bytes(b"")
    Worker(queue, 60, lambda *_: None).work(1, until_empty=True)
    assert [job.request.group for job in queue.jobs("done")] == ["lanterns"]
    said = {one["event"]: one for one in events()}
    assert Path(str(said["cannot watch"]["folder"])).name == "bridges"
    assert Path(str(said["found"]["folder"])).name == "lanterns"
    refused = said["refused"]
    assert (Path(str(refused["video"])).name, refused["reason"]) == ("refused.mp4", "Permission denied")


CHANGED = {
    "taken away": (lambda path: path.unlink(), "No such file"),
    "changed": (lambda path: path.write_bytes(b"another video"), "has changed since"),
}


@pytest.mark.parametrize(("change", "says"), CHANGED.values(), ids=CHANGED.keys())
def test_only_what_was_queued_is_labelled(change: Callable[[Path], object], says: str, queue: Queue) -> None:
    queued(queue, "good.mp4")
    change(Path("good.mp4"))
    Worker(queue, 5, lambda *_: None).work(1, until_empty=True)
    (job,) = queue.jobs("failed")
    assert says in job.reason


def test_a_running_job_that_is_cancelled_is_ended(queue: Queue, place: Path) -> None:
    queued(queue, "hang.mp4")
    worker = Worker(queue, 60, lambda *_: None)
    thread = threading.Thread(target=worker.work, args=(1, True))
    thread.start()
    until((place / "grandchild").exists)
    queue.cancel(queue.jobs("running"))
    thread.join(30)
    assert not thread.is_alive()
    assert [job.state for job in queue.jobs("cancelled", "waiting", "done", "failed")] == ["cancelled"]
    assert not alive(int((place / "hanging").read_text()))


def test_a_stopped_worker_gives_back_what_it_has_in_hand(queue: Queue, place: Path) -> None:
    queued(queue, "hang.mp4")
    worker = Worker(queue, 60, lambda *_: None)
    thread = threading.Thread(target=worker.work, args=(1, False))
    thread.start()
    until((place / "grandchild").exists)
    worker.stopping.set()
    thread.join(30)
    assert not thread.is_alive()
    assert [(job.state, job.attempts) for job in queue.jobs("waiting", "running")] == [("waiting", 0)]
    assert not alive(int((place / "hanging").read_text()))
    assert [one["event"] for one in events()][-2:] == ["gave back", "stopped"]


def test_the_pinned_model_is_what_a_video_is_labelled_with(queue: Queue, place: Path) -> None:
    (place / "python").write_text(
        "#!/bin/sh\nfor word; do case $word in --model=*) cat ${word#--model=}/model.json; esac; done > seen\n"
    )
    queued(queue, "a.mp4")
    (place / "models" / "lanterns" / "model.json").write_text("retrained")
    Worker(queue, 60, lambda *_: None).work(1, until_empty=True)
    assert (place / "seen").read_text() == "{}"


def lineup(project: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PREFECT_API_URL", None)
    return subprocess.Popen(
        command, cwd=project, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_killed_and_begun_anew_it_is_as_if_nothing_had_happened(project: Path, tmp_path: Path) -> None:
    mine = tmp_path / "project"
    shutil.copytree(project, mine)
    for name, source in (("a.mp4", "plain.mp4"), ("b.mp4", "one-frame.mp4")):
        (mine / "videos").mkdir(exist_ok=True)
        shutil.copy(excerpt(source), mine / "videos" / name)
    added, _ = lineup(mine, "queue", "add", mine / "videos", "-g", "lanterns").communicate()
    assert added == "2 queued\n"
    doomed = lineup(mine, "worker", "--jobs", "1")
    children: list[psutil.Process] = []

    def rendering() -> bool:
        nonlocal children
        children = psutil.Process(doomed.pid).children(recursive=True) or children
        return any((mine / "labelled").glob(".writing-*"))

    until(rendering, 60)
    doomed.send_signal(signal.SIGKILL)
    doomed.communicate()
    assert children
    until(lambda: not any(alive(child.pid) for child in children), 5)
    assert [path.name for path in (mine / "labelled").iterdir() if not path.name.startswith(".")] == []
    workers = [lineup(mine, "worker", "--jobs", "1", "--until-empty") for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    listed, _ = lineup(mine, "queue", "list", "--json").communicate()
    assert [(Path(job["video"]).name, job["state"], job["folder"]) for job in json.loads(listed)] == [
        ("a.mp4", "done", str(mine / "labelled" / "a")),
        ("b.mp4", "done", str(mine / "labelled" / "b")),
    ]
    again = label_alone(mine, tmp_path / "alone")
    pd.testing.assert_frame_equal(
        pd.read_parquet(mine / "labelled/a/faces.parquet"), pd.read_parquet(again / "faces.parquet")
    )
    again_added, _ = lineup(mine, "queue", "add", mine / "videos", "-g", "lanterns").communicate()
    assert again_added == "0 queued, there already: 2 done\n"


def label_alone(project: Path, out: Path) -> Path:
    """What labelling the first of the videos comes to without any queue."""
    before = Path.cwd()
    os.chdir(project)
    try:
        outcome = label_one(project / "videos" / "a.mp4", Request("lanterns", out))
    finally:
        os.chdir(before)
    assert outcome.folder
    return outcome.folder
