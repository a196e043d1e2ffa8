"""Checking a promoted group out: what DVC keeps of it comes into the workspace, and nothing of a person's goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from flows.project import CommandError, dvc_heard
from flows.refresh.staging import targets
from pipeline.errors import LineupError

UNSAVED: Final = "unsaved files without confirmation. Use `--force` to force."  # how DVC refuses to remove files
UNFINISHED: Final = ".*.tmp"  # what a checkout that was killed leaves of a file
MOST_TOLD: Final = 3


def check_out(group: str) -> None:
    """Make photos, tables and model what raw.dvc and dvc.lock say; LineupError when photos of a person are in the way.

    What stages make is nobody's own, and is replaced whatever it is.
    """
    raw, *made = targets(group)
    _check_out_photos(Path(raw))
    dvc_heard(Path.cwd(), "--wait-for-lock", "checkout", "--force", *made)


def mend() -> None:
    """Remove DVC's table of who reads and writes what, if whoever was killed left half of it."""
    table = Path(".dvc", "tmp", "rwlock")
    try:
        json.loads(table.read_bytes() or b"{}")
    except FileNotFoundError:
        return
    except ValueError:
        table.unlink()


def _check_out_photos(raw: Path) -> None:
    """Without --force, with which what no cache has would be gone; what it has and is half there is replaced."""
    for left in raw.with_suffix("").rglob(UNFINISHED):
        left.unlink()
    try:
        dvc_heard(Path.cwd(), "--wait-for-lock", "checkout", str(raw))
    except CommandError as error:
        _, refused, told = str(error).partition(UNSAVED)
        if not refused:
            raise
        names = [os.path.relpath(name) for name in told.split("; ") if name]
        more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
        raise LineupError(
            f"put there meanwhile: {', '.join(names[:MOST_TOLD])}{more}: move it elsewhere and run the same again"
        ) from None
