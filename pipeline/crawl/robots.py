"""What a site asks of programs in its X-Robots-Tag headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

AGENT: Final = "lineup"
REFUSALS: Final = ("noai", "noimageai", "noindex", "none")
_WITH_VALUE: Final = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


def refusal(headers: Iterable[str]) -> str:
    """The first rule in X-Robots-Tag headers that asks not to take a picture, '' when none does.

    Rules after 'name:' are for that program only, to the end of their header.
    """
    for header in headers:
        ours = True
        for part in header.lower().split(","):
            name, colon, rule = part.strip().partition(":")
            if colon and name.strip() not in _WITH_VALUE:
                ours = name.strip() in (AGENT, "*")
            else:
                rule = name
            if ours and rule.strip() in REFUSALS:
                return rule.strip()
    return ""
