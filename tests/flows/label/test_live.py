"""The live preview: one page on loopback for the whole call, for this machine's eyes only, gone with the call."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from excerpts import excerpt

from flows.label.live import Live, live_preview
from flows.label.request import Outcome

HOSTILE = "<img src=x onerror=alert(1)>.mp4"


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr("flows.label.live.open_browser", lambda url: None)
    with live_preview([Path("a.mp4"), Path(HOSTILE), Path("c.mp4")]) as live:
        yield live


def get(live: Live, path: str, host: str | None = None, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    address = live.url.removeprefix("http://").strip("/")
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request(method, path, headers={"Host": address if host is None else host})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def states(live: Live) -> list[tuple[str, str]]:
    return [(row["state"], row["note"]) for row in json.loads(get(live, "/status.json")[2])["videos"]]


def test_the_page_needs_nothing_from_elsewhere(live: Live) -> None:
    status, headers, page = get(live, "/")
    assert status == 200
    assert b"<title>" in page
    assert not re.search(rb"https?://|<script src|<link|@import", page)
    assert not re.search(rb"innerHTML|insertAdjacentHTML|document\.write|eval\(", page)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_one_page_for_all_videos(live: Live) -> None:
    assert states(live) == [("now", ""), ("waiting", ""), ("waiting", "")]
    (live.folder / "status.json").write_text('{"phase": "render", "done": 1}')
    (live.folder / "picture.jpg").write_bytes(b"jpeg")
    assert json.loads(get(live, "/status.json")[2])["present"] == {"phase": "render", "done": 1}
    assert get(live, "/picture.jpg?7")[2] == b"jpeg"
    live.done(Outcome(Path("a.mp4"), Path("out/a")))
    assert json.loads(get(live, "/status.json")[2])["present"] == {}
    live.done(Outcome(Path(HOSTILE), None, "it is broken"))
    assert states(live) == [("done", str(Path("out/a"))), ("failed", "it is broken"), ("now", "")]
    live.done(Outcome(Path("not one of them"), None, "no video there"))
    live.done(Outcome(Path("c.mp4"), Path("out/c")))
    assert [state for state, _ in states(live)] == ["done", "failed", "done"]


REFUSED = {
    "another name for this address": ("/", "attacker.example", 403),
    "another name, status": ("/status.json", "attacker.example:80", 403),
    "another port": ("/", "127.0.0.1:1", 403),
    "no name": ("/", "", 403),
    "a name that begins alike": ("/picture.jpg", "127.0.0.1.attacker.example", 403),
    "no picture yet": ("/picture.jpg", None, 404),
    "another file": ("/preview.py", None, 404),
    "a way out": ("/../../etc/passwd", None, 404),
    "an address": ("http://attacker.example/", None, 404),
}


@pytest.mark.parametrize(("path", "host", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_served(path: str, host: str | None, status: int, live: Live) -> None:
    assert get(live, path, host)[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_can_only_be_read(method: str, live: Live) -> None:
    assert get(live, "/", method=method)[0] == 501


@pytest.mark.skipif(sys.platform == "darwin", reason="of loopback it has 127.0.0.1 alone")
def test_it_listens_on_loopback_only(live: Live) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", live.url)
    port = int(live.url.rstrip("/").rpartition(":")[2])
    with socket.socket() as other:  # a server on all addresses would hold this one too
        other.bind(("127.0.0.2", port))


def test_it_ends_with_the_call_even_when_somebody_still_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.label.live.open_browser", lambda url: None)
    monkeypatch.setattr("flows.label.live._Handler.timeout", None)  # nobody lets a silent client go
    before = threading.active_count()
    preview = live_preview([])
    live = preview.__enter__()
    port = int(live.url.rstrip("/").rpartition(":")[2])
    idle = socket.create_connection(("127.0.0.1", port))
    assert not preview.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not live.folder.exists()
    with pytest.raises(OSError, match=r"refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    idle.close()
    deadline_s = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("platform", "display", "opened"), [("linux", "", 0), ("linux", ":0", 1), ("darwin", "", 1), ("win32", "", 1)]
)
def test_a_browser_is_opened_where_there_is_a_screen(
    platform: str,
    display: str,
    opened: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    urls: list[str] = []
    monkeypatch.setattr("pipeline.loopback.webbrowser.open", urls.append)
    monkeypatch.setattr("pipeline.loopback.sys.platform", platform)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with live_preview([]) as live:
        pass
    assert urls == [live.url] * opened
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"live preview: {live.url}\n")


def labelling(project: Path, out: Path, *videos: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.cli", "label", *map(str, videos), "-g", "lanterns", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    return subprocess.Popen(
        [*command, "--show", "--fancam", "tavi", "--json"],
        cwd=project, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_two_videos_are_shown_at_one_address(project: Path, tmp_path: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(excerpt("plain.mp4"), tmp_path / name)
    process = labelling(project, tmp_path / "out", tmp_path / "one.mp4", tmp_path / "two.mp4")
    assert process.stderr
    url = process.stderr.readline().removeprefix("live preview: ").strip()
    seen, phases, jpeg = set(), set(), b""
    while process.poll() is None:
        try:
            told = json.loads(urllib.request.urlopen(f"{url}status.json", timeout=5).read())
            seen |= {row["name"] for row in told["videos"] if row["state"] == "now"}
            phases.add(told["present"].get("phase"))
            jpeg = jpeg or (
                urllib.request.urlopen(f"{url}picture.jpg").read() if told["present"].get("picture") else b""
            )
        except OSError:
            continue
        time.sleep(0.02)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert seen == {"one.mp4", "two.mp4"}
    assert "render" in phases  # the analysis may be known from another test
    assert jpeg[:2] == b"\xff\xd8"
    assert [Path(outcome["folder"]).name for outcome in json.loads(out)] == ["one", "two"]
    assert (tmp_path / "out" / "two" / "fancam-5-follow.mp4").stat().st_size > 1000
    assert "http" not in err


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_ends_it_at_once(project: Path, tmp_path: Path) -> None:
    process = labelling(project, tmp_path / "out", excerpt("plain.mp4"))
    assert process.stderr
    url = process.stderr.readline().removeprefix("live preview: ").strip()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode not in (0, None)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=1)
