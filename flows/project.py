"""Where the project is, and running its tools from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, cast

from pipeline.errors import LineupError
from pipeline.tether import OWN_GROUP

STDERR: Final = 2  # what tools print goes there, so that of a command with --json stdout is JSON and nothing else
ERROR: Final = "ERROR: "  # how DVC begins what went wrong
SUPPORT: Final = "Having any troubles?"  # and how it ends what was not foreseen
# How lines of DVC begin that would mislead: what to run next, which Lineup does itself, and that a raw.dvc "didn't
# change", which is of the stage and not of its photos.
ADVICE: Final = (b"'data/", b"To track the changes", b"git add", b"To enable auto", b"dvc config", b"Use `dvc push`")


class CommandError(LineupError):
    """A command that Lineup ran for the user failed."""


def enter_project(start: Path | None = None) -> Path:
    """Make the project's folder, the nearest one upwards that has a dvc.yaml and a params.yaml, the current one.

    LineupError when there is none.
    """
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            os.chdir(folder)
            return folder
    raise LineupError(
        f"{start} is not inside a Lineup project: go into a clone of it, which has a dvc.yaml and a params.yaml"
    )


def dvc(*arguments: str) -> None:
    """Run DVC in the current folder like dvc_on_tether."""
    dvc_on_tether(Path.cwd(), *arguments)


def dvc_on_tether(folder: Path, *arguments: str) -> None:
    """Run DVC in the project in `folder`, with all it starts on a tether: whatever ends this process ends it too.

    What it and the stages print goes to stderr, but for its advice. Raises CommandError when it fails.
    """
    if status := _on_tether(folder, arguments):
        raise CommandError(
            f"'dvc {' '.join(arguments)}' failed with exit status {status}; its own message stands above"
        )


def dvc_heard(folder: Path, *arguments: str) -> None:
    """Run DVC like dvc_on_tether, but have it print nothing: CommandError tells, in one line, which errors it told.

    With --quiet DVC would keep its errors to itself, too.
    """
    with tempfile.TemporaryFile() as heard:
        status = _on_tether(folder, arguments, heard)
        heard.seek(0)
        _, error, told = heard.read().decode(errors="replace").partition(ERROR)
    if status:
        lines = told.partition(SUPPORT)[0].replace(ERROR, "").splitlines()
        told = "; ".join(line.strip() for line in lines if line.strip())
        raise CommandError(told if error else f"'dvc {' '.join(arguments)}' failed with exit status {status}")


def dvc_answer(*arguments: str) -> str:
    """What DVC prints, '' when it has no answer."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True).stdout.strip()


def environment() -> dict[str, str]:
    """The environment of what Lineup runs for the user.

    The stages in dvc.yaml say 'python': it must be the one that Lineup is installed in, also when the user has not
    activated the virtual environment.
    """
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def _on_tether(folder: Path, arguments: Sequence[str], heard: IO[bytes] | None = None) -> int:
    """The exit status of DVC, whose output goes into the file `heard`, or is passed on."""
    from pipeline.pinned import weights_folder  # the command line's --help waits for no numpy

    command = [sys.executable, "-m", "pipeline.tether", "dvc", *arguments]
    variables = environment() | {"LINEUP_WEIGHTS": str(weights_folder().resolve())}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=heard or subprocess.PIPE,
        stderr=heard,
        cwd=folder,
        env=variables,
        **OWN_GROUP,
    ) as process:
        try:
            if process.stdout:
                _pass_on(process.stdout)
            return process.wait()
        finally:
            cast(IO[bytes], process.stdin).close()  # of one that still runs it ends the whole group


def _pass_on(output: IO[bytes]) -> None:
    for line in output:
        if line.strip() and not line.lstrip().startswith(ADVICE):
            os.write(STDERR, line)
