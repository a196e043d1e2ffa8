"""Text for people: numbers of things, and what a line of it may hold."""

from __future__ import annotations

import unicodedata
from typing import Final

# What moves a cursor, ends a line, or is half a character; and what turns the order of the characters that follow.
_MOVES: Final = ("Cc", "Cs", "Zl", "Zp")
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def counted(number: int, thing: str) -> str:
    """'1 photo', '2 photos': `thing` is one of them, and takes an s when there are more or none."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def printable(text: object) -> str:
    """A text as it is on a terminal: what would move the cursor is shown as a replacement character."""
    return in_line(str(text), "\ufffd")


def shortened(text: str, most: int) -> str:
    """The text, of at most `most` characters: a longer one is cut, with an ellipsis for the rest."""
    return text if len(text) <= most else text[: most - 1] + "…"


def in_line(text: str, instead: str) -> str:
    """The text with `instead` for each character that would move the cursor or turn what stands beside it.

    All others stay, those that join letters or are wide or narrow blanks too.
    """
    return "".join(instead if one in _TURNS or unicodedata.category(one) in _MOVES else one for one in text)
