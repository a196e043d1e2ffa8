"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """'1 photo', '2 photos': `thing` is one of them, and takes an s when there are more or none."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
