"""Place: the folder in which the results of a video come to stand, also when two of one name are ready at once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from filelock import FileLock

from pipeline.files import put_in_place
from pipeline.video.run import labelled_in

LOCKS: Final = Path("cache") / "locks"


def stem(video: Path) -> str:
    """What the folder of this video is called."""
    return video.stem if video.stem.strip(".") else "video"  # '..mp4' would be the folder of all results itself


def put_results(folder: Path, video: Path, out: Path, sha256: str, group: str) -> Path:
    """Make `folder`, which lies in `out`, the results of `video`, of content `sha256`, by `group`; where they stand.

    That is out/<stem>, or when that holds anything but earlier results of this very video and group, out/<stem>-<group>
    for another group's, else out/<stem>-<hash>.
    """
    LOCKS.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:32]
    with FileLock(LOCKS / f"out-{name}"):  # between looking and taking, no other video takes the name
        target = out / stem(video)
        if target.exists() and labelled_in(target) != (sha256, group):
            target = out / f"{stem(video)}-{group if labelled_in(target)[0] == sha256 else sha256[:8]}"
        if target.exists() and labelled_in(target) != (sha256, group):
            target = out / f"{stem(video)}-{group}-{sha256[:8]}"
        put_in_place(folder, target)
    return target
