"""lineup crawl: what it prints, where it takes a roster from, and what it leaves for DVC."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, draw
from running import lineup

from pipeline.crawl import crawl as crawling
from pipeline.crawl.connection import FetchError
from pipeline.manifest import read_manifest
from pipeline.params import read_params
from pipeline.roster import read_roster


def crawl(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    return lineup("crawl", *arguments, monkeypatch=monkeypatch)


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A project with a folder of photos and the roster of `lanterns` that names it: what DVC was asked to do there."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "data" / "rosters", tmp_path / "data" / "rosters")
    for number in range(3):
        (tmp_path / "photos").mkdir(exist_ok=True)
        draw(number).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "page.jpg").write_text("<!DOCTYPE html>")
    (tmp_path / "data" / "lanterns").mkdir()
    members = f"[{{key: mira, folder: {tmp_path / 'photos'}}}, {{key: tavi}}]"
    (tmp_path / "data" / "lanterns" / "roster.yaml").write_text(f"sources: [folder]\nmembers: {members}\n")
    calls: list[tuple[str, ...]] = []
    for module in ("crawling", "importing"):
        monkeypatch.setattr(f"flows.{module}.dvc", lambda *call: calls.append(call))
    monkeypatch.chdir(tmp_path / "photos")
    return calls


def test_photos_come_in_and_the_group_is_ready_to_build(
    added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crawl("--group", "lanterns", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "mira: 3 photos added, 0 fetched before",
        "  folder: 3 added, 1 not (not an image 1)",
        "tavi: 0 photos added, 0 fetched before",
        "lanterns: 3 photos added; data/lanterns/raw/fetches.parquet says what came of every fetch",
        "next: run 'dvc repro'",
    ]
    assert printed.err == "warning: tavi: folder: tavi has no 'folder' in roster.yaml\n"
    assert added == [("add", "data/lanterns/raw")]
    assert read_params().groups == ("lanterns",)
    assert Path("data", "lanterns", "review.csv").is_file()
    assert crawl("--group", "lanterns", "--member", "mira", monkeypatch=monkeypatch) == 0
    assert "mira: 0 photos added, 4 fetched before" in capsys.readouterr().out


def test_what_is_known_is_no_failure_whatever_another_source_says(
    added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # tavi has no place in the only source
        assert crawl("--group", "lanterns", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr()
    assert "warning: tavi" in printed.err
    assert "mira: 0 photos added, 4 fetched before" in printed.out


@pytest.mark.parametrize("lacks", ["members", "sources"])
def test_a_roster_that_asks_nobody_is_told(
    lacks: str, added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path.cwd().parent)
    roster = Path("data", "lanterns", "roster.yaml")
    document = yaml.safe_load(roster.read_text(encoding="utf-8")) | {lacks: []}
    roster.write_text(yaml.safe_dump(document), encoding="utf-8")
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    Path("params.yaml").write_text(yaml.safe_dump(params | {"crawl": params["crawl"] | {"sources": []}}))
    assert crawl("--group", "lanterns", monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().err.startswith(f"error: data/lanterns/roster.yaml has no {lacks}: ")


def test_a_limit_holds_for_each_member(added: list, monkeypatch: pytest.MonkeyPatch) -> None:
    assert crawl("--group", "lanterns", "--member", "mira", "--limit", "2", monkeypatch=monkeypatch) == 0
    assert len(read_manifest(Path("data", "lanterns", "raw"))) == 2


def test_a_ready_roster_is_taken_and_no_network_is_a_line(
    added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(*_: object) -> Any:
        raise FetchError("no such host", "www.example: Name or service not known", "later")

    for name in ("commons", "bing"):
        monkeypatch.setitem(crawling.SOURCES, name, down)
    assert crawl("--group", "twice", monkeypatch=monkeypatch) == 1
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 3
    assert all(line.startswith("warning: ") and "no such host" in line for line in err[:2])
    assert err[2] == "error: twice: no photo was added; the warnings above say why"
    assert len(read_roster(Path("data", "twice")).members) == 9
    assert (added, read_params().groups) == ([], ())  # nothing to build, so nothing is promised to DVC


def test_in_json_a_crawl_that_brings_nothing_is_told_too(
    added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crawl("--group", "lanterns", "--member", "tavi", "--json", monkeypatch=monkeypatch) == 1
    printed = capsys.readouterr()
    (tally,) = json.loads(printed.out)
    assert (tally["member"], tally["kept"], len(tally["warnings"])) == ("tavi", {}, 1)
    assert printed.err.splitlines()[-1].startswith("error: lanterns: no photo was added")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--group", "nosuch"], "data/nosuch/roster.yaml is not there: write one as docs/crawling.md says"),
        (["--group", "rosters"], "'rosters' is the name of a folder of Lineup's own"),
        (["--group", "../x"], "a group's name is letters"),
        (["--group", "lanterns", "--member", "vera"], "'vera' is not in data/lanterns/roster.yaml (there: mira, tavi)"),
    ],
    ids=["no roster", "reserved", "a path", "no such member"],
)
def test_what_cannot_be_crawled_is_one_line(
    arguments: list[str],
    says: str,
    added: list,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert crawl(*arguments, monkeypatch=monkeypatch) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {says}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [["crawl"], ["import", "photos"]], ids=["crawl", "import"])
def test_a_full_disk_is_one_line_and_what_is_done_is_kept(
    command: list[str], added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copyfile, copied = shutil.copyfile, []

    def filled(source: Path, target: Path) -> Any:
        if copied:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))
        copied.append(target)
        return copyfile(source, target)

    folder = Path("..", "photos").resolve()
    (folder / "mira").mkdir()
    for path in folder.glob("*.png"):
        path.rename(folder / "mira" / path.name)
    monkeypatch.setattr(shutil, "copyfile", filled)
    monkeypatch.chdir(folder.parent)
    assert lineup(*command, "--group", "lanterns", monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().err == (
        "error: nothing more can be written (No space left on device): make room, then run the same again\n"
    )
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    assert lineup(*command, "--group", "lanterns", monkeypatch=monkeypatch) == 0
    assert len(read_manifest(Path("data", "lanterns", "raw"))) == 3


def test_ctrl_c_keeps_what_is_there(
    added: list, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.crawl import folder

    def stopped(*arguments: Any) -> Any:
        yield next(folder.find(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setitem(crawling.SOURCES, "folder", stopped)
    assert crawl("--group", "lanterns", monkeypatch=monkeypatch) == 130
    assert capsys.readouterr().err.strip() == "stopped; what was fetched is kept, the same command goes on from there"
    assert len(read_manifest(Path("data", "lanterns", "raw"))) == 1
