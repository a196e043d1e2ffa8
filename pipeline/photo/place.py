"""Where the results of a photo go: never over another photo's, nor over what Lineup did not make."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

JPEG_MAX_PX: Final = 65_500  # a picture with a longer side cannot be a JPEG
MOST_STEM_BYTES: Final = 200  # of the 255 that file systems take, for what is added


def targets(path: Path, sha256: str, out: Path, size: tuple[int, int]) -> tuple[Path, Path]:
    """The picture and the table in `out` for the photo at `path` with this hash and (width, height).

    out/<stem>, or out/<stem>-<hash> where that is anything but an earlier result of this very photo.
    """
    suffix = ".jpg" if max(size) <= JPEG_MAX_PX else ".png"
    stem = os.fsdecode(os.fsencode(path.stem)[:MOST_STEM_BYTES])
    picture, table = out / f"{stem}{suffix}", out / f"{stem}.json"
    if (picture.exists() or table.exists()) and labelled_in(table) != (as_text(picture), sha256):
        picture, table = (place.with_stem(f"{stem}-{sha256[:8]}") for place in (picture, table))
    return picture, table


def is_result(path: Path) -> bool:
    """Whether the picture at `path` is one that Lineup drew on."""
    return labelled_in(path.with_suffix(".json"))[0] == as_text(path)


def labelled_in(table: Path) -> tuple[str, str]:
    """The name of the picture made and the SHA-256 of the photo, as a table says; ('', '') of any other file."""
    try:
        told = json.loads(table.read_text(encoding="utf-8"))
        return (str(told["picture"]), str(told["input_sha256"])) if "lineup" in told else ("", "")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", ""


def as_text(path: Path) -> str:
    """The file's name, which may be no valid text, as text."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")
