"""What every stage's command line does: one argument, params.yaml, and errors in one line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline.errors import FAILED, STOPPED, DatasetError, LineupError, one_line
from pipeline.files import held
from pipeline.layout import LOCKS
from pipeline.params import Params, read_params


def told(came_in: str, kept: int, reasons: Iterable[str]) -> str:
    """The end of a stage's one line: what came in, how much of it was kept, and how much was dropped for which reason.

    The commonest reason comes first.
    """
    counts = Counter(reasons)
    dropped = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return f"{came_in}: {kept} kept, {counts.total()} dropped" + (f" ({dropped})" if dropped else "")


def run_stage(main: Callable[[Path, Params], None], arguments: list[str] | None = None) -> int:
    """Run `main` on the group's folder named on the command line and on params.yaml of the current folder.

    Returns the exit status: 0; FAILED after an error that is no mistake of Lineup's own, printed as one line on
    stderr; STOPPED by Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if len(arguments) != 1:
            raise LineupError("give one argument, the group's folder: data/<group>")
        data = Path(arguments[0])
        if not data.is_dir():
            raise DatasetError(f"{data} is not a folder: 'lineup import PHOTOS --group {data.name}' makes it")
        # DVC that was killed leaves its stage at work: the next one's would do the same beside it.
        with held(LOCKS / f"stages-{data.name}", f"waiting: another stage is at work on {data}"):
            main(data, read_params())
    except (LineupError, OSError, MemoryError) as error:
        print(one_line(error), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stopped: the next run goes on from what is done", file=sys.stderr)
        return STOPPED
    return 0
