"""What every stage's command line does: one argument, params.yaml, and errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import DatasetError, LineupError
from pipeline.params import Params, read_params


def run_stage(main: Callable[[Path, Params], None], arguments: list[str] | None = None) -> int:
    """Run `main` on the group's folder named on the command line and on params.yaml of the current folder.

    Returns the exit status: 0, or 1 after a LineupError, which is printed as one line on stderr.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if len(arguments) != 1:
            raise LineupError("give one argument, the group's folder: data/<group>")
        data = Path(arguments[0])
        if not data.is_dir():
            raise DatasetError(f"{data} is not a folder: 'lineup import PHOTOS --group {data.name}' makes it")
        main(data, read_params())
    except LineupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
