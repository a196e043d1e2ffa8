"""Labelling any number of videos: each in a process of its own, so that one that crashes costs only itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from flows import inputs
from pipeline.errors import LineupError
from pipeline.intake import check_group

GRACE_S: Final = 10
VIDEO_SUFFIXES: Final = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .ts .mts .m2ts .mpg .mpeg .flv .wmv .ogv .3gp .gif".split()  # noqa: SIM905, one a line would fill a screen
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video: the folder of its results and what is amiss with them, or why there is none."""

    video: Path
    folder: Path | None
    error: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


def expand(arguments: Iterable[str]) -> tuple[list[Path], list[Outcome]]:
    """The videos that files, folders (everything in them that is named like a video) and globs stand for, each once.

    Paths are absolute. An argument that stands for nothing is one failed outcome, and stops no other.
    """
    videos, nothing = inputs.expand(arguments, _is_source)
    return videos, [Outcome(path, None, error or "no video there") for path, error in nothing]


def check_model(group: str) -> None:
    """LineupError when `group` has no model to label with, which says what to do."""
    if (Path("models") / check_group(group) / "model.json").is_file():
        return
    if (Path("data") / group / "roster.yaml").is_file():
        raise LineupError(f"{group} has no model yet: run 'dvc repro' first (or 'dvc pull' if somebody else built it)")
    groups = sorted(path.parent.name for path in Path("models").glob("*/model.json"))
    there = f"there are: {', '.join(groups)}" if groups else "there is none yet, 'lineup import' brings one in"
    raise LineupError(f"no group is called {group!r}; {there}")


def check_members(group: str, names: Iterable[str]) -> None:
    """LineupError when one of `names` is no member of `group`, before any work is done."""
    from pipeline.roster import read_roster  # these load pandas, which the command line else does not wait for
    from pipeline.video.shown import member_keys

    member_keys(read_roster(Path("data") / group), names)


def label_all(
    videos: Iterable[Path], group: str, out: Path, threshold: float | None, extra: Sequence[str] = ()
) -> Iterator[Outcome]:
    """Label one video after the other, and yield what became of each as soon as it is known.

    `extra` is what else the process of one video is told: --style=..., --only=..., --fancam=..., --preview=...
    """
    for video in videos:
        command = [sys.executable, "-m", "pipeline.video.label", f"--group={group}", f"--out={out}"]
        if threshold is not None:
            command += [f"--threshold={threshold}"]
        command += [*extra, "--", str(video)]
        started = time.perf_counter()
        status, printed = _run(command)
        seconds = time.perf_counter() - started
        yield _told(Outcome(video, None, "", seconds), status, printed)


def _run(command: list[str]) -> tuple[int, str]:
    """The exit status of `command` and what it printed; when this process is stopped it may clean up before it ends."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
    try:
        printed, _ = child.communicate()
    except BaseException:
        child.terminate()
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
        raise
    return child.returncode, printed


def _told(outcome: Outcome, status: int, printed: str) -> Outcome:
    """The outcome, with what the process of its video told on its last line."""
    try:
        told = json.loads(printed.splitlines()[-1])
        if "folder" in told:
            return replace(outcome, folder=Path(told["folder"]), warnings=tuple(map(str, told["warnings"])))
        return replace(outcome, error=str(told["error"]))
    except (IndexError, ValueError, KeyError, TypeError):
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return replace(outcome, error=f"its process crashed ({how}); what it said stands above")


def _is_source(path: Path) -> bool:
    """Whether a file in a folder is a video to label: not a result of labelling one."""
    is_video = path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES
    return is_video and not path.with_name("run.json").exists()
