"""The review page as a web application: pages, pictures by key, and decisions; for this machine's browser only."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel

from pipeline.errors import DatasetError
from pipeline.loopback import headers, hosts
from pipeline.pages import template
from pipeline.review.cases import Cases
from pipeline.review.desk import DecisionError, Desk, Standing
from pipeline.review.sections import counts, sections, shortcuts

MAX_BODY_BYTES: Final = 4096
TOKEN_HEADER: Final = "X-Lineup-Token"  # noqa: S105 - a header's name
STATIC: Final = {"review.css": "text/css", "review.js": "text/javascript"}
HEADERS: Final = headers("self")
FOLDER: Final = Path(__file__).parent


class Wish(BaseModel):
    """The body of a decision."""

    key: str
    decision: str
    member: str = ""


def create_app(data: Path, port: int) -> FastAPI:
    """The page of the group in folder `data`, served at `port` of loopback; DatasetError when it is not built yet."""
    desk = Desk(data)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    token = secrets.token_urlsafe(24)
    app.middleware("http")(_guard(port, token))
    _add_pages(app, desk, token)
    _add_files(app)
    _add_pictures(app, desk)
    _add_decisions(app, desk)
    return app


def _guard(port: int, token: str) -> Callable[..., Awaitable[Response]]:
    """Refuse what does not come from this page: another host or origin, no token, or a body that no decision has."""
    origins = {f"http://{host}" for host in hosts(port)}

    def fault(request: Request) -> tuple[int, str] | None:
        given = request.headers
        if given.get("Host") not in hosts(port) or given.get("Origin") not in {None, *origins}:
            return 403, "this page answers its own machine only"
        if request.method == "POST":
            if "Origin" not in given or not _same(given.get(TOKEN_HEADER, ""), token):
                return 403, "this is not the page that was opened last: load it again"
            length = given.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
                return 413, "a decision is a few words"
        return None

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        wrong = fault(request)
        answer = JSONResponse({"detail": wrong[1]}, wrong[0]) if wrong else await call_next(request)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    return guard


def _add_pages(app: FastAPI, desk: Desk, token: str) -> None:
    review = template(FOLDER / "review.html", trim_blocks=True)

    @app.get("/page/{number}")
    def page(number: int) -> HTMLResponse:
        cases = desk.cases()
        standing = desk.standing(cases)
        found = sections(cases, standing.decided)
        if not 0 <= number < len(found):
            raise HTTPException(404, "there is no such page")
        names = {member.key: member.name for member in cases.roster.members}
        letters = shortcuts(cases.roster)
        return HTMLResponse(
            review.render(
                cases=cases,
                names=names,
                sections=found,
                counts=counts(cases, standing.decided),
                number=number,
                shortcuts=letters,
                token=token,
            )
        )

    @app.get("/")
    def first() -> RedirectResponse:
        cases = desk.cases()
        held = counts(cases, desk.standing(cases).decided)
        return RedirectResponse(f"/page/{next((number for number, count in enumerate(held) if count), 0)}", 303)


def _add_files(app: FastAPI) -> None:
    @app.get("/favicon.ico", status_code=204)
    def icon() -> None:
        """It has none; browsers ask."""

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in STATIC:
            raise HTTPException(404, "not here")
        return Response((FOLDER / name).read_bytes(), media_type=STATIC[name])


def _add_pictures(app: FastAPI, desk: Desk) -> None:
    def answer(request: Request, key: str, kind: str) -> Response:
        try:
            face = desk.cases().faces[key]
            tag = f'"{kind}-{desk.pictures.tag(face)}"'
            kept = {"ETag": tag, "Cache-Control": "private, no-cache"}
            if request.headers.get("If-None-Match") == tag:
                return Response(status_code=304, headers=kept)
            picture = desk.pictures.face(face) if kind == "face" else desk.pictures.photo(face)
        except (KeyError, OSError):
            raise HTTPException(404, "no such picture") from None
        return Response(picture, media_type="image/jpeg", headers=kept)

    @app.get("/face/{key}")
    def face(request: Request, key: str) -> Response:
        return answer(request, key, "face")

    @app.get("/photo/{key}")
    def photo(request: Request, key: str) -> Response:
        return answer(request, key, "photo")


def _add_decisions(app: FastAPI, desk: Desk) -> None:
    def told(cases: Cases, standing: Standing, **more: Any) -> JSONResponse:
        held = counts(cases, standing.decided)
        return JSONResponse({"waiting": standing.waiting, "problems": standing.problems, "counts": held, **more})

    @app.get("/decisions")
    def decisions() -> JSONResponse:
        cases = desk.cases()
        standing = desk.standing(cases)
        return told(cases, standing, decided={key: asdict(one) for key, one in standing.decided.items()})

    @app.post("/decisions")
    def decide(wish: Wish) -> JSONResponse:
        try:
            before = desk.decide(wish.key, wish.decision, wish.member)
        except DecisionError as error:
            raise HTTPException(422, str(error)) from None
        except (DatasetError, OSError) as error:
            raise HTTPException(409, str(error)) from None
        cases = desk.cases()
        standing = desk.standing(cases)
        now = standing.decided.get(wish.key)
        return told(cases, standing, before=asdict(before) if before else None, now=asdict(now) if now else None)


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
