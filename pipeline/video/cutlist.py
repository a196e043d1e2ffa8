"""Cut lists: the same cuts for an editing program (CMX 3600, .edl) and for a table (.csv)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from pipeline.video.cuts import Cut
from pipeline.video.probe import VideoInfo
from pipeline.words import in_line

RECORD_START_S: Final = 3600  # programmes begin at hour one, so that something can stand before them
CSV_COLUMNS: Final = (
    *("cut", "shot", "first_frame", "last_frame", "start_s", "end_s", "out_start_s", "out_end_s"),
    *("start_timecode", "end_timecode"),
)


def edl(cuts: Sequence[Cut], info: VideoInfo, title: str) -> str:
    """A CMX 3600 edit decision list; timecodes, not dropping frames, count whole frames at the video's average rate."""
    channels = "AA/V" if info.audio_streams else "V"
    lines = [f"TITLE: {in_line(title, ' ')}", "FCM: NON-DROP FRAME", ""]
    record = RECORD_START_S * _base(info)
    for number, cut in enumerate(cuts, start=1):
        start, end = _source_frames(cut, info)
        times = " ".join(_timecode(frame, info) for frame in (start, end, record, record + end - start))
        lines += [f"{number:03d}  AX       {channels:<5} C        {times}"]
        lines += [f"* FROM CLIP NAME: {in_line(info.path.name, ' ')}", ""]
        record += end - start
    return "\n".join(lines)


def cut_table(cuts: Sequence[Cut], info: VideoInfo) -> str:
    """The cuts as CSV: frames counted from 0, exact times in seconds of the video and of the cut file, timecodes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for number, cut in enumerate(cuts, start=1):
        length = cut.end_pts - cut.start_pts
        times_s = [
            f"{float(ticks * info.time_base - origin_s):.6f}"
            for ticks, origin_s in (
                *((pts, info.origin_s) for pts in (cut.start_pts, cut.end_pts)),
                *((pts, 0) for pts in (cut.out_pts, cut.out_pts + length)),
            )
        ]
        timecodes = [_timecode(frame, info) for frame in _source_frames(cut, info)]
        writer.writerow([number, cut.shot, cut.first, cut.last, *times_s, *timecodes])
    return text.getvalue()


def _source_frames(cut: Cut, info: VideoInfo) -> tuple[int, int]:
    """Frames since the video's first at its average rate: the first of the cut, and the one that follows it."""
    rate = info.average_fps * info.time_base
    start, end = (round((pts - info.start_pts) * rate) for pts in (cut.start_pts, cut.end_pts))
    return start, max(end, start + 1)


def _base(info: VideoInfo) -> int:
    """Frames that a second of timecode counts: 24 for 23.976."""
    return max(1, round(info.average_fps))


def _timecode(frame: int, info: VideoInfo) -> str:
    seconds, frames = divmod(frame, _base(info))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}"
