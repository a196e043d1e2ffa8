"""Which troubles may be over a little later, and how an error is told."""

from __future__ import annotations

import errno

import pytest

from pipeline.errors import DatasetError, UnfetchedError, UnreadableVideoError, WeightsError, may_pass, one_line

TROUBLES = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), True),
    "too many open files": (OSError(errno.EMFILE, "Too many open files"), True),
    "no memory": (MemoryError(), True),
    "a download that failed": (UnfetchedError("no network"), True),
    "another file than was expected": (WeightsError("its hash differs"), False),
    "no such file": (FileNotFoundError(errno.ENOENT, "No such file"), False),
    "no right to read": (PermissionError(errno.EACCES, "Permission denied"), False),
    "a broken video": (UnreadableVideoError("empty"), False),
}


@pytest.mark.parametrize(("error", "passes"), TROUBLES.values(), ids=TROUBLES.keys())
def test_what_may_pass(error: Exception, passes: bool) -> None:
    assert may_pass(error) == passes


TOLD = {
    "one that the user can mend": (DatasetError("no photos: bring some"), "error: no photos: bring some"),
    "a full disk": (
        OSError(errno.ENOSPC, "No space left on device", "a.mp4"),
        "error: nothing more can be written (No space left on device): make room, then run the same again",
    ),
    "no right to write": (PermissionError(errno.EACCES, "Permission denied", "out"), "error: out: Permission denied"),
    "no memory": (MemoryError(), "error: too large for the memory there is"),
    "no file to name": (OSError("timed out"), "error: timed out"),
    "a mistake of Lineup's own": (
        KeyError("a\nb"),
        "error: KeyError: 'a\\nb' (unforeseen: 'lineup --debug COMMAND ...' shows where)",
    ),
}


@pytest.mark.parametrize(("error", "line"), TOLD.values(), ids=TOLD.keys())
def test_an_error_is_told_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
