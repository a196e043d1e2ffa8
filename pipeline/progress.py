"""How far along a long piece of work is, for whoever watches a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` under a progress bar with an estimate on stderr; silent when that is not a terminal.

    `total` is needed where `items` has no length.
    """
    with _bar() as progress:
        yield from progress.track(items, total, description=what)


@contextmanager
def meter(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many of `total` are done, and shows speed and estimate like `track`."""
    with _bar() as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is printed meanwhile goes above the bar, unless it goes into a file.
    return Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=sys.stdout.isatty())
