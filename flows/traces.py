"""Traces: what logs, reports and the queue's wishes tell of a member, beside the group's own folders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from flows.label.request import Request
from flows.log import LOGS
from flows.queue import database
from flows.queue.store import Queue
from flows.queue.watch import Watch, unwatch, watches
from flows.report import REPORTS
from pipeline.forget import Person, Step
from pipeline.roster import read_roster
from pipeline.words import counted

OF_MEMBERS: Final = ("--only", "--fancam")

Told = Callable[[str], bool]


def traces(person: Person) -> Iterator[Step]:
    """Lines of logs and reports that name the member, of whatever group, and watches that ask for them; none of a
    photo."""
    if not person.member:
        return
    told = partial(_is_told, re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in _names(person)), re.I))
    for path in sorted(LOGS.glob("*")):
        if path.is_file() and (count := sum(map(told, _lines(path)))):
            yield Step(path, f"remove {counted(count, 'line')}", partial(_drop_lines, path, told))
    for path in sorted(REPORTS.glob("*.json")):
        if told(path.read_text(encoding="utf-8", errors="replace")):
            yield Step(path, "remove", path.unlink)
    if database.PATH.is_file():
        with Queue() as queue:
            gone = [one for one in watches(queue) if asks_for(one.request, person)]
        yield from (Step(database.PATH, f"watch {one.folder} no longer", partial(_unwatch, one)) for one in gone)


def asks_for(request: Request, person: Person) -> bool:
    """Whether videos of the person's group are to be labelled with an option that names them."""
    named = {option.partition("=")[2].casefold() for option in request.options if option.startswith(OF_MEMBERS)}
    return request.group == person.data.name and not named.isdisjoint(name.casefold() for name in _names(person))


def _names(person: Person) -> set[str]:
    """The member's key, and the name shown while the roster has it."""
    shown = (one.name for one in read_roster(person.data).members if one.key == person.member)
    return {person.member, *shown}


def _is_told(names: re.Pattern[str], text: str) -> bool:
    with suppress(ValueError):  # else no JSON
        text = json.dumps(json.loads(text), ensure_ascii=False)  # letters that JSON may have as numbers
    return bool(names.search(text))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)


def _drop_lines(path: Path, told: Told) -> None:
    """Write it in place: who appends to it goes on doing so."""
    kept = "".join(line for line in _lines(path) if not told(line))
    path.write_text(kept, encoding="utf-8", errors="surrogateescape", newline="")


def _unwatch(one: Watch) -> None:
    with Queue() as queue:
        unwatch(queue, [one])
