"""The bundled ffmpeg as a program, run to its end: how far it is meanwhile, and why it failed."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import imageio_ffmpeg

from pipeline.errors import LineupError

_SAYS_NOTHING: Final = re.compile("Terminating thread|Conversion failed|Error opening|Nothing was written|Error while")
_LINE_PREFIXES: Final = re.compile(r"^(\[[^]]* @ 0x[0-9a-f]+\] )+")
_FRAMES: Final = re.compile(r"frame=\s*(\d+)$")


class FfmpegError(LineupError):
    """The sound of a video cannot be put back by ffmpeg."""


def run_ffmpeg(arguments: Sequence[str], progress: Callable[[int], None]) -> None:
    """Run ffmpeg; `progress` is told how many frames it has written. The arguments leave its standard output free.

    Raises FfmpegError with the last line of its errors that says something.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-progress", "pipe:1", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", errors="replace"
        ) as process:
            try:
                _follow(process.stdout or (), progress)
            except BaseException:
                process.kill()
                raise
        errors.seek(0)
        if process.returncode:
            lines = [line for line in errors.read().splitlines() if line.strip() and not _SAYS_NOTHING.search(line)]
            said = _LINE_PREFIXES.sub("", lines[-1]) if lines else f"exit status {process.returncode}"
            raise FfmpegError(f"the sound could not be put back: {said}")


def _follow(lines: Iterable[str], progress: Callable[[int], None]) -> None:
    """Tell `progress` each new number of frames; ffmpeg repeats the last one twice a second, also when it hangs."""
    told = 0
    for line in lines:
        found = _FRAMES.match(line.strip())
        if found and int(found[1]) != told:
            told = int(found[1])
            progress(told)
