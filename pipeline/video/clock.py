"""When each frame is shown: the file's own time stamps, made whole where they are missing, doubled or jump."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.errors import UnreadableVideoError
from pipeline.video.container import DecodeReport, stored

# A clock that jumps by more is a broadcast's that started again, a joined file's, or damaged: it goes on from the last.
JUMP_BACK_S: Final = Fraction(1, 2)
JUMP_AHEAD_S: Final = Fraction(10)
LONGEST_FRAME_S: Final = Fraction(3600)
LONGEST_S: Final = 100 * 3600
MAX_FRAME_TICKS: Final = 2**31 - 1  # MP4 holds no longer a frame
FALLBACK_FPS: Final = Fraction(25)


def decoded(container: InputContainer, stream: VideoStream, report: DecodeReport) -> Iterator[VideoFrame]:
    """The frames in the order they are shown, each with a pts later than the last; `report` counts changed ones.

    UnreadableVideoError where they claim to last longer than LONGEST_S.
    """
    no_pts = container.format.name == "avi"  # what the library offers as pts there is guessed before reordering
    step = max(1, round(1 / (average_fps(stream) * time_base(stream))))
    back, ahead = _jumps(stream)
    first: int | None = None
    last: int | None = None
    shift = 0
    for frame in stored(container, stream, report):
        stamp = frame.dts if no_pts or frame.pts is None else frame.pts
        expected = 0 if last is None else last + step
        pts = expected if stamp is None else stamp + shift
        if last is not None:
            if not -back <= pts - last <= ahead:
                shift += expected - pts
                pts = expected
            pts = max(pts, last + 1)
        first = pts if first is None else first
        if (pts - first) * time_base(stream) > LONGEST_S:
            name, hours = Path(container.name).name, LONGEST_S // 3600
            raise UnreadableVideoError(f"{name}: by its time stamps it lasts more than {hours} hours: cut it")
        report.retimed += pts != stamp
        frame.pts = last = pts
        step = frame.duration or step
        yield frame


def average_fps(stream: VideoStream) -> Fraction:
    """The stream's average frame rate: for estimates, never for a frame's time."""
    return stream.average_rate or stream.guessed_rate or FALLBACK_FPS


def time_base(stream: VideoStream) -> Fraction:
    """Seconds per tick of the stream's pts."""
    assert stream.time_base is not None  # noqa: S101 - video_stream returns no other
    return stream.time_base


def _jumps(stream: VideoStream) -> tuple[int, int]:
    """By how many ticks, back and ahead, a time stamp may differ from the last and still belong to the same clock."""
    ticks_per_s = 1 / time_base(stream)
    restarts = stream.container.format.name in ("mpegts", "mpeg")
    ahead = int((JUMP_AHEAD_S if restarts else LONGEST_FRAME_S) * ticks_per_s)
    return int(JUMP_BACK_S * ticks_per_s), min(ahead, MAX_FRAME_TICKS // time_base(stream).numerator)
