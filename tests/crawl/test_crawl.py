"""A group's crawl: a row for every fetch, each photo once, nothing twice, and nothing lost when it is killed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SAMPLE, draw
from web import HOST, PHOTOS, Web

from pipeline.clean import main as clean
from pipeline.crawl import crawl as crawling
from pipeline.crawl.connection import FetchError
from pipeline.crawl.crawl import Tally, crawl_group
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.sources import Found
from pipeline.crawl.store import opened_store
from pipeline.errors import DatasetError
from pipeline.files import sha256_of
from pipeline.forget import photo_of, steps
from pipeline.forgotten import digest, remember
from pipeline.intake import import_photos
from pipeline.manifest import read_fetches, read_manifest
from pipeline.params import Params

pytest_plugins = ("crawling",)


def listed(data: Path, *urls: str, member: str = "mira") -> None:
    (data / f"{member}.csv").write_text("\n".join(["url", *(f'"{url}"' for url in urls)]), encoding="utf-8")


def outcomes(data: Path) -> dict[str, Any]:
    return {row["url"]: row for row in read_fetches(data / "raw").to_dict("records")}


def files(data: Path) -> list[Path]:
    return sorted(path for path in (data / "raw").rglob("*") if path.is_file() and path.suffix != ".parquet")


def assert_whole(data: Path) -> None:
    """Every photo is in its place under its hash and has its row, and nothing else lies about."""
    manifest = read_manifest(data / "raw")
    assert [path.relative_to(data / "raw").as_posix() for path in files(data)] == sorted(manifest["path"])
    assert all(sha256_of(path) == path.stem for path in files(data))
    assert not manifest.duplicated(["member", "key"]).any()
    assert list((data / ".crawl").iterdir()) == []


REASONS = {
    "/to-loopback": "private address",
    "/to-metadata": "private address",
    "/loop": "too many redirects",
    "/endless": "file too large",
    "/drip": "too slow",
    "/gzip": "compressed",
    "/pixels.png": "too many pixels",
    "/html.jpg": "not an image",
    "/empty.jpg": "empty file",
    "/broken.jpg": "damaged",
    "/noai": "asked not to",
    "/500": "http error",
    "/named": "",
    "/good-redirect": "",
    "/photo/../../../x.jpg": "http error",
}


def test_every_fetch_has_a_row_with_its_reason(web: Web, data: Path, quick: Params, fetcher: Fetcher) -> None:
    port = web.base.rpartition(":")[2]
    odd = {
        f"http://[::1]:{port}/a.jpg": "private address",
        "ftp://a/b.jpg": "bad url",
        "javascript:alert(1)": "bad url",
        "data:image/png;base64,AAAA": "bad url",
        (SAMPLE / "photos" / "mira" / "img_0001.jpg").as_uri(): "bad url",
        "http://" + "x" * 5000: "bad url",
    }
    expected = {web.photo(0): "", web.photo(12): "identical file"} | {
        web.base + path: why for path, why in REASONS.items()
    }
    listed(data, *expected, *odd, "http://lone/\ud800.jpg".encode("utf-8", "replace").decode())
    (tally,) = crawl_group(data, quick, fetcher)
    rows = outcomes(data)
    assert {url: rows[url]["reason"] for url in expected} == expected
    assert {url[:4096]: rows[url[:4096]]["reason"] for url in odd} == {url[:4096]: why for url, why in odd.items()}
    assert (rows[web.base + "/500"]["http_status"], rows[web.base + "/500"]["retry"]) == (500, True)
    assert (rows[web.base + "/html.jpg"]["http_status"], rows[web.base + "/html.jpg"]["retry"]) == (200, False)
    assert "X-Robots-Tag: noai" in rows[web.base + "/noai"]["detail"]
    assert tally.kept == {"url_list": 3}
    assert tally.kept.total() + sum(count.total() for count in tally.not_kept.values()) == len(rows)
    photo = read_manifest(data / "raw").set_index("url").loc[web.photo(0)]
    assert (photo["content_type"], photo["bytes"], photo["http_status"]) == ("image/jpeg", len(PHOTOS[0]), 200)
    assert_whole(data)
    assert not [path for path in data.parent.rglob("*x.*") if path.is_file()]


def test_again_nothing_is_fetched_but_what_may_have_passed(
    web: Web, data: Path, quick: Params, fetcher: Fetcher
) -> None:
    paths = ["/429-date", "/403", "/html.jpg", "/noai", "/500"]
    listed(data, web.photo(0), web.photo(12), *(web.base + path for path in paths))
    list(crawl_group(data, quick, fetcher))
    before = web.asked.copy()
    (tally,) = crawl_group(data, quick, fetcher)
    assert (tally.known, tally.kept.total()) == (5, 1)
    assert web.asked - before == {"/429-date": 1, "/500": 2}
    assert outcomes(data)[f"{web.base}/429-date"]["reason"] == ""
    assert_whole(data)


def test_as_many_as_wanted_and_no_page_further(web: Web, data: Path, quick: Params, fetcher: Fetcher) -> None:
    listed(data, *(web.photo(number) for number in range(6)))
    (first,) = crawl_group(data, quick, fetcher, limit=2)
    assert (first.kept.total(), web.asked.total()) == (2, 2)
    (second,) = crawl_group(data, quick, fetcher, limit=3)
    assert (second.kept.total(), second.known, web.asked.total()) == (3, 2, 5)


def test_one_photo_for_two_members_is_fetched_once_and_clean_lists_the_conflict(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, capsys: pytest.CaptureFixture[str]
) -> None:
    roster = data / "roster.yaml"
    roster.write_text(roster.read_text() + "  - {key: tavi, name: Tavi, url_list: tavi.csv}\n")
    listed(data, web.photo(0), web.photo(1), f"{web.base}/html.jpg")
    listed(data, web.photo(0), member="tavi")
    assert [tally.kept.total() for tally in crawl_group(data, quick, fetcher)] == [2, 1]
    assert web.asked["/photo/0.jpg"] == 1
    clean(data, quick)
    assert "3 files with 3 pictures: 1 kept, 2 dropped (conflict 2)" in capsys.readouterr().out


def test_crawl_and_import_add_to_each_other(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "photos" / "mira").mkdir(parents=True)
    (tmp_path / "photos" / "mira" / "a.jpg").write_bytes(PHOTOS[0])
    import_photos(tmp_path / "photos", data)
    listed(data, web.photo(0), web.photo(1))
    list(crawl_group(data, quick, fetcher))
    import_photos(tmp_path / "photos", data)
    assert sorted(read_manifest(data / "raw")["source"]) == ["import", "url_list"]
    assert outcomes(data)[web.photo(0)]["reason"] == "identical file"
    assert_whole(data)


def test_a_folder_of_this_machine(data: Path, quick: Params, fetcher: Fetcher, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "photos" / "mira", tmp_path / "photos")
    (tmp_path / "photos" / "page.jpg").write_text("<!DOCTYPE html>")
    draw(1, 900, 700).save(tmp_path / "photos" / "large.bmp")
    files_there = len(list((tmp_path / "photos").iterdir()))
    draw(2).save(tmp_path / "secret.png")
    (tmp_path / "photos" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "photos" / "linked").symlink_to(tmp_path, target_is_directory=True)
    (data / "roster.yaml").write_text("sources: [folder]\nmembers: [{key: mira, folder: ../photos}]\n")
    (tally,) = crawl_group(data, quick, fetcher, limit=1000)
    assert tally.not_kept["folder"]["not an image"] >= 1
    assert tally.not_kept["folder"]["file too large"] == 1
    assert tally.kept.total() + tally.not_kept["folder"].total() == files_there
    assert_whole(data)


def test_a_source_that_is_down_is_told_once_and_others_go_on(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> Any:
        raise FetchError("no such host", "www.example: Name or service not known", "later")
        yield

    monkeypatch.setitem(crawling.SOURCES, "bing", down)
    roster = data / "roster.yaml"
    roster.write_text(f"sources: [bing, url_list]\n{roster.read_text()}  - {{key: tavi}}\n")
    listed(data, web.photo(0))
    mira, tavi = crawl_group(data, quick, fetcher)
    assert mira.kept == {"url_list": 1}
    assert mira.warnings == [
        "bing: no such host: www.example: Name or service not known; it is not asked again in this run"
    ]
    assert tavi.warnings == ["url_list: tavi has no 'url_list' in roster.yaml"]
    only_bing = replace(quick, crawl=replace(quick.crawl, sources=("bing",)))
    roster.write_text(roster.read_text().replace("sources: [bing, url_list]", ""))
    assert [tally.member for tally in crawl_group(data, only_bing, fetcher)] == ["mira"]  # no use to go on


def test_a_step_that_fails_is_tried_again_within_the_same_crawl(
    web: Web, data: Path, quick: Params, fetcher: Fetcher
) -> None:
    """As a full disk leaves it: half a line in the journal."""
    tries = []

    def twice(member: str, work: Callable[[], Tally]) -> Tally:
        tries.append(member)
        work()
        with (data / ".crawl" / "fetches.jsonl").open("ab") as journal:
            journal.write(b'{"key": "')
        return work()

    listed(data, web.photo(0))
    (tally,) = crawl_group(data, quick, fetcher, step=twice)
    assert (tries, tally.known) == (["mira"], 1)
    assert len(read_manifest(data / "raw")) == 1
    assert_whole(data)


def test_a_place_that_is_missing_is_told_only_where_nothing_else_brought_photos(
    web: Web, data: Path, quick: Params, fetcher: Fetcher
) -> None:
    roster = data / "roster.yaml"
    roster.write_text(f"sources: [site, url_list, folder]\n{roster.read_text()}  - {{key: tavi}}\n")
    listed(data, web.photo(0))
    mira, tavi = crawl_group(data, quick, fetcher)
    assert (mira.kept, mira.warnings) == ({"url_list": 1}, [])
    assert tavi.warnings == [f"{name}: tavi has no '{name}' in roster.yaml" for name in ("site", "url_list", "folder")]


def test_text_that_no_table_can_hold(data: Path, web: Web, quick: Params, fetcher: Fetcher, monkeypatch: Any) -> None:
    odd = Found(web.photo(0), "http://\ud800/", "\udcff", "\ud83d")
    monkeypatch.setitem(crawling.SOURCES, "url_list", lambda *_: iter([odd, Found("http://\ud800/")]))
    (tally,) = crawl_group(data, quick, fetcher)
    assert tally.kept.total() == 1
    assert outcomes(data)[web.photo(0)]["keyword"] == "?"


@pytest.mark.parametrize("only", [("vera",), ("mira", "../x")])
def test_a_member_that_is_not_in_the_roster_is_named(only: tuple[str, ...], data: Path, quick: Params) -> None:
    with pytest.raises(DatasetError, match=r"is not in .*roster\.yaml \(there: mira\)"):
        list(crawl_group(data, quick, Fetcher(quick.crawl), only))
    assert {path.name for path in data.iterdir()} == {"roster.yaml"}


def test_ctrl_c_keeps_what_is_done(web: Web, data: Path, quick: Params) -> None:
    class Stops(Fetcher):
        def fetch(self, url: str, *rest: Any) -> Any:
            if url == web.photo(2):
                raise KeyboardInterrupt
            return super().fetch(url, *rest)

    listed(data, *(web.photo(number) for number in range(4)))
    with pytest.raises(KeyboardInterrupt):
        list(crawl_group(data, quick, Stops(quick.crawl, reachable={HOST})))
    assert len(read_manifest(data / "raw")) == 2
    assert_whole(data)


@pytest.mark.parametrize("after", [1, 3, 5])
def test_killed_at_any_moment_it_goes_on_and_fetches_nothing_twice(
    after: int, web: Web, data: Path, quick: Params, fetcher: Fetcher
) -> None:
    web.photo_takes_s = 0.1
    urls = [web.photo(number) for number in range(8)] + [f"{web.base}/403"]
    listed(data, *urls)
    command = [sys.executable, str(Path(__file__).with_name("killed.py")), str(data), str(ROOT)]
    running = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while web.asked.total() < after:
        assert running.poll() is None
        time.sleep(0.002)
    time.sleep(0.03 * after % 0.1)
    running.kill()
    assert running.wait() < 0
    assert all(sha256_of(path) == path.stem for path in files(data))
    done = len(files(data))
    (tally,) = crawl_group(data, quick, fetcher)
    twice = {path: count for path, count in web.asked.items() if count > 1}
    assert len(twice) <= 1  # the one in hand
    assert set(twice.values()) <= {2}
    assert tally.kept.total() >= 8 - done
    assert len(read_manifest(data / "raw")) == 8
    assert len(outcomes(data)) == len(urls)
    assert_whole(data)


def test_a_line_that_was_being_written_when_the_power_went_is_left_out(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(data, web.photo(0), web.photo(1))
    monkeypatch.setattr("pipeline.crawl.store.Store.fold", lambda self: None)
    list(crawl_group(data, quick, fetcher))
    monkeypatch.undo()
    journal = data / ".crawl" / "fetches.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    (data / ".crawl" / "part").write_bytes(b"half a photo")
    list(crawl_group(data, quick, fetcher))
    assert web.asked == {"/photo/0.jpg": 1, "/photo/1.jpg": 2}
    assert_whole(data)


def test_a_forgotten_photo_is_not_asked_for_again_and_nowhere_kept(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)  # forgetting removes models and metrics of that name, from where it runs
    listed(data, web.photo(0), web.photo(1))
    list(crawl_group(data, quick, fetcher))
    key = outcomes(data)[web.photo(0)]["key"]
    for step in steps(photo_of(data, key)):
        step.do()
    listed(data, web.photo(0), web.photo(12), web.photo(1))  # the twelfth is the same file at another address
    for _ in range(2):
        (tally,) = crawl_group(data, quick, fetcher)
    assert web.asked == {"/photo/0.jpg": 1, "/photo/12.jpg": 1, "/photo/1.jpg": 1}
    assert (tally.known, tally.kept.total()) == (3, 0)
    rows = read_fetches(data / "raw").query("reason == 'forgotten'")
    assert len(rows) == 2
    told = "\n".join(rows.astype(str).to_numpy().ravel())
    assert not [word for word in (key, web.photo(0), web.photo(12)) if word in told]
    assert key not in set(read_manifest(data / "raw")["key"])
    assert_whole(data)


@pytest.mark.parametrize("what", ["member", "address", "photo"])
def test_what_was_forgotten_meanwhile_is_not_taken_over(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, tmp_path: Path, what: str
) -> None:
    listed(data, url := web.photo(1))
    [_] = crawl_group(data, quick, fetcher, into=tmp_path / "left")
    [row] = read_fetches(tmp_path / "left" / "raw").to_dict("records")
    words = {"member": ([], ["mira"], []), "address": ([], [], [url]), "photo": ([row["key"]], [], [])}
    remember(data, *words[what])
    with opened_store(data) as store:
        store.take_over(tmp_path / "left" / "raw")
    assert files(data) == []
    assert len(read_manifest(data / "raw")) == 0
    told = read_fetches(data / "raw").astype(str).to_numpy().ravel()
    assert not [word for word in told if url in word or row["key"] in word]
    assert len(read_fetches(data / "raw")) == (what != "member")


def test_a_forgotten_member_is_not_looked_for(web: Web, data: Path, quick: Params, fetcher: Fetcher) -> None:
    listed(data, web.photo(0))
    remember(data, (), ["mira"])
    (tally,) = crawl_group(data, quick, fetcher)
    assert web.asked.total() == 0
    assert tally.warnings == [
        f"left out, forgotten; take the line member,{digest('mira')} out of forgotten.csv to undo"
    ]


def test_an_import_waits_for_a_crawl_and_neither_loses_a_row(
    web: Web, data: Path, quick: Params, fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = io.StringIO()  # capsys would lose what another thread says while it is read
    monkeypatch.setattr(sys, "stderr", told)
    (tmp_path / "photos" / "mira").mkdir(parents=True)
    (tmp_path / "photos" / "mira" / "a.jpg").write_bytes(PHOTOS[5])
    importing = threading.Thread(target=import_photos, args=(tmp_path / "photos", data))
    web.photo_takes_s = 0.2
    listed(data, *(web.photo(number) for number in range(4)))
    with opened_store(data):  # as the crawl does
        importing.start()
        while "waiting: another command is changing" not in told.getvalue():
            assert importing.is_alive()
            time.sleep(0.01)
        list(crawl_group(data, quick, fetcher))
        assert not read_manifest(data / "raw")["source"].eq("import").any()
    importing.join()
    assert sorted(read_manifest(data / "raw")["source"]) == ["import", *["url_list"] * 4]
    assert_whole(data)


def test_a_tally_counts_by_source_and_reason() -> None:
    tally = Tally("mira")
    for reason in ("", "http error", "http error"):
        tally.count({"source": "bing", "reason": reason})
    assert (tally.kept, tally.not_kept) == ({"bing": 1}, {"bing": {"http error": 2}})


def test_the_page_of_reasons_names_every_reason() -> None:
    page = (ROOT / "docs" / "crawling.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pipeline" / "crawl").glob("*.py"))
    reasons = set(re.findall(r'FetchError\(\s*"([a-z ]+)"', source))
    assert len(reasons) > 10
    assert {reason for reason in reasons if f"`{reason}`" not in page} == set()
