"""The queue: one job per content, model and wishes; who may have it when; what becomes of it."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

from flows.label.request import Outcome, Request
from flows.queue import watch as watching
from flows.queue.alive import this_worker
from flows.queue.database import OutOfReachError, QueueError
from flows.queue.job import Job, Submission
from flows.queue.pinned import PINNED, model_hash, pin, pinned
from flows.queue.store import CLAIM, Queue
from flows.queue.submit import Submitted, submit
from pipeline.errors import ModelError

REQUEST = Request("lanterns", Path("labelled"))
DONE = Outcome(Path("a.mp4"), Path("labelled/a"))


def failed(kind: str) -> Outcome:
    return Outcome(Path("a.mp4"), None, "why", kind=kind)  # type: ignore[arg-type]


def one(name: str = "a.mp4", content: str = "aa", model: str = "m1", priority: int = 0, **wishes: object) -> Submission:
    return Submission(Path(name), content, model, replace(REQUEST, **wishes), priority)  # type: ignore[arg-type]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path / "cache" / "queue.sqlite") as queue:
        yield queue


def states(queue: Queue) -> dict[str, int]:
    return {state: jobs for state, jobs in queue.counts().items() if jobs}


def dead_worker() -> str:
    """The name of a worker that has ended."""
    code = "from flows.queue.alive import this_worker; print(this_worker())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


SAME = {
    "the same": one(),
    "moved": one("elsewhere/b.mp4"),
    "with another priority": one(priority=9),
    "the same wishes in another order": one(options=("--only=b", "--fancam=a")),
}
OTHER = {
    "another content": one(content="bb"),
    "another model": one(model="m2"),
    "another threshold": one(threshold=0.7),
    "another style": one(options=("--style=blur",)),
    "another group": one(group="bridges"),
    "another place for the results": one(out=Path("/elsewhere")),
}


@pytest.mark.parametrize("again", SAME.values(), ids=SAME.keys())
def test_what_is_the_same_job(again: Submission, queue: Queue) -> None:
    first = replace(one(), request=replace(again.request, options=tuple(reversed(again.request.options))))
    (job,), _ = queue.add([first])
    new, (known,) = queue.add([again])
    assert new == []
    assert (known.id, known.video, known.priority) == (job.id, again.video, again.priority)
    assert states(queue) == {"waiting": 1}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER.keys())
def test_what_is_another_job(other: Submission, queue: Queue) -> None:
    new, known = queue.add([one(), other])
    assert (len(new), known) == (2, [])


def test_the_most_urgent_first_then_the_oldest(queue: Queue) -> None:
    queue.add(
        [one(content=content, priority=priority) for content, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5))]
    )
    taken = [queue.claim(this_worker()) for _ in range(5)]
    assert [job.video_sha256 if job else None for job in taken] == ["b", "d", "a", "c", None]


def test_no_job_is_taken_twice(queue: Queue, tmp_path: Path) -> None:
    queue.add([one(content=str(number)) for number in range(40)])
    taken: list[Job] = []

    def take() -> None:
        with Queue(tmp_path / "cache" / "queue.sqlite") as mine:
            while job := mine.claim(this_worker()):
                taken.append(job)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(job.video_sha256) for job in taken) == list(range(40))
    assert len({job.lease for job in taken}) == 40


TRIES = {"lasting": 1, "hung": 1, "crashed": 2, "killed": 3, "passing": 5}


@pytest.mark.parametrize(("kind", "tries"), TRIES.items(), ids=TRIES.keys())
def test_what_may_pass_is_tried_again_later(
    kind: str, tries: int, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("flows.queue.store.time.time", lambda: now)
    queue.add([one()])
    waited = []
    while True:
        job = queue.claim(this_worker())
        assert job
        settled = queue.settle(job, failed(kind))
        assert settled
        assert (settled.reason, settled.kind, settled.worker) == ("why", kind, "")
        if settled.state == "failed":
            break
        assert queue.claim(this_worker()) is None
        waited.append(settled.not_before - now)
        now = settled.not_before
    assert settled.attempts == tries
    assert waited == [30.0 * 2**number for number in range(tries - 1)]
    assert queue.retry([settled]) == 1
    again = queue.claim(this_worker())
    assert again
    assert (again.attempts, again.reason) == (0, "")


def test_a_dead_worker_s_job_is_to_be_had_at_once(queue: Queue) -> None:
    queue.add([one()])
    lost = queue.claim(dead_worker())
    assert lost
    taken = queue.claim(this_worker())
    assert taken
    assert (taken.id, taken.attempts) == (lost.id, 1)
    assert not queue.beat(lost, {})
    assert queue.settle(lost, failed("lasting")) is None
    assert queue.beat(taken, {"phase": "render", "done": 1, "total": 4})
    (running,) = queue.jobs("running")
    assert (running.share, running.progress["phase"], running.worker) == (0.25, "render", this_worker())
    assert queue.settle(taken, DONE)
    assert queue.jobs("done")[0].folder == Path("labelled/a")


def test_a_step_of_the_clock_kills_no_worker(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.add([one()])
    assert queue.claim(this_worker())
    began_s = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: began_s(process) + 3600)
    assert queue.claim("elsewhere:1") is None


LIVING = {
    "of this machine": this_worker(),
    "of another machine": "elsewhere:1",
    "with the id of another process": f"{platform.node()}:{os.getppid()}",
}


@pytest.mark.parametrize("worker", LIVING.values(), ids=LIVING.keys())
def test_a_living_worker_s_job_only_after_its_lease(worker: str, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("flows.queue.store.time.time", lambda: now)
    queue.add([one()])
    held = queue.claim(worker)
    assert held
    now += 59
    assert queue.claim(this_worker()) is None
    assert queue.beat(held, {})
    now += 59
    assert queue.claim(this_worker()) is None
    now += 2
    assert queue.claim(this_worker())


def test_a_job_given_back_costs_no_attempt(queue: Queue) -> None:
    queue.add([one()])
    job = queue.claim(this_worker())
    assert job
    queue.release(job)
    again = queue.claim(this_worker())
    assert again
    assert again.attempts == 0
    queue.release(job)  # it has another lease by now
    assert states(queue) == {"running": 1}


def test_what_is_cancelled_is_nobody_s_until_it_is_retried(queue: Queue) -> None:
    (first, second, third), _ = queue.add([one(content=content) for content in "abc"])
    running = queue.claim(this_worker())
    assert running
    assert queue.cancel([first, second]) == 2
    assert not queue.beat(running, {})
    assert queue.settle(running, DONE) is None
    assert states(queue) == {"waiting": 1, "cancelled": 2}
    assert queue.retry([third]) == 0
    assert queue.retry([first]) == 1
    assert states(queue) == {"waiting": 2, "cancelled": 1}


def test_a_failed_job_is_tried_again_when_its_file_has_moved(queue: Queue) -> None:
    queue.add([one()])
    job = queue.claim(this_worker())
    assert job
    queue.settle(job, failed("lasting"))
    queue.add([one()])
    assert states(queue) == {"failed": 1}
    queue.add([one("elsewhere/a.mp4")])
    (moved,) = queue.jobs("waiting")
    assert (moved.video, moved.attempts, moved.reason, moved.kind) == (Path("elsewhere/a.mp4"), 0, "", "")


def test_a_video_that_takes_its_worker_down_is_not_begun_for_ever(queue: Queue) -> None:
    queue.add([one()])
    worker = dead_worker()
    for attempts in range(3):
        job = queue.claim(worker)
        assert job
        assert job.attempts == attempts
    assert queue.claim(worker) is None
    (job,) = queue.jobs("failed")
    assert (job.attempts, job.kind, job.worker) == (3, "killed", "")
    assert "its worker ended" in job.reason
    assert queue.retry([job]) == 1


def test_jobs_are_found_by_the_first_letters(queue: Queue) -> None:
    (job, _), _ = queue.add([one(), one(content="bb")])
    assert queue.find(job.id[:10]).id == job.id
    for prefix, says in (("zz", "no job"), ("", "several jobs"), ("%", "no job")):
        with pytest.raises(QueueError, match=says):
            queue.find(prefix)


def test_names_that_are_no_text(queue: Queue) -> None:
    odd = os.fsdecode(b"\xbf.mp4")
    queue.add([one(odd)])
    job = queue.claim(this_worker())
    assert job
    assert job.video == Path(odd)
    settled = queue.settle(job, Outcome(Path(odd), None, f"{odd}: empty", kind="lasting"))
    assert settled
    assert settled.reason == "\\udcbf.mp4: empty"


UNUSABLE = {
    "no database": (b"<!DOCTYPE html>" * 100, "cannot be used as the queue"),
    "a later one": (None, "another version of Lineup, 99"),
}


@pytest.mark.parametrize(("content", "says"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_file_that_is_no_queue(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    if content is None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version=99")
        connection.close()
    else:
        path.write_bytes(content)
    with pytest.raises(QueueError, match=rf"{says}.*move it away to begin anew"):
        Queue(path)


def test_a_healthy_queue_that_is_busy_is_not_to_be_moved_away(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.queue.database.BUSY_S", 0.05)
    queue.add([one()])
    with queue.writing(), Queue(tmp_path / "cache" / "queue.sqlite") as other:
        assert states(other) == {"waiting": 1}  # who only looks waits for nobody
        with pytest.raises(OutOfReachError, match=r"is out of reach .database is locked.*run the same again"):
            other.add([one(content="bb")])
        with pytest.raises(OutOfReachError):
            other.claim(this_worker())
    assert queue.claim(this_worker())


def test_a_full_disk_loses_only_the_change_that_met_it(queue: Queue, tmp_path: Path) -> None:
    queue.add([one()])
    pages = queue.rows("PRAGMA page_count")[0][0]
    queue.rows(f"PRAGMA max_page_count={pages}")
    with pytest.raises(OutOfReachError, match="full"):
        queue.add(one(content=str(number)) for number in range(1000))
    queue.rows("PRAGMA max_page_count=100000")
    queue.add([one(content="bb")])
    assert states(queue) == {"waiting": 2}


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model that is not one to use, only to be copied; its project is the current folder."""
    folder = tmp_path / "models" / "lanterns"
    (folder / "gallery").mkdir(parents=True)
    for name in ("model.json", "svm.skops", "fit.json", "gallery/nearest.parquet"):
        (folder / name).write_text(f'{{"name": "{name}"}}')
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_model_is_the_one_of_the_day_it_was_queued(group: Path) -> None:
    first = pin("lanterns")
    (group / "fit.json").write_text("it took longer")
    assert pin("lanterns") == first
    (group / "svm.skops").write_text("retrained")
    second = pin("lanterns")
    assert second != first
    assert (pinned(first, "lanterns") / "svm.skops").read_text() == '{"name": "svm.skops"}'
    assert (pinned(second, "lanterns") / "svm.skops").read_text() == "retrained"
    assert model_hash(PINNED / first) == first
    assert (PINNED / first / "gallery" / "nearest.parquet").is_file()


def test_a_lost_copy_is_made_again_only_of_the_same_model(group: Path) -> None:
    model = pin("lanterns")
    shutil.rmtree(PINNED)
    assert (pinned(model, "lanterns") / "model.json").is_file()
    shutil.rmtree(PINNED)
    (group / "svm.skops").write_text("retrained")
    with pytest.raises(ModelError, match="gone"):
        pinned(model, "lanterns")


def test_submitting_knows_a_video_by_its_content(group: Path, queue: Queue, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"one")
    (tmp_path / "b.mp4").write_bytes(b"other")
    (tmp_path / "folder.mp4").mkdir()
    paths = [tmp_path / name for name in ("a.mp4", "b.mp4", "folder.mp4", "gone.mp4")]
    first = submit(queue, paths, REQUEST)
    assert (len(first.new), first.known) == (2, [])
    assert [outcome.video.name for outcome in first.refused] == ["folder.mp4", "gone.mp4"]
    assert "a pipe or a device" in first.refused[0].error
    (tmp_path / "a.mp4").rename(tmp_path / "c.mp4")
    (tmp_path / "b.mp4").write_bytes(b"changed, and longer")
    second = submit(queue, [tmp_path / "c.mp4", tmp_path / "b.mp4"], REQUEST)
    assert [job.video.name for job in second.known] == ["c.mp4"]
    assert [job.video.name for job in second.new] == ["b.mp4"]
    (group / "svm.skops").write_text("retrained")
    assert len(submit(queue, [tmp_path / "c.mp4"], REQUEST).new) == 1


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """A folder to be watched."""
    (folder := tmp_path / "incoming").mkdir()
    return folder


@pytest.fixture
def after(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Callable[[float, watching.Watcher], Submitted]:
    """What a watcher finds in the one watched folder so many seconds later."""
    now_s = 0.0
    monkeypatch.setattr("flows.queue.watch.time.monotonic", lambda: now_s)

    def look(seconds: float, watcher: watching.Watcher) -> Submitted:
        nonlocal now_s
        now_s += seconds
        (watched,) = watching.watches(queue)
        return watcher.look(watched)

    return look


Look = Callable[[float, watching.Watcher], Submitted]


def names(found: Submitted) -> list[str]:
    return [job.video.name for job in found.new]


def test_a_video_in_a_watched_folder_is_queued_once_and_when_it_is_whole(
    group: Path, queue: Queue, incoming: Path, after: Look
) -> None:
    watching.watch(queue, incoming, REQUEST, 3)
    growing, watcher = incoming / "growing.mp4", watching.Watcher(queue)
    growing.write_bytes(b"a")
    (incoming / "whole.mp4").write_bytes(b"whole")
    (incoming / "notes.txt").write_bytes(b"no video")
    assert names(after(0, watcher)) == []
    growing.write_bytes(b"ab")
    assert names(after(11, watcher)) == ["whole.mp4"]
    assert watcher.expects()
    assert names(after(11, watcher)) == ["growing.mp4"]
    assert names(after(11, watcher)) == []
    assert not watcher.expects()
    (group / "svm.skops").write_text("retrained")  # what was there is not done again, also by another worker
    assert names(after(11, later := watching.Watcher(queue))) == []
    assert names(after(11, later)) == []
    assert [(job.priority, job.request) for job in queue.jobs("waiting")] == [(3, REQUEST)] * 2
    watching.unwatch(queue, watching.watches(queue))
    assert watching.watches(queue) == []


def test_a_file_that_was_refused_is_read_again_but_not_at_every_look(
    group: Path, queue: Queue, incoming: Path, after: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    watching.watch(queue, incoming, REQUEST)
    (incoming / "a.mp4").write_bytes(b"a")
    watcher = watching.Watcher(queue)
    with monkeypatch.context() as unreadable:
        unreadable.setattr("flows.queue.submit.sha256_of", refuse)
        after(0, watcher)
        assert [(one.video.name, one.error) for one in after(11, watcher).refused] == [("a.mp4", "Permission denied")]
        assert not watcher.expects()
        assert after(11, watcher) == Submitted([], [], [])
    assert names(after(600, watcher)) == ["a.mp4"]


def test_of_ten_thousand_jobs_the_next_is_found_without_sorting_them(queue: Queue) -> None:
    queue.add(one(content=str(number), priority=number % 3) for number in range(10_000))
    job = queue.claim(this_worker())
    assert job
    assert job.priority == 2
    assert len(queue.jobs("waiting", limit=20)) == 20
    assert states(queue) == {"waiting": 9_999, "running": 1}
    values = {"lease": "", "until": 0, "worker": "", "now": 1}
    plan = json.dumps([row["detail"] for row in queue.rows(f"EXPLAIN QUERY PLAN {CLAIM}", values)])
    assert "USING INDEX turn" in plan
    assert "TEMP B-TREE" not in plan
