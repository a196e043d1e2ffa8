"""Naming the faces of any number of photos, one after the other with the same networks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from flows import inputs
from pipeline.errors import LineupError, UnreadableImageError, in_words
from pipeline.photo.label import PhotoLabeller
from pipeline.photo.place import is_result

PHOTO_SUFFIXES: Final = frozenset(".jpg .jpeg .jpe .jfif .png .webp .avif .gif .bmp".split())  # noqa: SIM905, as in labelling


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one photo: the two files made, the member of each face from left to right and what is amiss; or
    why there are none."""

    photo: Path
    picture: Path | None
    table: Path | None
    members: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


def expand(arguments: Iterable[str]) -> tuple[list[Path], list[Outcome]]:
    """The photos that files, folders (everything in them that is named like a photo) and globs stand for, each once.

    Paths are absolute. An argument that stands for nothing is one failed outcome, and stops no other.
    """
    photos, nothing = inputs.expand(arguments, _is_source)
    return photos, [Outcome(path, None, None, error=error or "no photo there") for path, error in nothing]


def label_photos(photos: Iterable[Path], labeller: PhotoLabeller, out: Path) -> Iterator[Outcome]:
    """Label one photo after the other into `out`, and yield what became of each as soon as it is known."""
    for photo in photos:
        started = time.perf_counter()
        outcome = _label(photo, labeller, out)
        yield replace(outcome, seconds=time.perf_counter() - started)


def _label(photo: Path, labeller: PhotoLabeller, out: Path) -> Outcome:
    try:
        made = labeller.label(photo, out)
    except UnreadableImageError as error:
        return Outcome(photo, None, None, error=f"{error.reason}: {error}")
    except (LineupError, OSError, MemoryError) as error:
        return Outcome(photo, None, None, error=in_words(error))
    return Outcome(photo, made.picture, made.table, made.members, warnings=made.warnings)


def _is_source(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and path.is_file() and not is_result(path)
