"""Source bing: Bing's image search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from bs4 import BeautifulSoup
from icrawler import Parser
from icrawler.builtin.bing import BingFeeder

from pipeline.crawl.engine import results
from pipeline.crawl.fetch import Fetcher, Page
from pipeline.crawl.sources import Found, Wanted


class BingResults(Parser):  # type: ignore[misc]
    """icrawler's own finds only what ends in .jpg, and not the page a picture stands on."""

    def parse(self, page: Page) -> Iterator[dict[str, str]]:
        """The pictures' and their pages' addresses, from the JSON that each result carries."""
        soup = BeautifulSoup(page.content.decode("utf-8", "ignore"), "lxml")
        for link in soup.select("a[m]"):
            with suppress(ValueError, KeyError, TypeError, RecursionError):  # what is none of Bing's results
                result = json.loads(str(link["m"]))
                yield {"file_url": str(result["murl"]), "page_url": str(result.get("purl", ""))}


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """Pictures that Bing finds for the member's keywords; FetchError when it does not answer."""
    return results(wanted, fetcher, BingFeeder, BingResults)
