"""Which font has a text's characters: Latin, Hangul, Kana and Han, or Arabic, Hebrew, Armenian, Georgian."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

from pipeline.models import weights


def font_for(text: str) -> tuple[Path, frozenset[int]]:
    """The font file that has most of the text's characters, and the code points it has."""
    characters = {ord(character) for character in unicodedata.normalize("NFC", text)}
    return max(_fonts(), key=lambda font: len(characters & font[1]))


@cache
def _fonts() -> tuple[tuple[Path, frozenset[int]], ...]:
    dejavu = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    files = (weights.fetch("noto-sans-cjk"), dejavu)
    return tuple((file, frozenset(FT2Font(str(file)).get_charmap())) for file in files)
