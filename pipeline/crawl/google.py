"""Source google: Google's image search, as far as icrawler understands it."""

from __future__ import annotations

from collections.abc import Iterator

from icrawler.builtin.google import GoogleFeeder, GoogleParser

from pipeline.crawl.engine import results
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found, SourceError, Wanted


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """Pictures that Google finds; SourceError when its pages are not understood, as those of today are not."""
    found = False
    for one in results(wanted, fetcher, GoogleFeeder, GoogleParser):
        found = True
        yield one
    if not found:
        raise SourceError(
            "google: icrawler 0.6.10 finds nothing on Google's pages of today: use bing, baidu or commons"
        )
