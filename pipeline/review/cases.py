"""What there is to review in a group: suspects, suggestions, and every face, read from the tables of the last build."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.curation.suspects import FLAG
from pipeline.decisions import ACCEPT
from pipeline.keys import is_unlabelled, picture_key
from pipeline.records import BOX, CURATED, DROPPED, FACES, REJECTED, SUGGESTED, SUSPECTS, UNLABELLED
from pipeline.review.journal import Decided
from pipeline.roster import Roster, read_roster
from pipeline.tables import read_table, read_table_if_there
from pipeline.vectors import read_all_vectors

SURE_FACES: Final = 4  # shown of a member beside a doubtful face
TABLES: Final = (
    "roster.yaml", "faces.parquet", "unlabelled.parquet", "embeddings.parquet", "curated.parquet", "suspects.parquet",
    "suggested.parquet", "dropped/curate.parquet", "unlabelled_embeddings.parquet",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Face:
    """One face: the member it was found under ('' in a group photo), and its aligned crop in faces/.

    box_xyxy is in pixels of the clean picture.
    """

    key: str
    member: str
    crop: str
    box_xyxy: tuple[float, float, float, float]

    @property
    def photo(self) -> str:
        """The key of the clean picture that shows it."""
        return picture_key(self.key)


@dataclass(frozen=True, slots=True)
class Case:
    """A face that a person is asked about.

    `member` is whose it is said to be ('' for nobody's), `looks_like` whom it looks like, `reason` and `score` why it
    is asked about, `kept` whether the model learns from it meanwhile.
    """

    key: str
    member: str
    looks_like: str
    reason: str
    score: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Cases:
    """Everything the page shows, as the last build left it.

    `by_member` has the keys of all faces by the member they are taken for, `sure` a few by which to know a member, and
    `kept` those that the model learns from. `built` is the member of each face that the build kept by a person's word,
    '' for one that it left out so.
    """

    roster: Roster
    faces: Mapping[str, Face]
    suspects: tuple[Case, ...]
    suggestions: tuple[Case, ...]
    by_member: Mapping[str, tuple[str, ...]]
    sure: Mapping[str, tuple[str, ...]]
    kept: frozenset[str]
    built: Mapping[str, str]

    def waiting(self, decisions: Mapping[str, Decided]) -> int:
        """How many decisions the last build did not know, among them those taken back since."""
        told = {key: self._member(key, decided) for key, decided in decisions.items()}
        offered = {case.key for case in self.suggestions}
        # A face of a group photo that was rejected leaves no trace but that it is not offered again.
        settled = {key for key, member in told.items() if member == "" and is_unlabelled(key)} - offered
        open_keys = {key for key in told.keys() | self.built.keys() if told.get(key) != self.built.get(key)}
        return len(open_keys - settled)

    def _member(self, key: str, decided: Decided) -> str:
        return (decided.member or self.faces[key].member) if decided.decision == ACCEPT else ""


def read_cases(data: Path) -> Cases:
    """Read the tables of the group in folder `data`; DatasetError when the group is not built yet."""
    roster = read_roster(data)
    found = read_table(data / "faces.parquet", FACES)
    loose = read_table_if_there(data / "unlabelled.parquet", UNLABELLED).assign(member="")
    faces = {face.key: face for face in map(_face, pd.concat([found, loose]).to_dict("records"))}
    curated = read_table(data / "curated.parquet", CURATED)
    curated = curated[curated["key"].isin(faces)]  # a build may be under way
    dropped = read_table(data / "dropped" / "curate.parquet", DROPPED)
    by_person = curated[curated["decided_by"] == "person"]
    rejected = dropped["key"][dropped["reason"] == REJECTED]
    taken_for = {key: face.member for key, face in faces.items() if face.member}
    taken_for |= dict(zip(curated["key"], curated["member"], strict=True))
    by_member: dict[str, list[str]] = defaultdict(list)
    for key in sorted(taken_for):
        by_member[taken_for[key]].append(key)
    return Cases(
        roster,
        faces,
        _in_order(_suspects(data), faces, roster),
        _in_order(_suggestions(data), faces, roster),
        {member: tuple(by_member[member]) for member in sorted(by_member, key=_place(roster))},
        _sure(data, curated),
        frozenset(curated["key"]),
        dict.fromkeys(rejected, "") | dict(zip(by_person["key"], by_person["member"], strict=True)),
    )


def signature(data: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a table is written anew."""
    stats = [(name, (data / name).stat()) for name in TABLES if (data / name).is_file()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _face(row: Any) -> Face:
    return Face(row["key"], row["member"], row["path"], tuple(float(row[name]) for name in BOX))  # type: ignore[arg-type]


def _suspects(data: Path) -> list[Case]:
    rows: list[Any] = read_table(data / "suspects.parquet", SUSPECTS).to_dict("records")
    names = ("key", "member", "looks_like", "reason", "score")
    return [Case(**{name: row[name] for name in names}, kept=row["action"] == FLAG) for row in rows]


def _suggestions(data: Path) -> list[Case]:
    rows: list[Any] = read_table_if_there(data / "suggested.parquet", SUGGESTED).to_dict("records")
    return [Case(row["key"], "", row["member"], "unlabelled", row["likeness"], kept=False) for row in rows]


def _in_order(cases: list[Case], faces: Mapping[str, Face], roster: Roster) -> tuple[Case, ...]:
    """Together by member, as the roster has them, the surest first."""
    place = _place(roster)
    known = (case for case in cases if case.key in faces)
    return tuple(sorted(known, key=lambda case: (place(case.member or case.looks_like), -case.score, case.key)))


def _place(roster: Roster) -> Any:
    places = {key: index for index, key in enumerate(roster.keys)}
    return lambda member: (places.get(member, len(places)), member)


def _sure(data: Path, curated: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Of each member the best pictures among the half most like all of its faces, one per photo and its copies."""
    rows, vectors = read_all_vectors(data)
    row_of = {key: row for row, key in enumerate(rows["key"])}
    sure = {}
    for member, of_member in curated[curated["key"].isin(row_of)].groupby("member"):
        own = vectors[[row_of[key] for key in of_member["key"]]]
        of_member = of_member.assign(likeness=own @ own.mean(axis=0))
        near = of_member[of_member["likeness"] >= np.median(of_member["likeness"])]
        best = near.sort_values("quality", ascending=False).drop_duplicates("duplicate_group")
        sure[str(member)] = tuple(best["key"][:SURE_FACES])
    return sure
