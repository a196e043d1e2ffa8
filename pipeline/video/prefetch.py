"""Work that runs ahead of whoever uses it, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from contextlib import closing
from typing import Final, TypeVar

T = TypeVar("T")

AHEAD: Final = 4  # frames decoded while one is looked at, or drawn on and encoded
_POLL_S: Final = 0.1


def prefetched(items: Generator[T, None, None], count: int = AHEAD) -> Generator[T, None, None]:
    """The same items in the same order, up to `count` of them made while the last is still in use.

    An error of `items` comes out where its item would have. When this is closed, the thread ends and `items` is closed.
    """
    made: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(count)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, made, stop), daemon=True)
    thread.start()
    try:
        while (found := made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
    finally:
        stop.set()
        thread.join()


def _fill(
    items: Generator[T, None, None], made: queue.Queue[tuple[T] | BaseException | None], stop: threading.Event
) -> None:
    last: BaseException | None = None
    with closing(items):
        try:
            for item in items:
                if not _put((item,), made, stop):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again where the items are used
            last = error
    _put(last, made, stop)


def _put(
    item: tuple[T] | BaseException | None, made: queue.Queue[tuple[T] | BaseException | None], stop: threading.Event
) -> bool:
    """Wait for room; False when nobody wants the item any more."""
    while not stop.is_set():
        try:
            made.put(item, timeout=_POLL_S)
        except queue.Full:
            continue
        return True
    return False
