"""Where the project is, and running its tools from it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import LineupError


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
    raise LineupError(f"{start} is not inside a Lineup project: no folder above it has a dvc.yaml and a params.yaml")


def dvc(*arguments: str) -> None:
    """Run DVC with this interpreter's environment, its output passed on; CommandError when it fails."""
    run([sys.executable, "-m", "dvc", *arguments], f"dvc {' '.join(arguments)}")


def run(command: Sequence[str], shown: str) -> None:
    """Run `command`, its output passed on; CommandError names it as `shown` when it fails."""
    # The stages in dvc.yaml say 'python': it must be the one that Lineup is installed in, also when the user has not
    # activated the virtual environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, env={**os.environ, "PATH": path})
    if done.returncode:
        raise CommandError(f"'{shown}' failed with exit status {done.returncode}; its own message stands above")
