"""Sound: packets copied as they are, in step with the pictures, whatever the container; and a check that can fail."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from clips import FOLDER, QUICK, clip, ffmpeg, frame_times, in_pieces
from sync import verify_sync

from pipeline.errors import LineupError
from pipeline.roster import Roster
from pipeline.video.carried import Carried
from pipeline.video.mux import FfmpegError, mux_arguments, put_sound_back
from pipeline.video.probe import probe
from pipeline.video.render import render
from pipeline.video.sound import AudioTrack, audio_tracks

COPIED = {
    "24.mp4": 0, "23.976.mp4": 0, "60.mp4": 0, "vfr.mp4": 0, "vfr-90k.mp4": 0, "b-frames.mp4": 0, "no-edit-list.mp4": 0,
    "edit-list.mp4": 0, "odd.mp4": 0, "10-bit.mp4": 0, "turned-90.mp4": 0, "turned-180.mp4": 0, "turned-270.mp4": 0,
    "two-tracks.mp4": 0, "late-sound.mp4": 0, "late-pictures.mp4": 0, "clip-with-cover.mp4": 0, "xvid-mp3.avi": 0,
    "h264-aac.mkv": 0.001, "vp9-opus.webm": 0.001, "odd.webm": 0.001, "flac.mkv": 0.001,  # their clock ticks in ms
    "aac.ts": 0.0001, "broadcast.ts": 0.0001, "clock-wraps.ts": 0.0001,
}  # fmt: skip
ENCODED = ["pcm.mov", "h264-pcm.avi", "vp8-vorbis.webm", "ac3.ts", "mpeg2.mpg"]
SAMPLES = ("-vn", "-f", "s16le", "-")
PACKET_S = 1024 / 44100 + 1e-4  # of AAC
SILENT = ["no-sound.mp4", "hdr.mp4", "animation.gif", "raw.h264"]


@cache
def pictures_of(name: str) -> Path:
    out = FOLDER / f"pictures-of-{name}.mp4"
    render(clip(name), {}.get, Roster("g", ()), QUICK, out)
    return out


def labelled(name: str, folder: Path) -> Path:
    put_sound_back(pictures_of(name), clip(name), folder / "out.mp4")
    return folder / "out.mp4"


def packets_md5(path: Path, track: int) -> str:
    """MD5 of a track's packets as ffmpeg itself copies them out, one after the other, without ADTS headers."""
    strip = ("-bsf:a", "aac_adtstoasc") if path.suffix == ".ts" else ()
    return hashlib.md5(ffmpeg("-i", path, "-map", f"0:a:{track}", "-c", "copy", *strip, "-f", "data", "-")).hexdigest()


def packet_times_s(path: Path, track: int) -> np.ndarray:
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[track])
        return np.array([float(packet.pts * packet.time_base) for packet in packets if packet.size])


@pytest.mark.parametrize("name", [*COPIED, *ENCODED, *SILENT])
def test_every_frame_keeps_its_time(name: str, tmp_path: Path) -> None:
    origin_s = probe(clip(name)).origin_s
    assert frame_times(labelled(name, tmp_path)) == [time - origin_s for time in frame_times(clip(name))]


@pytest.mark.parametrize(("name", "tick_s"), COPIED.items(), ids=COPIED.keys())
def test_sound_that_mp4_holds_is_copied_packet_for_packet_in_step(name: str, tick_s: float, tmp_path: Path) -> None:
    origin_s = probe(clip(name)).origin_s
    report = put_sound_back(pictures_of(name), clip(name), tmp_path / "out.mp4")
    assert report.trouble == ""
    assert len(report.tracks) == (2 if name == "two-tracks.mp4" else 1)
    for track in report.tracks:
        assert track.action == "copied"
        assert track.md5 == track.source_md5 == packets_md5(clip(name), track.number)
        assert track.md5 == packets_md5(tmp_path / "out.mp4", track.number)
        offsets = packet_times_s(tmp_path / "out.mp4", track.number) - packet_times_s(clip(name), track.number)
        assert np.abs(offsets + origin_s).max() <= tick_s + 1e-9


@pytest.mark.parametrize(
    "name", ["24.mp4", "vfr.mp4", "two-tracks.mp4", "late-sound.mp4", "broadcast.ts", "no-sound.mp4"]
)
def test_the_check_agrees(name: str, tmp_path: Path) -> None:
    report = verify_sync(clip(name), labelled(name, tmp_path))
    assert report.same_times
    assert report.frames == len(frame_times(clip(name)))
    assert report.origin_s == probe(clip(name)).origin_s
    assert len(report.tracks) == len(audio_tracks(clip(name)))
    assert all(track.same_bytes and track.max_offset_s < 1e-4 for track in report.tracks)


@pytest.mark.parametrize("name", ENCODED)
def test_sound_that_mp4_or_browsers_lack_becomes_aac(name: str, tmp_path: Path) -> None:
    report = put_sound_back(pictures_of(name), clip(name), tmp_path / "out.mp4")
    assert [(track.action, track.md5) for track in report.tracks] == [("encoded as AAC", "")]
    assert [track.codec for track in audio_tracks(tmp_path / "out.mp4")] == ["aac"]
    offset_s = verify_sync(clip(name), tmp_path / "out.mp4").tracks[0].max_offset_s
    assert offset_s <= PACKET_S


def onset_s(path: Path) -> float:
    """When the beep begins on the clock of the file, from the decoded samples."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(float).reshape(-1, frame.samples)[0]
            scale = 32768 if frame.format.name.startswith("s16") else 1
            if (loud := np.flatnonzero(np.abs(samples) > 0.1 * scale)).size:
                return frame.time + loud[0] / frame.sample_rate
    raise AssertionError("no beep")


@pytest.mark.parametrize(("name", "beep_s"), [("beep-pcm.mov", 0.5), ("beep-late-vorbis.mkv", 0.8)])
def test_sound_encoded_anew_is_heard_at_the_same_moment(name: str, beep_s: float, tmp_path: Path) -> None:
    assert onset_s(clip(name)) == pytest.approx(beep_s, abs=0.005)
    assert onset_s(labelled(name, tmp_path)) == pytest.approx(onset_s(clip(name)), abs=0.003)


def test_sound_of_several_pieces_is_encoded_anew_and_stays_in_step(tmp_path: Path) -> None:
    pictures, out = tmp_path / "pictures.mp4", tmp_path / "out.mp4"
    render(in_pieces(), {}.get, Roster("g", ()), QUICK, pictures)
    [track] = put_sound_back(pictures, in_pieces(), out).tracks
    assert (track.action, track.reason) == ("encoded as AAC", "its edit list joins pieces of it")
    played, source_played = (np.frombuffer(ffmpeg("-i", path, *SAMPLES), np.int16) for path in (out, in_pieces()))
    beep, source_beep = (np.flatnonzero(np.abs(samples) > 3000)[0] / 44100 for samples in (played, source_played))
    assert source_beep == pytest.approx(1.5, abs=PACKET_S)  # ffmpeg begins a piece with a whole packet
    assert beep == pytest.approx(source_beep, abs=0.003)
    assert len(played) / 44100 == pytest.approx(2, abs=2 * PACKET_S)
    assert frame_times(out) == frame_times(in_pieces())
    sync = verify_sync(in_pieces(), out)
    assert sync.same_times
    assert sync.tracks[0].max_offset_s <= PACKET_S


@pytest.mark.parametrize("name", SILENT)
def test_a_video_without_sound_stays_without(name: str, tmp_path: Path) -> None:
    assert put_sound_back(pictures_of(name), clip(name), tmp_path / "out.mp4").tracks == ()
    assert audio_tracks(tmp_path / "out.mp4") == ()


def test_the_result_starts_to_play_before_it_is_all_there(tmp_path: Path) -> None:
    content = labelled("24.mp4", tmp_path).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_check_sees_sound_out_of_step(tmp_path: Path) -> None:
    late = tmp_path / "late.mp4"
    both = ("-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-i", labelled("24.mp4", tmp_path), "-itsoffset", "0.04", "-i", clip("24.mp4"), *both, late)
    report = verify_sync(clip("24.mp4"), late)
    assert report.same_times
    assert report.tracks[0].same_bytes
    assert report.tracks[0].max_offset_s == pytest.approx(0.04, abs=0.001)


def test_the_check_sees_pictures_at_an_average_rate(tmp_path: Path) -> None:
    even = tmp_path / "even.mp4"
    ffmpeg("-i", clip("vfr.mp4"), "-vf", "setpts=N/15/TB", "-fps_mode", "passthrough", "-c:a", "copy", even)
    report = verify_sync(clip("vfr.mp4"), even)
    assert report.frames == len(frame_times(clip("vfr.mp4")))
    assert not report.same_times
    assert report.tracks[0].same_bytes


def test_the_check_sees_sound_encoded_again(tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    ffmpeg("-i", clip("24.mp4"), "-c:v", "copy", "-c:a", "aac", "-b:a", "32k", again)
    assert not verify_sync(clip("24.mp4"), again).tracks[0].same_bytes


def with_broken_sound(folder: Path, every: int) -> Path:
    """A transport stream in which the sound of every so many packets is overwritten."""
    content = bytearray(clip("aac.ts").read_bytes())
    audio = [
        at for at in range(0, len(content), 188) if int.from_bytes(content[at + 1 : at + 3], "big") & 0x1FFF == 257
    ]
    for at in audio[every - 1 :: every]:
        content[at + 60 : at + 188] = bytes(128)
    path = folder / "broken.ts"
    path.write_bytes(content)
    return path


def test_sound_too_damaged_to_be_copied_is_encoded_anew(tmp_path: Path) -> None:
    source = with_broken_sound(tmp_path, every=6)
    report = put_sound_back(pictures_of("aac.ts"), source, tmp_path / "out.mp4")
    assert [track.action for track in report.tracks] == ["encoded as AAC"]
    assert report.trouble.startswith("the sound could not be put back: ")
    assert "Terminating" not in report.trouble
    assert frame_times(tmp_path / "out.mp4") == frame_times(source)
    assert len(packet_times_s(tmp_path / "out.mp4", 0)) > 10


def test_sound_that_nobody_can_read_does_not_cost_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.video.mux.AAC_BITRATE", "-1 nonsense")
    report = put_sound_back(pictures_of("ac3.ts"), clip("ac3.ts"), tmp_path / "out.mp4")
    assert [track.action for track in report.tracks] == ["left out"]
    assert report.trouble
    assert frame_times(tmp_path / "out.mp4") == frame_times(clip("ac3.ts"))
    assert audio_tracks(tmp_path / "out.mp4") == ()


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[int] = []
    put_sound_back(pictures_of("24.mp4"), clip("24.mp4"), tmp_path / "out.mp4", told.append)
    assert told == sorted(set(told))
    assert told[-1] == len(frame_times(clip("24.mp4")))


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_program_that_hangs_tells_nothing_new_and_ends_with_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, source, hangs = pictures_of("24.mp4"), clip("24.mp4"), tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\necho frame=3\necho frame=3\necho progress=continue\necho frame=4\nexec sleep 3600\n")
    hangs.chmod(0o755)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(hangs))
    told: list[int] = []

    def stop_at_4(frames: int) -> None:
        told.append(frames)
        if frames == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_sound_back(pictures, source, tmp_path / "out.mp4", stop_at_4)
    assert told == [3, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["hangs"]


def test_a_failure_says_why_in_one_line_and_leaves_what_was_there(tmp_path: Path) -> None:
    not_a_video, out = tmp_path / "text.mp4", tmp_path / "out" / "labelled.mp4"
    not_a_video.write_text("hello")
    out.parent.mkdir()
    out.write_bytes(b"the result before")
    with pytest.raises(FfmpegError, match=r"^the sound could not be put back: moov atom not found$") as caught:
        put_sound_back(not_a_video, clip("24.mp4"), out)
    assert isinstance(caught.value, LineupError)
    assert "\n" not in str(caught.value)
    assert [path.name for path in out.parent.iterdir()] == ["labelled.mp4"]
    assert out.read_bytes() == b"the result before"


def test_names_like_options_and_addresses_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pictures, source, out = Path("-y $(x).mp4"), Path("http:a 'b'.mp4"), Path("concat:out|.mp4")
    pictures.write_bytes(pictures_of("24.mp4").read_bytes())
    source.write_bytes(clip("24.mp4").read_bytes())
    put_sound_back(pictures, source, out)
    assert frame_times(tmp_path / out) == frame_times(clip("24.mp4"))


def test_arguments_copy_what_can_be_and_keep_every_stamp() -> None:
    info = probe(clip("two-tracks.mp4"))
    tracks = (
        AudioTrack(0, "aac", 44100, "copied"),
        AudioTrack(1, "unknown", 0, "left out"),
        AudioTrack(2, "vorbis", 48000, "encoded as AAC"),
    )
    carried = Carried(subtitles=(0, 3), chapters=0, tags=(), left_out=())
    arguments = mux_arguments(Path("pictures.mp4"), info, tracks, carried, Path("out.mp4"))
    pairs = dict(pairwise(arguments))
    maps = [value for option, value in pairwise(arguments) if option == "-map"]
    assert maps[:-1] == ["0:v:0", "1:a:0", "1:a:2", "1:s:0", "1:s:3"]
    assert maps[-1].endswith("?")
    assert (pairs["-c:v"], pairs["-c:a:0"], pairs["-c:a:1"], pairs["-b:a:1"]) == ("copy", "copy", "aac", "192k")
    assert [int(pairs["-movie_timescale"]) % ticks for ticks in (12288, 44100, 48000)] == [0, 0, 0]
    assert "-copyts" in arguments
    assert "file:out.mp4" in arguments


def test_an_audio_track_that_holds_nothing_is_left_out(tmp_path: Path) -> None:
    # A recording that was cut off before its second track began.
    source = str(clip("24.mp4"))
    late = tmp_path / "empty-track.mkv"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", source, "-itsoffset", "30", "-i", source]
    command += ["-map", "0:v", "-map", "0:a", "-map", "1:a", "-c", "copy", "-t", "0.9", str(late)]
    subprocess.run(command, check=True)
    silent = tmp_path / "silent.mp4"
    render(late, {}.get, Roster("g", ()), QUICK, silent)
    report = put_sound_back(silent, late, tmp_path / "out.mp4")
    assert [track.action for track in report.tracks] == ["copied", "left out"]
    assert [track.same_bytes for track in verify_sync(late, tmp_path / "out.mp4").tracks] == [True]
