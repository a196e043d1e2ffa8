"""Source google: Google's image search, as far as icrawler understands it."""

from __future__ import annotations

from collections.abc import Iterator

from icrawler.builtin.google import GoogleFeeder, GoogleParser

from pipeline.crawl.connection import FetchError
from pipeline.crawl.engine import results
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found, Wanted


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """Pictures that Google finds; FetchError when its pages are not understood, as those of today are not."""
    found = False
    for one in results(wanted, fetcher, GoogleFeeder, GoogleParser):
        found = True
        yield one
    if not found:
        raise FetchError(
            "not understood", "icrawler 0.6.10 cannot read Google's pages of today; use commons, bing or baidu"
        )
