"""The files that a command is given: as files, as folders, as globs."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Wanted = Callable[[Path], bool]
"""Whether a file found in a folder is one to work on."""


def expand(arguments: Iterable[str], wanted: Wanted) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The files that the arguments stand for, each once; and the arguments that stand for nothing, with the reason.

    Paths are absolute. Of a folder all files below it that are `wanted`; a file that is named is taken as it is.
    """
    files: dict[Path, None] = {}
    nothing = []
    for argument in arguments:
        error = ""
        try:
            found = [path.resolve() for path in _expand_one(argument, wanted)]
        except OSError as trouble:
            found, error = [], trouble.strerror or ""
        if not found:
            nothing.append((Path(argument), error))
        files.update(dict.fromkeys(found))
    return list(files), nothing


def _expand_one(argument: str, wanted: Wanted) -> Iterator[Path]:
    path = Path(argument)
    if not argument:
        return  # an unset variable in the shell; as a path it would be the current folder
    if path.is_dir():
        yield from sorted(found for found in path.rglob("*") if not _hidden(found, path) and wanted(found))
    elif path.exists():
        yield path
    else:
        found = glob.glob(argument, recursive=True)  # noqa: PTH207, an argument may be an absolute pattern
        yield from sorted(path for path in map(Path, found) if path.is_file())


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
