"""Store: the jobs, who has which, and what became of them."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from flows.label.request import Outcome, Request
from flows.queue.alive import is_dead
from flows.queue.database import PATH, Database, QueueError
from flows.queue.job import STATES, Job, State, Submission, as_request

LEASE_S: Final = 60.0  # a worker that has not been heard of for so long has lost its job
BACK_OFF_S: Final = 30.0  # before a second try; twice as long before each further one
TRIES: Final = {"passing": 5, "killed": 3, "crashed": 2}  # of any other kind of failure one

FIND = "SELECT * FROM jobs WHERE id=?"
ADD = "INSERT INTO jobs(id, video, video_sha256, model, wishes, priority) VALUES(?, ?, ?, ?, ?, ?)"
CHANGE = "UPDATE jobs SET video=?, priority=max(priority, ?) WHERE id=?"
GIVE_BACK = """UPDATE jobs SET state=CASE WHEN attempts+1<:tries THEN 'waiting' ELSE 'failed' END, attempts=attempts+1,
  reason='its worker ended while it was labelled', kind='killed', lease='', worker='', progress='{}'
  WHERE state='running' AND (lease_until<:now OR worker IN (SELECT value FROM json_each(:dead)))"""
CLAIM = """UPDATE jobs SET state='running', lease=:lease, lease_until=:until, worker=:worker, progress='{}'
  WHERE number=(SELECT number FROM jobs WHERE state='waiting' AND not_before<=:now
                ORDER BY priority DESC, number LIMIT 1) RETURNING *"""
BEAT = "UPDATE jobs SET lease_until=?, progress=? WHERE id=? AND lease=?"
SETTLE = """UPDATE jobs SET state=:state, attempts=:attempts, not_before=:not_before, folder=:folder, reason=:error,
  kind=:kind, seconds=:seconds, warnings=:warnings, lease='', worker='', progress='{}'
  WHERE id=:id AND lease=:lease RETURNING *"""
RELEASE = "UPDATE jobs SET state='waiting', lease='', worker='', progress='{}' WHERE id=? AND lease=?"
RETRY = """UPDATE jobs SET state='waiting', attempts=0, not_before=0, reason='', kind=''
  WHERE id=? AND state IN ('failed', 'cancelled', 'done')"""
REMOVE = "DELETE FROM jobs WHERE id=?"
CANCEL = """UPDATE jobs SET state='cancelled', lease='', worker='', progress='{}'
  WHERE id=? AND state IN ('waiting', 'running')"""


class Queue(Database):
    """The jobs of one project."""

    def __init__(self, path: Path = PATH) -> None:
        super().__init__(path)

    def add(self, submissions: Iterable[Submission]) -> tuple[list[Submission], list[Job]]:
        """Queue what is not queued yet: what is new, and the jobs that were there, their paths brought up to date."""
        new: list[Submission] = []
        known: list[Job] = []
        with self.writing() as db:
            for one in submissions:
                job, video = one.id, os.fsencode(one.video)
                found = db.execute(FIND, (job,)).fetchone()
                if found is None:
                    db.execute(ADD, (job, video, one.video_sha256, one.model, json.dumps(one.wishes), one.priority))
                    new.append(one)
                    continue
                if found["video"] != video or found["priority"] < one.priority:
                    db.execute(CHANGE, (video, one.priority, job))
                if found["video"] != video and found["state"] == "failed":  # perhaps because the file had moved
                    db.execute(RETRY, (job,))
                known.append(_job(db.execute(FIND, (job,)).fetchone()))
        return new, known

    def claim(self, worker: str) -> Job | None:
        """Take the next job: the most urgent, of these the oldest; None when none is due.

        What a worker holds that is dead, or has not been heard of for LEASE_S, is to be had again; after as many such
        tries as a killed process has, it has failed.
        """
        now = time.time()
        lease = {"lease": uuid.uuid4().hex, "until": now + LEASE_S, "worker": worker, "now": now}
        with self.writing() as db:
            holders = [row["worker"] for row in db.execute("SELECT DISTINCT worker FROM jobs WHERE state='running'")]
            dead = json.dumps([one for one in holders if is_dead(one)])
            db.execute(GIVE_BACK, {"now": now, "dead": dead, "tries": TRIES["killed"]})
            found = db.execute(CLAIM, lease).fetchone()
        return _job(found) if found else None

    def beat(self, job: Job, progress: dict[str, Any]) -> bool:
        """Keep the lease of a running job and tell how far it is; False when it is not this worker's any more."""
        with self.writing() as db:
            return db.execute(BEAT, (time.time() + LEASE_S, json.dumps(progress), job.id, job.lease)).rowcount == 1

    def settle(self, job: Job, outcome: Outcome) -> Job | None:
        """Write down what became of a job: done, failed, or waiting for another try; None when it was not this
        worker's any more, and nothing is changed."""
        attempts = job.attempts + 1
        again = outcome.folder is None and attempts < TRIES.get(outcome.kind, 1)
        state: State = "done" if outcome.folder else "waiting" if again else "failed"
        values = asdict(outcome) | {
            "id": job.id,
            "lease": job.lease,
            "state": state,
            "attempts": attempts,
            "not_before": time.time() + BACK_OFF_S * 2 ** (attempts - 1) if again else 0.0,
            "folder": os.fsencode(outcome.folder) if outcome.folder else None,
            "error": outcome.error.encode("utf-8", "backslashreplace").decode(),
            "warnings": json.dumps(outcome.warnings),
        }
        del values["video"]
        with self.writing() as db:
            found = db.execute(SETTLE, values).fetchone()
        return _job(found) if found else None

    def release(self, job: Job) -> None:
        """Give a job back that was begun and not finished."""
        with self.writing() as db:
            db.execute(RELEASE, (job.id, job.lease))

    def retry(self, jobs: Iterable[Job]) -> int:
        """Let ended jobs wait for another go; how many do."""
        return self._each(RETRY, jobs)

    def cancel(self, jobs: Iterable[Job]) -> int:
        """Take out jobs that wait, and those that run: their worker stops when it notices; how many there were."""
        return self._each(CANCEL, jobs)

    def remove(self, jobs: Iterable[Job]) -> int:
        """Take jobs out for good; the worker of one that runs stops when it notices."""
        with self.purging() as db:
            return sum(db.execute(REMOVE, (job.id,)).rowcount for job in jobs)

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        found = {row["state"]: row["jobs"] for row in self.rows("SELECT state, count(*) jobs FROM jobs GROUP BY state")}
        return {state: found.get(state, 0) for state in STATES}

    def jobs(self, *states: State, limit: int = -1) -> list[Job]:
        """The jobs in these states, in the order in which they were added, the waiting ones in that of their turn."""
        which = ",".join("?" * len(states))
        order = "priority DESC, number" if states == ("waiting",) else "number"
        sql = f"SELECT * FROM jobs WHERE state IN ({which}) ORDER BY {order} LIMIT ?"  # noqa: S608 - only our own words
        return [_job(row) for row in self.rows(sql, (*states, limit))]

    def find(self, prefix: str) -> Job:
        """The one job whose id begins so; QueueError when there is none, or several."""
        found = self.rows("SELECT * FROM jobs WHERE substr(id, 1, ?)=? LIMIT 2", (len(prefix), prefix.lower()))
        if len(found) != 1 or not prefix:
            raise QueueError(f"{'several jobs' if found else 'no job'} of the id {prefix!r}: see 'lineup queue list'")
        return _job(found[0])

    def _each(self, sql: str, jobs: Iterable[Job]) -> int:
        with self.writing() as db:
            return sum(db.execute(sql, (job.id,)).rowcount for job in jobs)


@lru_cache
def _request(wishes: str) -> Request:
    return as_request(json.loads(wishes))


def _job(row: sqlite3.Row) -> Job:
    return Job(
        request=_request(row["wishes"]),
        video=Path(os.fsdecode(row["video"])),
        folder=Path(os.fsdecode(row["folder"])) if row["folder"] else None,
        progress=json.loads(row["progress"]),
        warnings=tuple(json.loads(row["warnings"])),
        **{
            name: row[name]
            for name in (
                "id", "video_sha256", "model", "priority", "state", "attempts", "not_before", "lease", "worker",
                "reason", "kind", "seconds",
            )
        },
    )  # fmt: skip
