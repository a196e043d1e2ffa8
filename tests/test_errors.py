"""Which troubles may be over a little later."""

from __future__ import annotations

import errno

import pytest

from pipeline.errors import UnreadableVideoError, WeightsError, may_pass

TROUBLES = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), True),
    "too many open files": (OSError(errno.EMFILE, "Too many open files"), True),
    "no memory": (MemoryError(), True),
    "a download that failed": (WeightsError("no network"), True),
    "no such file": (FileNotFoundError(errno.ENOENT, "No such file"), False),
    "no right to read": (PermissionError(errno.EACCES, "Permission denied"), False),
    "a broken video": (UnreadableVideoError("empty"), False),
}


@pytest.mark.parametrize(("error", "passes"), TROUBLES.values(), ids=TROUBLES.keys())
def test_what_may_pass(error: Exception, passes: bool) -> None:
    assert may_pass(error) == passes
