"""The review page of a group, served for a test; and asking it as any program might."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn

from pipeline.records import CURATED, FACES, SUGGESTED, SUSPECTS
from pipeline.review.app import create_app
from pipeline.tables import read_table, write_table


@dataclass
class Page:
    """A page at a port of loopback."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def token(self) -> str:
        (token,) = re.findall(r'name="token" content="([^"]+)"', self.get("/page/0")[2].decode())
        return str(token)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, wish: Any, headers: Mapping[str, str | None] | None = None) -> tuple[int, Any]:
        """Send a decision as the page does, but for these `headers`; None leaves one out."""
        usual = {"Origin": self.url, "X-Lineup-Token": self.token, "Content-Type": "application/json"}
        given = {name: value for name, value in {**usual, **(headers or {})}.items() if value is not None}
        body = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
        status, _, answer = self.ask("POST", "/decisions", given, body)
        return status, json.loads(answer)


@contextmanager
def served(data: Path) -> Iterator[Page]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(data, port), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Page(port)
        finally:
            server.should_exit = True
            thread.join()


def make_doubtful(data: Path) -> None:
    """Four suspects (two of mira's, two of tavi's) and faces of group photos that look like juno (three) and kaia."""
    faces = read_table(data / "faces.parquet", FACES)
    curated = read_table(data / "curated.parquet", CURATED)
    of = {member: rows["key"].tolist() for member, rows in curated.groupby("member")}
    rows = [
        (of["mira"][0], "mira", "tavi", 0.4, "another member", "drop", 0.1),
        (of["mira"][1], "mira", "mira", 0.1, "stranger", "drop", 0.1),
        (of["tavi"][0], "tavi", "soren", 0.3, "another member", "flag", 0.1),
        (of["tavi"][1], "tavi", "tavi", 0.2, "<b>odd</b>", "flag", 0.1),
    ]
    write_table(data / "suspects.parquet", pd.DataFrame(rows, columns=SUSPECTS.names), SUSPECTS)
    gone = [key for key, *_, action, _ in rows if action == "drop"]
    write_table(data / "curated.parquet", curated[~curated["key"].isin(gone)], CURATED)
    alike = [(key, "juno") for key in of["juno"][:3]] + [(of["kaia"][0], "kaia")]
    few = faces[faces["key"].isin([key for key, _ in alike])]
    write_table(data / "unlabelled.parquet", few.assign(key=few["key"] + "@1", member=""), FACES)
    offers = [(f"{key}@1", member, 0.7, 0.3) for key, member in alike]
    write_table(data / "suggested.parquet", pd.DataFrame(offers, columns=SUGGESTED.names), SUGGESTED)
