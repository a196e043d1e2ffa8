"""Where a photo's results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.files import write_json
from pipeline.photo.place import is_result, targets
from pipeline.results import Origin

SHA256, OTHER = "a" * 64, "b" * 64
TRIO = Origin(SHA256, "trio")
OURS = {"lineup": "1", "picture": "x.jpg", "input_sha256": SHA256, "group": "trio"}

THERE = {
    "nothing": ({}, "x"),
    "this photo's results": ({"x.jpg": b"", "x.json": OURS}, "x"),
    "its table alone, after a kill": ({"x.json": OURS}, "x"),
    "another photo's results": ({"x.jpg": b"", "x.json": OURS | {"input_sha256": OTHER}}, "x-aaaaaaaa"),
    "another group's results": ({"x.jpg": b"", "x.json": OURS | {"group": "duo"}}, "x-trio"),
    "both groups' results": (
        {"x.json": OURS | {"group": "duo"}, "x-trio.json": OURS | {"picture": "x-trio.jpg"}, "x-trio.jpg": b""},
        "x-trio",
    ),
    "another group's, and another's beside": (
        {"x.json": OURS | {"group": "duo"}, "x-trio.jpg": b""},
        "x-trio-aaaaaaaa",
    ),
    "its results beside another photo's that is gone": (
        {"x-aaaaaaaa.json": OURS | {"picture": "x-aaaaaaaa.jpg"}},
        "x-aaaaaaaa",
    ),
    "the photo itself": ({"x.jpg": b""}, "x-aaaaaaaa"),
    "somebody else's table": ({"x.json": {"picture": "x.jpg"}}, "x-aaaaaaaa"),
    "no table at all": ({"x.json": ["x.jpg"]}, "x-aaaaaaaa"),
}


@pytest.mark.parametrize(("there", "stem"), THERE.values(), ids=THERE.keys())
def test_nothing_of_anybody_else_is_overwritten(there: dict[str, object], stem: str, tmp_path: Path) -> None:
    for name, content in there.items():
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        else:
            write_json(tmp_path / name, content)
    picture, table = targets(Path("any", "x.png"), TRIO, tmp_path, (640, 480))
    assert (picture, table) == (tmp_path / f"{stem}.jpg", tmp_path / f"{stem}.json")
    assert is_result(tmp_path / "x.jpg") == ("x.json" in there and "lineup" in there["x.json"])


@pytest.mark.parametrize("group", ["trio", "초록" * 30, "𝒶" * 60])
def test_two_groups_have_results_of_one_photo(group: str, tmp_path: Path) -> None:
    made = [label(Path("노래" * 41 + ".png"), Origin(SHA256, one), tmp_path) for one in ("duo", group, "duo", group)]
    assert made[:2] == made[2:]
    assert len({*made}) == 2


def label(photo: Path, origin: Origin, out: Path) -> Path:
    picture, table = targets(photo, origin, out, (9, 9))
    picture.touch()
    write_json(table, OURS | {"picture": picture.name, "group": origin.group})
    return picture


@pytest.mark.parametrize(
    "name", ["..jpg", "a" * 251 + ".jpg", "지" * 80 + ".png", os.fsdecode(b"\xff\xfe.jpg"), ".hidden.png", "a.b.c.jpg"]
)
@pytest.mark.parametrize("taken", [False, True])
def test_any_name_gives_names_that_can_be_written(name: str, taken: bool, tmp_path: Path) -> None:
    if taken:
        for place in targets(Path(name), TRIO, tmp_path, (9, 9)):
            place.touch()
    for place in targets(Path(name), TRIO, tmp_path, (9, 9)):
        assert place.parent == tmp_path
        assert not place.exists()
        place.touch()


def test_what_is_too_long_for_a_jpeg_becomes_a_png(tmp_path: Path) -> None:
    assert [place.name for place in targets(Path("x.jpg"), TRIO, tmp_path, (9, 70_000))] == ["x.png", "x.json"]
