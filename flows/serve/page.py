"""Page: the labelled videos, each with its player, for this machine's browsers only.

Of what lies outside `labelled/` only the videos that the results in there were made of, while their hash is the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import jinja2
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles

from flows.queue.store import Queue
from flows.serve.original import original_of
from pipeline.loopback import headers

HEADERS: Final = headers("self")
PAGE: Final = Path(__file__).with_suffix(".html")
STYLE: Final = Path(__file__).with_suffix(".css")


@dataclass(frozen=True, slots=True)
class Result:
    """A labelled video as the page lists it: `address` of its folder as part of a URL, `members` seen in it."""

    title: str
    address: str
    group: str
    members: int
    labelled_at: str
    thumbnails: tuple[str, ...]


class _Results(StaticFiles):
    """The files of a folder, links that lead out of it and hidden names left out."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Where `path` lies, if it may be had."""
        hidden = any(part.startswith(".") for part in Path(path).parts)
        return ("", None) if hidden else super().lookup_path(path)


def create_app(labelled: Path, prefect_url: str) -> FastAPI:
    """The page of the results in `labelled`, to be put behind flows.listening.guarded."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(PAGE.read_text(encoding="utf-8"))

    @app.middleware("http")
    async def headed(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        answer = await call_next(request)
        for name, value in HEADERS.items():
            answer.headers[name] = value
        return answer

    @app.get("/")
    def page() -> HTMLResponse:
        with Queue() as queue:
            counts = queue.counts()
        return HTMLResponse(template.render(results=results(labelled), counts=counts, prefect_url=prefect_url))

    @app.get("/page.css")
    def style() -> Response:
        return Response(STYLE.read_bytes(), media_type="text/css")

    @app.get("/favicon.ico", status_code=204)
    def icon() -> None:
        """It has none; browsers ask."""

    @app.get("/labelled/{name}/original")
    def original(name: str) -> Response:
        path = original_of(labelled / name) if labelled / name in labelled.glob("[!.]*") else None
        return FileResponse(path) if path else Response(status_code=404)

    app.mount("/labelled", _Results(directory=labelled))
    return app


def results(labelled: Path) -> list[Result]:
    """The labelled videos in a folder, the latest first; what is just being written or removed is left out."""
    found = []
    for page in labelled.glob("[!.]*/player.html"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found.append((page.stat().st_mtime, _result(page.parent, page.stat().st_mtime)))
    return [result for _, result in sorted(found, key=lambda one: one[0], reverse=True)]


def _result(folder: Path, labelled_s: float) -> Result:
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return Result(
        title=str(run["input"]).encode(errors="replace").decode(),
        address=quote(os.fsencode(folder.name)),
        group=str(run["group"]),
        members=int(run["counts"]["members_seen"]),
        labelled_at=datetime.fromtimestamp(labelled_s, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        thumbnails=tuple(quote(os.fsencode(path.name)) for path in sorted((folder / "thumbnails").glob("*.jpg"))),
    )
