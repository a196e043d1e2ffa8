"""Where the results of a photo go: never over another photo's or group's, nor over what Lineup did not make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pipeline.results import MOST_BYTES, UNTOLD, Origin, name_for, origin_in

JPEG_MAX_PX: Final = 65_500  # a picture with a longer side cannot be a JPEG
TABLE: Final = ".json"  # no picture's suffix is longer


def targets(path: Path, origin: Origin, out: Path, size: tuple[int, int]) -> tuple[Path, Path]:
    """The picture and the table in `out` for the photo at `path`, of this (width, height): called as name_for says."""
    suffix = ".jpg" if max(size) <= JPEG_MAX_PX else ".png"

    def there(name: str) -> Origin | None:
        picture, table = out / f"{name}{suffix}", out / f"{name}{TABLE}"
        if not picture.exists() and not table.exists():
            return None
        told = origin_in(table)
        return told._replace(picture="") if told.picture == as_text(picture) else UNTOLD

    name = name_for(path.stem, origin, there, MOST_BYTES - len(TABLE))
    return out / f"{name}{suffix}", out / f"{name}{TABLE}"


def is_result(path: Path) -> bool:
    """Whether the picture at `path` is one that Lineup drew on."""
    return origin_in(path.with_suffix(TABLE)).picture == as_text(path)


def as_text(path: Path) -> str:
    """The file's name, which may be no valid text, as text."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")
