"""Source baidu: Baidu's image search."""

from __future__ import annotations

import json
from collections.abc import Iterator

from icrawler.builtin.baidu import BaiduFeeder, BaiduParser

from pipeline.crawl.connection import FetchError
from pipeline.crawl.engine import results
from pipeline.crawl.fetch import Fetcher, Page
from pipeline.crawl.sources import Found, Wanted


class BaiduResults(BaiduParser):  # type: ignore[misc]
    """icrawler's own, which raises on what is JSON but no list of results."""

    def parse(self, page: Page) -> Iterator[dict[str, str]]:
        """The pictures' addresses, deciphered; FetchError when there are none to read."""
        try:
            answer = json.loads(page.content.decode("utf-8", "ignore").replace("\\'", "'"), strict=False)
            items = [item for item in answer["data"] if isinstance(item, dict)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FetchError("not understood", "the answer is no list of results; Baidu may refuse programs") from None
        for item in items:
            url, page_url = item.get("objURL"), item.get("fromURL")
            if isinstance(url, str) or isinstance(url := item.get("hoverURL"), str):
                yield {"file_url": self._plain(url), "page_url": self._plain(page_url)}

    def _plain(self, url: object) -> str:
        text = url if isinstance(url, str) else ""
        return text if text.startswith("http") else str(self._decode_url(text))


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """Pictures that Baidu finds for the member's keywords; FetchError when it does not answer."""
    return results(wanted, fetcher, BaiduFeeder, BaiduResults)
