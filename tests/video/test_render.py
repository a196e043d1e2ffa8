"""Rendering: every frame at its own time, upright, in its own colours, with the faces of that frame drawn on it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import QUICK, clip, ffmpeg, frame_times, rgb_of
from PIL import ImageColor

from pipeline.drawing.draw import FaceLabels
from pipeline.errors import ParamsError, UnreadableVideoError
from pipeline.roster import Member, Roster
from pipeline.video.probe import Colour, probe
from pipeline.video.render import render

BLUE = "#0072B2"
ROSTER = Roster("g", (Member("jm", "지원", BLUE),))
FINE = replace(QUICK, crf=4, encoder="libx264")

TIMED = [
    "24.mp4", "23.976.mp4", "60.mp4", "vfr.mp4",
    "vfr-90k.mp4", "b-frames.mp4", "no-edit-list.mp4", "edit-list.mp4", "odd.mp4",
    "odd.webm", "10-bit.mp4", "late-pictures.mp4", "h264-aac.mkv", "vp8-vorbis.webm", "pcm.mov", "h264-pcm.avi",
    "xvid-mp3.avi", "aac.ts", "broadcast.ts", "clock-wraps.ts",
    "mpeg2.mpg", "animation.gif", "raw.h264", "turned-90.mp4", "rgb.mkv",
]  # fmt: skip


def rendered(name: str, folder: Path, faces: dict[int, FaceLabels] | None = None) -> Path:
    out = folder / "out.mp4"
    render(clip(name), (faces or {}).get, ROSTER, FINE, out)
    return out


@pytest.mark.parametrize("name", TIMED)
def test_every_frame_is_shown_at_its_own_time(name: str, tmp_path: Path) -> None:
    info = probe(clip(name))
    out = rendered(name, tmp_path)
    assert frame_times(out) == [time - info.origin_s for time in frame_times(clip(name))]
    assert (info.origin_s != 0) == (name in ("broadcast.ts", "clock-wraps.ts"))


@pytest.mark.parametrize("name", ["24.mp4", "odd.mp4", "10-bit.mp4", "turned-90.mp4", "rgb.mkv", "full-range.mp4"])
def test_the_output_is_what_browsers_play(name: str, tmp_path: Path) -> None:
    with av.open(str(rendered(name, tmp_path))) as container:
        (stream,) = container.streams
        frame = next(container.decode(stream))
    assert container.format.name.startswith("mov,mp4")
    assert stream.codec_context.name == "h264"
    assert stream.codec_context.pix_fmt in ("yuv420p", "yuvj420p")
    assert stream.codec_context.profile in ("High", "Main", "Constrained Baseline", "Baseline")
    assert (stream.width % 2, stream.height % 2) == (0, 0)
    assert frame.rotation == 0


@pytest.mark.parametrize(
    "name",
    [
        *("24.mp4", "turned-90.mp4", "turned-180.mp4", "turned-270.mp4", "mirrored.mp4", "turned-90-mirrored.mp4"),
        *("bt709.mp4", "bt601.mp4", "full-range.mp4", "hdr.mp4", "hlg.mp4", "rgb.mkv"),
    ],
)
def test_pictures_and_colours_are_the_source_s(name: str, tmp_path: Path) -> None:
    info = probe(clip(name))
    out = rgb_of(rendered(name, tmp_path), info.width, info.height).astype(int)
    assert np.abs(out - rgb_of(clip(name), info.width, info.height)).mean() < 3.5


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("24.mp4", Colour(2, 2, 2, 0)),
        ("bt709.mp4", Colour(1, 1, 1, 1)),
        ("bt601.mp4", Colour(6, 6, 6, 1)),
        ("full-range.mp4", Colour(2, 2, 5, 2)),
        ("hdr.mp4", Colour(9, 16, 9, 1)),
        ("hlg.mp4", Colour(9, 18, 9, 1)),
        ("rare-matrix.mp4", Colour(2, 2, 8, 1)),
        ("rgb.mkv", Colour(1, 1, 1, 1)),
    ],
)
def test_colour_tags_are_the_source_s(name: str, colour: Colour, tmp_path: Path) -> None:
    assert probe(rendered(name, tmp_path)).colour == colour


def lightness(path: Path) -> np.ndarray:
    """The Y planes (n, h, w) of all frames, as stored."""
    with av.open(str(path)) as container:
        planes = [frame.planes[0] for frame in container.decode(video=0)]
        rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in planes]
        return np.stack([row[: plane.height, : plane.width] for row, plane in zip(rows, planes, strict=True)]).astype(
            int
        )


@pytest.mark.parametrize("name", ["odd.mp4", "odd.webm"])
def test_an_odd_side_grows_by_the_pixel_beside_it(name: str, tmp_path: Path) -> None:
    out, source = lightness(rendered(name, tmp_path)), lightness(clip(name))
    assert out.shape == (24, 66, 98)
    assert source.shape == (24, 65, 97)
    assert np.abs(out - np.pad(source, ((0, 0), (0, 1), (0, 1)), mode="edge")).mean() < 0.5


@pytest.mark.parametrize(
    ("name", "shape"), [("wide-pixels.mp4", Fraction(4, 3)), ("wide-pixels-turned.mp4", Fraction(3, 4))]
)
def test_pixels_that_are_not_square_stay_so(name: str, shape: Fraction, tmp_path: Path) -> None:
    assert probe(rendered(name, tmp_path)).sample_aspect_ratio == shape


@pytest.mark.parametrize("name", ["24.mp4", "23.976.mp4", "vfr.mp4", "h264-aac.mkv", "xvid-mp3.avi"])
def test_the_last_frame_stays_about_as_long_as_the_others(name: str, tmp_path: Path) -> None:
    with av.open(str(rendered(name, tmp_path))) as container:
        stream = container.streams.video[0]
        end_s = (stream.start_time + stream.duration) * stream.time_base
    times_s = frame_times(tmp_path / "out.mp4")
    assert float(end_s - times_s[-1]) == pytest.approx(np.diff(times_s).mean(), rel=0.1)


@pytest.mark.parametrize("name", ["bt709.mp4", "bt601.mp4", "full-range.mp4", "turned-90.mp4", "odd.mp4", "rgb.mkv"])
def test_faces_are_drawn_on_their_frame_only(name: str, tmp_path: Path) -> None:
    info = probe(clip(name))
    size = info.width + info.width % 2, info.height + info.height % 2
    box = np.array([[20, 30, 40, 50]], np.float32)
    plain = rgb_of(rendered(name, tmp_path), *size).astype(int)
    out = rgb_of(rendered(name, tmp_path, {3: FaceLabels(box, ("jm",))}), *size).astype(int)
    edge = out[3, 30:50, 18:20].mean(axis=(0, 1))
    assert np.abs(edge - ImageColor.getrgb(BLUE)).max() < 25
    untouched = np.abs(out - plain).mean(axis=(1, 2, 3))
    assert untouched[3] > 3
    assert np.delete(untouched, 3).max() < 0.7


def test_progress_counts_the_frames(tmp_path: Path) -> None:
    seen: list[int] = []
    assert render(clip("24.mp4"), {}.get, ROSTER, FINE, tmp_path / "out.mp4", seen.append).frames == 24
    assert seen == list(range(1, 25))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_nothing_half_written_stays(stop: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"the result before")

    def interrupt(done: int) -> None:
        if done == 5:
            raise stop

    with pytest.raises(stop):
        render(clip("24.mp4"), {}.get, ROSTER, FINE, tmp_path / "out.mp4", interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"the result before"


def test_what_cannot_be_decoded_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableVideoError):
        render(clip("song.mp3"), {}.get, ROSTER, FINE, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_a_name_that_looks_like_an_option_or_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, out = Path("http:-y 'x'.mp4"), Path("-i:out.mp4")
    source.write_bytes(clip("24.mp4").read_bytes())
    assert render(source, {}.get, ROSTER, FINE, out).frames == 24
    assert len(ffmpeg("-i", tmp_path / out, "-f", "framecrc", "-").splitlines()) > 24


def test_settings_the_encoder_does_not_take_are_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"render.*'quickest'"):
        render(clip("24.mp4"), {}.get, ROSTER, replace(QUICK, crf=20, preset="quickest"), tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "pixel_format"),
    [
        ("hdr.mp4", "yuv420p10le"),
        ("hlg.mp4", "yuv420p10le"),
        ("10-bit.mp4", "yuv420p"),
        ("hdr-in-8-bit.mp4", "yuv420p"),
        ("rgb.mkv", "yuv420p"),
    ],
)
def test_only_hdr_has_ten_bits(name: str, pixel_format: str, tmp_path: Path) -> None:
    report = render(clip(name), {}.get, ROSTER, FINE, tmp_path / "out.mp4")
    assert report.pixel_format == probe(tmp_path / "out.mp4").pixel_format == pixel_format


@pytest.mark.parametrize(
    ("name", "bits", "white"), [("hdr.mp4", 10, 0.58), ("hlg.mp4", 10, 0.75), ("hdr-in-8-bit.mp4", 8, 0.58)]
)
def test_boxes_in_hdr_are_as_bright_as_paper_not_as_the_sun(name: str, bits: int, white: float, tmp_path: Path) -> None:
    faces = FaceLabels(np.array([[20, 20, 70, 50]], np.float32), ("w",))
    render(clip(name), {0: faces}.get, Roster("g", (Member("w", "w", "#FFFFFF"),)), FINE, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        plane = next(container.decode(video=0)).planes[0]
    rows = np.frombuffer(plane, np.uint16 if bits > 8 else np.uint8)
    edge = rows.reshape(plane.height, -1)[24:46, 18:20].mean() / 2 ** (bits - 8)
    assert (edge - 16) / 219 == pytest.approx(white, abs=0.01)
