"""player.html: the page that plays the original video with boxes and names over it, and its data in player/.

The page itself is the same for every video: what differs comes as data, in scripts, since a page that was opened from a
file may load nothing else. data.js has what the timeline shows; boxes-<n>.js the faces of BOXES_S seconds each, which
the page loads when it gets near.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from pipeline.drawing.names import contrasting
from pipeline.files import write_text
from pipeline.records import UNKNOWN, Ints
from pipeline.roster import Member
from pipeline.video.exports.paths import Run, key_places, runs
from pipeline.video.exports.subtitles import one_line
from pipeline.video.exports.thumbnails import thumbnail_of
from pipeline.video.labelled import Labelled
from pipeline.video.screen_time import Appearance, shown_s

BOXES_S: Final = 30
STRAY_SHARE: Final = 1 / 500  # of the picture's shorter side, by which a box may differ: 1.4 px of 720
FOLDER: Final = "player"
_PAGE: Final = Path(__file__).parent.parent / "player"


def write_player(folder: Path, video: Labelled) -> None:
    """Write player.html and player/ into `folder`, in which the thumbnails stand already."""
    target = folder / FOLDER
    target.mkdir()
    shutil.copyfile(_PAGE / "player.html", folder / "player.html")
    for name in ("player.css", "boxes.js", "timeline.js", "player.js"):
        shutil.copyfile(_PAGE / name, target / name)
    chunks = boxes(video)
    for number, faces in chunks.items():
        write_text(target / f"boxes-{number}.js", _script("boxes", number, faces))
    write_text(target / "data.js", _script("open", _data(folder, video, sorted(chunks))))


def address(source: Path, folder: Path) -> str:
    """The URL of `source` as seen from a page in `folder`: relative, so that both may be moved together."""
    try:
        relative = os.path.relpath(source, folder)
    except ValueError:  # on another drive of Windows
        return source.absolute().as_uri()
    return quote(os.fsencode(Path(relative).as_posix()))  # a folder's name need be no UTF-8


def boxes(video: Labelled) -> dict[int, list[list[Any]]]:
    """The faces shown in each BOXES_S seconds of the video: [lane, end in ms, positions].

    Positions are whole numbers, t ms, x0, y0, x1, y1 px: the first as it is, every other as the difference from the one
    before. Between them a box runs straight.
    """
    lanes = {member.key: number for number, member in enumerate(video.lanes)}
    tolerance = max(0.5, min(video.info.width, video.info.height) * STRAY_SHARE)
    chunks: dict[int, list[list[Any]]] = defaultdict(list)
    for run in runs(video.faces, video.frames):
        starts, ends = np.round(run.starts_s * 1000), np.round(run.ends_s * 1000)
        first, last = starts // (BOXES_S * 1000), (ends - 1) // (BOXES_S * 1000)
        for number in range(int(first[0]), int(last[-1]) + 1):
            inside = (first <= number) & (number <= last)  # a long frame may reach from one into the next
            positions = _positions(run, inside, tolerance)
            chunks[number].append([lanes[run.member], int(ends[inside][-1]), positions.ravel().tolist()])
    return chunks


def _positions(run: Run, inside: np.ndarray[Any, np.dtype[np.bool_]], tolerance: float) -> Ints:
    """The key positions (m, 5) among the frames `inside`, as differences."""
    times_s, boxes_xyxy = run.starts_s[inside], run.boxes_xyxy[inside]
    keys = key_places(times_s, boxes_xyxy, tolerance)
    whole = np.round(np.column_stack([times_s[keys] * 1000, boxes_xyxy[keys]])).astype(np.int64)
    return np.diff(whole, axis=0, prepend=np.zeros((1, 5), np.int64))


def _data(folder: Path, video: Labelled, chunks: list[int]) -> dict[str, Any]:
    starts_s, ends_s = shown_s(video.frames)
    return {
        "title": video.info.path.name,
        "original": address(video.info.path, folder),
        "origin_s": video.info.origin_s,  # a browser counts from the file's own zero
        "width": video.info.width,
        "height": video.info.height,
        "start_s": round(float(starts_s[0]), 3) if len(starts_s) else 0,
        "end_s": round(float(ends_s[-1]), 3) if len(ends_s) else 0,
        "boxes_s": BOXES_S,
        "chunks": chunks,
        "members": [_lane(folder, video, member, number) for number, member in enumerate(video.lanes, start=1)],
    }


def _lane(folder: Path, video: Labelled, member: Member, number: int) -> dict[str, Any]:
    time = next(time for time in video.times if time.member == member.key)
    return {
        "key": member.key,
        "name": one_line(member),
        "colour": member.colour,
        "ink": contrasting(member.colour),
        "seconds": time.seconds,
        "at_least_s": time.at_least_s,
        "at_most_s": time.at_most_s,
        "solo_s": time.solo_s,
        "thumbnail": "" if member.key == UNKNOWN else thumbnail_of(folder, number),
        "spans_ms": _spans_ms([one for one in video.appearances if one.member == member.key]),
    }


def _spans_ms(found: Sequence[Appearance]) -> list[int]:
    """Start, length, start, length ... in ms, each start counted from the one before."""
    spans: list[int] = []
    before = 0
    for one in found:
        start, end = round(one.start_s * 1000), round(one.end_s * 1000)
        spans += [start - before, end - start]
        before = start
    return spans


def _script(call: str, *arguments: Any) -> str:
    """A call of the page's function with plain data: no character in it can end the script or the text it stands in."""
    texts = (json.dumps(argument, separators=(",", ":")).replace("<", "\\u003c") for argument in arguments)
    return f"lineup.{call}({','.join(texts)});\n"
