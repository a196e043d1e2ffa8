"""Subtitles: who is on screen when, in files that players read; no name can be more than text; ASS at the faces."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pysubs2
import pytest
from excerpts import excerpt
from made import ROSTER, TENTHS, exported, face, faces_of, seen, table
from PIL import ImageColor

from pipeline.roster import COLOURS, Member, Roster
from pipeline.video.decode import frames
from pipeline.video.exports.subtitles import Cue, cues
from pipeline.video.probe import VideoInfo, probe
from pipeline.video.screen_time import Appearance

KEYS = ("jm", "sk", "mai")


@pytest.fixture(scope="module")
def info() -> VideoInfo:
    return probe(excerpt("plain.mp4"))


CUES = {
    "nobody": ([], []),
    "one": ([("jm", 1, 2)], [(1, 2, "jm")]),
    "order of the roster": ([("mai", 1, 2), ("jm", 1, 2)], [(1, 2, "jm mai")]),
    "one joins": ([("jm", 1, 3), ("sk", 2, 3)], [(1, 2, "jm"), (2, 3, "jm sk")]),
    "one after the other": ([("jm", 1, 2), ("sk", 2, 3)], [(1, 2, "jm"), (2, 3, "sk")]),
    "a pause": ([("jm", 1, 2), ("jm", 3, 4)], [(1, 2, "jm"), (3, 4, "jm")]),
    "gone for a moment": ([("jm", 1, 2), ("jm", 2.1, 3)], [(1, 3, "jm")]),
    "there for a moment": ([("jm", 1, 3), ("sk", 2, 2.1)], [(1, 3, "jm")]),
    "many moments": ([("jm", 1, 3), ("sk", 2, 2.1), ("sk", 2.2, 2.3), ("mai", 2.4, 2.5)], [(1, 3, "jm")]),
    "a moment of both": ([("jm", 1, 2.1), ("sk", 2, 3)], [(1, 2, "jm"), (2, 2.1, "jm sk"), (2.1, 3, "sk")]),
    "short, with nothing around": ([("jm", 1, 1.1)], [(1, 1.1, "jm")]),
    "unknown faces": ([("unknown", 1, 2), ("jm", 1.5, 2)], [(1.5, 2, "jm")]),
    "leaves and comes at once": ([("jm", 1, 2), ("jm", 2, 3)], [(1, 3, "jm")]),
}


@pytest.mark.parametrize(("spans", "expected"), CUES.values(), ids=CUES.keys())
def test_cues(spans: list[tuple], expected: list[tuple]) -> None:
    found = cues([Appearance(member, start, end, (0,)) for member, start, end in spans], KEYS)
    assert found == [Cue(start, end, tuple(members.split())) for start, end, members in expected]


def test_cues_begin_and_end_with_frames(tmp_path: Path, info: VideoInfo) -> None:
    ntsc = table([n * 1001 / 24000 for n in range(48)])
    exported(tmp_path, seen(ntsc, jm=list(range(1, 25)), sk=list(range(12, 25))), ntsc, info)
    assert (tmp_path / "names.srt").read_text(encoding="utf-8") == (
        "1\n00:00:00,042 --> 00:00:00,500\n지원\n\n2\n00:00:00,500 --> 00:00:01,043\n지원, さくら\n\n"
    )
    assert (tmp_path / "names.vtt").read_text(encoding="utf-8") == (
        "WEBVTT\n\n1\n00:00:00.042 --> 00:00:00.500\n지원\n\n2\n00:00:00.500 --> 00:00:01.043\n지원, さくら\n\n"
    )


def as_ffmpeg_reads(subtitles: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(subtitles), "-f", "srt", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout


HOSTILE = {
    "override": "{\\an8}{\\p1}m 0 0",
    "breaks": "a\\Nb\\nc\\hd",
    "line breaks": "one\n\n00:00:00.000 --> 00:10:00.000\ntwo",
    "tags": "<i>&amp;<script>",
    "comma, star": "*a,b",
    "direction": "\u202eabc\u2028d",
    "nothing to see": "\u200b\n",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_is_nothing_but_text(name: str, tmp_path: Path, info: VideoInfo) -> None:
    roster = Roster("g", (Member("jm", name, COLOURS[0]),))
    exported(tmp_path, seen(TENTHS, jm=list(range(10))), TENTHS, info, roster)
    for kind in ("srt", "vtt", "ass"):
        assert as_ffmpeg_reads(tmp_path / f"names.{kind}").count(" --> ") == 1
    (event,) = pysubs2.load(str(tmp_path / "names.ass"))
    assert (event.start, event.end, event.is_drawing) == (0, 1000, False)
    event_text = event.text.partition("}")[2]
    assert event_text
    assert not set(event_text) & set("{}\\<>\n")
    assert not set((tmp_path / "names.srt").read_text(encoding="utf-8").splitlines()[2]) & set("{}\\<")
    vtt = (tmp_path / "names.vtt").read_text(encoding="utf-8").splitlines()
    assert len(vtt) == 6  # head, number, times, text, and the empty lines behind head and text
    assert not set(vtt[4]) & set("{}\\<>\u202e\u2028")


def test_a_style_for_each_member_in_its_colour(tmp_path: Path, info: VideoInfo) -> None:
    exported(tmp_path, seen(TENTHS, jm=[0], mai=[1]), TENTHS, info)
    file = pysubs2.load(str(tmp_path / "names.ass"))
    assert (file.info["PlayResX"], file.info["PlayResY"]) == ("640", "360")
    assert list(file.styles) == ["1 지원", "2 さくら", "3 白川千夏"]
    assert [file.styles[event.style].outlinecolor for event in file] == [
        pysubs2.Color(*ImageColor.getrgb(COLOURS[place])) for place in (0, 2)
    ]


def painted(ass: Path, video: Path, count: int) -> np.ndarray:
    """The first frames of `video`, (count, h, w, 3) uint8, with the subtitles as a player draws them."""
    info = probe(video)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(video), "-vf", f"subtitles={ass.name}"]
    command += ["-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True, cwd=ass.parent).stdout
    return np.frombuffer(raw, np.uint8).reshape(count, info.height, info.width, 3)


@pytest.mark.parametrize("y0", [100.0, 5.0], ids=["above", "below, at the picture's top"])
def test_ass_is_drawn_at_the_face_and_follows_it(y0: float, tmp_path: Path) -> None:
    video = excerpt("no-face.mp4")
    table_ = table([frame.time_s for frame in frames(probe(video))])
    x0 = [60.0 + 18 * frame for frame in range(20)]
    rows = [face(table_, n, "jm", x0=x0[n], x1=x0[n] + 60, y0=y0, y1=y0 + 80) for n in range(20)]
    folder = exported(tmp_path / "out", faces_of(rows), table_, probe(video))
    pictures = painted(folder / "names.ass", video, 24).astype(int)
    colour = np.abs(pictures - ImageColor.getrgb(ROSTER.members[0].colour)).max(axis=3) < 40
    for number in range(24):
        rows_found, columns_found = np.nonzero(colour[number])
        assert (number < 20) == (len(rows_found) > 100), number
        if number < 20:
            assert (columns_found.min() + columns_found.max()) / 2 == pytest.approx(x0[number] + 30, abs=7)
            edge = rows_found.max() if y0 > 50 else rows_found.min()
            assert edge == pytest.approx(y0 if y0 > 50 else y0 + 80, abs=12)


def test_a_name_at_the_edge_stays_in_the_picture(tmp_path: Path) -> None:
    video = excerpt("no-face.mp4")
    table_ = table([frame.time_s for frame in frames(probe(video))])
    roster = Roster("g", (Member("jm", "a name of many letters", COLOURS[0]),))
    rows = [face(table_, n, "jm", x0=600.0, x1=640.0, y0=100.0, y1=150.0) for n in range(3)]
    folder = exported(tmp_path / "out", faces_of(rows), table_, probe(video), roster)
    picture = painted(folder / "names.ass", video, 1)[0].astype(int)
    columns = np.flatnonzero((np.abs(picture - ImageColor.getrgb(COLOURS[0])).max(axis=2) < 40).any(axis=0))
    assert 450 < columns.min() < columns.max() < 639
