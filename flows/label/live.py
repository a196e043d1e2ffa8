"""The live preview: one page on this machine's loopback for all videos of a call, there as long as the call runs."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from flows.label.request import Outcome
from pipeline.loopback import HOST, headers, hosts, open_browser

PAGE: Final = Path(__file__).with_suffix(".html")
SILENT_S: Final = 10  # a client that says nothing for so long is let go
HEADERS: Final = headers("unsafe-inline")


@dataclass(slots=True)
class Live:
    """What the page shows: the videos in the order in which they are labelled, what became of those that are done, and
    the folder in which the process of the present one leaves its pipeline.video.preview files."""

    videos: Sequence[Path]
    folder: Path
    url: str = ""
    outcomes: list[Outcome] = field(default_factory=list)

    def done(self, outcome: Outcome) -> None:
        """Tell what became of the present video; the next one's turn has come."""
        if outcome.video in self.videos:
            self.outcomes.append(outcome)
            (self.folder / "status.json").unlink(missing_ok=True)

    def status(self) -> dict[str, Any]:
        """The answer to /status.json."""
        states = ["done" if outcome.folder else "failed" for outcome in self.outcomes]
        states += ["now", *["waiting"] * len(self.videos)][: len(self.videos) - len(states)]
        notes = [str(outcome.folder or outcome.error) for outcome in self.outcomes] + [""] * len(self.videos)
        rows = [
            {"name": video.name, "state": state, "note": note}
            for video, state, note in zip(self.videos, states, notes, strict=False)
        ]
        try:
            present = json.loads((self.folder / "status.json").read_bytes())
        except (OSError, ValueError):  # not begun
            present = {}
        return {"videos": rows, "present": present}


@contextmanager
def live_preview(videos: Sequence[Path]) -> Iterator[Live]:
    """Serve the page on a free port of loopback for as long as the block runs, and open a browser if there is one."""
    with (
        tempfile.TemporaryDirectory(prefix="lineup-preview-") as folder,
        _Server((HOST, 0), _Handler) as server,
    ):
        server.live = Live(videos, Path(folder))
        server.live.url = f"http://{HOST}:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        print(f"live preview: {server.live.url}", file=sys.stderr, flush=True)
        open_browser(server.live.url)
        try:
            yield server.live
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    live: Live

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser that goes away in mid-answer is no trouble of the user's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SILENT_S

    def do_GET(self) -> None:
        """The page, its status or its picture; 403 under any other name, since a hostile page may own that name."""
        if self.headers.get("Host") not in hosts(self.server.server_port):
            return self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"not this host")
        match self.path.partition("?")[0]:
            case "/":
                return self._answer(HTTPStatus.OK, "text/html; charset=utf-8", PAGE.read_bytes())
            case "/status.json":
                status = json.dumps(self.server.live.status()).encode()
                return self._answer(HTTPStatus.OK, "application/json", status)
            case "/picture.jpg":
                with suppress(OSError):
                    picture = (self.server.live.folder / "picture.jpg").read_bytes()
                    return self._answer(HTTPStatus.OK, "image/jpeg", picture)
        return self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"not here")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name for it
        """Nothing: the terminal belongs to the labelling."""
