"""What every source is: a function that yields, lazily, where photos of a member are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.crawl.connection import FetchError
from pipeline.crawl.fetch import Fetcher
from pipeline.errors import DatasetError, LineupError
from pipeline.roster import Member, Roster


class SourceError(LineupError):
    """A source has nothing to say about this member; others may."""


class NoPlaceError(SourceError):
    """The roster does not say where this source would find photos of this member."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a photo is, and what is known of it. `file` is one on this machine, which needs no fetch."""

    url: str
    page_url: str = ""
    keyword: str = ""
    licence: str = ""
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a source is asked for, how deep to look (results per keyword), and from where paths in the roster count."""

    member: Member
    keywords: tuple[str, ...]
    depth: int
    folder: Path


# Raises SourceError for what concerns this member only; a FetchError means that the source itself cannot be reached.
Find = Callable[[Wanted, Fetcher], Iterator[Found]]


def asked_json(url: str, fetcher: Fetcher) -> dict[str, Any]:
    """The JSON object at `url`; FetchError when there is none."""
    try:
        answer = json.loads(fetcher.page(url).content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise FetchError("not understood", "the answer is no JSON object")
    return answer


def keywords_of(member: Member, roster: Roster, templates: tuple[str, ...]) -> tuple[str, ...]:
    """The member's keywords, each once: those of `templates`, then the roster's; DatasetError for a wrong placeholder.

    A template about what the roster does not tell (no Hangul name, say) is left out.
    """
    known = {"name": member.name, "hangul": member.hangul, "group": roster.group, "group_hangul": roster.hangul}
    filled = []
    for template in (*templates, *member.keywords):
        names = re.findall(r"\{([^{}]*)\}", template)
        if wrong := [name for name in names if name not in known]:
            raise DatasetError(f"keyword {template!r}: no {{{wrong[0]}}} (known: {', '.join(known)})")
        if all(known[name] for name in names):
            filled.append(re.sub(r"\{(\w+)\}", lambda found: known[found[1]], template))
    return tuple(dict.fromkeys(filled))
