"""icrawler's search engines without its downloads: its feeders say which pages to ask, its parsers read them."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import quote_plus

from icrawler import Feeder, Parser
from icrawler.utils import Signal

from pipeline.crawl.connection import FetchError
from pipeline.crawl.fetch import Fetcher, Page
from pipeline.crawl.sources import Found, Wanted

MAX_RESULTS: Final = 1000  # further on, engines begin to repeat themselves


def results(wanted: Wanted, fetcher: Fetcher, feeder: type[Feeder], parser: type[Parser]) -> Iterator[Found]:
    """What an engine finds for each keyword, page by page, until a page brings nothing new."""
    for keyword in wanted.keywords:
        seen: set[str] = set()
        for url in _result_pages(feeder, keyword, min(wanted.depth, MAX_RESULTS)):
            found = [one for one in parsed(parser, fetcher.page(url)) if one["file_url"] not in seen]
            if not found:
                break
            seen.update(one["file_url"] for one in found)
            yield from (Found(one["file_url"], one.get("page_url", ""), keyword) for one in found)


def parsed(parser: type[Parser], page: Page, **options: Any) -> list[Any]:
    """What icrawler's `parser` makes of a page: dicts with 'file_url', and for some parsers addresses of pages.

    Raises FetchError when it can make nothing of it.
    """
    try:
        return list(parser(1, Signal(), None).parse(page, **options) or ())
    except FetchError:
        raise
    except Exception as error:  # noqa: BLE001 - they raise anything on pages they were not written for
        raise FetchError("not understood", f"the page makes icrawler's parser fail: {type(error).__name__}") from None


def _result_pages(feeder: type[Feeder], keyword: str, depth: int) -> list[str]:
    one = feeder(1, Signal(), None)
    one.out_queue = SimpleQueue()  # its own holds five and then waits for a thread
    one.feed(quote_plus(keyword), 0, depth)
    return [one.out_queue.get() for _ in range(one.out_queue.qsize())]
