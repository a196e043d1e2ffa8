"""Decoding: exact times, upright pictures and true colours, and a clear error for what is no video."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import BROADCAST_S, clip, frame_times, rgb_of
from scipy.ndimage import maximum_filter, minimum_filter

from pipeline.errors import UnreadableVideoError
from pipeline.video import container
from pipeline.video.container import DecodeReport
from pipeline.video.decode import frames, pictures
from pipeline.video.probe import Colour, probe

LARGE = 4096  # a longer side that no clip reaches
TIMED = [
    "24.mp4", "23.976.mp4", "vfr.mp4", "vfr-90k.mp4", "b-frames.mp4", "no-edit-list.mp4", "edit-list.mp4", "odd.mp4",
    "10-bit.mp4", "late-pictures.mp4", "h264-aac.mkv", "vp9-opus.webm", "vp8-vorbis.webm", "pcm.mov", "h264-pcm.avi",
    "xvid-mp3.avi", "aac.ts", "broadcast.ts", "clock-wraps.ts",
    "mpeg2.mpg", "animation.gif", "raw.h264", "clip-with-cover.mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", TIMED)
def test_every_frame_has_the_time_the_file_gives_it(name: str) -> None:
    info = probe(clip(name))

    shown = list(frames(info))

    assert [frame.pts * info.time_base for frame in shown] == frame_times(info.path)
    assert [frame.index for frame in shown] == list(range(len(shown)))
    assert [frame.time_s for frame in shown] == [float(f.pts * info.time_base - info.origin_s) for f in shown]
    assert info.start_pts == shown[0].pts


def test_frames_fall_where_the_gaps_of_a_variable_rate_leave_them() -> None:
    kept = [n for n in range(24) if not (5 <= n <= 7 or n == 11 or 15 <= n <= 19)]
    assert [frame.time_s for frame in frames(probe(clip("vfr.mp4")))] == [n / 24 for n in kept]


def test_a_broadcast_clock_is_counted_from_the_start_of_the_recording() -> None:
    info = probe(clip("broadcast.ts"))
    first = next(frames(info))
    assert 0 <= first.time_s < 2
    assert Fraction(first.pts) * info.time_base == frame_times(info.path)[0]
    assert BROADCAST_S <= info.origin_s <= BROADCAST_S + 2


@pytest.mark.parametrize(
    ("name", "size", "rotation_deg", "mirrored"),
    [
        ("24.mp4", (96, 64), 0, False),
        ("turned-90.mp4", (64, 96), 270, False),
        ("turned-180.mp4", (96, 64), 180, False),
        ("turned-270.mp4", (64, 96), 90, False),
        ("mirrored.mp4", (96, 64), 0, True),
        ("turned-90-mirrored.mp4", (64, 96), 270, True),
    ],
)
def test_pictures_are_upright(name: str, size: tuple[int, int], rotation_deg: int, mirrored: bool) -> None:
    info = probe(clip(name))
    assert (info.width, info.height) == size
    assert (info.coded_width, info.coded_height) == (96, 64)
    assert (info.rotation_deg, info.mirrored) == (rotation_deg, mirrored)
    np.testing.assert_array_equal(np.stack([frame.rgb(LARGE) for frame in frames(info)]), rgb_of(info.path, *size))


@pytest.mark.parametrize("name", ["bt709.mp4", "bt601.mp4", "full-range.mp4", "hdr.mp4", "rgb.mkv"])
def test_colours_are_those_ffmpeg_shows(name: str) -> None:
    shown, true = next(frames(probe(clip(name)))).rgb(LARGE).astype(int), rgb_of(clip(name), 96, 64)[0].astype(int)
    spread = maximum_filter(true, (9, 9, 0)) - minimum_filter(true, (9, 9, 0))
    flat = spread.max(axis=2) <= 3  # edges depend on how the halved colour is brought back to full size
    assert flat.sum() > 1000
    assert np.abs(shown - true)[flat].max() <= 3


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("bt709.mp4", Colour(1, 1, 1, 1)),
        ("bt601.mp4", Colour(6, 6, 6, 1)),
        ("full-range.mp4", Colour(2, 2, 5, 2)),
        ("hdr.mp4", Colour(9, 16, 9, 1)),
    ],
)
def test_colour_tags_are_kept(name: str, colour: Colour) -> None:
    assert probe(clip(name)).colour == colour


@pytest.mark.parametrize(
    ("name", "longer_side_px", "shape"),
    [
        ("24.mp4", 48, (32, 48, 3)),
        ("turned-90.mp4", 48, (48, 32, 3)),
        ("24.mp4", 1, (1, 1, 3)),
        ("24.mp4", 500, (64, 96, 3)),
        ("odd.mp4", 97, (65, 97, 3)),
    ],
)
def test_frames_are_shrunk_but_never_enlarged(name: str, longer_side_px: int, shape: tuple[int, ...]) -> None:
    rgb = next(frames(probe(clip(name)))).rgb(longer_side_px)
    assert rgb.shape == shape
    assert rgb.dtype == np.uint8


def test_a_shrunk_frame_shows_the_whole_picture() -> None:
    frame = next(frames(probe(clip("bt709.mp4"))))
    large, small = frame.rgb(LARGE), frame.rgb(48)
    averaged = large.reshape(32, 2, 48, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - averaged).mean() < 6


def test_pixels_that_are_not_square_are_told_for_the_upright_picture() -> None:
    assert probe(clip("wide-pixels.mp4")).sample_aspect_ratio == Fraction(4, 3)
    assert probe(clip("wide-pixels-turned.mp4")).sample_aspect_ratio == Fraction(3, 4)


@pytest.mark.parametrize(("name", "count"), [("no-sound.mp4", 0), ("24.mp4", 1), ("two-tracks.mp4", 2)])
def test_audio_streams_are_counted(name: str, count: int) -> None:
    assert probe(clip(name)).audio_streams == count


def test_estimates_of_length() -> None:
    info = probe(clip("23.976.mp4"))
    assert (info.average_fps, info.frame_count, info.duration_s) == (Fraction(24000, 1001), 24, pytest.approx(1.001))


def test_doubled_time_stamps_become_increasing_ones() -> None:
    report = DecodeReport()
    pts = [frame.pts for frame in frames(probe(clip("doubled-pts.mkv")), report=report)]
    assert len(pts) == 24
    assert (np.diff(pts) > 0).all()
    assert report.retimed == 12
    assert [time for time in pts if time in (0, 83, 167)] == [0, 83, 167]


def test_missing_time_stamps_follow_from_the_length_of_a_frame() -> None:
    report = DecodeReport()
    times_s = [frame.time_s for frame in frames(probe(clip("raw.h264")), report=report)]
    assert times_s == pytest.approx([n / 24 for n in range(24)])
    assert report.retimed == 24


LATER = {"within an hour": (3000, 3000.0), "after more than one": (4000, 1 / 24), "days later": (864_000, 1 / 24)}


@pytest.mark.parametrize(("gap_s", "shown_s"), LATER.values(), ids=LATER.keys())
def test_a_frame_is_shown_for_an_hour_at_most(gap_s: int, shown_s: float, tmp_path: Path) -> None:
    path = still(tmp_path, [0, gap_s])
    times_s = [frame.time_s for frame in frames(probe(path))]
    assert np.diff(times_s) == pytest.approx([shown_s], abs=0.02)


def test_a_video_of_more_than_a_hundred_hours_is_refused(tmp_path: Path) -> None:
    path = still(tmp_path, range(0, 105 * 3500, 3500))
    with pytest.raises(
        UnreadableVideoError, match=r"^still\.mkv: by its time stamps it lasts more than 100 hours: cut it"
    ):
        list(frames(probe(path)))


def still(folder: Path, times_s: Iterable[int]) -> Path:
    """A small picture, shown from each of these times on."""
    with av.open(str(folder / "still.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time_s in times_s:
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
            frame.pts, frame.time_base = time_s * 1000, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return folder / "still.mkv"


def joined(folder: Path, *names: str) -> Path:
    path = folder / "joined.ts"
    path.write_bytes(b"".join(clip(name).read_bytes() for name in names))
    return path


def test_a_joined_recording_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    once_s = np.array([frame.time_s for frame in frames(probe(clip("vfr.ts")))])
    twice_s = np.array([frame.time_s for frame in frames(probe(joined(tmp_path, "vfr.ts", "vfr.ts")))])
    assert len(twice_s) == 2 * len(once_s)
    np.testing.assert_allclose(np.diff(twice_s[: len(once_s)]), np.diff(once_s), atol=1e-6)
    np.testing.assert_allclose(np.diff(twice_s[len(once_s) :]), np.diff(once_s), atol=1e-6)
    assert 0 < twice_s[len(once_s)] - twice_s[len(once_s) - 1] < 0.3


def test_streams_that_appear_midway_are_passed_over(tmp_path: Path) -> None:
    path = joined(tmp_path, "aac.ts", "other-streams.ts")
    assert len(list(frames(probe(path)))) == 24


def test_a_matrix_the_scaler_does_not_know_is_no_obstacle() -> None:
    frame = next(frames(probe(clip("rare-matrix.mp4"))))
    assert frame.rgb(LARGE).shape == (64, 96, 3)
    assert probe(clip("rare-matrix.mp4")).colour.matrix == 8


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("faststart.mp4", "1.0"),
        ("h264-aac.mkv", "1.0"),
        ("vp8-vorbis.webm", "1.0"),
        ("h264-pcm.avi", "1.0"),
        ("h264-aac.flv", "1.1"),
        ("longer-sound.mkv", "3.0"),
        ("aac.ts", ""),  # these two do not tell how long they were
        ("live.mkv", ""),
    ],
)
def test_of_a_file_cut_off_what_is_there_is_read_and_told(name: str, total: str, tmp_path: Path) -> None:
    cut = tmp_path / name
    content = clip(name).read_bytes()
    cut.write_bytes(content[: len(content) * 35 // 100])
    report, whole = DecodeReport(), [frame.time_s for frame in frames(probe(clip(name)))]
    times = [frame.time_s for frame in frames(probe(cut), report=report)]
    assert 1 <= len(times) < 24
    assert set(times) <= set(whole)  # the last few may lack one that is stored after those shown later
    assert (report.cut_short == "") == (total == "")
    if total:
        assert re.fullmatch(rf"0\.\d s of {total} s could be read", report.cut_short)


@pytest.mark.parametrize(
    "name",
    [
        *("24.mp4", "no-edit-list.mp4", "edit-list.mp4", "late-pictures.mp4", "late-sound.mp4", "vfr.mp4", "pcm.mov"),
        *("h264-aac.mkv", "longer-sound.mkv", "live.mkv", "vp9-opus.webm", "h264-aac.flv", "wmv2.wmv", "h264-pcm.avi"),
        *("xvid-mp3.avi", "aac.ts", "broadcast.ts", "mpeg2.mpg", "animation.gif", "raw.h264"),
    ],
)
def test_a_whole_file_is_not_called_cut(name: str) -> None:
    report = DecodeReport()
    assert len(list(frames(probe(clip(name)), report=report))) in (10, 14, 15, 24)
    assert (report.failed_packets, report.cut_short) == (0, "")


def damaged(folder: Path) -> Path:
    """A clip with a byte changed in every hundred of its pictures' data."""
    content = bytearray(clip("b-frames.mp4").read_bytes())
    start = content.index(b"mdat") + 1200
    content[start : start + 5000 : 100] = bytes(50)
    path = folder / "damaged.mp4"
    path.write_bytes(content)
    return path


def test_a_damaged_file_yields_the_same_frames_each_time(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    report = DecodeReport()
    shown = [(frame.index, frame.pts) for frame in frames(probe(path), report=report)]
    again = [(index, pts) for index, (pts, _) in enumerate(pictures(probe(path)))]
    assert shown == again
    assert report.packets == 24
    assert report.failed_packets > 0
    assert len(shown) + report.failed_packets == 24


def written(content: bytes, name: str = "video.mp4"):
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def header_only(folder: Path) -> Path:
    return written(clip("24.mp4").read_bytes()[:3000])(folder)


def listing(content: str, name: str):
    """A file that is no video but names one beside it."""

    def make(folder: Path) -> Path:
        shutil.copy(clip("aac.ts"), folder / "inner.ts")
        return written(content.encode(), name)(folder)

    return make


BAD = {
    "missing": (lambda folder: folder / "nothing.mp4", "no such file"),
    "a folder": (lambda folder: folder, "not a file"),
    "a name too long": (lambda folder: folder / ("x" * 300), "File name too long"),
    "zero bytes": (written(b""), "empty"),
    "text": (written(b"hello\n" * 100), "not a video"),
    "text named .txt": (written(b"hello\n" * 100, "video.txt"), "not a video"),
    "a picture": (lambda folder: clip("cover.png"), "not a video"),
    "cut off in its header": (header_only, "not a video"),
    "only sound": (lambda folder: clip("song.mp3"), "only sound"),
    "sound with a cover picture": (lambda folder: clip("song-with-cover.m4a"), "only sound"),
    "a playlist of another file": (
        listing("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\ninner.ts\n#EXT-X-ENDLIST\n", "list.m3u8"),
        "not a video",
    ),
    "a list of other files": (listing("ffconcat version 1.0\nfile inner.ts\n", "video.mp4"), "not a video"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD.keys())
def test_what_is_no_video_is_refused_in_one_line(make, reason: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(UnreadableVideoError, match=reason) as caught:
        probe(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_more_pixels_than_any_video_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(UnreadableVideoError, match="96x64 pixels are more"):
        probe(clip("24.mp4"))


def test_a_cover_picture_larger_than_the_video_is_not_taken_for_it() -> None:
    info = probe(clip("clip-with-cover.mp4"))
    assert (info.width, info.height, info.codec) == (96, 64, "h264")
