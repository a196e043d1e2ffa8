"""Work ahead: the same items in order, errors where they belong, and nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import closing

import pytest

from pipeline.video.prefetch import prefetched


def counted(made: list[int], closed: threading.Event, count: int = 100) -> Generator[int, None, None]:
    try:
        for number in range(count):
            made.append(number)
            yield number
    finally:
        closed.set()


@pytest.mark.parametrize("count", [0, 1, 100])
def test_all_come_in_order(count: int) -> None:
    assert list(prefetched(counted([], threading.Event(), count), 3)) == list(range(count))


def test_a_few_are_made_before_they_are_asked_for() -> None:
    made: list[int] = []
    with closing(prefetched(counted(made, threading.Event()), 3)) as items:
        assert next(items) == 0
        deadline = time.monotonic() + 5
        while len(made) < 5 and time.monotonic() < deadline:  # one in use, three waiting, one in hand
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(made) == 5


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def fails() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise ValueError("broken")

    items = prefetched(fails(), 5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_stopping_early_ends_the_thread_and_closes_the_work() -> None:
    closed, before = threading.Event(), threading.active_count()
    items = prefetched(counted([], closed), 2)
    assert next(items) == 0
    items.close()
    assert closed.is_set()
    assert threading.active_count() == before
