"""Names as pictures: the label that holds one."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.fonts import font_for
from pipeline.records import Rgb

_BASELINE: Final = 0.37  # of the text's size below the label's middle; centres Latin capitals and Hangul alike


def name_label(text: str, colour: str, text_px: int, room_px: int) -> Rgb:
    """The name on its member's colour, (h, w, 3) uint8 of even sides; cut with an ellipsis at `room_px`."""
    font = ImageFont.truetype(str(font_for(text)[0]), text_px)
    padding = text_px // 3
    text = _shortened(text, font, room_px - 2 * padding)
    height = (text_px * 4 // 3 + 1) // 2 * 2
    width = (int(font.getlength(text)) + 2 * padding + 1) // 2 * 2
    picture = Image.fromarray(filled(width, height, colour))
    middle = height // 2 + round(text_px * _BASELINE)
    ImageDraw.Draw(picture).text((padding, middle), text, font=font, anchor="ls", fill=contrasting(colour))
    return np.asarray(picture)


def filled(width: int, height: int, colour: str) -> Rgb:
    """A patch (h, w, 3) uint8 of one '#RRGGBB' colour."""
    return np.full((height, width, 3), _rgb(colour), np.uint8)


def contrasting(colour: str) -> str:
    """'black' or 'white', whichever is easier to read on '#RRGGBB'."""
    red, green, blue = ((value / 255) ** 2.2 for value in _rgb(colour))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "black" if luminance > 0.18 else "white"  # where the contrast (WCAG) of both is the same


def _shortened(text: str, font: ImageFont.FreeTypeFont, room_px: float) -> str:
    if font.getlength(text) <= room_px:
        return text
    fitting = [cut for cut in range(len(text)) if font.getlength(text[:cut] + "…") <= room_px]
    return text[: max(fitting, default=0)].rstrip() + "…"


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
