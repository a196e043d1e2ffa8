"""Job: one video to be labelled with one model in one way; its name is the hash of just that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from flows.label.request import Kind, Request

State = Literal["waiting", "running", "done", "failed", "cancelled"]
STATES: Final[tuple[State, ...]] = ("running", "waiting", "failed", "cancelled", "done")
SHORT_ID: Final = 10  # characters of an id that are shown


@dataclass(frozen=True, slots=True)
class Submission:
    """A video as it is put into the queue: its content's hash and, in `request`, the hash of the pinned model."""

    video: Path
    video_sha256: str
    model: str
    request: Request
    priority: int = 0

    @property
    def id(self) -> str:
        """The same for the same content, model and wishes, wherever the file lies."""
        return hashlib.sha256(json.dumps([self.video_sha256, self.model, self.wishes]).encode()).hexdigest()

    @property
    def wishes(self) -> dict[str, Any]:
        """The request as JSON holds it."""
        return as_json(self.request)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the queue. `lease` is the word by which its present worker is known, '' while it has none."""

    id: str
    video: Path
    video_sha256: str
    model: str
    request: Request
    priority: int
    state: State
    attempts: int = 0
    not_before: float = 0.0
    lease: str = ""
    worker: str = ""
    progress: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    reason: str = ""
    kind: Kind = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """How much of the present phase is done, 0..1; None when that is not known."""
        done, total = self.progress.get("done"), self.progress.get("total")
        return min(1.0, done / total) if done is not None and total else None


def as_json(request: Request) -> dict[str, Any]:
    """The request but for model and patience, with plain types, options in one order."""
    options = sorted(request.options)
    return {"group": request.group, "out": str(request.out), "threshold": request.threshold, "options": options}


def as_request(wishes: dict[str, Any]) -> Request:
    """What as_json was given."""
    return Request(wishes["group"], Path(wishes["out"]), wishes["threshold"], tuple(wishes["options"]))
