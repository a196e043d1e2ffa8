"""Source openverse: openly licensed pictures of Flickr, museums and others, each with its licence and author."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from pipeline.crawl.connection import FetchError
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found, Wanted, asked_json

API: Final = "https://api.openverse.org/v1/images/"
PER_PAGE: Final = 20  # whoever has no key is refused more, and sees no more than MAX_PAGES of them
MAX_PAGES: Final = 12
PUBLIC_DOMAIN: Final = {"cc0": "CC0", "pdm": "public domain mark"}


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """The pictures that Openverse finds for the member's keywords; FetchError when it does not answer."""
    for keyword in wanted.keywords:
        yield from islice(_pictures(keyword, fetcher), wanted.depth)


def _pictures(keyword: str, fetcher: Fetcher) -> Iterator[Found]:
    for number in range(1, MAX_PAGES + 1):
        query = {"q": keyword, "page_size": PER_PAGE, "page": number}
        answer = asked_json(f"{API}?{urlencode(query)}", fetcher)
        try:
            found = [_found(picture, keyword) for picture in answer["results"]]
            pages = int(answer["page_count"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise FetchError("not understood", "the answer has another shape than Openverse documents") from None
        yield from found
        if number >= pages:
            return


def _found(picture: dict[str, Any], keyword: str) -> Found:
    return Found(str(picture["url"]), str(picture.get("foreign_landing_url") or ""), keyword, _licence(picture))


def _licence(picture: dict[str, Any]) -> str:
    """'CC BY-SA 4.0, by Somebody': what Openverse says."""
    slug = str(picture["license"])
    name = PUBLIC_DOMAIN.get(slug, f"CC {slug.upper()}")
    told = f"{name} {picture.get('license_version') or ''}".strip()
    author = " ".join(str(picture.get("creator") or "").split())[:200]
    return f"{told}, by {author}" if author else told
