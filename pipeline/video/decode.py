"""Videos as frames: upright RGB, each with the presentation time its file gives it."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from pipeline.errors import UnreadableVideoError
from pipeline.records import Rgb
from pipeline.video.clock import average_fps, retimed, time_base
from pipeline.video.container import DecodeReport as DecodeReport
from pipeline.video.container import opened, packets, video_stream

LATE_START_S: Final = 10  # a recording whose clock starts later (broadcasts do) would otherwise begin with a long wait
EARLY_END_S: Final = 0.5
_LENGTH_OF_WHOLE: Final = ("matroska,webm", "flv", "asf")  # they tell the length of the longest track only
UNSPECIFIED: Final = 2  # in each of the H.273 tables
FULL_RANGE: Final = 2
_SWSCALE_MATRICES: Final = {0, 1, 2, 4, 5, 6, 7, 9}  # it refuses frames tagged otherwise
_CLOCKWISE: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags as H.273 code points (2 = not said); range is 0 not said, 1 limited, 2 full."""

    primaries: int
    transfer: int
    matrix: int
    range: int


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video stream.

    width and height are of the upright picture; coded_width and coded_height of the stored one, which is turned
    rotation_deg (0, 90, 180, 270) clockwise and then, if mirrored, flipped left to right. sample_aspect_ratio is the
    width of an upright pixel over its height. A frame is shown at pts * time_base - origin_s seconds; origin_s is 0
    unless the clock of the whole file starts below zero or late. average_fps, frame_count and duration_s (None when the
    file does not tell) serve estimates only.
    """

    path: Path
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation_deg: int
    mirrored: bool
    sample_aspect_ratio: Fraction
    time_base: Fraction
    start_pts: int
    origin_s: int
    average_fps: Fraction
    frame_count: int | None
    duration_s: float | None
    codec: str
    pixel_format: str
    colour: Colour
    audio_streams: int

    @property
    def expected_frames(self) -> int | None:
        """How many frames there may be, for an estimate; some containers tell only how long they are."""
        if self.frame_count or not self.duration_s:
            return self.frame_count
        return round(self.duration_s * float(self.average_fps))


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


def probe(path: Path) -> VideoInfo:
    """What the file holds; UnreadableVideoError says why no picture of it can be decoded."""
    with opened(path) as container:
        stream = video_stream(container, path)
        first = next(_decoded(container, stream, DecodeReport()), None)
        if first is None:
            codec = stream.codec_context.name
            raise UnreadableVideoError(f"{path.name}: not one picture can be decoded ({codec}); copy the file again")
        return _info(path, container, stream, first)


def frames(path: Path, report: DecodeReport | None = None) -> Generator[Frame, None, None]:
    """The frames in the order they are shown, one at a time.

    Damaged packets are left out and counted in `report`. Raises UnreadableVideoError as `probe` does.
    """
    info = probe(path)
    for index, (pts, picture) in enumerate(pictures(info, report)):
        yield Frame(index, pts, float(pts * info.time_base - info.origin_s), partial(_rgb, picture, info))


def pictures(info: VideoInfo, report: DecodeReport | None = None) -> Generator[tuple[int, av.VideoFrame], None, None]:
    """The same frames as `frames`: pts, and the picture as the decoder stores it, neither turned nor converted."""
    report = report or DecodeReport()
    with opened(info.path) as container:
        stream = video_stream(container, info.path)
        end_pts = info.start_pts
        for frame in _decoded(container, stream, report):
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
    frame.color_range = _range(frame)
    return frame.reformat(threads=1, **layout)


def _rgb(picture: av.VideoFrame, info: VideoInfo, longer_side_px: int) -> Rgb:
    scale = min(1.0, longer_side_px / max(info.width, info.height))
    width, height = (max(1, round(side * scale)) for side in (info.coded_width, info.coded_height))
    small = converted(picture, format="rgb24", width=width, height=height, interpolation="AREA")
    return upright(np.asarray(small.to_ndarray(), np.uint8), info)


def _decoded(container: InputContainer, stream: VideoStream, report: DecodeReport) -> Iterator[av.VideoFrame]:
    return retimed(_as_stored(container, stream, report), stream, report)


def _as_stored(container: InputContainer, stream: VideoStream, report: DecodeReport) -> Iterator[av.VideoFrame]:
    # All kinds of packets are looked at, since some files tell only how long they are as a whole.
    for packet in chain(
        packets(container, list(container.streams), report), [None]
    ):  # None: give out what you hold back
        if packet is not None and packet.stream is not stream:
            continue
        report.packets += packet is not None
        try:
            found = stream.decode(packet)
        except av.FFmpegError:
            report.failed_packets += 1
            continue
        yield from found


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


def _info(path: Path, container: InputContainer, stream: VideoStream, first: av.VideoFrame) -> VideoInfo:
    rotation_deg, mirrored = _orientation(first)
    sideways = rotation_deg in (90, 270)
    pixel_shape = stream.sample_aspect_ratio or Fraction(1)
    start_pts = first.pts or 0
    duration_s = (stream.duration or 0) * time_base(stream) or Fraction(container.duration or 0, av.time_base)
    return VideoInfo(
        path=path,
        width=first.height if sideways else first.width,
        height=first.width if sideways else first.height,
        coded_width=first.width,
        coded_height=first.height,
        rotation_deg=rotation_deg,
        mirrored=mirrored,
        sample_aspect_ratio=1 / pixel_shape if sideways else pixel_shape,
        time_base=time_base(stream),
        start_pts=start_pts,
        origin_s=_origin_s(container, start_pts * time_base(stream)),
        average_fps=average_fps(stream),
        frame_count=stream.frames or None,
        duration_s=float(duration_s) if duration_s > 0 else None,
        codec=stream.codec_context.name,
        pixel_format=first.format.name,
        colour=Colour(first.color_primaries, first.color_trc, first.colorspace, _range(first)),
        audio_streams=len(container.streams.audio),
    )


def _origin_s(container: InputContainer, first_s: Fraction) -> int:
    """Whole seconds, exact in any time base, to take off a clock that starts below zero or late."""
    start_s = min(Fraction(container.start_time or 0, av.time_base), first_s)
    if first_s < 0:
        return math.floor(first_s)
    return math.floor(start_s) if start_s >= LATE_START_S else 0


def _range(frame: av.VideoFrame) -> int:
    if frame.format.name.startswith("yuvj"):  # the old way to say full range
        return FULL_RANGE
    return frame.color_range if frame.color_range in (1, FULL_RANGE) else 0


def _orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """Clockwise degrees, and whether to mirror after, from the 3x3 display matrix (x' = ax + cy, y' = bx + dy)."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    a, b, _, c, d = struct.unpack("=5i", bytes(cast(SideData, matrix))[:20])
    mirrored = a * d - b * c < 0
    angle_deg = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(angle_deg / 90) * 90 % 360, mirrored
