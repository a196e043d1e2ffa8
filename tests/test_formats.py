"""docs/formats.md and the files: every column of every table, and every key of the JSON that is written."""

from __future__ import annotations

import json
import re
import runpy
from contextlib import chdir
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SAMPLE
from excerpts import excerpt

from flows.label.request import Outcome, Request
from flows.queue.job import Job
from flows.queue.table import row_of
from pipeline.params import Params
from pipeline.photo.label import PhotoLabeller
from pipeline.video.label import Wishes, label

FORMATS = runpy.run_path(str(ROOT / "docs" / "formats.py"))
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
KEYS = re.compile(r"<!-- keys (.+?) -->\n\| key \| meaning \|\n\| --- \| --- \|\n((?:\|.*\n)+)")


def told() -> dict[str, set[str]]:
    """By the name in the marker above it, the keys in the first column of each table of keys."""
    rows = {name: [row.split("|")[1] for row in table.splitlines()] for name, table in KEYS.findall(PAGE)}
    return {name: set(re.findall(r"`(\w+)`", " ".join(first))) for name, first in rows.items()}


def columns(line: str) -> list[str]:
    """The names in the second cell of the row that begins with `line`, in the table of files and columns."""
    (table,) = re.findall(r"^\| file \| columns \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    (cell,) = re.findall(rf"^\| `{re.escape(line)}`[^|]*\|([^|]*)\|", table, re.MULTILINE)
    return re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)|\[.*", "", cell))


def test_the_page_has_the_columns_as_they_are() -> None:
    assert FORMATS["written"](PAGE) == PAGE, "run 'python docs/formats.py'"


def test_a_changed_column_would_be_noticed() -> None:
    assert FORMATS["written"](PAGE.replace("SHA-256 of the file, 64 hex digits", "a number")) == PAGE


def test_every_table_is_on_the_page() -> None:
    on_page = {id(FORMATS["schemas"]()[name]) for _, name, _ in FORMATS["PLACE"].findall(PAGE) if name.isupper()}
    named = {name for _, name, _ in FORMATS["PLACE"].findall(PAGE)}
    missing = [name for name, schema in FORMATS["schemas"]().items() if name not in named and id(schema) not in on_page]
    assert missing == []


def test_every_column_has_its_meaning() -> None:
    silent = [
        f"{name}: {column.name}"
        for name, schema in FORMATS["schemas"]().items()
        for column in schema
        if not (column.metadata or {}).get(b"meaning")
    ]
    assert silent == []


@pytest.fixture(scope="module")
def labelled_video(sample_project: Path, params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a video that was labelled with the sample's group, and with a fan-cam."""
    with chdir(sample_project):
        out = tmp_path_factory.mktemp("labelled")
        return label(excerpt("plain.mp4"), "lanterns", out, params, Wishes(fancams=("juno",)))


@pytest.fixture(scope="module")
def made(
    sample_project: Path, labelled_video: Path, params: Params, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What stands in the JSON that Lineup writes and prints, by the name that the page gives it."""
    with chdir(sample_project):
        photo = PhotoLabeller("lanterns", params).label(
            SAMPLE / "photos" / "mira" / "img_0002.jpg", tmp_path_factory.mktemp("photo")
        )
    files = {
        "run.json": labelled_video / "run.json",
        "photo.json": photo.table,
        "model.json": sample_project / "models" / "lanterns" / "model.json",
        "metrics.json": sample_project / "metrics" / "lanterns.json",
    }
    player = (labelled_video / "player" / "data.js").read_text(encoding="utf-8")
    job = Job("3f", Path("a.mp4"), "f" * 64, "e" * 64, Request("g", Path("out")), 0, "waiting")
    read = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}
    return read | {
        "a face in photo.json": read["photo.json"]["faces"][0],
        "player/data.js": json.loads(player.removeprefix("lineup.open(").rstrip().removesuffix(");")),
        "lineup label --json": asdict(Outcome(Path("a.mp4"), None)),
        "lineup queue list --json": row_of(job),
    }


@pytest.mark.parametrize("name", told())
def test_the_keys_are_those_of_the_file(name: str, made: dict[str, Any]) -> None:
    assert told()[name] == set(made[name])


def test_every_kind_of_json_is_on_the_page(made: dict[str, Any]) -> None:
    assert set(told()) == set(made)


def test_every_file_of_a_labelled_video_is_on_the_page(labelled_video: Path) -> None:
    (table,) = re.findall(r"^## A labelled video:.*\n\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    told = set(re.findall(r"`([^`]+)`", " ".join(row.split("|")[1] for row in table.splitlines())))
    written = {f"{path.name}/" if path.is_dir() else path.name for path in labelled_video.iterdir()}
    assert {re.sub(r"^fancam-\d+", "fancam-N", name) for name in written} == told


@pytest.mark.parametrize("file", ["appearances.csv", "screen_time.csv", "together.csv", "fancam-N-cuts.csv"])
def test_the_columns_are_those_of_the_csv_file(file: str, labelled_video: Path) -> None:
    number = json.loads((labelled_video / "run.json").read_text(encoding="utf-8"))["fancams"][0]["number"]
    first, *_ = (labelled_video / file.replace("N", str(number))).read_text(encoding="utf-8").splitlines()
    assert columns(file) == first.split(",")
