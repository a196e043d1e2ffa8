"""Labelling any number of videos: each in a process of its own, so that one that crashes costs only itself."""

from __future__ import annotations

import glob
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import LineupError

VIDEO_SUFFIXES: Final = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".ts",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".flv",
        ".wmv",
        ".ogv",
        ".3gp",
        ".gif",
    ]
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video: the folder of its results, or why there is none."""

    video: Path
    folder: Path | None
    error: str
    seconds: float


def expand(arguments: Iterable[str]) -> list[Path]:
    """The videos that files, folders (everything in them that is named like a video) and globs stand for, each once.

    Paths are absolute. LineupError for an argument that stands for nothing.
    """
    videos: dict[Path, None] = {}
    for argument in arguments:
        try:
            found = [path.resolve() for path in _expand_one(argument)]
        except OSError as error:
            raise LineupError(f"{argument}: {error.strerror}") from None
        if not found:
            raise LineupError(f"{argument or repr(argument)}: no video there")
        videos.update(dict.fromkeys(found))
    return list(videos)


def label_all(videos: Iterable[Path], group: str, out: Path, threshold: float | None) -> Iterator[Outcome]:
    """Label one video after the other, and yield what became of each as soon as it is known."""
    for video in videos:
        command = [sys.executable, "-m", "pipeline.video.label", f"--group={group}", f"--out={out}"]
        if threshold is not None:
            command += [f"--threshold={threshold}"]
        command += ["--", str(video)]
        started = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
        folder, error = _told(done.returncode, done.stdout)
        yield Outcome(video, folder, error, time.perf_counter() - started)


def _told(status: int, printed: str) -> tuple[Path | None, str]:
    """The folder and the error that the process of one video told of on its last line."""
    try:
        told = json.loads(printed.splitlines()[-1])
        return (Path(told["folder"]), "") if "folder" in told else (None, str(told["error"]))
    except (IndexError, ValueError, KeyError, TypeError):
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return None, f"its process crashed ({how}); what it said stands above"


def _expand_one(argument: str) -> Iterator[Path]:
    path = Path(argument)
    if not argument:
        return  # an unset variable in the shell; as a path it would be the current folder
    if path.is_dir():
        yield from sorted(found for found in path.rglob("*") if _is_source(found))
    elif path.exists():
        yield path
    else:
        found = glob.glob(argument, recursive=True)  # noqa: PTH207, an argument may be an absolute pattern
        yield from sorted(path for path in map(Path, found) if path.is_file())


def _is_source(path: Path) -> bool:
    """Whether a file in a folder is a video to label: not hidden, and not a result of labelling one."""
    is_video = path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES
    return is_video and not path.name.startswith(".") and not path.with_name("run.json").exists()
