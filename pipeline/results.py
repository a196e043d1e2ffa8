"""Results: what they say they were made of, and what they are called, so that none takes the place of another's."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from filelock import FileLock

from pipeline.layout import LOCKS

MOST_BYTES: Final = 255  # that a name may have in UTF-8, on every common file system
MOST_GROUP_BYTES: Final = 64  # of a name, so that a group's long name leaves room for the title
_HASH_DIGITS: Final = 8


class Origin(NamedTuple):
    """What results were made of and by: the SHA-256 of the video or photo, and the group.

    `picture` is the name of the photo with boxes, '' of a video.
    """

    sha256: str
    group: str
    picture: str = ""


UNTOLD: Final = Origin("", "")


def origin_in(table: Path) -> Origin:
    """What the results were made of whose run.json, or table of a photo, this is; UNTOLD by any other file."""
    try:
        told = json.loads(table.read_text(encoding="utf-8"))
        origin = Origin(str(told["input_sha256"]), str(told["group"]), str(told.get("picture", "")))
        return origin if "lineup" in told else UNTOLD
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return UNTOLD


def names(stem: str, origin: Origin, most_bytes: int = MOST_BYTES) -> tuple[str, str, str, str]:
    """What results may be called: <stem>, <stem>-<group>, <stem>-<hash>, <stem>-<group>-<hash>; the stem cut to fit."""
    group, digits = _short(origin.group), origin.sha256[:_HASH_DIGITS]
    tails = ("", f"-{group}", f"-{digits}", f"-{group}-{digits}")
    plain, by_group, by_hash, by_both = (_cut(stem, most_bytes - len(os.fsencode(tail))) + tail for tail in tails)
    return plain, by_group, by_hash, by_both


def name_for(stem: str, origin: Origin, there: Callable[[str], Origin | None], most_bytes: int = MOST_BYTES) -> str:
    """What the results of `origin` are to be called: as they are already, else the first free name.

    `there` says what stands under a name, None when nothing does. The name after <stem> has the group in it when that
    is another group's for the same file, else the hash; the last name, with both, is taken whatever stands there.
    """
    possible = names(stem, origin, most_bytes)
    found = {name: there(name) for name in possible}
    if own := [name for name in possible if found[name] == origin]:
        return own[0]
    plain, by_group, by_hash, by_both = possible
    first = found[plain]
    second = by_group if first and first.sha256 == origin.sha256 else by_hash
    return next((name for name in (plain, second) if found[name] is None), by_both)


@contextmanager
def names_held(out: Path) -> Iterator[None]:
    """Hold the names in the folder `out`: between looking and taking, no other process takes one there."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with FileLock(LOCKS / f"out-{hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:32]}"):
        yield


def _short(group: str) -> str:
    if len(os.fsencode(group)) <= MOST_GROUP_BYTES:
        return group
    digits = hashlib.sha256(os.fsencode(group)).hexdigest()[:_HASH_DIGITS]
    return f"{_cut(group, MOST_GROUP_BYTES - 1 - _HASH_DIGITS)}-{digits}"


def _cut(text: str, most_bytes: int) -> str:
    """As many of the first letters of `text`, whole ones, as fit."""
    while len(os.fsencode(text)) > most_bytes:
        text = text[:-1]
    return text
