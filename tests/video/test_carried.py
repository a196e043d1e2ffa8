"""What else a video holds comes along: subtitles, chapters, tags, languages; and what does not is told."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import pytest
from clips import FOLDER, QUICK, clip, ffmpeg, frame_times
from sync import verify_sync

from pipeline.roster import Roster
from pipeline.video.mux import SoundReport, put_sound_back
from pipeline.video.render import render

SUBTITLES = """1
00:00:00,200 --> 00:00:00,500
안녕 there

2
00:00:00,600 --> 00:00:00,900
second
"""
TAGS = """;FFMETADATA1
title=Lantern song
artist=등불
date=2024
custom=MP4 has no such tag
location=+12.3+045.6/
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=Intro
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1000
title=후렴 "x"
"""
TRACKS = ("-map", "0:v", "-map", "0:a:0", "-map", "0:a:1", "-map", "1", "-map", "1", "-map_metadata", "2")
NAMES = (
    *("-metadata:s:a:0", "language=kor", "-metadata:s:a:1", "language=eng", "-metadata:s:a:1", "title=Commentary"),
    *("-metadata:s:s:0", "language=jpn", "-disposition:a:0", "0", "-disposition:a:1", "default"),
)
BITMAP = b"".join(  # a Blu-ray subtitle: what its screen looks like, and that it ends
    b"PG" + (pts * 90).to_bytes(4) + bytes(4) + kind + len(body).to_bytes(2) + body
    for pts in (100, 400)
    for kind, body in ((b"\x16", bytes([0, 96, 0, 64, 0x10, 0, 1, 0x80, 0, 0, 0])), (b"\x80", b""))
)


@cache
def rich(name: str) -> Path:
    """A video with everything that others hold beside pictures and sound."""
    (FOLDER / "lines.srt").write_text(SUBTITLES, "utf-8")
    (FOLDER / "tags.txt").write_text(TAGS, "utf-8")
    (FOLDER / "bitmap.sup").write_bytes(BITMAP)
    inputs = ("-i", clip("two-tracks.mp4"), "-i", "lines.srt", "-i", "tags.txt")
    if name == "rich.mkv":
        attached = (
            "-attach",
            "tags.txt",
            "-metadata:s:t",
            "mimetype=text/plain",
            "-metadata:s:t",
            "filename=notes.txt",
        )
        ffmpeg(*inputs, *TRACKS, "-c", "copy", "-c:s:0", "srt", "-c:s:1", "ass", *NAMES, *attached, name)
    elif name == "rich.mp4":
        ffmpeg(*inputs, *TRACKS, "-c", "copy", "-c:s", "mov_text", *NAMES, name)
    elif name == "late.ts":
        ffmpeg("-i", rich("rich.mkv"), "-map", "0:v", "-map", "0:a", "-c", "copy", "-output_ts_offset", "3600", name)
    elif name == "late.mkv":
        ffmpeg("-itsoffset", "3600", "-i", rich("rich.mkv"), "-map", "0", "-map", "-0:t", "-c", "copy", name)
    else:
        ffmpeg("-i", clip("24.mp4"), "-i", "bitmap.sup", "-i", "lines.srt", *("-map", "0", "-map", "1", "-map", "2"),
               *("-c", "copy", "-c:s:1", "srt"), name)  # fmt: skip
    return FOLDER / name


def labelled(source: Path, folder: Path) -> tuple[Path, SoundReport]:
    render(source, {}.get, Roster("g", ()), replace(QUICK, encoder="libx264"), folder / "pictures.mp4")
    return folder / "out.mp4", put_sound_back(folder / "pictures.mp4", source, folder / "out.mp4")


def lines(path: Path, track: int) -> list[tuple[float, str]]:
    """When each line of a subtitle track comes up, in seconds, and its text."""
    with av.open(str(path)) as container:
        packets = [(packet, bytes(packet)) for packet in container.demux(container.streams.subtitles[track])]
    return [
        (round(float(packet.pts * packet.time_base), 3), content[2 : 2 + int.from_bytes(content[:2])].decode())
        for packet, content in packets
        if len(content) > 2
    ]


def chapters(path: Path) -> list[tuple[float, float, str]]:
    with av.open(str(path)) as container:
        return [
            (
                *(round(float(one[end] * Fraction(one["time_base"])), 3) for end in ("start", "end")),
                one["metadata"]["title"],
            )
            for one in container.chapters()
        ]


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("rich.mkv", ("attachment notes.txt", "tags: custom, location")),
        ("rich.mp4", ("tags: location, location-eng",)),
        ("late.mkv", ("tags: custom, location",)),
    ],
)
def test_what_mp4_holds_comes_along(name: str, lost: tuple[str, ...], tmp_path: Path) -> None:
    out, report = labelled(rich(name), tmp_path)
    assert report.trouble == ""
    assert report.carried.left_out == lost
    assert (report.carried.subtitles, report.carried.chapters) == ((0, 1), 2)
    for track in (0, 1):
        assert lines(out, track) == [(0.2, "안녕 there"), (0.6, "second")]
    assert chapters(out) == [(0.0, 0.5, "Intro"), (0.5, 1.0, '후렴 "x"')]
    with av.open(str(out)) as container:
        assert {key: container.metadata[key] for key in report.carried.tags} == {
            "artist": "등불", "date": "2024", "title": "Lantern song"
        }  # fmt: skip
        sound = [
            (one.language, one.metadata.get("name", ""), bool(one.disposition & 1)) for one in container.streams.audio
        ]
        assert [one.language for one in container.streams.subtitles] == ["jpn", "und"]
    assert sound == [("kor", "", False), ("eng", "Commentary", True)]


@pytest.mark.parametrize("name", ["rich.mkv", "rich.mp4", "late.mkv", "late.ts"])
def test_pictures_and_sound_stay_in_step(name: str, tmp_path: Path) -> None:
    out, report = labelled(rich(name), tmp_path)
    sync = verify_sync(rich(name), out)
    assert sync.same_times
    assert len(sync.tracks) == 2
    assert all(track.same_bytes and track.max_offset_s <= 0.001 for track in sync.tracks)
    assert frame_times(out)[0] >= 0
    assert report.origin_s // 60 == (0 if name.startswith("rich") else 60)


@pytest.mark.parametrize(
    ("source", "lost"),
    [
        (lambda: rich("bitmap.mkv"), ("subtitle track 1 (pgssub): not text",)),
        (lambda: clip("clip-with-cover.mp4"), ("the cover picture",)),
        (lambda: clip("no-sound.mp4"), ()),
        (lambda: clip("24.mp4"), ()),
    ],
    ids=["bitmap subtitles", "cover", "no sound", "nothing"],
)
def test_what_is_left_out_is_told(source, lost: tuple[str, ...], tmp_path: Path) -> None:
    out, report = labelled(source(), tmp_path)
    assert (report.carried.left_out, report.trouble) == (lost, "")
    if "bitmap" in source().name:
        assert lines(out, 0) == [(0.2, "안녕 there"), (0.6, "second")]


def test_tags_come_along_without_sound(tmp_path: Path) -> None:
    silent = tmp_path / "silent.mkv"
    ffmpeg("-i", clip("no-sound.mp4"), "-c", "copy", "-metadata", "title=-y 'quiet'", silent)
    out, _ = labelled(silent, tmp_path)
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "-y 'quiet'"


def test_subtitles_that_cannot_be_read_cost_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.video.carried._is_text", lambda stream: True)
    out, report = labelled(rich("bitmap.mkv"), tmp_path)
    assert report.carried.left_out == ("subtitle track 1: cannot be read", "subtitle track 2: cannot be read")
    assert report.trouble
    assert [(track.action, track.md5 == track.source_md5) for track in report.tracks] == [("copied", True)]
    assert frame_times(out) == frame_times(rich("bitmap.mkv"))
