"""How far along a long piece of work is, for whoever watches a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress import track as rich_track

T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` under a progress bar with an estimate on stderr; silent when that is not a terminal.

    `total` is needed where `items` has no length.
    """
    console = Console(stderr=True)
    yield from rich_track(items, what, total=total, console=console, disable=not console.is_terminal)


@contextmanager
def meter(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many of `total` are done, and shows speed and estimate like `track`."""
    console = Console(stderr=True)
    columns = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
