"""Source commons: free pictures of Wikimedia Commons, each with its licence and author."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from pipeline.crawl.connection import FetchError
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found, SourceError, Wanted, asked_json

API: Final = "https://commons.wikimedia.org/w/api.php"
WIDTH_PX: Final = 1920  # of the size that is fetched where the original is larger
MAX_ANSWERS: Final = 40
_PER_PAGE: Final = 50
_FIXED: Final = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "prop": "imageinfo",
    "iiprop": "url|mime|extmetadata",
    "iiextmetadatafilter": "LicenseShortName|Artist",
    "iiurlwidth": str(WIDTH_PX),
}


def find(wanted: Wanted, fetcher: Fetcher) -> Iterator[Found]:
    """The pictures of the member's category (`commons` in the roster), or without one those found by its keywords.

    Raises FetchError when Commons does not answer, SourceError when it refuses the question.
    """
    if category := wanted.member.commons:
        title = f"Category:{category.removeprefix('Category:')}"
        query = {"generator": "categorymembers", "gcmtitle": title, "gcmtype": "file", "gcmlimit": str(_PER_PAGE)}
        yield from islice(_pictures(query, title, fetcher), wanted.depth)
        return
    for keyword in wanted.keywords:
        search = {"generator": "search", "gsrnamespace": "6", "gsrsearch": f"{keyword} filetype:bitmap"}
        yield from islice(_pictures(search | {"gsrlimit": str(_PER_PAGE)}, keyword, fetcher), wanted.depth)


def _pictures(query: dict[str, str], keyword: str, fetcher: Fetcher) -> Iterator[Found]:
    further: dict[str, str] = {}
    for _ in range(MAX_ANSWERS):
        answer = _asked(query | further, fetcher)
        try:
            found = [_found(info, keyword) for info in _images(answer)]
            further = dict(answer.get("continue", {}))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise FetchError("not understood", "the answer has another shape than Commons documents") from None
        yield from found
        if not further:
            return


def _images(answer: dict[str, Any]) -> list[dict[str, Any]]:
    pages = sorted(answer.get("query", {}).get("pages", ()), key=lambda page: page.get("index", 0))
    infos = [info for page in pages for info in page.get("imageinfo", ())]
    return [info for info in infos if info["mime"].startswith("image/")]


def _found(info: dict[str, Any], keyword: str) -> Found:
    return Found(str(info.get("thumburl") or info["url"]), str(info["descriptionurl"]), keyword, _licence(info))


def _asked(query: dict[str, str], fetcher: Fetcher) -> dict[str, Any]:
    answer = asked_json(f"{API}?{urlencode(_FIXED | query)}", fetcher)
    if "error" in answer:
        raise SourceError(f"commons: {str(answer['error'])[:200]}")
    return answer


def _licence(info: dict[str, Any]) -> str:
    """'CC BY-SA 4.0, by Somebody': what Commons says, without its markup."""
    told = info.get("extmetadata", {})
    licence, author = (_text(told.get(name, {}).get("value", "")) for name in ("LicenseShortName", "Artist"))
    return f"{licence}, by {author}" if licence and author else licence or author


def _text(markup: object) -> str:
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", str(markup))).split())[:200]
