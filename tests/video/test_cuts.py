"""Cuts: which frames are in one, where it stands in the file of cuts, and what editing programs are told of it."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import clip

from pipeline.records import LABELLED_FACES
from pipeline.video.cutlist import cut_table, edl
from pipeline.video.cuts import Cut, cuts_of
from pipeline.video.probe import VideoInfo, probe


def video(shots: list[int], pts: list[int] | None = None) -> pd.DataFrame:
    """VIDEO_FRAMES of the given shot numbers, ten frames a second unless `pts` (in tenths) says otherwise."""
    pts = pts or list(range(len(shots)))
    return pd.DataFrame({"frame": range(len(shots)), "pts": pts, "time_s": np.array(pts) / 10, "shot": shots})


def seen(frames: list[int], member: str = "jm") -> pd.DataFrame:
    faces = pd.DataFrame(0, index=range(len(frames)), columns=LABELLED_FACES.names)
    return faces.assign(frame=frames, member=member)


LONG = [0] * 100
CASES = {
    "never": (LONG, [], []),
    "a short shot is whole": ([0] * 8 + [1] * 5 + [2] * 8, [10], [(8, 12)]),
    "a long take is trimmed": (LONG, [50, 51], [(40, 61)]),
    "what is left out is never shorter than a handle": (LONG, [15, 85], [(0, 25), (75, 99)]),
    "a short absence is no cut": (LONG, [30, 55], [(20, 65)]),
    "a long absence is one": (LONG, [30, 70], [(20, 40), (60, 80)]),
    "shots that follow each other are cuts of their own": ([0] * 5 + [1] * 5, [4, 5], [(0, 4), (5, 9)]),
    "a shot in between is left out": ([0] * 5 + [1] * 5 + [2] * 5, [0, 14], [(0, 4), (10, 14)]),
    "the only frame": ([0], [0], [(0, 0)]),
}


@pytest.mark.parametrize(("shots", "frames", "expected"), CASES.values(), ids=CASES.keys())
def test_which_frames_are_in_a_cut(shots: list[int], frames: list[int], expected: list[tuple[int, int]]) -> None:
    cuts = cuts_of(pd.concat([seen(frames), seen([2], "other")]), video(shots), "jm", 1.0)
    assert [(cut.first, cut.last) for cut in cuts] == expected
    assert [cut.shot for cut in cuts] == [shots[first] for first, _ in expected]


def test_cuts_stand_one_after_the_other_whatever_the_frame_rate() -> None:
    first, second = cuts_of(seen([1, 5]), video([0, 0, 0, 1, 2, 2], [3, 4, 9, 11, 20, 27]), "jm", 9.0)
    assert first == Cut(shot=0, first=0, last=2, start_pts=3, end_pts=11, out_pts=0)
    assert second == Cut(shot=2, first=4, last=5, start_pts=20, end_pts=32, out_pts=8)


@pytest.fixture
def info() -> VideoInfo:
    """A day of 23.976 frames a second, of which one second exists."""
    return replace(probe(clip("23.976.mp4")), time_base=Fraction(1, 24000), average_fps=Fraction(24000, 1001))


def cut_at(first: int, last: int, out: int) -> Cut:
    return Cut(3, first, last, first * 1001, (last + 1) * 1001, out * 1001)


def test_an_editing_program_is_told_whole_frames(info: VideoInfo) -> None:
    lines = edl([cut_at(24, 47, 0), cut_at(180_000, 180_009, 24)], info, "clip - 지원").splitlines()
    assert lines[:2] == ["TITLE: clip - 지원", "FCM: NON-DROP FRAME"]
    assert [line for line in lines if line[:3].isdigit()] == [
        "001  AX       AA/V  C        00:00:01:00 00:00:02:00 01:00:00:00 01:00:01:00",
        "002  AX       AA/V  C        02:05:00:00 02:05:00:10 01:00:01:00 01:00:01:10",
    ]
    assert lines.count("* FROM CLIP NAME: 23.976.mp4") == 2


def test_no_sound_no_audio_events(info: VideoInfo) -> None:
    text = edl([cut_at(0, 5, 0)], replace(info, audio_streams=0), "t")
    assert re.search(r"^001  AX       V     C        ", text, re.MULTILINE)


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x1c"], ids=["LF", "CR", "LS", "FS"])
def test_a_name_adds_no_line(end: str, info: VideoInfo) -> None:
    hostile = f"x{end}001  AX       V     C        00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00"
    text = edl([cut_at(0, 5, 0)], replace(info, path=Path(hostile + ".mp4")), hostile)
    lines = text.splitlines()
    assert len(lines) == len(edl([cut_at(0, 5, 0)], info, "t").splitlines())
    assert sum(line.startswith("001 ") for line in lines) == 1


def test_the_table_has_exact_times(info: VideoInfo) -> None:
    (row,) = csv.DictReader(cut_table([cut_at(24, 47, 10)], info).splitlines())
    assert (row["cut"], row["shot"], row["first_frame"], row["last_frame"]) == ("1", "3", "24", "47")
    assert float(row["start_s"]) == pytest.approx(24 * 1001 / 24000, abs=1e-6)
    assert float(row["end_s"]) - float(row["start_s"]) == pytest.approx(24 * 1001 / 24000, abs=2e-6)
    assert float(row["out_start_s"]) == pytest.approx(10 * 1001 / 24000, abs=1e-6)
    assert (row["start_timecode"], row["end_timecode"]) == ("00:00:01:00", "00:00:02:00")
