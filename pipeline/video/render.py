"""The labelled pictures: every frame of the source at its own time, upright, with boxes and names, as H.264."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.plane import VideoPlane

from pipeline.errors import ParamsError
from pipeline.files import written_whole
from pipeline.params import Render
from pipeline.records import Rgb
from pipeline.roster import Roster
from pipeline.video.decode import Colour, VideoInfo, converted, pictures, probe, upright
from pipeline.video.draw import FaceLabels, Painter, Planes

_EIGHT_BIT: Final = ("yuv420p", "yuvj420p")
_BT709: Final = Colour(primaries=1, transfer=1, matrix=1, range=1)  # what an RGB source becomes


def render(
    source: Path,
    faces: Mapping[int, FaceLabels],
    roster: Roster,
    params: Render,
    out_path: Path,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write `source` with the `faces` of each frame index drawn in, without sound, as an MP4; the number of frames.

    Each frame is shown at exactly pts * time_base - origin_s of the source. Colours keep the source's matrix, range and
    tags; more than 8 bits become 8, and RGB becomes BT.709. Rotation is applied to the pixels. A side of odd length
    grows by one pixel, which repeats the last. Raises UnreadableVideoError when the source cannot be decoded, and
    ParamsError when the encoder does not take `params`.
    """
    info = probe(source)
    colour = output_colour(info)
    width, height = info.width + info.width % 2, info.height + info.height % 2
    painter = Painter(roster.members, width, height, lambda patch: _patch_planes(patch, colour))
    count = 0
    with written_whole(out_path) as temporary, _encoder(temporary, info, params) as encode:
        for pts, frame in pictures(info):
            canvas = av.VideoFrame(width, height, "yuv420p")
            planes = _copied(frame, canvas, info)
            if count in faces:
                painter.draw(planes, faces[count])
            canvas.pts = output_pts(pts, info)
            canvas.time_base = output_time_base(info)
            encode(canvas)
            count += 1
            if progress:
                progress(count)
    return count


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
def _encoder(path: Path, info: VideoInfo, params: Render) -> Iterator[Callable[[av.VideoFrame], None]]:
    time_base = output_time_base(info)
    options = {"movie_timescale": str(time_base.denominator)}  # the clock that tells a late start, else of 1/1000 s
    with av.open(f"file:{path}", "w", format="mp4", container_options=options) as container:
        stream = container.add_stream(
            "libx264", rate=info.average_fps, options={"crf": str(params.crf), "preset": params.preset}
        )
        context = stream.codec_context
        context.width, context.height = info.width + info.width % 2, info.height + info.height % 2
        context.pix_fmt = "yuv420p"
        context.time_base = time_base
        context.thread_type = "FRAME"
        context.sample_aspect_ratio = info.sample_aspect_ratio
        colour = output_colour(info)
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        context.colorspace, context.color_range = colour.matrix, colour.range
        try:
            context.open()
        except av.FFmpegError:
            raise ParamsError(
                f"params.yaml: render: x264 takes no preset {params.preset!r} or crf {params.crf}"
            ) from None
        yield lambda frame: container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _copied(frame: av.VideoFrame, canvas: av.VideoFrame, info: VideoInfo) -> Planes:
    """Copy the decoder's picture (which it still refers to) upright into `canvas`; the canvas' planes."""
    if frame.format.name not in _EIGHT_BIT or (frame.width, frame.height) != (info.coded_width, info.coded_height):
        frame = _as_yuv420p(frame, info)
    planes = tuple(_plane(plane) for plane in canvas.planes)
    for stored, plane in zip(frame.planes, planes, strict=True):
        turned = upright(_plane(stored), info)
        height, width = turned.shape
        plane[:height, :width] = turned
        plane[height:, :width] = turned[-1:]  # the pixel that makes an odd side even
        plane[:, width:] = plane[:, width - 1 : width]
    return planes


def _as_yuv420p(frame: av.VideoFrame, info: VideoInfo) -> av.VideoFrame:
    size = {"width": info.coded_width, "height": info.coded_height}
    if frame.format.is_rgb:
        return converted(frame, format="yuv420p", dst_colorspace=_BT709.matrix, dst_color_range=_BT709.range, **size)
    return converted(frame, format="yuv420p", **size)


def _patch_planes(patch_rgb: Rgb, colour: Colour) -> Planes:
    frame = av.VideoFrame.from_ndarray(patch_rgb, format="rgb24")
    layout = {"dst_colorspace": colour.matrix, "dst_color_range": colour.range}
    planes = converted(frame, format="yuv420p", **layout).planes
    return tuple(_plane(plane).copy() for plane in planes)


def _plane(plane: VideoPlane) -> Rgb:
    """The plane's pixels (h, w) uint8, not copied."""
    rows = np.asarray(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
