"""names.vtt and .srt: who is on screen, as subtitles; names.ass: each name at its face, in its member's colour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from PIL import ImageFont
from pysubs2 import Alignment, Color, SSAEvent, SSAFile, SSAStyle

from pipeline.drawing.draw import TEXT_SHARE
from pipeline.drawing.names import contrasting
from pipeline.files import write_text
from pipeline.fonts import font_for
from pipeline.records import UNKNOWN, Float64
from pipeline.roster import Member
from pipeline.video.exports.paths import Run, key_places, runs
from pipeline.video.labelled import Labelled
from pipeline.video.screen_time import Appearance
from pipeline.words import in_line, shortened

FLICKER_S: Final = 0.25  # what comes and goes within this changes no cue
MAX_NAME: Final = 32  # characters at a face
STRAY_SHARE: Final = 1 / 60  # of the picture's shorter side, by which a name may leave its face: 12 px of 720
_MARKUP: Final = str.maketrans("{}\\<>", "｛｝＼＜＞")  # ASS and SRT have no sure way to write these as themselves
_STYLE_ENDS: Final = str.maketrans(",", "，")  # in a style's name
_ENTITIES: Final = {ord(character): f"&#{ord(character)};" for character in "&<>{}\\"}


@dataclass(frozen=True, slots=True)
class Cue:
    """Who is on screen from start_s to end_s: keys in the roster's order."""

    start_s: float
    end_s: float
    members: tuple[str, ...]


def write_subtitles(folder: Path, video: Labelled) -> None:
    """Write names.vtt, names.srt and names.ass into `folder`."""
    shown = cues(video.appearances, video.roster.keys)
    names = {member.key: one_line(member) for member in video.roster.members}
    write_text(folder / "names.srt", _cue_file(shown, names, _MARKUP).to_string("srt", keep_ssa_tags=True))
    write_text(folder / "names.vtt", _cue_file(shown, names, _ENTITIES).to_string("vtt", keep_ssa_tags=True))
    write_text(folder / "names.ass", placed_names(video).to_string("ass", header_notice=""))


def one_line(member: Member) -> str:
    """The member's name, or key, without line breaks; '?' when nothing of either is to be seen."""
    texts = (" ".join(in_line(text, " ").split()) for text in (member.name, member.key))
    return next((text for text in texts if any(one.isprintable() and one != " " for one in text)), "?")


def cues(found: Sequence[Appearance], keys: Sequence[str]) -> list[Cue]:
    """One cue for each span of time with the same members on screen; who comes or goes for under FLICKER_S does not."""
    changes: dict[float, set[str]] = defaultdict(set)
    for one in found:
        if one.member != UNKNOWN:
            for time_s in (one.start_s, one.end_s):
                changes[time_s] ^= {one.member}  # who leaves and comes at once stays
    times_s = sorted(changes)
    on: set[str] = set()
    spans = []
    for start_s, end_s in pairwise(times_s):
        on ^= changes[start_s]
        spans.append(Cue(start_s, end_s, tuple(key for key in keys if key in on)))
    return [cue for cue in _steady(spans) if cue.members]


def placed_names(video: Labelled) -> SSAFile:
    """Each named face's name above it (below it, at the picture's top), moving along."""
    width, height = video.info.width, video.info.height
    text_px = max(10, round(min(width, height) * TEXT_SHARE))
    file = SSAFile()
    file.info |= {"PlayResX": str(width), "PlayResY": str(height), "WrapStyle": "2", "YCbCr Matrix": "None"}
    file.styles.clear()
    names, rooms, styles = {}, {}, {}
    for number, member in enumerate(video.roster.members, start=1):
        name = one_line(member)
        name = shortened(name, MAX_NAME)
        rooms[member.key] = ImageFont.truetype(str(font_for(name)[0]), text_px).getlength(name) / 2 + text_px / 3
        names[member.key] = name.translate(_MARKUP)
        styles[member.key] = f"{number} {names[member.key].translate(_STYLE_ENDS)}"
        file.styles[styles[member.key]] = _style(member.colour, text_px)
    for run in runs(video.faces[video.faces["member"] != UNKNOWN], video.frames):
        anchor, spots = _spots(run, rooms[run.member], (width, height), 2 * text_px)
        for start_ms, end_ms, move in _moves(run, spots, min(width, height) * STRAY_SHARE):
            text = f"{{\\an{anchor}{move}}}{names[run.member]}"
            file.append(SSAEvent(start_ms, end_ms, text, style=styles[run.member]))
    file.events.sort(key=lambda event: event.start)
    return file


def _steady(spans: Sequence[Cue]) -> Iterator[Cue]:
    """The spans, which follow each other, joined where they show the same, or would but for a flicker."""
    held: Cue | None = None
    for place, span in enumerate(spans):
        after = spans[place + 1].members if place + 1 < len(spans) else None
        flickers = span.end_s - span.start_s < FLICKER_S and held is not None and held.members == after
        if held is not None and (flickers or held.members == span.members):
            held = replace(held, end_s=span.end_s)
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def _cue_file(shown: Sequence[Cue], names: Mapping[str, str], escapes: Mapping[int, str | int]) -> SSAFile:
    file = SSAFile()
    for cue in shown:
        text = ", ".join(names[key].translate(escapes) for key in cue.members)
        file.append(SSAEvent(round(cue.start_s * 1000), round(cue.end_s * 1000), text))
    return file


def _style(colour: str, text_px: int) -> SSAStyle:
    """The name on a box of its member's colour, like the one that is drawn into labelled.mp4."""
    ink = 0 if contrasting(colour) == "black" else 255
    paper = Color(*bytes.fromhex(colour.removeprefix("#")))
    return SSAStyle(
        fontname="Arial",
        fontsize=round(text_px * 1.2),
        primarycolor=Color(ink, ink, ink),
        outlinecolor=paper,
        backcolor=paper,
        borderstyle=3,
        outline=max(1, round(text_px / 8)),
        shadow=0,
        alignment=Alignment.BOTTOM_CENTER,
    )


def _spots(run: Run, room_px: float, size: tuple[int, int], label_px: int) -> tuple[int, Float64]:
    """The anchor (2 above a face, 8 below it) and where it is on each frame, (n, 2) in pixels."""
    x0, y0, x1, y1 = run.boxes_xyxy.T
    above = bool(np.median(y0) >= label_px or np.median(y1) > size[1] - label_px)
    x = np.clip((x0 + x1) / 2, min(room_px, size[0] / 2), max(size[0] - room_px, size[0] / 2))
    y = np.maximum(y0 - label_px / 8, label_px * 0.75) if above else y1 + label_px / 8
    return (2 if above else 8), np.stack([x, y], axis=1)


def _moves(run: Run, spots: Float64, tolerance_px: float) -> Iterator[tuple[int, int, str]]:
    """Start and end in ms of each event, and the tag that puts the name in its place or moves it."""
    keys = key_places(run.starts_s, spots, tolerance_px)
    whole = np.round(spots).astype(int).tolist()
    for place, key in enumerate(keys):
        after = keys[min(place + 1, len(keys) - 1)]
        if key == after and place:  # the last key ends the move before it
            return
        last = after == keys[-1]
        # ASS counts hundredths of a second; rounded down, a frame never comes before its event.
        start_ms, end_ms, there_ms = (
            int(time_s * 100 + 1e-6) * 10
            for time_s in (run.starts_s[key], run.ends_s[-1] if last else run.starts_s[after], run.starts_s[after])
        )
        (x, y), (to_x, to_y) = whole[key], whole[after]
        still = (x, y) == (to_x, to_y)
        timing = f",0,{there_ms - start_ms}" if last else ""
        yield start_ms, end_ms, f"\\pos({x},{y})" if still else f"\\move({x},{y},{to_x},{to_y}{timing})"
