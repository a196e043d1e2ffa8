"""What a video is: its size, orientation, clock and colours, without which no frame of it is read right."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from pipeline.errors import UnreadableVideoError
from pipeline.video.clock import average_fps, decoded, time_base
from pipeline.video.container import DecodeReport, opened, video_stream

LATE_START_S: Final = 10  # a recording whose clock starts later (broadcasts do) would otherwise begin with a long wait
FULL_RANGE: Final = 2


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


def probe(path: Path) -> VideoInfo:
    """What the file holds; UnreadableVideoError says why no picture of it can be decoded."""
    with opened(path) as container:
        stream = video_stream(container, path)
        first = next(decoded(container, stream, DecodeReport()), None)
        if first is None:
            codec = stream.codec_context.name
            raise UnreadableVideoError(f"{path.name}: not one picture can be decoded ({codec}); copy the file again")
        return _info(path, container, stream, first)


def range_of(frame: av.VideoFrame) -> int:
    """The frame's range as in Colour."""
    if frame.format.name.startswith("yuvj"):  # the old way to say full range
        return FULL_RANGE
    return frame.color_range if frame.color_range in (1, FULL_RANGE) else 0


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
        colour=Colour(first.color_primaries, first.color_trc, first.colorspace, range_of(first)),
        audio_streams=len(container.streams.audio),
    )


def _origin_s(container: InputContainer, first_s: Fraction) -> int:
    """Whole seconds, exact in any time base, to take off a clock that starts below zero or late."""
    start_s = min(Fraction(container.start_time or 0, av.time_base), first_s)
    if first_s < 0:
        return math.floor(first_s)
    return math.floor(start_s) if start_s >= LATE_START_S else 0


def _orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """Clockwise degrees, and whether to mirror after, from the 3x3 display matrix (x' = ax + cy, y' = bx + dy)."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    a, b, _, c, d = struct.unpack("=5i", bytes(cast(SideData, matrix))[:20])
    mirrored = a * d - b * c < 0
    angle_deg = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(angle_deg / 90) * 90 % 360, mirrored
