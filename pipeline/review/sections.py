"""The pages of a review, in the order in which a person goes through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from pipeline.review.cases import Case, Cases
from pipeline.review.journal import Decided
from pipeline.roster import Roster

SHORTCUTS: Final = "123456789bcdefghilmoqstvwxyz"  # the other letters and 0 are commands


@dataclass(frozen=True, slots=True)
class Section:
    """One page: its title, and its faces by the member they are said to be ('' where the page has no headings).

    'cases' are shown large, each with what tells; 'offers' small, below sure faces of the member; 'faces' only small.
    """

    title: str
    kind: Literal["cases", "offers", "faces"]
    groups: tuple[tuple[str, tuple[Case, ...]], ...]


def sections(cases: Cases, decided: Mapping[str, Decided]) -> tuple[Section, ...]:
    """Suspects, suggestions, a page of all faces per member, and what was decided, the latest first."""
    names = {member.key: member.name for member in cases.roster.members}
    latest = tuple(_plain(cases, key) for key in reversed(list(decided)))
    return (
        Section("Suspects", "cases", _grouped(cases.suspects)),
        Section("Suggestions", "offers", _grouped(cases.suggestions)),
        *(
            Section(names.get(member, member), "faces", (("", tuple(_plain(cases, key) for key in keys)),))
            for member, keys in cases.by_member.items()
        ),
        Section("Decided", "faces", (("", latest),)),
    )


def counts(cases: Cases, decided: Mapping[str, Decided]) -> list[int]:
    """What the pages are said to hold: suspects and suggestions nobody has decided on, a member's faces, decisions."""
    asked = [sum(case.key not in decided for case in some) for some in (cases.suspects, cases.suggestions)]
    return [*asked, *map(len, cases.by_member.values()), len(decided)]


def shortcuts(roster: Roster) -> dict[str, str]:
    """The key to press for each member; '' for those for whom none is left."""
    given = SHORTCUTS.ljust(len(roster.members))
    return {key: shortcut.strip() for key, shortcut in zip(roster.keys, given, strict=False)}


def _grouped(cases: Iterable[Case]) -> tuple[tuple[str, tuple[Case, ...]], ...]:
    together = groupby(cases, key=lambda case: case.member or case.looks_like)
    return tuple((member, tuple(of_member)) for member, of_member in together)


def _plain(cases: Cases, key: str) -> Case:
    return Case(key, cases.faces[key].member, "", "", 0.0, kept=key in cases.kept)
