"""The one way anything is fetched: public addresses only, within bounds of time and size, politely."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import urldefrag, urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from pipeline.crawl.addresses import Resolve, addresses_of, is_public
from pipeline.crawl.connection import FetchError, Target, answer_to, connected, target_of
from pipeline.crawl.robots import refusal
from pipeline.errors import LineupError
from pipeline.params import Crawl

MAX_REDIRECTS: Final = 5
MAX_WAIT_S: Final = 60.0  # who is asked to wait longer comes back in another run
MAX_PAGE_MB: Final = 4
MAX_ADDRESSES: Final = 4  # of a host that are tried
_CHUNK_BYTES: Final = 1 << 16
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, the body aside: `url` is the one at the end of redirects."""

    url: str
    status: int
    content_type: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page that says where photos are."""

    url: str
    content: bytes


class Fetcher:
    """Fetches one thing at a time, with `delay_s` between two fetches from one host.

    `reachable` names addresses that are fetched from although they are not public: for tests.
    """

    def __init__(self, crawl: Crawl, reachable: Collection[str] = (), resolve: Resolve = addresses_of) -> None:
        self._crawl, self._reachable, self._resolve = crawl, frozenset(reachable), resolve
        self._next_at: dict[str, float] = {}

    def page(self, url: str, heed_robots: bool = False) -> Page:
        """The page at `url`, at most MAX_PAGE_MB of it; FetchError says why not."""
        content = io.BytesIO()
        answer = self.fetch(url, content, MAX_PAGE_MB, heed_robots)
        return Page(answer.url, content.getvalue())

    def fetch(self, url: str, into: BinaryIO, max_mb: int, heed_robots: bool = True) -> Answer:
        """Write what is at `url` into an empty file, trying again what may pass soon; FetchError says why not."""
        for attempt in range(self._crawl.retries + 1):
            try:
                return self._followed(url, into, max_mb, heed_robots)
            except FetchError as error:
                wait_s = _backoff_s(attempt) if error.wait_s is None else error.wait_s
                if error.retry != "soon" or attempt == self._crawl.retries or wait_s > MAX_WAIT_S:
                    raise
            into.seek(0)
            into.truncate()
            time.sleep(wait_s)
        raise AssertionError  # the last attempt returns or raises

    def _followed(self, url: str, into: BinaryIO, max_mb: int, heed_robots: bool) -> Answer:
        left_s = self._crawl.total_s
        for _ in range(MAX_REDIRECTS + 1):
            target = target_of(url)
            addresses = self._checked(target)
            self._wait_for(target.host)
            deadline = time.monotonic() + left_s
            sock = connected(addresses[:MAX_ADDRESSES], target.port, self._crawl.connect_s, deadline)
            with answer_to(target, sock, self._crawl.read_s, deadline) as answer:
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    _check(answer, heed_robots)
                    _copy(answer, into, max_mb)
                    return Answer(url, answer.status, answer.headers.get("Content-Type", ""))
                url = _joined(url, answer.headers["location"])
            left_s = deadline - time.monotonic()
        raise FetchError("too many redirects", f"more than {MAX_REDIRECTS}")

    def _checked(self, target: Target) -> list[str]:
        """The host's addresses; FetchError unless every one of them may be reached."""
        try:
            addresses = self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "its name cannot be looked up"
            raise FetchError("no such host", f"{target.host}: {why}", "later") from None
        for address in addresses:
            if address not in self._reachable and not is_public(address):
                raise FetchError("private address", f"{target.host} is {address}")
        return addresses

    def _wait_for(self, host: str) -> None:
        """Wait until it is polite to ask the host again."""
        time.sleep(max(0.0, self._next_at.get(host, 0.0) - time.monotonic()))
        self._next_at[host] = time.monotonic() + self._crawl.delay_s


def _check(answer: BaseHTTPResponse, heed_robots: bool) -> None:
    if answer.status != 200:
        passing = answer.status in _PASSING
        detail = f"{answer.status} {answer.reason or ''}".strip()[:100]
        raise FetchError(
            "http error", detail, "soon" if passing else "never", status=answer.status, wait_s=_retry_after_s(answer)
        )
    if heed_robots and (rule := refusal(answer.headers.getlist("X-Robots-Tag"))):
        raise FetchError("asked not to", f"X-Robots-Tag: {rule}", status=answer.status)
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):  # nobody asked for it, and it may grow a thousandfold
        raise FetchError("compressed", f"Content-Encoding: {encoding[:40]}", status=answer.status)


def _copy(answer: BaseHTTPResponse, into: BinaryIO, max_mb: int) -> None:
    left = max_mb * 1_000_000
    too_large = FetchError("file too large", f"more than {max_mb} MB", status=answer.status)
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:18]) > left:
        raise too_large
    while chunk := answer.read(_CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise too_large
        try:
            into.write(chunk)
        except OSError as error:  # no fault of the host's, and it will not pass
            raise LineupError(f"a photo cannot be written ({error.strerror}): make room, then crawl again") from None


def _joined(url: str, location: str) -> str:
    with suppress(UnicodeError):  # headers are read as Latin-1, and many servers write UTF-8
        location = location.encode("latin-1").decode()
    try:
        return urldefrag(urljoin(url, location)).url
    except ValueError:
        raise FetchError("bad url", "redirected to what is no address") from None


def _retry_after_s(answer: BaseHTTPResponse) -> float | None:
    """Seconds that the server asks to wait, given as such or as a date; None when it does not say."""
    try:
        return Retry().get_retry_after(answer)
    except (InvalidHeader, OverflowError, ValueError):
        return None


def _backoff_s(attempt: int) -> float:
    return 2.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - so that many do not come back at once
