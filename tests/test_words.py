"""Text for people: numbers of things, and what a line of it may hold."""

from __future__ import annotations

import pytest

from pipeline.words import counted, in_line

LINES = {
    "a wide blank": ("櫻坂46\u3000曲", "櫻坂46\u3000曲"),
    "a narrow blank": ("3.14.15\u202fPM.mov", "3.14.15\u202fPM.mov"),
    "letters that are joined": ("ශ්\u200dරී", "ශ්\u200dරී"),
    "letters that are not": ("می\u200cخواهم", "می\u200cخواهم"),
    "a family": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    "an end of a line": ("a\nb\u2028c", "a?b?c"),
    "a cursor that moves": ("a\x1b[2Jb\r", "a?[2Jb?"),
    "an order that turns": ("a\u202egpj.exe", "a?gpj.exe"),
    "half a character": ("a\udce9", "a?"),
}


@pytest.mark.parametrize(("text", "line"), LINES.values(), ids=LINES.keys())
def test_what_a_line_may_hold(text: str, line: str) -> None:
    assert in_line(text, "?") == line


@pytest.mark.parametrize(("number", "words"), [(0, "0 photos"), (1, "1 photo"), (2, "2 photos")])
def test_one_is_not_many(number: int, words: str) -> None:
    assert counted(number, "photo") == words
