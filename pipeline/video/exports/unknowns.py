"""unknowns.png: the faces nobody was matched to, those of one person together, so that one can see who is missing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from pipeline.files import written_whole
from pipeline.fonts import font_for
from pipeline.records import UNKNOWN
from pipeline.video.analyse import Analysis
from pipeline.video.screen_time import shown_s

MAX_GROUPS: Final = 36
MAX_TILES: Final = 7  # of one group
_WIDTH_PX, _TILE_PX, _GAP_PX, _LINE_PX = 1000, 112, 8, 20
_PAPER, _CARD, _INK = "#ffffff", "#efefef", "#333333"


@dataclass(frozen=True, slots=True)
class Track:
    """One unknown track: when it begins, how long it is seen, in seconds, and its best face as a JPEG."""

    number: int
    start_s: float
    seconds: float
    crop_jpeg: bytes


def write_unknowns(path: Path, faces: pd.DataFrame, tracks: pd.DataFrame, analysis: Analysis) -> None:
    """Draw the unknown tracks, linked ones side by side, the person seen longest first; a note counts the rest."""
    person = tracks.set_index("track")["person"].to_dict()
    people: dict[int, list[Track]] = {}
    for track in _tracks(faces[faces["member"] == UNKNOWN], analysis):
        people.setdefault(person[track.number], []).append(track)
    groups = sorted(people.values(), key=lambda group: (-sum(one.seconds for one in group), group[0].start_s))
    note = f"and {len(groups) - MAX_GROUPS} more" if len(groups) > MAX_GROUPS else ""
    picture = _drawn(groups[:MAX_GROUPS], note or ("" if groups else "no unknown faces"))
    with written_whole(path) as temporary:
        picture.save(temporary, "PNG")


def _tracks(unknown: pd.DataFrame, analysis: Analysis) -> list[Track]:
    """The unknown tracks that have a picture, longest first."""
    starts_s, ends_s = (
        pd.Series(times_s, index=analysis.frames["frame"].to_numpy()) for times_s in shown_s(analysis.frames)
    )
    shown = unknown.assign(start_s=unknown["frame"].map(starts_s), end_s=unknown["frame"].map(ends_s))
    spans = shown.groupby("track").agg(start_s=("start_s", "min"), end_s=("end_s", "max"))
    pictured = analysis.samples[analysis.samples["crop_jpeg"] != b""]
    best = pictured.sort_values("quality").drop_duplicates("track", keep="last").set_index("track")
    rows = spans.join(best["crop_jpeg"], how="inner")
    found = [Track(int(row.Index), row.start_s, row.end_s - row.start_s, row.crop_jpeg) for row in rows.itertuples()]
    return sorted(found, key=lambda track: (-track.seconds, track.number))


def _drawn(groups: list[list[Track]], note: str) -> Image.Image:
    """Cards of as many tiles as the group has tracks (at most MAX_TILES), side by side while there is room."""
    places, x, y = [], _GAP_PX, _GAP_PX
    card_px = _TILE_PX + 2 * _LINE_PX + 2 * _GAP_PX
    for group in groups:
        width = min(len(group), MAX_TILES) * (_TILE_PX + _GAP_PX) + _GAP_PX
        if x + width > _WIDTH_PX:
            x, y = _GAP_PX, y + card_px + _GAP_PX
        places.append((x, y, width))
        x += width + _GAP_PX
    bottom = y + (card_px + _GAP_PX) * bool(groups)
    picture = Image.new("RGB", (_WIDTH_PX, bottom + (_LINE_PX + _GAP_PX) * bool(note)), _PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(str(font_for(note)[0]), 13)
    for group, (left, top, width) in zip(groups, places, strict=True):
        draw.rounded_rectangle((left, top, left + width - 1, top + card_px - 1), 6, _CARD)
        seconds = sum(track.seconds for track in group)
        title = f"{seconds:.1f} s" + (f", {len(group)} times" if len(group) > 1 else "")
        draw.text((left + _GAP_PX, top + 4), title, _INK, font)
        for number, track in enumerate(group[:MAX_TILES]):
            corner = (left + _GAP_PX + number * (_TILE_PX + _GAP_PX), top + _LINE_PX + _GAP_PX)
            picture.paste(Image.open(io.BytesIO(track.crop_jpeg)).resize((_TILE_PX, _TILE_PX)), corner)
            caption = f"{_clock(track.start_s)}  {track.seconds:.1f} s"
            draw.text((corner[0], corner[1] + _TILE_PX), caption, _INK, font)
    draw.text((_GAP_PX, bottom), note, _INK, font)
    return picture


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes}:{seconds:02}"
