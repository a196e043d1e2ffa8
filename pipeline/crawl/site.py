"""Source site: every picture on a web site, by icrawler's greedy parser."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup
from icrawler.builtin.greedy import GreedyParser

from pipeline.crawl.connection import FetchError
from pipeline.crawl.engine import parsed
from pipeline.crawl.fetch import Fetcher, Page
from pipeline.crawl.sources import Found, NoPlaceError, SourceError, Wanted

MAX_PAGES: Final = 200
MAX_PER_PAGE: Final = 2000  # pictures and links


class SiteParser(GreedyParser):  # type: ignore[misc]
    """icrawler's own, mended.

    It passes over pictures given by a path, takes links for the host's where they are the page's, and fails on
    addresses that are none.
    """

    def parse(self, page: Page, domains: list[str]) -> Iterator[dict[str, str] | str]:
        """Pictures as dicts with 'file_url', further pages as text."""
        soup = BeautifulSoup(page.content.decode("utf-8", "ignore"), "lxml")
        for tag in soup.select("[src], [href], [data-src]"):  # the last has pictures that are loaded when scrolled to
            for name in {"src", "href", "data-src"} & tag.attrs.keys():
                try:
                    tag[name] = urljoin(page.url, str(tag[name]))
                except ValueError:
                    del tag[name]
                    continue
                if tag.name == "img" and str(tag[name]).startswith("http"):
                    yield {"file_url": str(tag[name])}
        yield from super().parse(Page(page.url, str(soup).encode()), domains)


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """Pictures on the member's `site`, breadth first, on pages of that host only; SourceError when there is none."""
    if not wanted.member.site:
        raise NoPlaceError(f"site: {wanted.member.key} has no 'site' in roster.yaml")
    start, host = wanted.member.site, ""
    seen, todo = {start.rstrip("/")}, deque([start])
    for number in range(MAX_PAGES):
        if not todo:
            return
        try:
            page = fetcher.page(todo.popleft(), heed_robots=True)
            host = host or urlsplit(page.url).netloc  # where the first page leads to
            found = parsed(SiteParser, page, domains=[host])
        except FetchError as error:
            if not number:
                raise SourceError(f"site: {start}: {error}") from None
            continue  # a dead link
        for one in found[:MAX_PER_PAGE]:
            if isinstance(one, dict):
                yield Found(one["file_url"], page.url)
            elif urlsplit(url := urldefrag(one).url).netloc == host and url.rstrip("/") not in seen:
                seen.add(url.rstrip("/"))
                todo.append(url)
