"""The page of a group's photos: where they came from, how many are left, and links that lead nowhere bad."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import pandas as pd
import pytest

from pipeline import datasheet
from pipeline.layout import FETCHES_FILE, MANIFEST_FILE
from pipeline.params import Params
from pipeline.records import DROPPED, FETCHES, MANIFEST, SUGGESTED, UNLABELLED
from pipeline.tables import write_table

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def group(lanterns: Path, sample_project: Path) -> Path:
    """The sample with a manifest that tells of the web; raw files themselves are not there."""
    manifest = pd.read_parquet(sample_project / lanterns / "raw" / MANIFEST_FILE)
    manifest["source"], manifest["keyword"] = "bing", HOSTILE
    manifest["page_url"] = [f"https://host{n % 40}.example/page/{n}" for n in range(len(manifest))]
    manifest["licence"] = [f"CC BY 4.0, by {n}" if n % 2 else "" for n in range(len(manifest))]
    manifest.loc[:9, ["page_url", "url"]] = "javascript:alert(1)"
    (lanterns / "raw").mkdir()
    write_table(lanterns / "raw" / MANIFEST_FILE, manifest, MANIFEST)
    return lanterns


def page_of(group: Path, params: Params) -> str:
    datasheet.main(group, params)
    return (group / "report.html").read_text(encoding="utf-8")


def numbers(page: str, member: str) -> list[int]:
    (cells,) = re.findall(rf"<tr><td>{member}</td>((?:<td>\d+</td>)+)</tr>", page)
    return [int(number) for number in re.findall(r"\d+", cells)]


def test_the_funnel_is_that_of_the_tables(group: Path, params: Params) -> None:
    page = page_of(group, params)
    tables = {name: pd.read_parquet(group / f"{name}.parquet") for name in ("clean", "faces", "curated", "split")}
    for member in ("mira", "tavi", "juno"):
        photos, clean, faces, curated, learnt, tested = numbers(page, member)
        assert photos >= faces >= 5
        for count, name in ((clean, "clean"), (faces, "faces"), (curated, "curated")):
            assert count == (tables[name]["member"] == member).sum()
        assert learnt + tested == curated
    dropped = pd.concat([pd.read_parquet(path) for path in (group / "dropped").iterdir()])
    for (stage, reason), rows in dropped.groupby(["stage", "reason"]):
        assert re.search(rf"<td>{stage}</td><td>{reason}<span[^>]*></span></td><td>{len(rows)}</td>", page)


def test_what_was_not_fetched_and_what_is_kept_aside_is_told(group: Path, params: Params) -> None:
    assert "brought no photo" not in page_of(group, params)
    manifest = pd.read_parquet(group / "raw" / MANIFEST_FILE)
    fetches = manifest[:7].assign(reason=["", *["http error"] * 3, *["timed out"] * 2, HOSTILE], detail="", retry=False)
    fetches["http_status"] = [200, 404, 404, 500, 0, 0, 0]
    write_table(group / "raw" / FETCHES_FILE, fetches, FETCHES)
    rows = pd.read_parquet(group / "faces.parquet")[:3]
    write_table(group / "unlabelled.parquet", rows, UNLABELLED)
    offered = pd.DataFrame({"key": rows["key"][:2], "member": "mira", "likeness": 0.5, "margin": 0.1})
    write_table(group / "suggested.parquet", offered, SUGGESTED)
    page = page_of(group, params)
    told = dict(re.findall(r"<td>bing</td><td>([^<]*)<span[^>]*></span></td><td>(\d+)</td>", page))
    assert told == {"http error 404": "2", "http error 500": "1", "timed out": "2", escape(HOSTILE): "1"}
    assert "but 3 good faces in them are kept aside. Of these 2 look" in page


def test_it_is_whole_and_nothing_in_it_runs(group: Path, params: Params) -> None:
    page = page_of(group, params)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "javascript:" not in page
    assert not re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,|https://host\d+\.example/page/\d+")', page)
    links = re.findall(r"<a ([^>]*)>", page)
    assert len(links) > 20
    assert all('rel="noopener noreferrer"' in link for link in links)
    assert "11 others" in page  # hosts beyond those listed
    assert "CC BY 4.0</td>" in page
    assert "not stated" in page


def test_a_file_of_several_members_is_dropped_once_for_each(group: Path, params: Params) -> None:
    table = group / "dropped" / "clean.parquet"
    manifest, dropped = pd.read_parquet(group / "raw" / MANIFEST_FILE), pd.read_parquet(table)
    first = manifest[manifest["key"].isin(dropped["key"])].iloc[:1]
    others = [first.assign(member=one) for one in {"juno", "kaia", "mira"} - set(first["member"])][:2]
    write_table(group / "raw" / MANIFEST_FILE, pd.concat([manifest, *others]), MANIFEST)
    once = dropped[dropped["key"] == first["key"].item()].iloc[:1].assign(reason="odd")
    rest = dropped[dropped["key"] != first["key"].item()]
    write_table(table, pd.concat([rest, once, once, once]), DROPPED)
    page = page_of(group, params)
    sections = page.split("<h2>")[1:]
    holds = [re.findall(r"<h3>clean: odd <small>(\d+)</small>", section) for section in sections]
    assert [counts for counts in holds if counts] == [["1"]] * 3


def test_it_is_bounded(group: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasheet, "MOST_PICTURES", 10)
    page = page_of(group, params)
    shown = page.count("<figure>")
    assert shown <= 2 * page.count('class="sheet"')
    left = sum(map(int, re.findall(r"and (\d+) more", page)))
    assert shown + left == sum(map(int, re.findall(r"<h3>[^<]*<small>(\d+)</small>", page)))
    assert len(page) < 6000 * shown + 20_000


LINKS = {
    "its page": ("https://a.example/page", "https://a.example/x.jpg", "https://a.example/page"),
    "the picture": ("", "http://a.example/x.jpg", "http://a.example/x.jpg"),
    "a script": ("javascript:alert(1)", "", ""),
    "a script, then the picture": ("JaVaScRiPt:alert(1)", "https://a.example/", "https://a.example/"),
    "data": ("data:text/html,x", "", ""),
    "a file": ("file:///etc/passwd", "", ""),
    "a script with a space": (" javascript:alert(1)", "", ""),
    "no host": ("https:///x", "", ""),
    "a broken address": ("http://[", "", ""),
    "a path": ("//a.example/x", "x.jpg", ""),
}


@pytest.mark.parametrize(("page_url", "url", "link"), LINKS.values(), ids=LINKS.keys())
def test_a_picture_leads_to_the_web_or_nowhere(page_url: str, url: str, link: str) -> None:
    assert datasheet.link_of(page_url, url) == link
