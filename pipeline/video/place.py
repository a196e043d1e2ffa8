"""Place: the folder in which the results of a video come to stand, also when two of one name are ready at once."""

from __future__ import annotations

from pathlib import Path

from pipeline.files import put_in_place
from pipeline.results import Origin, name_for, names, names_held, origin_in


def stem(video: Path) -> str:
    """What the folder of this video is called."""
    return video.stem if video.stem.strip(".") else "video"  # '..mp4' would be the folder of all results itself


def results_of(video: Path, out: Path, origin: Origin) -> Path | None:
    """The folder in `out` that holds the results of `video` by this group already."""
    folders = (out / name for name in names(stem(video), origin))
    return next((folder for folder in folders if origin_in(folder / "run.json") == origin), None)


def put_results(folder: Path, video: Path, out: Path, origin: Origin) -> Path:
    """Make `folder`, which lies in `out`, the results of `video`; where they stand.

    That is where earlier results of this very video and group stand; else out/<stem>, or when that is taken,
    out/<stem>-<group> beside another group's of this video, out/<stem>-<hash> beside anything else.
    """

    def there(name: str) -> Origin | None:
        return origin_in(out / name / "run.json") if (out / name).exists() else None

    with names_held(out):
        target = out / name_for(stem(video), origin, there)
        put_in_place(folder, target)
    return target
