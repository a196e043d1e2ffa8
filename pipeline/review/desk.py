"""What the review page asks for, apart from HTTP: the cases, the decisions on them, and new decisions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.decisions import ACCEPT, CLEAR, REJECT
from pipeline.errors import DatasetError
from pipeline.review.cases import Cases, read_cases, signature
from pipeline.review.journal import Decided, Journal
from pipeline.review.pictures import Pictures


class DecisionError(DatasetError):
    """A decision that cannot be written: about no face, of an unknown kind, or for nobody of the group."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The decisions in force, how many of them the last build did not know, and what is wrong with review.csv."""

    decided: Mapping[str, Decided]
    waiting: int
    problems: tuple[str, ...]


class Desk:
    """The review of the group in folder `data`; DatasetError when that is not built yet."""

    def __init__(self, data: Path) -> None:
        self.pictures = Pictures(data)
        self._data = data
        self._journal = Journal(data)
        self._cases = (signature(data), read_cases(data))

    def cases(self) -> Cases:
        """The tables of the last build; those before it while one is being made."""
        now = signature(self._data)
        if now != self._cases[0]:
            with suppress(DatasetError):
                self._cases = (now, read_cases(self._data))
        return self._cases[1]

    def standing(self, cases: Cases) -> Standing:
        """What is decided now; a bad line of review.csv is a problem told, never an error here."""
        try:
            known = self._journal.known(cases.faces)
        except DatasetError as error:
            return Standing({}, 0, (str(error),))
        return Standing(known.decided, cases.waiting(known.decided), known.unmatched)

    def decide(self, key: str, decision: str, member: str) -> Decided | None:
        """Write one decision down; what was decided on the face before.

        DecisionError when it is none, DatasetError when review.csv has to be mended first.
        """
        cases = self.cases()
        if key not in cases.faces:
            raise DecisionError("this is no face of the group")
        if decision not in (ACCEPT, REJECT, CLEAR):
            raise DecisionError(f"a decision is {ACCEPT}, {REJECT} or {CLEAR}")
        if member and (decision != ACCEPT or member not in cases.roster.keys):
            raise DecisionError("this is nobody in roster.yaml")
        if decision == ACCEPT and not member and not cases.faces[key].member:
            raise DecisionError("a face of a group photo needs a member: say who it is")
        return self._journal.append(key, decision, member, cases.faces)
