"""Videos as frames: upright RGB, each with the presentation time its file gives it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.records import Rgb
from pipeline.video.clock import average_fps, decoded, time_base
from pipeline.video.container import DecodeReport, opened, video_stream
from pipeline.video.probe import VideoInfo, range_of

EARLY_END_S: Final = 0.5
_LENGTH_OF_WHOLE: Final = ("matroska,webm", "flv", "asf")  # they tell the length of the longest track only
UNSPECIFIED: Final = 2  # in each of the H.273 tables
_SWSCALE_MATRICES: Final = {0, 1, 2, 4, 5, 6, 7, 9}  # it refuses frames tagged otherwise
_CLOCKWISE: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed frame: pts in the video's time_base; time_s in seconds.

    rgb(longer_side_px) makes its picture, (h, w, 3) uint8, upright, shrunk to that longer side, never enlarged; it is
    only made when asked for, since most frames of a video are not looked at.
    """

    index: int
    pts: int
    time_s: float
    rgb: Callable[[int], Rgb]


def frames(info: VideoInfo, report: DecodeReport | None = None) -> Generator[Frame, None, None]:
    """The frames in the order they are shown, one at a time; damaged packets are left out and counted in `report`."""
    for index, (pts, picture) in enumerate(pictures(info, report)):
        yield Frame(index, pts, float(pts * info.time_base - info.origin_s), partial(_rgb, picture, info))


def pictures(info: VideoInfo, report: DecodeReport | None = None) -> Generator[tuple[int, av.VideoFrame], None, None]:
    """The same frames as `frames`: pts, and the picture as the decoder stores it, neither turned nor converted."""
    report = report or DecodeReport()
    with opened(info.path) as container:
        stream = video_stream(container, info.path)
        end_pts = info.start_pts
        for frame in decoded(container, stream, report):
            assert frame.pts is not None  # noqa: S101 - retimed gives each one
            yield frame.pts, frame
            end_pts = max(end_pts, frame.pts + frame.duration)  # a length may belong to a frame stored nearby
        shown_s = float((end_pts - info.start_pts) * info.time_base)
        report.cut_short = _cut_short(container, stream, shown_s, report)


def upright(plane: Rgb, info: VideoInfo) -> Rgb:
    """A stored picture or one plane of it, turned as the video's rotation asks."""
    if info.rotation_deg:
        plane = np.asarray(cv2.rotate(plane, _CLOCKWISE[info.rotation_deg]), np.uint8)
    return np.asarray(cv2.flip(plane, 1), np.uint8) if info.mirrored else plane


def converted(frame: av.VideoFrame, **layout: Any) -> av.VideoFrame:
    """The frame in another format or size; its matrix and range as tagged, BT.601 and limited where not said."""
    if frame.colorspace not in _SWSCALE_MATRICES:
        frame.colorspace = UNSPECIFIED
    frame.color_range = range_of(frame)
    return frame.reformat(threads=1, **layout)


def _rgb(picture: av.VideoFrame, info: VideoInfo, longer_side_px: int) -> Rgb:
    scale = min(1.0, longer_side_px / max(info.width, info.height))
    width, height = (max(1, round(side * scale)) for side in (info.coded_width, info.coded_height))
    small = converted(picture, format="rgb24", width=width, height=height, interpolation="AREA")
    return upright(np.asarray(small.to_ndarray(), np.uint8), info)


def _cut_short(container: InputContainer, stream: VideoStream, shown_s: float, report: DecodeReport) -> str:
    """How much of the video could be read, '' when all; a transport stream does not tell how long it was."""
    read_s, told_s = shown_s, float((stream.duration or 0) * time_base(stream))
    if container.format.name in _LENGTH_OF_WHOLE:
        read_s, told_s = report.end_s, (container.duration or 0) / av.time_base
    elif container.format.name == "avi":  # the library takes the length of what is there for the stream's
        told_s = float(stream.frames / average_fps(stream))
    if told_s - read_s > EARLY_END_S:
        return f"{read_s:.1f} s of {told_s:.1f} s could be read"
    return f"{shown_s:.1f} s could be read ({report.cut_short})" if report.cut_short else ""
