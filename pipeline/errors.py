"""Errors that a user can act on: one line that says what is wrong and what to do; and the exit statuses of commands."""

from __future__ import annotations

import errno
from typing import Final

# Exit statuses besides 0; docs/observability.md says which command ends with which.
FAILED: Final = 1
REFUSED: Final = 3  # 2 is Typer's own, for what is not a command line
STOPPED: Final = 130  # what shells report of a command that Ctrl-C ended

PASSING: Final = frozenset(
    getattr(errno, name)
    for name in ("EAGAIN", "EBUSY", "EDQUOT", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "ESTALE", "ETIMEDOUT")
    if hasattr(errno, name)  # Windows knows fewer
)

_FULL: Final = frozenset(getattr(errno, name) for name in ("EDQUOT", "EFBIG", "ENOSPC") if hasattr(errno, name))


class LineupError(Exception):
    """Something the user can mend; the command line prints its message without a trace."""


class ParamsError(LineupError):
    """params.yaml does not say what the code understands."""


class WeightsError(LineupError):
    """A weight file is missing, or differs from what is expected."""


class UnfetchedError(WeightsError):
    """A file cannot be fetched from where it is, at the moment."""


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
    """Whether nothing more can be written: there is no room, or a quota or a limit is reached."""
    return error.errno in _FULL


def one_line(error: Exception) -> str:
    """The one line for an error that ends a command."""
    return f"error: {in_words(error)}"


def in_words(error: Exception) -> str:
    """What went wrong, and what to do; a mistake of Lineup's own is called by its kind."""
    if isinstance(error, OSError):
        if is_full(error):
            return f"nothing more can be written ({error.strerror}): make room, then run the same again"
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return "too large for the memory there is"
    if isinstance(error, LineupError):
        return str(error)
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said} (unforeseen: 'lineup --debug COMMAND ...' shows where)"


def may_pass(error: Exception) -> bool:
    """Whether trying again a little later makes sense: a full disk, memory or a download, but not a broken file."""
    if isinstance(error, OSError):
        return error.errno in PASSING
    return isinstance(error, (MemoryError, UnfetchedError))
