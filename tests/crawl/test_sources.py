"""Each source on answers of the shape that the real ones give; what each says when it cannot help."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from conftest import ROOT
from web import HOST, Web

from pipeline.crawl import baidu, bing, commons, folder, google, openverse, site, url_list
from pipeline.crawl.connection import FetchError
from pipeline.crawl.crawl import SOURCES
from pipeline.crawl.fetch import Fetcher, Page
from pipeline.crawl.sources import Found, SourceError, Wanted, keywords_of
from pipeline.errors import DatasetError
from pipeline.names import key_fault
from pipeline.params import Params, SourceName
from pipeline.roster import Member, Roster, read_roster

pytest_plugins = ("crawling",)


class Detour(Fetcher):
    """Goes to the fake web for whatever page it is asked for, and remembers which."""

    def __init__(self, web: Web, params: Params) -> None:
        super().__init__(params.crawl, reachable={HOST})
        self._web, self.pages = web, list[str]()

    def page(self, url: str, heed_robots: bool = False) -> Page:
        self.pages.append(url)
        _, _, path = url.partition("://")
        return super().page(f"{self._web.base}/{path.partition('/')[2]}", heed_robots)


class Answers(Fetcher):
    """Gets the same page for every address."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def page(self, url: str, heed_robots: bool = False) -> Page:
        return Page(url, self._content)


@pytest.fixture
def detour(web: Web, quick: Params) -> Detour:
    return Detour(web, quick)


def wanted(depth: int = 60, folder: Path = Path(), **places: str) -> Wanted:
    return Wanted(Member("mira", "Mira", "#112233", **places), ("미라 & co",), depth, folder)


def names(found: Iterator[Found]) -> list[str]:
    return [one.url.rpartition("/")[2] for one in found]


def test_bing_gives_pictures_of_any_kind_and_their_pages(web: Web, detour: Detour) -> None:
    found = list(bing.find(wanted(), detour))
    assert names(iter(found)) == ["0.jpg", "1.jpg", "2.png", "3.jpg", "4.jpg", "5.png"]
    assert found[1] == Found(web.photo(1), f"{web.base}/page/1", "미라 & co")
    assert detour.pages[0] == "https://www.bing.com/images/async?q=%EB%AF%B8%EB%9D%BC+%26+co&first=0"
    assert len(detour.pages) == 3  # the third brought nothing


def test_bing_is_asked_a_page_at_a_time(detour: Detour) -> None:
    assert next(bing.find(wanted(), detour)).url.endswith("/0.jpg")
    assert len(detour.pages) == 1


def test_baidu_s_cipher_is_read(web: Web, detour: Detour) -> None:
    found = list(baidu.find(wanted(), detour))
    assert [(one.url, one.page_url) for one in found] == [(web.photo(3), web.photo(3)), (web.photo(4), "")]
    assert "word=%EB%AF%B8%EB%9D%BC+%26+co&pn=0" in detour.pages[0]


def test_commons_by_search_with_licence_author_and_page(web: Web, detour: Detour) -> None:
    first, second = commons.find(wanted(), detour)
    assert first == Found(
        web.photo(5),
        "https://commons.wikimedia.org/wiki/File:X.jpg",
        "미라 & co",
        "CC BY-SA 4.0, by Some Body & friends",
    )
    assert second.url == web.photo(6)
    assert "generator=search" in detour.pages[0]
    assert "gsroffset=1" in detour.pages[1]


def test_commons_by_category(detour: Detour) -> None:
    assert names(commons.find(wanted(commons="Category:Mira Lee"), detour)) == ["5.jpg", "6.jpg"]
    assert "gcmtitle=Category%3AMira+Lee" in detour.pages[0]
    assert names(commons.find(wanted(depth=1, commons="Mira Lee"), detour)) == ["5.jpg"]


def test_openverse_with_licence_author_and_page(web: Web, detour: Detour) -> None:
    assert list(openverse.find(wanted(), detour)) == [
        Found(web.photo(7), "https://flickr.example/7", "미라 & co", "CC BY-SA 2.0, by Some Body"),
        Found(web.photo(8), "", "미라 & co", "public domain mark"),
        Found(web.photo(9), "", "미라 & co", "CC0 1.0"),
    ]
    query = "q=%EB%AF%B8%EB%9D%BC+%26+co&page_size=20&page="
    assert detour.pages == [f"https://api.openverse.org/v1/images/?{query}{number}" for number in (1, 2)]


def test_openverse_is_asked_no_deeper_than_wanted(detour: Detour) -> None:
    assert names(openverse.find(wanted(depth=2), detour)) == ["7.jpg", "8.jpg"]
    assert len(detour.pages) == 1


def test_a_site_is_read_breadth_first_and_never_left(web: Web, fetcher: Fetcher) -> None:
    found = list(site.find(wanted(site=f"{web.base}/site/"), fetcher))
    assert list(dict.fromkeys(names(iter(found)))) == ["0.jpg", "1.jpg", "2.jpg"]
    assert found[-1].page_url == f"{web.base}/site/two.html"
    assert web.asked == {"/site/": 1, "/site/two.html": 1, "/site/gone.html": 1}


def test_a_list_of_addresses(tmp_path: Path, fetcher: Fetcher) -> None:
    text = "\ufeffurl,licence,page_url,note\nhttp://a/1.jpg,CC0,http://a/,x\n\n ,,,\nhttp://b/2.jpg\n"
    (tmp_path / "mira.csv").write_text(text, encoding="utf-8")
    found = list(url_list.find(wanted(folder=tmp_path, url_list="mira.csv"), fetcher))
    assert found == [Found("http://a/1.jpg", "http://a/", "", "CC0"), Found("http://b/2.jpg")]


def test_a_list_in_ones_home(tmp_path: Path, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mira.csv").write_text("url\nhttps://a/1.jpg\n")
    [found] = url_list.find(wanted(folder=tmp_path / "elsewhere", url_list="~/mira.csv"), fetcher)
    assert found.url == "https://a/1.jpg"


def test_a_folder_below_that_cannot_be_read_is_told_after_the_others(
    tmp_path: Path, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    scandir = os.scandir

    def refused(path: str) -> Any:
        if Path(path).name == "b":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    member = Member("mira", "Mira", "#112233", folder=str(tmp_path))
    photos = folder.find(Wanted(member, (), 1, tmp_path), fetcher)
    assert [next(photos).file, next(photos).file] == [tmp_path / "a" / "1.jpg", tmp_path / "c" / "1.jpg"]
    with pytest.raises(SourceError, match=r"folder: .*b: left out, Permission denied"):
        next(photos)


def test_a_folder(tmp_path: Path, fetcher: Fetcher) -> None:
    for name in ("b/one 하나.jpg", "a.jpg", ".hidden/x.jpg", ".y.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    (tmp_path / "photos" / "link.jpg").symlink_to("/etc/passwd")
    member = Member("mira", "Mira", "#112233", folder="photos")
    found = list(folder.find(Wanted(member, (), 1, tmp_path), fetcher))
    assert [one.file for one in found] == [tmp_path / "photos" / name for name in ("a.jpg", "b/one 하나.jpg")]
    assert found[0].url == (tmp_path / "photos" / "a.jpg").as_uri()


NOT_UNDERSTOOD = {
    "google, today's page": (
        google.find,
        b"<script>window.x=1</script><img src='data:,'>",
        "cannot read Google's pages",
    ),
    "google, what its parser fails on": (
        google.find,
        b"<script>http://a/\\x.jpg</script>",
        "makes icrawler's parser fail",
    ),
    "baidu, a page for people": (baidu.find, b"<!DOCTYPE html>", "no list of results"),
    "baidu, a refusal": (baidu.find, b'{"antiFlag":1,"message":"Forbid spider access"}', "no list of results"),
    "baidu, a list": (baidu.find, b"[1]", "no list of results"),
    "commons, no JSON": (commons.find, b"<html>", "the answer is no JSON object"),
    "commons, a list": (commons.find, b"[]", "the answer is no JSON object"),
    "commons, another shape": (commons.find, b'{"query": {"pages": [{"imageinfo": [1]}]}}', "another shape"),
    "openverse, no JSON": (openverse.find, b"<html>", "the answer is no JSON object"),
    "openverse, no results": (openverse.find, b'{"detail": "Too many requests"}', "than Openverse documents"),
    "openverse, other results": (openverse.find, b'{"results": [1], "page_count": 1}', "than Openverse documents"),
    "openverse, no address": (openverse.find, b'{"results": [{"license": "by"}], "page_count": 1}', "than Openverse"),
    "openverse, endless": (openverse.find, b'{"results": [], "page_count": Infinity}', "than Openverse documents"),
    "openverse, no count": (openverse.find, b'{"results": [], "page_count": null}', "than Openverse documents"),
    "commons, an error": (commons.find, b'{"error": {"info": "Bad title"}}', "commons: .*Bad title"),
}


@pytest.mark.parametrize(("find", "content", "says"), NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD.keys())
def test_an_answer_that_is_not_understood_is_one_line(find: Callable, content: bytes, says: str) -> None:
    with pytest.raises((FetchError, SourceError), match=says) as caught:
        list(find(wanted(), Answers(content)))
    assert "\n" not in str(caught.value)


NO_PLACE = {
    "site": ({}, "no 'site' in roster.yaml"),
    "url_list": ({}, "no 'url_list' in roster.yaml"),
    "folder": ({}, "no 'folder' in roster.yaml"),
    "site ": ({"site": "file:///etc"}, "bad url"),
    "site  ": ({"site": "http://[bad"}, "bad url"),
    "url_list ": ({"url_list": "nowhere.csv"}, "No such file"),
    "url_list  ": ({"url_list": "pyproject.toml"}, "no column 'url'"),
    "folder ": ({"folder": "nowhere"}, "is not a folder"),
}


@pytest.mark.parametrize(
    ("name", "case"), NO_PLACE.items(), ids=[f"{name} {says}" for name, (_, says) in NO_PLACE.items()]
)
def test_a_source_without_its_place_says_so(name: str, case: tuple, fetcher: Fetcher) -> None:
    places, says = case
    key: SourceName = name.strip()  # type: ignore[assignment]
    with pytest.raises(SourceError, match=says):
        list(SOURCES[key](Wanted(Member("mira", "Mira", "#112233", **places), (), 5, ROOT), fetcher))


def test_every_source_that_may_be_named_can_be_asked() -> None:
    assert set(SOURCES) == set(get_args(SourceName))


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_told_of(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "crawling.md").read_text(encoding="utf-8")
    assert re.search(rf"asked in this order:.*\b{name}\b", (ROOT / "params.yaml").read_text(encoding="utf-8"))


def test_keywords_are_the_templates_filled_and_the_roster_s_own() -> None:
    member = Member("mira", "Mira", "#112233", ("{hangul} live", "mira, exactly"), hangul="미라")
    roster = Roster("Lanterns", (member,))
    templates = ("{name} {group}", "{group_hangul} {hangul}", "{name} {group}")
    assert keywords_of(member, roster, templates) == ("Mira Lanterns", "미라 live", "mira, exactly")
    full = Roster("Lanterns", (member,), hangul="등불")
    assert keywords_of(member, full, templates)[1] == "등불 미라"
    odd = Member("x", "{group} \\1", "#112233")
    assert keywords_of(odd, roster, ("{name}",)) == ("{group} \\1",)
    for wrong in ("{nmae}", "{name.__class__}", "{}", "{name!r}"):
        with pytest.raises(DatasetError, match=r"keyword .* no \{.*\(known: name, hangul, group, group_hangul\)"):
            keywords_of(member, roster, (wrong,))


@pytest.mark.parametrize(("group", "members"), [("twice", 9), ("bts", 7), ("blackpink", 4)])
def test_the_ready_rosters(group: str, members: int, tmp_path: Path, params: Params) -> None:
    (tmp_path / "roster.yaml").write_bytes((ROOT / "data" / "rosters" / f"{group}.yaml").read_bytes())
    roster = read_roster(tmp_path)
    assert len(roster.members) == members
    assert roster.group.casefold() == group
    assert len({member.colour for member in roster.members}) == members
    for member in roster.members:
        assert not key_fault(member.key)
        assert all("가" <= sign <= "힣" for sign in member.hangul + roster.hangul)
        keywords = keywords_of(member, roster, params.crawl.keywords)
        assert len(keywords) >= 3
        assert keywords[:2] == (f"{member.name} {roster.group}", f"{roster.hangul} {member.hangul}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sources: bing", "sources 'bing' is not a list of commons, openverse, bing"),
        ("sources: [bnig]", "is not a list of commons, openverse, bing"),
        ("hangul: 7", "hangul 7 is not a text"),
        ("hangul: ''", "hangul '' is not a text"),
    ],
)
def test_a_slip_in_the_roster_is_named(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "roster.yaml").write_text(f"{text}\nmembers: [{{key: mira}}]\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=says):
        read_roster(tmp_path)
