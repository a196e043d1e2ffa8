"""Which font has a text's characters, and what can be drawn of a name; Latin to Han, not every alphabet."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

from pipeline.pinned import FONT, fetched
from pipeline.roster import Member


def font_for(text: str) -> tuple[Path, frozenset[int]]:
    """The font file that has most of the text's characters, and the code points it has."""
    characters = {ord(character) for character in unicodedata.normalize("NFC", text)}
    return max(_fonts(), key=lambda font: len(characters & font[1]))


def shown_name(member: Member, number: int) -> str:
    """What can be drawn of the member's name: its key, or '#number', when the fonts have none of its characters."""
    return next(filter(None, (drawable(text) for text in (member.name, member.key))), f"#{number}")


def drawable(text: str) -> str:
    """The text composed and on one line, without the characters that its font lacks (emoji, control characters)."""
    coverage = font_for(text)[1]
    composed = unicodedata.normalize("NFC", text)
    kept = (c if ord(c) in coverage and _visible(c) else " " * c.isspace() for c in composed)
    return " ".join("".join(kept).split())


@cache
def _fonts() -> tuple[tuple[Path, frozenset[int]], ...]:
    dejavu = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    files = (fetched(FONT), dejavu)
    return tuple((file, frozenset(FT2Font(str(file)).get_charmap())) for file in files)


def _visible(character: str) -> bool:
    is_variation_selector = 0xFE00 <= ord(character) <= 0xFE0F  # what an emoji leaves behind
    return unicodedata.category(character)[0] != "C" and not is_variation_selector
