"""Canvases: pictures as they are encoded, upright and of even sides, in the colours of the source."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from av.video.plane import VideoPlane

from pipeline.drawing.draw import Planes
from pipeline.records import Rgb
from pipeline.video.decode import converted, upright
from pipeline.video.encoder import Layout
from pipeline.video.hdr import HDR, as_hdr
from pipeline.video.probe import Colour, VideoInfo

_EIGHT_BIT: Final = ("yuv420p", "yuvj420p")
_TEN_BIT: Final = ("yuv420p10le",)
_BT709: Final = Colour(primaries=1, transfer=1, matrix=1, range=1)  # what an RGB source becomes


def output_layout(info: VideoInfo) -> Layout:
    """How the source is encoded: even sides, and its own clock and colours, so that a player shows both alike."""
    stored = av.VideoFormat(info.pixel_format)
    colour = _BT709 if stored.is_rgb else info.colour
    return Layout(
        width=info.width + info.width % 2,
        height=info.height + info.height % 2,
        pixel_format=_TEN_BIT[0] if stored.components[0].bits > 8 and colour.transfer in HDR else _EIGHT_BIT[0],
        time_base=Fraction(1, info.time_base.denominator),  # it holds every pts exactly, and MP4 wants 1 above the line
        average_fps=info.average_fps,
        sample_aspect_ratio=info.sample_aspect_ratio,
        colour=colour,
    )


def output_pts(pts: int, info: VideoInfo) -> int:
    """The source's `pts` in the output's time base, counted from the source's origin."""
    return pts * info.time_base.numerator - info.origin_s * info.time_base.denominator


def blank(layout: Layout, pts: int) -> av.VideoFrame:
    """A picture of this layout at `pts`, in its time base, still without pixels."""
    canvas = av.VideoFrame(layout.width, layout.height, layout.pixel_format)
    canvas.pts, canvas.time_base = pts, layout.time_base
    canvas.colorspace, canvas.color_range = layout.colour.matrix, layout.colour.range
    return canvas


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


def patch_planes(patch_rgb: Rgb, layout: Layout) -> Planes:
    """The planes of a picture (h, w, 3) uint8 of even sides, in the colours of `layout`."""
    colour = layout.colour
    if colour.transfer in HDR:
        bright = as_hdr(patch_rgb, colour.primaries, colour.transfer)
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
