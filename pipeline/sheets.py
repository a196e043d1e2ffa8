"""Contact sheets: many pictures and their captions in one JPEG, to judge at a glance what a stage did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from pipeline.errors import UnreadableImageError
from pipeline.files import folder_written_whole, written_whole
from pipeline.images import THREADS, read_small
from pipeline.keys import short_keys
from pipeline.pinned import FONT, fetched
from pipeline.records import Rgb

MAX_CELLS: Final = 200
TILE_PX: Final = 180

_COLUMNS: Final = 8
_GAP_PX: Final = 6
_FONT_PX: Final = 13
_LINE_PX: Final = 18
_CAPTION_LINES: Final = 3
_CELL_WIDTH_PX: Final = TILE_PX + _GAP_PX
_CELL_HEIGHT_PX: Final = TILE_PX + _CAPTION_LINES * _LINE_PX + _GAP_PX
_PAPER: Final = "#f4f4f4"
_BLANK: Final = "#c8c8c8"
_INK: Final = "#202020"
_QUALITY: Final = 85

Source = Path | Callable[[], Rgb] | None
"""A picture file, a function that reads one, or None where there is nothing to show."""


def sheet_path(folder: Path, reason: str) -> Path:
    """Where `write_sheets` puts the sheet of this reason."""
    return folder / f"{reason.replace(' ', '-')}.jpg"


def write_sheets(folder: Path, cells: Iterable[tuple[str, Source, str]]) -> None:
    """Make `folder` hold one sheet per reason, of (reason, picture, caption): `<reason>.jpg`, hyphens for spaces."""
    by_reason: dict[str, list[tuple[Source, str]]] = defaultdict(list)
    for reason, source, caption in cells:
        by_reason[reason].append((source, caption))
    with folder_written_whole(folder) as temporary:
        for reason, rows in by_reason.items():
            sheet(sheet_path(temporary, reason), rows)


def sheet(path: Path, cells: Sequence[tuple[Source, str]]) -> None:
    """Write a grid of at most MAX_CELLS pictures with their captions; the last one says how many are left out.

    Keys in captions are shown short; what cannot be read is a grey tile. WeightsError when the font cannot be had.
    """
    shown = list(cells)
    if len(shown) > MAX_CELLS:
        left_out = len(shown) - MAX_CELLS + 1
        shown = [*shown[: MAX_CELLS - 1], (None, f"and {left_out} more")]
    columns = max(1, min(_COLUMNS, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    canvas = Image.new("RGB", (columns * _CELL_WIDTH_PX + _GAP_PX, rows * _CELL_HEIGHT_PX + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(canvas)
    font = _font()
    with ThreadPoolExecutor(THREADS) as pool:
        tiles = pool.map(lambda cell: _tile(cell[0], font), shown)
        for index, (tile, (_, caption)) in enumerate(zip(tiles, shown, strict=True)):
            x = _GAP_PX + index % columns * _CELL_WIDTH_PX
            y = _GAP_PX + index // columns * _CELL_HEIGHT_PX
            draw.rectangle((x, y, x + TILE_PX - 1, y + TILE_PX - 1), _BLANK)
            canvas.paste(tile, (x + (TILE_PX - tile.width) // 2, y + (TILE_PX - tile.height) // 2))
            for line, text in enumerate(_lines(short_keys(caption), font)):
                draw.text((x, y + TILE_PX + line * _LINE_PX), text, _INK, font)
    with written_whole(path) as temporary:
        canvas.save(temporary, "JPEG", quality=_QUALITY)


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(fetched(FONT), _FONT_PX)


def _tile(source: Source, font: ImageFont.FreeTypeFont) -> Image.Image:
    try:
        if source is None:
            raise UnreadableImageError("no picture", "")
        tile = Image.fromarray(read_small(source, TILE_PX) if isinstance(source, Path) else source())
        tile.thumbnail((TILE_PX, TILE_PX))
    except UnreadableImageError as error:
        tile = Image.new("RGB", (TILE_PX, TILE_PX), _BLANK)
        ImageDraw.Draw(tile).text((TILE_PX / 2, TILE_PX / 2), error.reason, _INK, font, anchor="mm")
    return tile


def _lines(caption: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """The caption in at most _CAPTION_LINES lines that fit a tile; an ellipsis where it goes on."""
    lines = [""]
    for character in " ".join(caption.split()):
        if font.getlength(lines[-1] + character) <= TILE_PX:
            lines[-1] += character
        elif len(lines) == _CAPTION_LINES:
            return [*lines[:-1], lines[-1][:-1] + "…"]
        else:
            head, _, tail = lines[-1].rpartition(" ")
            lines[-1:] = [head, tail + character] if head else [tail, character]
    return lines
