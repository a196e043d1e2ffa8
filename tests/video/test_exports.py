"""Exports: who is on screen when, counted in time; names in any alphabet; nothing half-written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageColor

from pipeline.records import LABELLED_FACES, UNKNOWN, VIDEO_FRAMES
from pipeline.roster import COLOURS, Member, Roster
from pipeline.video.exports import Appearance, appearances, screen_times, shown_s, write_exports

ROSTER = Roster(
    "g", (Member("jm", "지민", COLOURS[0]), Member("sk", "さくら", COLOURS[1]), Member("mai", "白石麻衣", COLOURS[2]))
)


def table(times_s: list[float], shots: list[int]) -> pd.DataFrame:
    rows = {"frame": range(len(times_s)), "pts": [round(t * 1000) for t in times_s], "time_s": times_s, "shot": shots}
    return pd.DataFrame(rows)[VIDEO_FRAMES.names]


def seen(frames: pd.DataFrame, **members: list[int]) -> pd.DataFrame:
    """LABELLED_FACES with one face of each member in the frames given for it."""
    empty = dict.fromkeys(LABELLED_FACES.names, 0)
    rows = [
        empty | {"frame": frame, "time_s": frames["time_s"][frame], "shot": frames["shot"][frame], "member": member}
        for member, places in members.items()
        for frame in places
    ]
    return pd.DataFrame(rows, columns=LABELLED_FACES.names).sort_values("frame", kind="stable")


TENTHS = table([n / 10 for n in range(30)], [0] * 10 + [1] * 10 + [2] * 10)

RUNS = {
    "never": ([], []),
    "one frame": ([4], [(0.4, 0.5, (0,))]),
    "frames that follow each other": ([2, 3, 4], [(0.2, 0.5, (0,))]),
    "a gap of 0.4 s in a shot is closed": ([0, 1, 6, 7], [(0.0, 0.8, (0,))]),
    "a gap of 0.6 s in a shot is not": ([0, 1, 8, 9], [(0.0, 0.2, (0,)), (0.8, 1.0, (0,))]),
    "from one shot into the next": ([8, 9, 10, 11], [(0.8, 1.2, (0, 1))]),
    "through three shots": (list(range(9, 21)), [(0.9, 2.1, (0, 1, 2))]),
    "a gap of one frame at a cut": ([8, 10, 11], [(0.8, 0.9, (0,)), (1.0, 1.2, (1,))]),
    "in the first and the last shot": ([9, 20], [(0.9, 1.0, (0,)), (2.0, 2.1, (2,))]),
    "to the end": ([28, 29], [(2.8, 3.0, (2,))]),
    "twice in one frame": ([4, 4, 5], [(0.4, 0.6, (0,))]),
}


@pytest.mark.parametrize(("places", "expected"), RUNS.values(), ids=RUNS.keys())
def test_appearances(places: list[int], expected: list[tuple]) -> None:
    found = appearances(seen(TENTHS, jm=places), TENTHS, ROSTER)
    assert found == [Appearance("jm", *times) for times in expected]


def test_appearances_stand_in_the_order_of_time() -> None:
    found = appearances(seen(TENTHS, sk=[5], jm=[0, 9], mai=[5]), TENTHS, ROSTER)
    assert [(one.member, one.start_s) for one in found] == [("jm", 0.0), ("mai", 0.5), ("sk", 0.5), ("jm", 0.9)]


def test_time_is_counted_as_shown_not_in_frames() -> None:
    frames = table([0.0, 0.1, 2.1, 2.2], [0] * 4)
    jm, sk, *_ = screen_times(seen(frames, jm=[1], sk=[0, 2, 3]), frames, ROSTER)
    assert (jm.member, jm.seconds, jm.share) == ("jm", 2.0, round(2 / 2.3, 4))
    assert (sk.member, sk.seconds, sk.first_s, sk.last_s) == ("sk", 0.3, 0.0, 2.3)


def test_a_video_that_starts_late_is_counted_from_its_first_frame() -> None:
    frames = table([5.0, 5.5], [0, 0])
    row = screen_times(seen(frames, jm=[0, 1]), frames, ROSTER)[0]
    assert (row.seconds, row.share, row.first_s, row.last_s) == (1.0, 1.0, 5.0, 6.0)


def test_members_never_seen_are_listed_and_the_unknown_come_last() -> None:
    rows = screen_times(seen(TENTHS, sk=[1, 2], unknown=list(range(20))), TENTHS, ROSTER)
    assert [(row.member, row.seconds, row.appearances) for row in rows] == [
        ("sk", 0.2, 1), ("jm", 0.0, 0), ("mai", 0.0, 0), (UNKNOWN, 2.0, 1),
    ]  # fmt: skip
    assert (rows[1].first_s, rows[1].last_s) == (None, None)


def test_two_unknown_faces_in_a_frame_count_once() -> None:
    assert screen_times(seen(TENTHS, unknown=[3, 3, 3]), TENTHS, ROSTER)[-1].seconds == pytest.approx(0.1)


def test_the_only_frame_of_a_video_lasts_a_moment() -> None:
    starts_s, ends_s = shown_s(table([0.0], [0]))
    assert 0 < ends_s[0] - starts_s[0] < 0.1


def test_the_files(tmp_path: Path) -> None:
    write_exports(tmp_path, seen(TENTHS, jm=list(range(8, 12)), unknown=[3]), TENTHS, ROSTER)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "appearances.csv", "appearances.json", "screen_time.csv", "screen_time.png",
    ]  # fmt: skip
    assert (tmp_path / "appearances.csv").read_text(encoding="utf-8") == "member,start_s,end_s,shots\njm,0.8,1.2,0;1\n"
    assert json.loads((tmp_path / "appearances.json").read_text(encoding="utf-8")) == [
        {"member": "jm", "start_s": 0.8, "end_s": 1.2, "shots": [0, 1]}
    ]
    with (tmp_path / "screen_time.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[0] == {
        "member": "jm", "name": "지민", "seconds": "0.4", "share": "0.1333", "appearances": "1", "first_s": "0.8",
        "last_s": "1.2",
    }  # fmt: skip
    assert [(row["member"], row["seconds"], row["first_s"]) for row in rows[1:]] == [
        ("sk", "0.0", ""), ("mai", "0.0", ""), (UNKNOWN, "0.1", "0.3"),
    ]  # fmt: skip


def test_the_picture_shows_each_member_in_its_colour_for_its_time(tmp_path: Path) -> None:
    write_exports(tmp_path, seen(TENTHS, jm=list(range(30)), sk=list(range(15))), TENTHS, ROSTER)
    with Image.open(tmp_path / "screen_time.png") as image:
        picture = np.asarray(image.convert("RGB"))
    areas = [(picture == ImageColor.getrgb(member.colour)).all(axis=2).sum() for member in ROSTER.members]
    assert areas[0] / areas[1] == pytest.approx(2, rel=0.05)
    assert areas[2] == 0


NAMES = {
    "100 characters": "김남준 " * 25,
    "emoji": "🐥",
    "dollar signs": "A$AP$ \\frac",
    "Thai": "ลิซ่า",
    "a slash": "a/b",
    "a quote, a comma": 'Ro"sé, B.',
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_any_name_can_be_exported(name: str, tmp_path: Path) -> None:
    write_exports(tmp_path, seen(TENTHS, jm=[1]), TENTHS, Roster("g", (Member("jm", name, COLOURS[0]),)))
    with (tmp_path / "screen_time.csv").open(encoding="utf-8", newline="") as handle:
        assert next(csv.DictReader(handle))["name"] == name
    with Image.open(tmp_path / "screen_time.png") as picture:
        assert picture.size == (1320, pytest.approx(233, abs=5))


@pytest.mark.parametrize("members", [0, 48])
def test_no_member_and_many(members: int, tmp_path: Path) -> None:
    roster = Roster("g", tuple(Member(f"m{n}", f"m{n}", COLOURS[n % 10]) for n in range(members)))
    write_exports(tmp_path, seen(TENTHS), TENTHS, roster)
    assert len((tmp_path / "screen_time.csv").read_text().splitlines()) == members + 2
    assert (tmp_path / "appearances.json").read_text() == "[]\n"
