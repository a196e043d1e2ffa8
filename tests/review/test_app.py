"""The review page by HTTP: what it shows, what it writes, and whom it answers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from served import Page, make_doubtful, served

from pipeline.decisions import decisions_path, read_decisions, start_decisions
from pipeline.records import FACES, SUSPECTS
from pipeline.review.sections import SHORTCUTS, shortcuts
from pipeline.roster import COLOURS, Member, Roster
from pipeline.tables import read_table, write_table

HEADER = "key,decision,member"


@pytest.fixture
def group(lanterns: Path) -> Path:
    make_doubtful(lanterns)
    return lanterns


@pytest.fixture
def page(group: Path) -> Iterator[Page]:
    with served(group) as page:
        yield page


def suspects(data: Path) -> list[str]:
    return read_table(data / "suspects.parquet", SUSPECTS)["key"].tolist()


def lines(data: Path) -> list[str]:
    return decisions_path(data).read_text(encoding="utf-8").splitlines()


def cards(page: Page, number: int) -> list[str]:
    return re.findall(r'data-key="([^"]+)"', page.get(f"/page/{number}")[2].decode())


def test_every_page_shows_what_it_is_for(page: Page, group: Path) -> None:
    assert page.get("/")[:2][0] == 303
    first = page.get("/page/0")[2].decode()
    titles = re.findall(r'<a href="/page/\d+"[^>]*>([^<]+) <span>(\d+)', first)
    members = ["juno", "kaia", "mira", "soren", "tavi"]
    assert [title for title, _ in titles] == ["Suspects", "Suggestions", *members, "Decided"]
    assert [int(count) for _, count in titles] == [len(cards(page, number)) for number in range(len(titles))]
    assert sorted(cards(page, 0)) == sorted(suspects(group))
    assert "looks 0.40 more like <b>tavi</b>" in first
    assert "looks like nobody" in first
    assert "&lt;b&gt;odd&lt;/b&gt;" in first
    assert first.count("/face/") >= 4 + 6 * 3  # each beside sure faces
    assert all(key.endswith("@1") for key in cards(page, 1))
    assert len(cards(page, 1)) == 4
    assert cards(page, 7) == []
    assert page.get("/page/8")[0] == page.get("/page/-1")[0] == 404
    assert page.get("/page/x")[0] == 422


def test_nothing_in_the_page_runs_or_comes_from_elsewhere(page: Page) -> None:
    for path in ("/page/0", "/static/review.js", "/static/review.css"):
        status, headers, body = page.get(path)
        assert status == 200
        assert not re.search(rb"https?://|@import|<script>| on\w+=|style=", body)
        assert not re.search(rb"innerHTML|insertAdjacentHTML|document\.write|eval\(", body)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_hostile_names_are_text(group: Path) -> None:
    hostile = '"><script>alert(1)</script>'
    roster = group / "roster.yaml"
    text = roster.read_text(encoding="utf-8").replace("name: mira", f"name: '{hostile}'")
    roster.write_text(text, encoding="utf-8")
    with served(group) as page:
        body = page.get("/page/0")[2].decode()
    assert "<script>" not in body
    assert "&lt;script&gt;alert(1)" in body


def test_pictures_are_made_once_and_not_sent_twice(page: Page, group: Path) -> None:
    key = suspects(group)[0]
    for kind in ("face", "photo"):
        status, headers, body = page.get(f"/{kind}/{key}")
        assert (status, headers["content-type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")
        again = page.get(f"/{kind}/{key}", If_None_Match=headers["etag"])
        assert (again[0], again[2]) == (304, b"")
    assert len(list((group / "thumbnails").iterdir())) == 1
    os.utime(group / "clean" / f"{key}.jpg")
    assert page.get(f"/face/{key}")[1]["etag"] != headers["etag"]


NOT_SERVED = {
    "an unknown key": "/face/" + "0" * 64,
    "a way up": "/face/..%2f..%2f..%2froster.yaml",
    "a way up, plain": "/photo/../../roster.yaml",
    "an absolute path": "/face/%2fetc%2fpasswd",
    "a file beside": "/static/app.py",
    "a template": "/static/review.html",
    "a way up from static": "/static/..%2fapp.py",
    "the tables": "/data/lanterns/faces.parquet",
    "the documentation of the interface": "/docs",
    "its description": "/openapi.json",
}


@pytest.mark.parametrize("path", NOT_SERVED.values(), ids=NOT_SERVED.keys())
def test_what_is_not_served(path: str, page: Page) -> None:
    assert page.get(path)[0] == 404


@pytest.mark.parametrize("where", ["a picture", "its folder", "a key in the table"])
def test_no_link_leads_out_of_the_group_s_folder(where: str, group: Path, tmp_path: Path) -> None:
    key = suspects(group)[0]
    clean = group / "clean"
    outside = tmp_path / "outside"
    if where == "its folder":
        clean.rename(outside)
        clean.symlink_to(outside)
        (group / "faces").rename(tmp_path / "faces")
    elif where == "a picture":
        (clean / f"{key}.jpg").rename(outside)
        (clean / f"{key}.jpg").symlink_to(outside)
    else:
        faces = read_table(group / "faces.parquet", FACES)
        (clean / f"{key}.jpg").rename(outside.with_suffix(".jpg"))
        faces.loc[faces["key"] == key, "path"] = f"{outside}.jpg"
        write_table(group / "faces.parquet", faces, FACES)
    with served(group) as page:
        assert page.get(f"/face/{key}")[0] == 404
        assert page.get(f"/photo/{key}")[0] == 404


HOSTS = {
    "this address": ("127.0.0.1:{port}", 200),
    "its name": ("localhost:{port}", 200),
    "another name": ("attacker.example", 403),
    "another name at this port": ("attacker.example:{port}", 403),
    "a name that begins alike": ("127.0.0.1.attacker.example:{port}", 403),
    "another port": ("127.0.0.1:1", 403),
    "no port": ("127.0.0.1", 403),
    "nothing": ("", 403),
}


@pytest.mark.parametrize(("host", "status"), HOSTS.values(), ids=HOSTS.keys())
def test_it_answers_to_its_own_names_only(host: str, status: int, page: Page, group: Path) -> None:
    for path in ("/page/0", f"/face/{suspects(group)[0]}", "/decisions", "/static/review.js"):
        assert page.get(path, Host=host.format(port=page.port))[0] == status


FORGED: dict[str, tuple[dict[str, str | None], int]] = {
    "from another page": ({"Origin": "http://attacker.example"}, 403),
    "from a page without a name": ({"Origin": "null"}, 403),
    "from another port": ({"Origin": "http://127.0.0.1:1"}, 403),
    "from https": ({"Origin": "https://127.0.0.1"}, 403),
    "from no page": ({"Origin": None}, 403),
    "without the token": ({"X-Lineup-Token": None}, 403),
    "with an older token": ({"X-Lineup-Token": "x" * 32}, 403),
    "with a token of no alphabet": ({"X-Lineup-Token": "\xfc"}, 403),
    "to another host": ({"Host": "attacker.example"}, 403),
    "as a form": ({"Content-Type": "text/plain"}, 422),
    "of a stated length that is none": ({"Content-Length": "-1"}, 413),
}


@pytest.mark.parametrize(("headers", "status"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_decision_is_refused(headers: dict[str, str | None], status: int, page: Page, group: Path) -> None:
    before = lines(group)
    try:
        assert page.post({"key": suspects(group)[0], "decision": "reject"}, headers)[0] == status
    except ValueError:  # the server itself refused the request as malformed
        assert status == 413
    assert lines(group) == before


KEY = "the first suspect"
LOOSE = "a face of a group photo"
WRONG: dict[str, tuple[Any, int]] = {
    "no face": ({"key": "0" * 64, "decision": "accept"}, 422),
    "a short key": ({"key": "0", "decision": "accept"}, 422),
    "no such decision": ({"key": KEY, "decision": "delete"}, 422),
    "a line break in it": ({"key": KEY, "decision": "accept\nx,reject,"}, 422),
    "nobody": ({"key": KEY, "decision": "accept", "member": "nobody"}, 422),
    "a member with a line break": ({"key": KEY, "decision": "accept", "member": "mira\nx,reject,"}, 422),
    "a rejected member": ({"key": KEY, "decision": "reject", "member": "mira"}, 422),
    "a face of nobody's": ({"key": LOOSE, "decision": "accept"}, 422),
    "no key": ({"decision": "accept"}, 422),
    "a number": ({"key": 1, "decision": "accept"}, 422),
    "a list": ([], 422),
    "no JSON": (b"{", 422),
    "too much": (b" " * 5000, 413),
}


@pytest.mark.parametrize(("wish", "status"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_decision_is_not_written(wish: Any, status: int, page: Page, group: Path) -> None:
    if isinstance(wish, dict) and wish.get("key") in (KEY, LOOSE):
        key = suspects(group)[0] if wish["key"] == KEY else cards(page, 1)[0]
        wish = wish | {"key": key}
    assert page.post(wish)[0] == status
    assert lines(group) == [HEADER]


def test_decisions_are_lines_at_once(page: Page, group: Path) -> None:
    one, two, *_ = suspects(group)
    loose = cards(page, 1)[0]
    status, told = page.post({"key": one, "decision": "accept", "member": "tavi"})
    assert (status, told["before"], told["now"]) == (200, None, {"decision": "accept", "member": "tavi"})
    assert told["waiting"] == 1
    page.post({"key": two, "decision": "reject"})
    page.post({"key": loose, "decision": "accept", "member": "juno"})
    assert page.post({"key": one, "decision": "reject"})[1]["before"] == {"decision": "accept", "member": "tavi"}
    page.post({"key": two, "decision": "clear"})
    page.post({"key": two, "decision": "clear"})  # there is nothing to take back any more
    assert lines(group) == [
        HEADER, f"{one},accept,tavi", f"{two},reject,", f"{loose},accept,juno", f"{one},reject,", f"{two},clear,"
    ]  # fmt: skip
    assert cards(page, 7) == [one, loose]
    assert page.post({"key": two, "decision": "accept"})[1]["waiting"] == 3


def test_many_at_once_write_one_line_each(group: Path) -> None:
    keys = read_table(group / "faces.parquet", FACES)["key"].tolist()[:40]
    with served(group) as page, served(group) as other, ThreadPoolExecutor(8) as pool:
        assert page.token != other.token
        answers = pool.map(lambda n: (page, other)[n % 2].post({"key": keys[n], "decision": "reject"})[0], range(40))
        assert set(answers) == {200}
        assert len(page.get("/decisions")[2]) == len(other.get("/decisions")[2])
    assert sorted(lines(group)[1:]) == sorted(f"{key},reject," for key in keys)


HAND_WRITTEN = {
    "a line added": (f"{HEADER}\n{{0}},reject,\n", f"{HEADER}\n{{0}},reject,\n{{1}},accept,\n"),
    "no line break at the end": (f"{HEADER}\n{{0}},reject,", f"{HEADER}\n{{0}},reject,\n{{1}},accept,\n"),
    "other columns": (
        "member,key,note,decision\n,{0},why,reject\n",
        "member,key,note,decision\n,{0},why,reject\n,{1},,accept\n",
    ),
    "a spreadsheet's": (f"\ufeff{HEADER}\r\n{{0}},reject,\r\n", f"\ufeff{HEADER}\r\n{{0}},reject,\r\n{{1}},accept,\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "after"), HAND_WRITTEN.values(), ids=HAND_WRITTEN.keys())
def test_the_file_may_be_edited_by_hand_meanwhile(text: str, after: str, page: Page, group: Path) -> None:
    keys = suspects(group)[:2]
    page.get("/decisions")
    decisions_path(group).write_bytes(text.format(*keys).encode())
    assert keys[0] in page.get("/decisions")[2].decode()
    assert page.post({"key": keys[1], "decision": "accept"})[0] == 200
    assert decisions_path(group).read_bytes() == after.format(*keys).encode()
    assert read_decisions(group, keys).rows["decision"].tolist() == ["reject", "accept"]


def test_a_bad_line_is_told_and_nothing_is_added_to_it(page: Page, group: Path) -> None:
    key = suspects(group)[0]
    decisions_path(group).write_text(f"{HEADER}\n{key},perhaps,\n")
    assert b"line 2" in page.get("/decisions")[2]
    assert page.get("/page/0")[0] == 200
    status, told = page.post({"key": key, "decision": "accept"})
    assert (status, "perhaps" in told["detail"]) == (409, True)
    assert len(lines(group)) == 2


def test_a_build_meanwhile_is_seen(page: Page, group: Path) -> None:
    left = read_table(group / "suspects.parquet", SUSPECTS)[1:]
    (group / "suspects.parquet").unlink()
    assert len(cards(page, 0)) == 4  # half of a build is no news
    write_table(group / "suspects.parquet", left, SUSPECTS)
    assert len(cards(page, 0)) == 3


@pytest.mark.parametrize("count", [1, 9, 10, 27, 40])
def test_each_member_has_a_key_of_its_own_as_long_as_there_are_any(count: int) -> None:
    given = shortcuts(Roster("g", tuple(Member(f"m{n}", "x", COLOURS[0]) for n in range(count))))
    letters = [letter for letter in given.values() if letter]
    assert len(letters) == len(set(letters)) == min(count, len(SHORTCUTS))
    assert not set(letters) & set("arunpjk0")


def command(group: Path, *more: str) -> subprocess.Popen[str]:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    arguments = [sys.executable, "-m", "flows.cli", "review", "--group", group.name, "--no-open", *more]
    return subprocess.Popen(arguments, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def opened(process: subprocess.Popen[str]) -> Page:
    assert process.stdout
    line = process.stdout.readline()
    (port,) = re.findall(r"http://127\.0\.0\.1:(\d+)/", line)
    return Page(int(port))


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_decided_outlives_the_command(how: signal.Signals, group: Path) -> None:
    process = command(group)
    page = opened(process)
    one, two, *_ = suspects(group)
    assert page.post({"key": one, "decision": "reject"})[0] == 200
    assert page.post({"key": two, "decision": "accept"})[0] == 200
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert lines(group) == [HEADER, f"{one},reject,", f"{two},accept,"]
    if how == signal.SIGINT:
        assert (process.returncode, err) == (0, "")
        assert "2 decisions are not built in yet: run 'dvc repro'" in out


def test_a_group_that_is_not_built_and_a_port_in_use_are_told(group: Path, page: Page, tmp_path: Path) -> None:
    taken = command(group, "--port", str(page.port))
    out, err = taken.communicate(timeout=60)
    assert (taken.returncode, out, err.count("\n")) == (1, "", 1)
    assert "choose another --port" in err
    (group / "curated.parquet").unlink()
    unbuilt = command(group)
    out, err = unbuilt.communicate(timeout=60)
    assert (unbuilt.returncode, out, err.count("\n")) == (1, "", 1)
    assert "dvc repro" in err


def test_the_decisions_file_is_made_when_it_is_missing(page: Page, group: Path) -> None:
    decisions_path(group).unlink()
    assert page.post({"key": suspects(group)[0], "decision": "reject"})[0] == 200
    assert len(lines(group)) == 2
    start_decisions(group)
    assert len(lines(group)) == 2
