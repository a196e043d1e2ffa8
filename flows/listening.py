"""Listening: a port of loopback, and who may ask there."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.errors import LineupError
from pipeline.loopback import HOST, hosts

if TYPE_CHECKING:
    import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@contextmanager
def listening(port: int, option: str = "--port") -> Iterator[socket.socket]:
    """A socket that listens on loopback at `port`, 0 for a free one.

    LineupError when it is taken, which tells to choose another by `option`.
    """
    try:
        listener = socket.create_server((HOST, port))  # it lets no other have the port, on Windows either
    except OSError as error:
        why, *_ = str(error.strerror).partition(" (")  # behind it stands the address
        raise LineupError(f"port {port} cannot be used ({why}): choose another {option}") from None
    with listener:
        yield listener


def server_of(app: ASGIApp) -> uvicorn.Server:
    """What serves a page until it is told to exit; an answer on its way then has a second to arrive."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )


def guarded(app: ASGIApp, port: int) -> ASGIApp:
    """`app`, which answers only to who asks for `port` of loopback by name, and from no page but its own.

    A page of the web may lead its own name to this address, or send a form here: both are refused with 403.
    """
    names = {host.encode() for host in hosts(port)}
    origins = {b"http://" + name for name in names}

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            given = scope["headers"]
            host = [value for name, value in given if name == b"host"]
            origin = {value for name, value in given if name == b"origin"}
            if len(host) != 1 or host[0] not in names or not origin <= origins:
                return await _refuse(scope, send)
        return await app(scope, receive, send)

    return guard


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    plain = [(b"content-type", b"text/plain"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 403, "headers": plain})
    return await send({"type": "http.response.body", "body": b"this machine only, from its own page"})
