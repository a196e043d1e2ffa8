"""Compare: two models of a group on the same test faces, which neither of them learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.classifiers.model import THRESHOLD, Model, load
from pipeline.decisions import REJECT, read_decisions
from pipeline.forgotten import read_forgotten
from pipeline.keys import raw_key
from pipeline.params import Params, Refresh
from pipeline.records import DROPPED, DUPLICATE, NEAR_DUPLICATE, SPLIT, TEST, TRAIN
from pipeline.roster import read_roster
from pipeline.side import Side, read_side
from pipeline.tables import read_metadata, read_table, read_table_if_there
from pipeline.vectors import EMBEDDINGS, read_all_vectors

STRANGERS: Final = "strangers unnamed"
COPIES: Final = (DUPLICATE, NEAR_DUPLICATE)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many of `faces` test faces did well before and after, in one respect; who differs was `lost` or `gained`.

    `chance` is the probability, 0..1, of losing at least as many of those that differ if both models were equally good.
    A loss that is `expected` speaks against no model: who learns more faces knows more that are like those left out.
    """

    what: str
    faces: int
    before: int
    after: int
    lost: int
    gained: int
    chance: float
    expected: bool = False

    def is_worse(self, limits: Refresh) -> bool:
        """Whether more was lost than is tolerated, and that is not easily put down to chance."""
        lost = self.lost - self.gained
        return not self.expected and lost > limits.tolerance * self.faces and self.chance <= limits.significance

    def __str__(self) -> str:
        differ = f"{self.lost} lost, {self.gained} gained, chance {self.chance:.2f}"
        differ += ", as more photos bring" if self.expected and self.lost > self.gained else ""
        return f"{self.what}: {self.before} -> {self.after} of {self.faces} ({differ})"


def compare(before: Path, after: Path, group: str, params: Params) -> list[Comparison]:
    """The models of `group` in the projects `before` and `after`, on the test faces of `before`; [] when none is left.

    Left out are faces that the model in `after` learnt, as they are or in a copy, and those on which a person decided
    otherwise since. A face keeps its name of `before`, whatever curate makes of it in `after`: by the new labels
    a model that learnt wrong ones would look good.
    """
    old, new = (project / "data" / group for project in (before, after))
    side = _untouched(read_side(old, TEST), new)
    sides = (side, side)
    if read_metadata(old / EMBEDDINGS)["embedder_sha256"] != read_metadata(new / EMBEDDINGS)["embedder_sha256"]:
        sides = _embedded_anew(side, new)
    models = (load(project / "models" / group, params) for project in (before, after))
    told = [_answers(model, seen) for model, seen in zip(models, sides, strict=True)]
    if not len(sides[0].keys):
        return []
    more = _learnt(new) > _learnt(old)
    found = [_compared(what, told[0][what], told[1][what]) for what in told[0]]
    return [replace(one, expected=more and one.what == STRANGERS) for one in found]


def unlearnt(before: Path, after: Path, group: str, params: Params) -> list[str]:
    """Members that the model in `before` knows and the one in `after` does not, though they are in the roster."""
    old, new = (load(project / "models" / group, params).members for project in (before, after))
    members = read_roster(after / "data" / group).keys
    return [member for member in old if member in members and member not in new]


def sign_test(lost: int, gained: int) -> float:
    """The probability of `lost` or more among those that differ, were each as likely to be gained (exact McNemar)."""
    differ = lost + gained
    return sum(comb(differ, count) for count in range(lost, differ + 1)) / 2**differ


def _compared(what: str, before: Bools, after: Bools) -> Comparison:
    lost, gained = int((before & ~after).sum()), int((after & ~before).sum())
    return Comparison(what, len(before), int(before.sum()), int(after.sum()), lost, gained, sign_test(lost, gained))


def _learnt(data: Path) -> int:
    return int((read_table(data / "split.parquet", SPLIT)["side"] == TRAIN).sum())


def _untouched(side: Side, new: Path) -> Side:
    split = read_table(new / "split.parquet", SPLIT)
    learnt = split[split["side"] == TRAIN]
    dropped = read_table_if_there(new / "dropped" / "clean.parquet", DROPPED)
    copies = set(dropped["key"][dropped["reason"].isin(COPIES)])
    decided = read_decisions(new, side.keys).rows.set_index("key")
    members, forgotten = read_roster(new).keys, read_forgotten(new).photos
    own = np.array(side.members)[side.labels]

    def stays(key: str, member: str) -> bool:
        if key in decided.index:
            line = decided.loc[key]
            if line["decision"] == REJECT or line["member"] not in ("", member):
                return False
        return member in members and key not in copies and raw_key(key) not in forgotten

    kept = ~np.isin(side.keys, learnt["key"].to_numpy(str))
    kept &= ~np.isin(side.groups, learnt["duplicate_group"].to_numpy(str))
    kept &= np.array([stays(key, member) for key, member in zip(side.keys, own, strict=True)], bool)
    return _only(side, kept)


def _only(side: Side, kept: Bools) -> Side:
    return replace(
        side, vectors=side.vectors[kept], labels=side.labels[kept], groups=side.groups[kept], keys=side.keys[kept],
        crops=side.crops[kept],
    )  # fmt: skip


def _embedded_anew(side: Side, new: Path) -> tuple[Side, Side]:
    """The faces that the other embedder has seen too, with the vectors of each."""
    faces, vectors = read_all_vectors(new)
    row = {key: index for index, key in enumerate(faces["key"])}
    both = _only(side, np.array([key in row for key in side.keys], bool))
    return both, replace(both, vectors=vectors[[row[key] for key in both.keys]])


def _answers(model: Model, side: Side) -> dict[str, Bools]:
    """What the model does well, face by face; each face is asked about once more with its member left out."""
    vectors = side.seen_by(model.classifier).vectors
    column = {member: index for index, member in enumerate(model.members)}
    own = np.array([column.get(side.members[label], -1) for label in side.labels], np.int64)
    known = own >= 0
    taken = np.zeros((len(own), len(model.members)), bool)
    taken[known, own[known]] = True
    confidence = model.predict(vectors)
    believed = confidence.max(axis=1) >= THRESHOLD
    right = confidence.argmax(axis=1) == own
    stranger = np.zeros(len(own), bool)
    if len(model.members) > 1:
        stranger = model.predict(vectors, taken).max(axis=1) >= THRESHOLD
    return {"named right": believed & right, "not named wrong": ~(believed & ~right), STRANGERS: ~stranger}
