"""Submit: videos into the queue, known by their content."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from flows.label.request import Outcome, Request
from flows.queue.job import Job, Submission
from flows.queue.pinned import pin
from flows.queue.store import Queue
from pipeline.files import sha256_of

HASH = "SELECT sha256 FROM hashes WHERE path=? AND size=? AND mtime_ns=?"
KEEP_HASH = "INSERT OR REPLACE INTO hashes(path, size, mtime_ns, sha256) VALUES(?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of what was to be queued: new jobs, those that were there, and what can be no job."""

    new: list[Submission]
    known: list[Job]
    refused: list[Outcome]


def submit(queue: Queue, videos: Iterable[Path], request: Request, priority: int = 0) -> Submitted:
    """Queue `videos` to be labelled with the model that the group has now."""
    model = pin(request.group)
    submissions, refused = [], []
    for video in videos:
        try:
            submissions.append(Submission(video, content_of(queue, video), model, request, priority))
        except OSError as error:
            refused.append(Outcome(video, None, error.strerror or str(error), kind="lasting"))
    return Submitted(*queue.add(submissions), refused)


def content_of(queue: Queue, video: Path) -> str:
    """The file's SHA-256, read only when its size or time tell that it is not known yet; OSError if it is no file."""
    stat = video.stat()
    if not S_ISREG(stat.st_mode):
        raise OSError(0, "no file: a pipe or a device is never at its end")
    seen = (os.fsencode(video), stat.st_size, stat.st_mtime_ns)
    if found := queue.rows(HASH, seen):
        return str(found[0]["sha256"])
    sha256 = sha256_of(video)
    with queue.writing() as db:
        db.execute(KEEP_HASH, (*seen, sha256))
    return sha256
