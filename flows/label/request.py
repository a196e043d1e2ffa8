"""What is asked of labelling videos, which videos that is, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from flows import inputs
from pipeline.params import read_params

VIDEO_SUFFIXES: Final = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .ts .mts .m2ts .mpg .mpeg .flv .wmv .ogv .3gp .gif".split()  # noqa: SIM905, one a line would fill a screen
)


# What kind of failure: the same again if tried again; may be over later; its process crashed, or was killed (perhaps
# for want of memory), or showed no progress for too long, or was stopped by us.
Kind = Literal["", "lasting", "passing", "crashed", "killed", "hung", "stopped"]


@dataclass(frozen=True, slots=True)
class Request:
    """How videos are to be labelled: with the model in folder `model`, models/<group> if None, into folders of `out`.

    `options` is what else the process of one video is told: --style=..., --only=..., --fancam=... One that shows no
    progress for `silent_s` is taken to hang.
    """

    group: str
    out: Path
    threshold: float | None = None
    options: tuple[str, ...] = ()
    model: Path | None = None
    silent_s: float = 600.0


def patience_s() -> float:
    """How long a video may show no progress, as params.yaml says."""
    return 60 * read_params().worker.silent_min


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video: the folder of its results and what is amiss with them, or why there is none."""

    video: Path
    folder: Path | None
    error: str = ""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    kind: Kind = ""


def expand(arguments: Iterable[str]) -> tuple[list[Path], list[Outcome]]:
    """The videos that files, folders (everything in them that is named like a video) and globs stand for, each once.

    Paths are absolute. An argument that stands for nothing is one failed outcome, and stops no other.
    """
    videos, nothing = inputs.expand(arguments, _is_source)
    return videos, [Outcome(path, None, error or "no video there") for path, error in nothing]


def _is_source(path: Path) -> bool:
    """Whether a file in a folder is a video to label: not a result of labelling one."""
    is_video = path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES
    return is_video and not path.with_name("run.json").exists()
