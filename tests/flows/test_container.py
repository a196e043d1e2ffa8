"""The container file, which nothing here builds: what it copies is there, who runs it, and how its health is asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from conftest import ROOT

LINES = (ROOT / "docs" / "deploy" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
INSTALLED = {"Makefile", "README.md", "flows", "pipeline", "pyproject.toml", "requirements"}


def said(instruction: str) -> list[str]:
    return [line.partition(" ")[2].strip() for line in LINES if line.startswith(f"{instruction} ")]


def test_it_copies_the_program_and_nothing_of_the_host_s() -> None:
    sources = {word for copy in said("COPY") for word in copy.split()[1:-1]}
    assert sources == INSTALLED
    assert [name for name in sources if not (ROOT / name).exists()] == []


def test_it_is_not_run_by_root() -> None:
    assert said("USER") == ["lineup"]
    order = [line.split(" ")[0] for line in LINES]
    assert order.index("USER") < order.index("ENTRYPOINT")


class Page(BaseHTTPRequestHandler):
    """Answers with the status that the test has chosen, where no table has to be read for the answer."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/page.css" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is the health check's."""


@pytest.mark.parametrize(("answer", "healthy"), [(200, True), (500, False), (None, False)])
def test_its_health_is_whether_the_page_answers(
    answer: int | None, healthy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (check,) = said("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        assert command[0].startswith("/opt/lineup/")
        command = [sys.executable, *(re.sub(r":4300/", f":{server.server_port}/", word) for word in command[1:])]
        if answer:
            monkeypatch.setattr(Page, "status", answer)
            threading.Thread(target=server.handle_request, daemon=True).start()
        else:
            server.server_close()
        assert (subprocess.run(command, capture_output=True).returncode == 0) is healthy
