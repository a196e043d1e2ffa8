"""One GET over a connection to one checked address, which ends at its deadline wherever it hangs."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from pipeline import __version__
from pipeline.errors import LineupError

USER_AGENT: Final = f"Lineup/{__version__} (photo crawler; urllib3)"
_PORTS: Final = {"http": 80, "https": 443}

Retry = Literal["never", "later", "soon"]


class FetchError(LineupError):
    """A fetch that brought nothing: `reason` is the word for the table, `retry` whether it may be tried again.

    'soon': in this run, after `wait_s` when the server says so; 'later': in another run; 'never': it will not pass.
    """

    def __init__(
        self, reason: str, detail: str, retry: Retry = "never", *, status: int = 0, wait_s: float | None = None
    ) -> None:
        detail = "".join(sign for sign in detail if sign.isprintable())  # part of it is the server's own
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.retry, self.status, self.wait_s = reason, detail, retry, status, wait_s


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL asks for: `host` without brackets, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str


def target_of(url: str) -> Target:
    """The parts of an http or https URL, names and paths in ASCII; a user and a password in it are left out.

    Raises FetchError for any other.
    """
    try:
        parts = parse_url(url)
    except (HTTPError, ValueError):
        raise FetchError("bad url", "not understood") from None
    if parts.scheme not in _PORTS or not parts.host:
        raise FetchError("bad url", f"scheme {parts.scheme or 'none'}: only http and https are fetched")
    host = parts.host.strip("[]")
    return Target(parts.scheme, host, parts.port or _PORTS[parts.scheme], parts.request_uri)


def connected(addresses: list[str], port: int, timeout_s: float, deadline: float) -> socket.socket:
    """A connection to the first of `addresses` that takes one before `deadline`; FetchError when none does."""
    error: OSError = OSError("no address")
    for address in addresses:
        left_s = max(0.001, deadline - time.monotonic())
        try:
            return socket.create_connection((address, port), min(timeout_s, left_s))
        except OSError as failed:
            error = failed
    if isinstance(error, TimeoutError):
        raise FetchError("timed out", f"no connection within {timeout_s:g} s", "soon")
    raise FetchError("unreachable", error.strerror or str(error), "later")


@contextmanager
def answer_to(target: Target, sock: socket.socket, read_s: float, deadline: float) -> Iterator[BaseHTTPResponse]:
    """GET `target` over `sock`, connected already; what fails inside the block too becomes a FetchError.

    `deadline` is by time.monotonic. TLS certificates must be the host's. The body comes as it was sent, undecoded.
    """
    handle = sock.dup()  # of the same connection; it lasts when TLS takes the other one over
    cut = threading.Event()
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [handle, cut])
    timer.daemon = True
    timer.start()
    connection: HTTPConnection | None = None
    try:
        connection = _opened(target, sock, read_s)
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        connection.request("GET", target.path, headers=headers, preload_content=False, decode_content=False)
        yield connection.getresponse()
        if cut.is_set():  # what has no length looks complete when it is cut
            raise OSError
    except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:
        raise _failure(error, cut.is_set(), read_s) from None
    finally:
        timer.cancel()
        for open_one in (connection, sock, handle):
            if open_one is not None:
                open_one.close()


def _cut(handle: socket.socket, cut: threading.Event) -> None:
    cut.set()
    with suppress(OSError):  # the other side was faster
        handle.shutdown(socket.SHUT_RDWR)


def _opened(target: Target, sock: socket.socket, read_s: float) -> HTTPConnection:
    """A connection that has its socket, and so never looks the name up again by itself."""
    sock.settimeout(read_s)
    if target.scheme == "http":
        plain = HTTPConnection(target.host, target.port, timeout=read_s)
        plain.sock = sock
        return plain
    secure = HTTPSConnection(target.host, target.port, timeout=read_s)
    secure.sock = _certificates().wrap_socket(sock, server_hostname=target.host)
    return secure


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def _failure(error: Exception, was_cut: bool, read_s: float) -> FetchError:
    if was_cut:
        return FetchError("too slow", "not complete within the time a fetch may take", "later")
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return FetchError("timed out", f"nothing for {read_s:g} s", "soon")
    if isinstance(error, ssl.SSLError):
        return FetchError("unreachable", f"TLS: {error.reason or 'failed'}", "later")
    return FetchError("broken off", " ".join(str(error).split())[:200] or type(error).__name__, "soon")
