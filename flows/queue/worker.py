"""Worker: takes jobs from the queue, labels their videos, and writes down what became of each."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from flows.label.request import Outcome
from flows.label.run import label_one
from flows.log import event_log
from flows.queue.alive import this_worker
from flows.queue.database import OutOfReachError
from flows.queue.job import SHORT_ID, Job
from flows.queue.pinned import pinned
from flows.queue.store import Queue
from flows.queue.submit import content_of
from flows.queue.watch import Watch, Watcher, watches
from pipeline.errors import LineupError, may_pass

BEAT_S: Final = 2.0
IDLE_S: Final = 1.0  # how long a worker with nothing to do waits before it looks again
LOOK_S: Final = 5.0  # between two looks into the watched folders

Told = Callable[[Job, Outcome], None]
Run = Callable[[Job, Callable[[], Outcome]], Outcome]


@dataclass(slots=True)
class Worker:
    """One worker: `silent_s` is how long a video may show no progress, `told` hears what became of each job, and `run`
    is what goes around the labelling of one (flows.queue.flow shows it in Prefect)."""

    queue: Queue
    silent_s: float
    told: Told
    run: Run = lambda _, label: label()
    name: str = field(default_factory=this_worker)
    stopping: threading.Event = field(default_factory=threading.Event)
    log: logging.Logger = field(default_factory=lambda: event_log("worker"))
    _looked: threading.Event = field(default_factory=threading.Event)

    def work(self, jobs: int, until_empty: bool) -> None:
        """Do jobs, as many at a time, for ever, or until none waits and nothing new lies in a watched folder; when this
        is stopped, what is in hand goes back."""
        self._say("started", jobs=jobs)
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        with ThreadPoolExecutor(jobs) as pool:
            slots = [pool.submit(contextvars.copy_context().run, self._slot, until_empty) for _ in range(jobs)]
            try:
                for slot in wait(slots, return_when=FIRST_EXCEPTION).done:
                    slot.result()
            finally:
                self.stopping.set()
        watcher.join()
        self._say("stopped")

    def _slot(self, until_empty: bool) -> None:
        while not self.stopping.is_set():
            try:
                if job := self.queue.claim(self.name):
                    self._do(job)
                elif until_empty and self._looked.is_set() and not self.queue.counts()["waiting"]:
                    return
                else:
                    self.stopping.wait(IDLE_S)
            except OutOfReachError as error:  # the disk is full, or another holds the file for too long
                self._say("queue out of reach", reason=str(error))
                self.stopping.wait(LOOK_S)

    def _do(self, job: Job) -> None:
        self._say("began", job, attempt=job.attempts + 1)
        try:
            outcome = self.run(job, lambda: self._label(job))
        except BaseException:
            self.queue.release(job)
            raise
        if outcome.kind == "stopped":
            self.queue.release(job)  # unless it was cancelled, or is another worker's by now
            return self._say("gave back" if self.stopping.is_set() else "lost or cancelled", job)
        settled = self.queue.settle(job, outcome)
        if settled is None:
            return self._say("lost or cancelled", job)
        event = "will try again" if settled.state == "waiting" else settled.state
        about = {"reason": outcome.error, "kind": outcome.kind} if outcome.error else {"folder": str(outcome.folder)}
        self._say(event, job, seconds=round(outcome.seconds, 1), **about)
        return self.told(settled, outcome)

    def _label(self, job: Job) -> Outcome:
        try:
            if content_of(self.queue, job.video) != job.video_sha256:
                return Outcome(job.video, None, "it has changed since it was queued: queue it again", kind="lasting")
            request = replace(job.request, model=pinned(job.model, job.request.group), silent_s=self.silent_s)
        except OSError as error:
            moved = f"{error.strerror or error}: if it was moved, queue it again from where it is"
            return Outcome(job.video, None, moved, kind="passing" if may_pass(error) else "lasting")
        except LineupError as error:
            return Outcome(job.video, None, str(error), kind="lasting")
        return label_one(job.video, request, self._heart(job))

    def _heart(self, job: Job) -> Callable[[Path, dict[str, Any]], bool]:
        """What keeps the job's lease and tells how far it is, now and then; False when it is to be stopped."""
        next_s = 0.0

        def beats(_: Path, progress: dict[str, Any]) -> bool:
            nonlocal next_s
            if self.stopping.is_set():
                return False
            if time.monotonic() < next_s:
                return True
            next_s = time.monotonic() + BEAT_S
            try:
                return self.queue.beat(job, progress)
            except OutOfReachError:
                return True  # the lease bears a few that are missed

        return beats

    def _watch(self) -> None:
        watcher, troubles = Watcher(self.queue), dict[int, str]()
        while not self.stopping.is_set():
            with suppress(OutOfReachError):  # the slots say so
                for one in watches(self.queue):
                    trouble = self._look(watcher, one)
                    if trouble and trouble != troubles.get(one.number):  # once, not at every look
                        self._say("cannot watch", folder=str(one.folder), reason=trouble)
                    troubles[one.number] = trouble
                if not watcher.expects():
                    self._looked.set()
            self.stopping.wait(LOOK_S)

    def _look(self, watcher: Watcher, one: Watch) -> str:
        """Have what lies in a watched folder queued; why that cannot be, '' when it can."""
        try:
            found = watcher.look(one)
        except OutOfReachError:
            raise
        except (LineupError, OSError) as error:
            return str(error)
        if found.new or found.known:
            self._say("found", folder=str(one.folder), new=len(found.new), known=len(found.known))
        for outcome in found.refused:
            self._say("refused", video=str(outcome.video), reason=outcome.error)
        return ""

    def _say(self, event: str, job: Job | None = None, **about: Any) -> None:
        if job:
            about = {"group": job.request.group, "video": str(job.video), "job": job.id[:SHORT_ID]} | about
        level = logging.WARNING if "reason" in about else logging.INFO
        self.log.log(level, event, extra={"about": {"worker": self.name} | about})
