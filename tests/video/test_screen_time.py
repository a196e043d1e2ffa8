"""Exports: who is on screen when, counted in time; names in any alphabet; nothing half-written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from excerpts import excerpt
from made import ROSTER, TENTHS, exported, face, faces_of, seen, table
from PIL import Image, ImageColor

from pipeline.records import UNKNOWN
from pipeline.roster import COLOURS, Member, Roster
from pipeline.video.probe import VideoInfo, probe
from pipeline.video.screen_time import Appearance, ScreenTime, appearances, screen_times, shown_s, together


@pytest.fixture(scope="module")
def info() -> VideoInfo:
    return probe(excerpt("one-frame.mp4"))


def times_of(faces: pd.DataFrame, frames: pd.DataFrame) -> list[ScreenTime]:
    return screen_times(faces, frames, ROSTER, appearances(faces, frames, ROSTER))


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
    jm, sk, *_ = times_of(seen(frames, jm=[1], sk=[0, 2, 3]), frames)
    assert (jm.member, jm.seconds, jm.share) == ("jm", 2.0, round(2 / 2.3, 4))
    assert (sk.member, sk.seconds, sk.first_s, sk.last_s) == ("sk", 0.3, 0.0, 2.3)


def test_the_last_frame_lasts_no_longer_than_most_do() -> None:
    starts_s, ends_s = shown_s(table([0.0, 0.1, 0.2, 20.2], [0] * 4))
    assert ends_s - starts_s == pytest.approx([0.1, 0.1, 20.0, 0.1])


def test_a_video_that_starts_late_is_counted_from_its_first_frame() -> None:
    frames = table([5.0, 5.5], [0, 0])
    row = times_of(seen(frames, jm=[0, 1]), frames)[0]
    assert (row.seconds, row.share, row.first_s, row.last_s) == (1.0, 1.0, 5.0, 6.0)


def test_members_never_seen_are_listed_and_the_unknown_come_last() -> None:
    rows = times_of(seen(TENTHS, sk=[1, 2], unknown=list(range(20))), TENTHS)
    assert [(row.member, row.seconds, row.appearances) for row in rows] == [
        ("sk", 0.2, 1), ("jm", 0.0, 0), ("mai", 0.0, 0), (UNKNOWN, 2.0, 1),
    ]  # fmt: skip
    assert (rows[1].first_s, rows[1].last_s) == (None, None)


def test_two_unknown_faces_in_a_frame_count_once() -> None:
    assert times_of(seen(TENTHS, unknown=[3, 3, 3]), TENTHS)[-1].seconds == pytest.approx(0.1)


def test_the_only_frame_of_a_video_lasts_a_moment() -> None:
    starts_s, ends_s = shown_s(table([0.0], [0]))
    assert 0 < ends_s[0] - starts_s[0] < 0.1


def test_the_files(tmp_path: Path, info: VideoInfo) -> None:
    exported(tmp_path, seen(TENTHS, jm=list(range(8, 12)), unknown=[3]), TENTHS, info)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "appearances.csv", "appearances.json", "names.ass", "names.srt", "names.vtt", "player", "player.html",
        "screen_time.csv", "screen_time.png", "thumbnails", "together.csv", "unknowns.png",
    ]  # fmt: skip
    assert (tmp_path / "appearances.csv").read_text(encoding="utf-8") == "member,start_s,end_s,shots\njm,0.8,1.2,0;1\n"
    assert json.loads((tmp_path / "appearances.json").read_text(encoding="utf-8")) == [
        {"member": "jm", "start_s": 0.8, "end_s": 1.2, "shots": [0, 1]}
    ]
    with (tmp_path / "screen_time.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[0] == {
        "member": "jm", "name": "지원", "seconds": "0.4", "share": "0.1333", "appearances": "1", "first_s": "0.8",
        "last_s": "1.2", "at_least_s": "0.4", "at_most_s": "0.4", "solo_s": "0.4", "thumbnail": "thumbnails/1.jpg",
    }  # fmt: skip
    assert [(row["member"], row["seconds"], row["first_s"]) for row in rows[1:]] == [
        ("sk", "0.0", ""), ("mai", "0.0", ""), (UNKNOWN, "0.1", "0.3"),
    ]  # fmt: skip


def test_the_picture_shows_each_member_in_its_colour_for_its_time(tmp_path: Path, info: VideoInfo) -> None:
    exported(tmp_path, seen(TENTHS, jm=list(range(30)), sk=list(range(15))), TENTHS, info)
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
def test_any_name_can_be_exported(name: str, tmp_path: Path, info: VideoInfo) -> None:
    exported(tmp_path, seen(TENTHS, jm=[1]), TENTHS, info, Roster("g", (Member("jm", name, COLOURS[0]),)))
    with (tmp_path / "screen_time.csv").open(encoding="utf-8", newline="") as handle:
        assert next(csv.DictReader(handle))["name"] == name
    with Image.open(tmp_path / "screen_time.png") as picture:
        assert picture.size == (1320, pytest.approx(233, abs=5))


@pytest.mark.parametrize("members", [0, 48])
def test_no_member_and_many(members: int, tmp_path: Path, info: VideoInfo) -> None:
    roster = Roster("g", tuple(Member(f"m{n}", f"m{n}", COLOURS[n % 10]) for n in range(members)))
    exported(tmp_path, seen(TENTHS), TENTHS, info, roster)
    assert len((tmp_path / "screen_time.csv").read_text().splitlines()) == members + 2
    assert (tmp_path / "appearances.json").read_text() == "[]\n"


# Who is on which frames of a tenth of a second, (from, to, member, confidence, best guess when unknown), each on a
# track of its own; and (at least, seconds, at most, solo) of jm.
RANGES = {
    "sure": ([(0, 5, "jm", 0.95, "")], (0.5, 0.5, 0.5, 0.5)),
    "not so sure": ([(0, 5, "jm", 0.6, "")], (0.0, 0.5, 0.5, 0.5)),
    "once sure, once not": ([(0, 5, "jm", 0.9, ""), (5, 7, "jm", 0.6, "")], (0.5, 0.7, 0.7, 0.7)),
    "an unknown face may be theirs": ([(0, 5, "jm", 1, ""), (6, 9, UNKNOWN, 0.3, "jm")], (0.5, 0.5, 0.8, 0.5)),
    "an unknown face is hardly theirs": ([(0, 5, "jm", 1, ""), (6, 9, UNKNOWN, 0.05, "jm")], (0.5, 0.5, 0.5, 0.5)),
    "an unknown face is rather another's": ([(0, 5, "jm", 1, ""), (6, 9, UNKNOWN, 0.3, "sk")], (0.5, 0.5, 0.5, 0.5)),
    "they stand beside it": ([(0, 5, "jm", 1, ""), (4, 9, UNKNOWN, 0.3, "jm")], (0.5, 0.5, 0.5, 0.4)),
    "nobody but unknown": ([(2, 5, UNKNOWN, 0.4, "jm")], (0.0, 0.0, 0.3, 0.0)),
    "with a stranger": ([(0, 5, "jm", 1, ""), (0, 2, UNKNOWN, 0.05, "sk")], (0.5, 0.5, 0.5, 0.5)),
    "with somebody who may be of the group": (
        [(0, 5, "jm", 1, ""), (0, 2, UNKNOWN, 0.2, "sk")], (0.5, 0.5, 0.5, 0.3)
    ),
    "with another member": ([(0, 5, "jm", 1, ""), (3, 9, "sk", 1, "")], (0.5, 0.5, 0.5, 0.3)),
}  # fmt: skip


@pytest.mark.parametrize(("spans", "expected"), RANGES.values(), ids=RANGES.keys())
def test_how_sure_the_time_is_and_how_much_of_it_is_alone(spans: list[tuple], expected: tuple) -> None:
    faces = faces_of(
        [
            face(TENTHS, frame, member, track, confidence=confidence, second=guess)
            for track, (start, end, member, confidence, guess) in enumerate(spans)
            for frame in range(start, end)
        ]
    )
    jm = next(row for row in times_of(faces, TENTHS) if row.member == "jm")
    assert (jm.at_least_s, jm.seconds, jm.at_most_s, jm.solo_s) == expected


def test_how_sure_it_is_that_nobody_of_the_group_is_seen() -> None:
    rows = [face(TENTHS, n, UNKNOWN, 0, confidence=0.01) for n in range(3)]
    rows += [face(TENTHS, n, UNKNOWN, 1, confidence=0.4, second="jm") for n in range(3, 5)]
    rows += [face(TENTHS, n, "sk", 2, confidence=0.7) for n in range(5, 6)]
    unknown = times_of(faces_of(rows), TENTHS)[-1]
    assert (unknown.at_least_s, unknown.seconds, unknown.at_most_s, unknown.solo_s) == (0.3, 0.5, 0.6, None)


def test_time_shared_by_each_pair() -> None:
    faces = seen(TENTHS, jm=list(range(10)), sk=list(range(8, 20)), unknown=list(range(30)))
    assert [(row.member, row.other, row.seconds) for row in together(faces, TENTHS, ROSTER)] == [
        ("jm", "sk", 0.2), ("sk", "jm", 0.2),
    ]  # fmt: skip


def test_the_table_of_pairs(tmp_path: Path, info: VideoInfo) -> None:
    exported(tmp_path, seen(TENTHS, jm=[0, 1], sk=[1, 2]), TENTHS, info)
    assert (tmp_path / "together.csv").read_text() == "member,with,seconds\njm,sk,0.1\nsk,jm,0.1\n"


def test_the_picture_shows_how_sure_it_is(tmp_path: Path, info: VideoInfo) -> None:
    ink = {}
    for confidence in (1.0, 0.5):
        rows = [face(TENTHS, n, "jm", confidence=confidence) for n in range(20)]
        folder = exported(tmp_path / str(confidence), faces_of(rows), TENTHS, info)
        with Image.open(folder / "screen_time.png") as image:
            picture = np.asarray(image.convert("RGB"))[:, : image.width // 3].astype(int)
        bar = (picture == ImageColor.getrgb(ROSTER.members[0].colour)).all(axis=2)
        rows_of_bar = np.flatnonzero(bar.any(axis=1))
        columns = np.flatnonzero(bar.any(axis=0))
        inside = picture[rows_of_bar[0] : rows_of_bar[-1], columns[0] : columns[-1]]
        ink[confidence] = (inside.max(axis=2) < 100).sum()
    assert ink[1.0] == 0
    assert ink[0.5] > 50
