"""Errors that a user can act on: one line that says what is wrong and what to do."""

from __future__ import annotations

import errno
from typing import Final

PASSING: Final = frozenset(
    getattr(errno, name)
    for name in ("EAGAIN", "EBUSY", "EDQUOT", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "ESTALE", "ETIMEDOUT")
    if hasattr(errno, name)  # Windows knows fewer
)

_FULL: Final = frozenset(
    getattr(errno, name) for name in ("EDQUOT", "EFBIG", "ENOSPC", "EROFS") if hasattr(errno, name)
)


class LineupError(Exception):
    """Something the user can mend; the command line prints its message without a trace."""


class ParamsError(LineupError):
    """params.yaml does not say what the code understands."""


class WeightsError(LineupError):
    """A weight file is missing, differs from what is expected, or cannot be fetched."""


class UnreadableImageError(LineupError):
    """A picture that cannot be used; `reason` is the word that goes into the dropped table."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class UnreadableVideoError(LineupError):
    """A video that cannot be decoded at all."""


class ModelError(LineupError):
    """A trained model is missing, or was made by another embedder than the one in use."""


class DatasetError(LineupError):
    """A group's photos or tables cannot be used as they are."""


def is_full(error: OSError) -> bool:
    """Whether nothing more can be written there: no room, a quota or a limit is reached, or it is only for reading."""
    return error.errno in _FULL


def told_full(error: OSError) -> str:
    """The one line for an error that `is_full`."""
    where = f" to {error.filename}" if error.filename else ""
    return f"error: cannot write{where} ({error.strerror}): make room, then run the same again"


def may_pass(error: Exception) -> bool:
    """Whether trying again a little later makes sense: a full disk, memory or a download, but not a broken file."""
    if isinstance(error, OSError):
        return error.errno in PASSING
    return isinstance(error, (MemoryError, WeightsError))
