"""What serve starts, what it answers and to whom, and that nothing of it stays behind."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest
import yaml
from conftest import ROOT
from running import until
from starlette.testclient import TestClient

from flows.listening import guarded
from flows.serve.page import create_app, results
from pipeline.errors import ParamsError
from pipeline.files import sha256_of
from pipeline.params import Schedule, Serve

PORT = 4300
HOST = f"127.0.0.1:{PORT}"


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results with one whole video, one half-written, one without its run.json, and a way out of it."""
    folder = tmp_path / "labelled"
    for name in ("a <b>", ".writing-c", "broken"):
        (folder / name / "thumbnails").mkdir(parents=True)
        (folder / name / "player.html").write_text("<!doctype html>")
    content = b"the original"
    (tmp_path / "the way.mp4").write_bytes(content)
    run = {"input": "<script>.mp4", "group": "lanterns", "counts": {"members_seen": 3}}
    for name in (".writing-c", "pipe"):
        (folder / name).mkdir(exist_ok=True)
    original = {"address": "../../the%20way.mp4", "bytes": len(content)}
    source = {"original": original, "input_sha256": hashlib.sha256(content).hexdigest()}
    (folder / "a <b>" / "run.json").write_text(json.dumps(run | source))
    (folder / "broken" / "run.json").write_text(
        json.dumps(source | {"original": original | {"address": "../../secret.txt"}})
    )
    (folder / "pipe" / "run.json").write_text(json.dumps(source | {"original": {"address": "../../pipe", "bytes": 0}}))
    whole = (tmp_path / "the way.mp4").as_uri()
    (folder / "drive").mkdir()
    (folder / "drive" / "run.json").write_text(json.dumps(source | {"original": original | {"address": whole}}))
    (folder / "number").mkdir()
    (folder / "number" / "run.json").write_text(json.dumps(source | {"original": {"address": 5, "bytes": 12}}))
    (folder / "text").mkdir()
    (folder / "text" / "run.json").write_text(json.dumps(source | {"original": original["address"]}))
    (folder / ".writing-c" / "run.json").write_text(json.dumps(run | source))
    (folder / "a <b>" / "labelled.mp4").write_bytes(bytes(range(256)))
    (folder / "a <b>" / "thumbnails" / "1.jpg").write_bytes(b"jpeg")
    (tmp_path / "secret.txt").write_text("the secret !")  # as long as the original
    if hasattr(os, "mkfifo"):  # Windows has none
        os.mkfifo(tmp_path / "pipe")
    (folder / "way out").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def client(labelled: Path) -> TestClient:
    return TestClient(guarded(create_app(labelled, "http://127.0.0.1:4200"), PORT), base_url=f"http://{HOST}")


VIDEO = "/labelled/a%20%3Cb%3E/labelled.mp4"
ORIGINAL = "/labelled/a%20%3Cb%3E/original"
ANSWERS: dict[str, tuple[str, dict[str, str], int, bytes]] = {
    "the list": ("/", {}, 200, b"Labelled videos"),
    "its style": ("/page.css", {}, 200, b"body"),
    "by its other name": ("/", {"Host": f"localhost:{PORT}"}, 200, b"Labelled videos"),
    "from its own page": ("/", {"Origin": f"http://{HOST}"}, 200, b"Labelled videos"),
    "a player": ("/labelled/a%20%3Cb%3E/player.html", {}, 200, b"<!doctype html>"),
    "a video": (VIDEO, {}, 200, bytes(range(256))),
    "a part of a video": (VIDEO, {"Range": "bytes=16-19"}, 206, bytes(range(16, 20))),
    "its end": (VIDEO, {"Range": "bytes=-2"}, 206, b"\xfe\xff"),
    "a part that is not there": (VIDEO, {"Range": "bytes=300-"}, 416, b""),
    "the original": (ORIGINAL, {}, 200, b"the original"),
    "a part of the original": (ORIGINAL, {"Range": "bytes=4-11"}, 206, b"original"),
    "a file that is not what was labelled": ("/labelled/broken/original", {}, 404, b""),
    "the original on another drive": ("/labelled/drive/original", {}, 200, b"the original"),
    "an original that is none": ("/labelled/text/original", {}, 404, b""),
    "an address that is none": ("/labelled/number/original", {}, 404, b""),
    "a pipe that is no file": ("/labelled/pipe/original", {}, 404, b""),
    "the original of what is being written": ("/labelled/.writing-c/original", {}, 404, b""),
    "the original of nothing": ("/labelled/nosuch/original", {}, 404, b""),
    "the original of all": ("/labelled/%2e%2e/original", {}, 404, b""),
    "another host": ("/", {"Host": "example.org"}, 403, b""),
    "another port": ("/", {"Host": "127.0.0.1:80"}, 403, b""),
    "another page": ("/", {"Origin": "http://example.org"}, 403, b""),
    "no page": ("/", {"Origin": "null"}, 403, b""),
    "one step up": ("/labelled/..%2Fsecret.txt", {}, 404, b""),
    "two steps up": ("/labelled/a%20%3Cb%3E/%2e%2e/%2e%2e/secret.txt", {}, 404, b""),
    "a whole path": ("/labelled/%2Fetc%2Fpasswd", {}, 404, b""),
    "a link that leads out": ("/labelled/way%20out/secret.txt", {}, 404, b""),
    "what is being written": ("/labelled/.writing-c/player.html", {}, 404, b""),
    "a folder": ("/labelled/a%20%3Cb%3E/", {}, 404, b""),
    "a zero byte": ("/labelled/%00", {}, 404, b""),
    "nothing": ("/labelled/nosuch", {}, 404, b""),
    "interactive documentation": ("/docs", {}, 404, b""),
}


@pytest.mark.parametrize(("path", "given", "status", "body"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_the_page_answers(path: str, given: dict[str, str], status: int, body: bytes, client: TestClient) -> None:
    answer = client.get(path, headers=given)
    assert (answer.status_code, body in answer.content) == (status, True)
    assert b"secret" not in answer.content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_names_are_no_markup(client: TestClient, labelled: Path) -> None:
    page = client.get("/").text
    assert "&lt;script&gt;.mp4" in page
    assert "<script" not in page
    assert 'href="/labelled/a%20%3Cb%3E/player.html"' in page
    assert [one.title for one in results(labelled)] == ["<script>.mp4"]


def test_an_original_waits_for_no_other(client: TestClient, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one video is being hashed, others are answered; of two requests for one, one reads it."""
    slow = labelled.parent / "slow.mp4"
    slow.write_bytes(b"slow")
    (labelled / "slow").mkdir()
    told = {"original": {"address": "../../slow.mp4", "bytes": 4}, "input_sha256": hashlib.sha256(b"slow").hexdigest()}
    (labelled / "slow" / "run.json").write_text(json.dumps(told))
    read, going_on, begun = [], threading.Event(), threading.Event()

    def hashed(path: Path) -> str:
        read.append(path.name)
        if path.name == "slow.mp4":
            begun.set()
            assert going_on.wait(30)
        return sha256_of(path)

    monkeypatch.setattr("flows.serve.original.sha256_of", hashed)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(client.get, "/labelled/slow/original") for _ in range(2)]
        try:
            assert begun.wait(30)
            others = [pool.submit(client.get, ORIGINAL) for _ in range(2)]
            assert [one.result(timeout=30).content for one in others] == [b"the original"] * 2
            assert not any(one.done() for one in waiting)
        finally:
            going_on.set()
        assert [one.result(timeout=30).content for one in waiting] == [b"slow"] * 2
    assert sorted(read) == ["slow.mp4", "the way.mp4"]


def test_nothing_can_be_written(client: TestClient) -> None:
    assert {client.request(method, VIDEO).status_code for method in ("POST", "PUT", "DELETE")} == {405}


BAD = {
    "no time": ("UTC", "every monday", "every monday"),
    "an hour that is none": ("UTC", "0 25 * * *", "0 25"),
    "no place": ("Mars/Olympus", "0 4 * * 1", "Mars/Olympus"),
}


@pytest.mark.parametrize(("timezone", "cron", "says"), BAD.values(), ids=BAD.keys())
def test_a_schedule_that_is_none(timezone: str, cron: str, says: str) -> None:
    from flows.serve.schedules import check

    with pytest.raises(ParamsError, match=rf"schedules: lanterns: .*{says}"):
        check(Serve(timezone, (Schedule("lanterns", cron),)))


@pytest.fixture
def place(project: Path, tmp_path: Path) -> Path:
    """A project's folder of the test's own, without photos; `lanterns` is due every other second."""
    folder = tmp_path / "place"
    shutil.copytree(project, folder)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["serve"]["schedules"] = [{"group": "lanterns", "cron": "* * * * * */2"}]
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def serve(place: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "serve", *options],
        cwd=place,
        env={**given, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def served(place: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """serve, and the addresses of its page and of Prefect."""
    process = serve(place, "--port", "0", "--prefect-port", "0", "--jobs", "1")
    try:
        page, prefect = re.findall(r"http://\S+", told(process, "Ctrl-C ends it"))
        yield process, page, prefect
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str], last: str) -> str:
    """What the process prints up to its line `last`."""
    assert process.stdout
    assert process.stderr
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.strip() == last:
            return "".join(lines)
    raise AssertionError(f"it ended before it said {last!r}: {process.stderr.read()}")


def asked(url: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=30) as answer:
        return answer.status if body is None else json.loads(answer.read())


@pytest.mark.skipif(os.name == "nt", reason="there is no Ctrl-C to send")
def test_all_of_it_runs_and_ends_by_one_ctrl_c(served: tuple[subprocess.Popen[str], str, str], place: Path) -> None:
    process, page, prefect = served
    assert [asked(url) for url in (page, f"{prefect}/", f"{prefect}/api/health")] == [200, 200, 200]

    def ended() -> list[dict[str, Any]]:
        runs = asked(f"{prefect}/api/flow_runs/filter", {"deployments": {"name": {"any_": ["lanterns"]}}})
        return [run for run in runs if run["state_type"] in {"COMPLETED", "FAILED"}]

    until(ended)  # how it ends is of no matter here: there is nothing to refresh
    assert ended()[0]["parameters"] == {"group": "lanterns"}
    parts = psutil.Process(process.pid).children(recursive=True)
    assert len(parts) >= 3
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told.count("stopped; what was in hand waits for the next worker") == 1
    assert not psutil.wait_procs(parts, timeout=5)[1]
    logs = {path.name: path.read_text() for path in (place / "cache" / "logs").iterdir()}
    assert "database is locked" not in "".join(logs.values())
    said = [json.loads(line) for line in logs["serve.jsonl"].splitlines()]
    assert [(one["event"], one["part"]) for one in said] == [
        ("started", "prefect"), ("started", "schedules"), ("started", "worker"),
        ("ended", "worker"), ("ended", "schedules"), ("ended", "prefect"),
    ]  # fmt: skip
    assert not any(one.get("by_itself") for one in said)


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


REFUSED = {
    "the page's port is taken": (
        ["--port", "TAKEN"],
        {},
        "cannot be used (Address already in use): choose another --port",
    ),
    "Prefect's port is taken": (["--port", "0", "--prefect-port", "TAKEN"], {}, "choose another --prefect-port"),
    "the server that is set is down": (
        ["--port", "0"],
        {"PREFECT_API_URL": "http://127.0.0.1:9/api"},
        "does not answer",
    ),
}


@pytest.mark.parametrize(("options", "environment", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_told_at_once(
    options: list[str], environment: dict[str, str], says: str, place: Path, taken: str
) -> None:
    process = serve(place, *(option.replace("TAKEN", taken) for option in options), **environment)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert says in said
    assert said.count("\n") == 1


def test_a_schedule_of_no_group(place: Path) -> None:
    shutil.rmtree(place / "data" / "lanterns")
    _, said = serve(place, "--port", "0").communicate(timeout=60)
    assert said == "error: params.yaml: serve: schedules: there is no group 'lanterns'\n"
