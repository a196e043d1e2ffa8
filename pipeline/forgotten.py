"""data/<group>/forgotten.csv: hashes of photos, their addresses and members that were forgotten, for good.

Read it before anything is asked for or stored: `key in read_forgotten(data).photos`. Keys, addresses and names
themselves do not stand in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline.errors import DatasetError
from pipeline.files import write_text

FORGOTTEN_FILE: Final = "forgotten.csv"
COLUMNS: Final = ("kind", "sha256")
PHOTO: Final = "photo"
MEMBER: Final = "member"
ADDRESS: Final = "address"
KINDS: Final = (PHOTO, MEMBER, ADDRESS)


@dataclass(frozen=True, slots=True)
class Hashed:
    """A set of words of which only the hashes are known: `word in hashed` tells whether it is one of them."""

    hashes: frozenset[str] = frozenset()

    def __contains__(self, word: str) -> bool:
        return digest(word) in self.hashes

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The forgotten photos, by the SHA-256 of their file, the members, by their key, and the URLs that photos had."""

    photos: Hashed = field(default_factory=Hashed)
    members: Hashed = field(default_factory=Hashed)
    addresses: Hashed = field(default_factory=Hashed)


def how_to_undo(member: str) -> str:
    """What to say when a member is left out since they were forgotten."""
    return f"left out, forgotten; take the line {MEMBER},{digest(member)} out of {FORGOTTEN_FILE} to undo"


def digest(word: str) -> str:
    """What stands in the file for `word`; a key is a hash already, and is hashed again so that it is not found."""
    return sha256(f"lineup forgot {word}".encode()).hexdigest()


def read_forgotten(data: Path) -> Forgotten:
    """What the group in folder `data` has forgotten; nothing when there is no file. DatasetError when it is damaged."""
    path = data / FORGOTTEN_FILE
    if not path.is_file():
        return Forgotten()
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} is not a table in UTF-8: {error}; take it back from git") from None
    shapes = {(row[0], len(row)) for row in rows[1:] if row}
    if rows[:1] != [list(COLUMNS)] or not shapes <= {(kind, 2) for kind in KINDS}:
        raise DatasetError(f"{path} is not lines of {','.join(COLUMNS)}: take it back from git")
    return Forgotten(*(Hashed(frozenset(row[1] for row in rows[1:] if row and row[0] == kind)) for kind in KINDS))


def remember(data: Path, photos: Iterable[str], members: Iterable[str] = (), addresses: Iterable[str] = ()) -> None:
    """Add the hashes of these keys and addresses to the file, which is written whole and sorted."""
    known = read_forgotten(data)
    kinds = zip(KINDS, (known.photos, known.members, known.addresses), (photos, members, addresses), strict=True)
    rows = {(kind, one) for kind, before, words in kinds for one in before.hashes | {digest(word) for word in words}}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(rows)])
    write_text(data / FORGOTTEN_FILE, text.getvalue())
