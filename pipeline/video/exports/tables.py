"""appearances.csv and .json, screen_time.csv and .png, together.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.files import write_json, write_text
from pipeline.records import UNKNOWN
from pipeline.video.exports.plots import Lane, write_screen_time
from pipeline.video.exports.thumbnails import thumbnail_of
from pipeline.video.labelled import Labelled
from pipeline.video.screen_time import shown_s, together

APPEARANCE_COLUMNS = ["member", "start_s", "end_s", "shots"]
SCREEN_TIME_COLUMNS = [
    "member", "name", "seconds", "share", "appearances", "first_s", "last_s", "at_least_s", "at_most_s", "solo_s",
    "thumbnail",
]  # fmt: skip


def write_tables(folder: Path, video: Labelled) -> None:
    """Write the five files into `folder`, in which the thumbnails stand already."""
    rows = [asdict(appearance) for appearance in video.appearances if appearance.member != UNKNOWN]
    write_json(folder / "appearances.json", [row | {"shots": list(row["shots"])} for row in rows])
    joined = [row | {"shots": ";".join(map(str, row["shots"]))} for row in rows]
    _write_csv(folder / "appearances.csv", APPEARANCE_COLUMNS, joined)
    thumbnails = {key: thumbnail_of(folder, number) for number, key in enumerate(video.roster.keys, start=1)}
    times = [asdict(time) | {"thumbnail": thumbnails.get(time.member, "")} for time in video.times]
    _write_csv(folder / "screen_time.csv", SCREEN_TIME_COLUMNS, times)
    pairs = together(video.faces, video.frames, video.roster)
    shared = [{"member": pair.member, "with": pair.other, "seconds": pair.seconds} for pair in pairs]
    _write_csv(folder / "together.csv", ["member", "with", "seconds"], shared)
    starts_s, ends_s = shown_s(video.frames)
    span_s = (starts_s[0], ends_s[-1]) if len(video.frames) else (0.0, 0.0)
    write_screen_time(folder / "screen_time.png", _lanes(video), span_s)


def _lanes(video: Labelled) -> list[Lane]:
    members = {member.key: member for member in video.lanes}
    return [
        Lane(
            member=members[time.member],
            seconds=time.seconds,
            range_s=(time.at_least_s, time.at_most_s),
            spans_s=tuple((one.start_s, one.end_s) for one in video.appearances if one.member == time.member),
        )
        for time in video.times
    ]


def _write_csv(path: Path, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
