"""data/<group>/forgotten.csv: hashes of photos and members that were forgotten and shall not come back.

Read it before anything is stored: `key in read_forgotten(data).photos`. Keys and names themselves do not stand in it.
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
    """The forgotten photos, by the SHA-256 of their file, and the forgotten members, by their key."""

    photos: Hashed = field(default_factory=Hashed)
    members: Hashed = field(default_factory=Hashed)


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
    if rows[:1] != [list(COLUMNS)] or not shapes <= {(PHOTO, 2), (MEMBER, 2)}:
        raise DatasetError(f"{path} is not lines of {','.join(COLUMNS)}: take it back from git")
    of_kind = {kind: frozenset(row[1] for row in rows[1:] if row and row[0] == kind) for kind in (PHOTO, MEMBER)}
    return Forgotten(Hashed(of_kind[PHOTO]), Hashed(of_kind[MEMBER]))


def remember(data: Path, photos: Iterable[str], members: Iterable[str] = ()) -> None:
    """Add the hashes of these keys to the file, which is written whole and sorted."""
    known = read_forgotten(data)
    rows = {(PHOTO, one) for one in known.photos.hashes | {digest(key) for key in photos}}
    rows |= {(MEMBER, one) for one in known.members.hashes | {digest(key) for key in members}}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(rows)])
    write_text(data / FORGOTTEN_FILE, text.getvalue())
