"""The labelled pictures: every frame of the source at its own time, upright, with boxes and names, as H.264."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.stream import VideoStream

from pipeline.drawing.draw import FaceLabels, Painter, Planes
from pipeline.files import written_whole
from pipeline.params import Render
from pipeline.records import Rgb
from pipeline.roster import Roster
from pipeline.video import encoder, light
from pipeline.video.ahead import ahead
from pipeline.video.decode import converted, pictures, upright
from pipeline.video.encoder import Layout
from pipeline.video.probe import Colour, VideoInfo, probe

AHEAD: Final = 4  # pictures that are decoded while one is drawn on and encoded
_EIGHT_BIT: Final = ("yuv420p", "yuvj420p")
_TEN_BIT: Final = ("yuv420p10le",)
_BT709: Final = Colour(primaries=1, transfer=1, matrix=1, range=1)  # what an RGB source becomes


@dataclass(frozen=True, slots=True)
class RenderReport:
    """How many frames were written, by which encoder, and with how many bits."""

    frames: int
    encoder: str
    pixel_format: str


def render(
    source: Path,
    labels: Callable[[int], FaceLabels | None],
    roster: Roster,
    params: Render,
    out_path: Path,
    progress: Callable[[int], None] | None = None,
    show: Callable[[av.VideoFrame], None] | None = None,
) -> RenderReport:
    """Write `source` with the `labels` of each frame, by its index, drawn in, without sound, as an MP4.

    Each frame is shown at exactly pts * time_base - origin_s of the source. Colours keep the source's matrix, range and
    tags; HDR of more than 8 bits gets 10, all else 8, and RGB becomes BT.709. Rotation is applied to the pixels. A side
    of odd length grows by one pixel, which repeats the last. Raises UnreadableVideoError when the source cannot be
    decoded, and ParamsError when no encoder takes `params`. `show` is given each picture as it is drawn.
    """
    info = probe(source)
    layout = output_layout(info)
    name = encoder.choose(params, layout)
    painter = Painter(
        roster.members, layout.width, layout.height, lambda patch: _patch_planes(patch, layout), params.style
    )
    count = 0
    with (
        written_whole(out_path) as temporary,
        _encoder(temporary, name, layout, params) as encode,
        closing(ahead(pictures(info), AHEAD)) as decoded,
    ):
        for pts, frame in decoded:
            canvas = _canvas(pts, info, layout)
            planes = copied(frame, canvas, info)
            if drawn := labels(count):
                painter.draw(planes, drawn)
            if show:
                show(canvas)
            encode(canvas)
            count += 1
            if progress:
                progress(count)
    return RenderReport(count, name, layout.pixel_format)


def _canvas(pts: int, info: VideoInfo, layout: Layout) -> av.VideoFrame:
    """A picture of the output, still without pixels."""
    canvas = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
    canvas.pts, canvas.time_base = output_pts(pts, info), layout.time_base
    canvas.colorspace, canvas.color_range = layout.colour.matrix, layout.colour.range
    return canvas


def output_layout(info: VideoInfo) -> Layout:
    """How the source is encoded: even sides, its own clock, its colours."""
    deep = av.VideoFormat(info.pixel_format).components[0].bits > 8
    return Layout(
        width=info.width + info.width % 2,
        height=info.height + info.height % 2,
        pixel_format=_TEN_BIT[0] if deep and output_colour(info).transfer in (light.PQ, light.HLG) else _EIGHT_BIT[0],
        time_base=output_time_base(info),
        average_fps=info.average_fps,
        sample_aspect_ratio=info.sample_aspect_ratio,
        colour=output_colour(info),
    )


def output_time_base(info: VideoInfo) -> Fraction:
    """A time base that holds every pts of the source exactly: MP4 wants 1 as its numerator."""
    return Fraction(1, info.time_base.denominator)


def output_pts(pts: int, info: VideoInfo) -> int:
    """The source's `pts` in the output's time base, counted from the source's origin."""
    return pts * info.time_base.numerator - info.origin_s * info.time_base.denominator


def output_colour(info: VideoInfo) -> Colour:
    """The tags of the output: the source's own, so that a player shows both alike."""
    return _BT709 if av.VideoFormat(info.pixel_format).is_rgb else info.colour


@contextmanager
def _encoder(path: Path, name: str, layout: Layout, params: Render) -> Iterator[Callable[[av.VideoFrame], None]]:
    clock = {"movie_timescale": str(layout.time_base.denominator)}  # it tells a late start; else of 1/1000 s
    with av.open(f"file:{path}", "w", format="mp4", container_options=clock) as container:
        options = encoder.options(name, params)
        stream = cast(VideoStream, container.add_stream(name, rate=layout.average_fps, options=options))
        encoder.set_up(stream.codec_context, layout)
        yield lambda frame: container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def copied(frame: av.VideoFrame, canvas: av.VideoFrame, info: VideoInfo) -> Planes:
    """Copy the decoder's picture (which it still refers to) upright into `canvas`; the canvas' planes."""
    alike = _TEN_BIT if canvas.format.name in _TEN_BIT else _EIGHT_BIT
    if frame.format.name not in alike or (frame.width, frame.height) != (info.coded_width, info.coded_height):
        frame = _converted(frame, info, alike[0])
    planes = planes_of(canvas)
    for stored, plane in zip(planes_of(frame), planes, strict=True):
        turned = upright(stored, info)
        height, width = turned.shape
        plane[:height, :width] = turned
        plane[height:, :width] = turned[-1:]  # the pixel that makes an odd side even
        plane[:, width:] = plane[:, width - 1 : width]
    return planes


def _converted(frame: av.VideoFrame, info: VideoInfo, pixel_format: str) -> av.VideoFrame:
    layout: dict[str, Any] = {"width": info.coded_width, "height": info.coded_height, "format": pixel_format}
    if frame.format.is_rgb:
        layout |= {"dst_colorspace": _BT709.matrix, "dst_color_range": _BT709.range}
    return converted(frame, **layout)


def _patch_planes(patch_rgb: Rgb, layout: Layout) -> Planes:
    colour = layout.colour
    if colour.transfer in (light.PQ, light.HLG):
        bright = light.as_hdr(patch_rgb, colour.primaries, colour.transfer)
        frame = av.VideoFrame.from_ndarray(bright, format="rgb48le")
    else:
        frame = av.VideoFrame.from_ndarray(patch_rgb, format="rgb24")
    matrix = {"dst_colorspace": colour.matrix, "dst_color_range": colour.range}
    return tuple(plane.copy() for plane in planes_of(converted(frame, format=layout.pixel_format, **matrix)))


def planes_of(frame: av.VideoFrame) -> Planes:
    """The frame's planes, not copied: what is written to them is written to the frame."""
    return tuple(_plane(plane, np.uint8 if frame.format.name in _EIGHT_BIT else np.uint16) for plane in frame.planes)


def _plane(plane: VideoPlane, kind: type[np.uint8 | np.uint16]) -> Rgb:
    """The plane's pixels (h, w), not copied."""
    rows: Rgb = np.asarray(memoryview(plane), np.uint8).reshape(-1, plane.line_size).view(kind)
    return rows[: plane.height, : plane.width]
