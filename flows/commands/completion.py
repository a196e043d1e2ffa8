"""What a shell offers when a group or a member is to be named: those in data/ of the project."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import typer

from flows.project import enter_project
from pipeline.errors import LineupError


def rejoin_words() -> None:
    """Have completion in bash see '--group=lan', which bash takes for three words, as the two of '--group lan'."""
    if os.environ.get("_LINEUP_COMPLETE") != "complete_bash":
        return
    words = os.environ["COMP_WORDS"].split("\n")
    at = int(os.environ["COMP_CWORD"])
    signs = [n for n, word in enumerate(words[:at]) if word == "=" and words[n - 1].startswith("--")]
    os.environ["COMP_WORDS"] = "\n".join(word for n, word in enumerate(words) if n not in signs)
    os.environ["COMP_CWORD"] = str(at - len(signs))


def groups(incomplete: str) -> list[str]:
    """The groups that have a roster."""
    return _offered((path.parent.name for path in _rosters()), incomplete)


def members(ctx: typer.Context, incomplete: str) -> list[str]:
    """The keys of the members of the group named before, of all groups if none is."""
    from pipeline.roster import read_roster

    group = ctx.params.get("group")
    keys: dict[str, None] = {}
    for path in _rosters():
        if group in (None, path.parent.name):
            try:
                keys |= dict.fromkeys(read_roster(path.parent).keys)
            except LineupError:  # the command itself will say what is wrong with it
                continue
    return _offered(keys, incomplete)


def _rosters() -> list[Path]:
    try:
        return sorted((enter_project() / "data").glob("*/roster.yaml"))
    except LineupError:
        return []


def _offered(names: Iterable[str], incomplete: str) -> list[str]:
    """Those that go on from what is typed, but for such as a shell would take for more than a word."""
    return [name for name in names if name.startswith(incomplete) and all(map(_is_plain, name))]


def _is_plain(character: str) -> bool:
    return character in "-_." or unicodedata.category(character)[0] in "LMN"
