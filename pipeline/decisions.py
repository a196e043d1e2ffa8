"""data/<group>/review.csv: what a person decided about faces, one line each; the last line on a face counts.

A key with `@` in it is that of an unlabelled face, of a picture with several: accepted, it joins the member named.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

import pandas as pd
from filelock import FileLock

from pipeline.errors import DatasetError
from pipeline.files import write_text
from pipeline.keys import is_unlabelled, raw_key
from pipeline.records import SHORT_KEY
from pipeline.roster import read_roster

ACCEPT: Final = "accept"
REJECT: Final = "reject"
CLEAR: Final = "clear"
COLUMNS: Final = ("key", "decision", "member")
MOST_TOLD: Final = 20  # bad lines
LOCK_FILE: Final = ".review.lock"


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the file says of faces that are there, and of others.

    `rows` (COLUMNS): the last decision per face, its whole key, ACCEPT or REJECT, and the member, '' to leave it as it
    is; no row of a face whose last line is CLEAR. `unmatched`: what is to be said of each line about no face.
    """

    rows: pd.DataFrame
    unmatched: tuple[str, ...]


def decisions_path(data: Path) -> Path:
    """Where the decisions on the group in folder `data` stand."""
    return data / "review.csv"


def start_decisions(data: Path) -> None:
    """Make the file, without a decision, if it is not there."""
    if not decisions_path(data).exists():
        write_text(decisions_path(data), ",".join(COLUMNS) + "\n")


def decisions_locked(data: Path) -> FileLock:
    """A lock on the file, for as long as a `with` block writes to it; others that write wait."""
    return FileLock(data / LOCK_FILE)


def drop_lines(data: Path, gone: Callable[[Mapping[str, str]], bool], dry_run: bool = False) -> int:
    """Take the lines for which `gone` says so, given their fields by column, out of the file; how many there are.

    All other lines stay as they are; nothing is written when there are none, or on a `dry_run`.
    """
    path = decisions_path(data)
    if not path.is_file():
        return 0
    with decisions_locked(data):
        try:
            head, *lines = list(io.StringIO(path.read_bytes().decode("utf-8"), newline="")) or [""]
            names = next(csv.reader([head.removeprefix("\ufeff")]), [])
            kept = [line for line in lines if not gone(_fields(names, line))]
        except (csv.Error, UnicodeDecodeError) as error:
            raise _no_table(path, error) from None
        if len(kept) < len(lines) and not dry_run:
            write_text(path, head + "".join(kept))
    return len(lines) - len(kept)


def read_decisions(data: Path, keys: Iterable[str]) -> Decisions:
    """The decisions on the faces with these `keys`, which the file may shorten to SHORT_KEY characters or more.

    Raises DatasetError, with line number and reason for each bad line, when the file is not such a table.
    """
    path = decisions_path(data)
    rows, known = list(_rows(path)), sorted(keys)
    members = read_roster(data).keys if any(row["member"] for _, row in rows) else ()
    last: dict[str, dict[str, str]] = {}
    unmatched: dict[str, str] = {}  # of several lines on one the last counts here too
    wrong = []
    for number, row in rows:
        found = _found(row["key"], known)
        if fault := _fault(row, found, members):
            wrong.append(f"line {number}: {fault}")
        elif not found:
            unmatched.pop(row["key"], None)
            if row["decision"] != CLEAR:
                said = f"line {number}: {row['key']} is no face of this group, or clean or faces dropped it"
                unmatched[row["key"]] = said
        else:
            last.pop(found[0], None)
            if row["decision"] != CLEAR:
                last[found[0]] = row | {"key": found[0]}
    if wrong:
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise DatasetError(f"{path}: {'; '.join(wrong[:MOST_TOLD])}{more}")
    return Decisions(pd.DataFrame(list(last.values()), columns=list(COLUMNS), dtype=str), tuple(unmatched.values()))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and COLUMNS of every line that is not blank."""
    if not path.is_file():
        return
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
            raise DatasetError(f"{path} lacks the columns {', '.join(missing)}: its first line is {','.join(COLUMNS)}")
        for row in reader:
            if None in row:
                raise DatasetError(f"{path}: line {reader.line_num}: more fields than the first line has")
            yield reader.line_num, {name: (row[name] or "").strip() for name in COLUMNS}
    except (csv.Error, UnicodeDecodeError) as error:
        raise _no_table(path, error) from None


def _no_table(path: Path, error: Exception) -> DatasetError:
    return DatasetError(f"{path} is not a table of decisions in UTF-8: {error}")


def _fields(names: Sequence[str], line: str) -> dict[str, str]:
    fields = next(csv.reader([line]), [])
    return {name: (fields[place] if place < len(fields) else "").strip() for place, name in enumerate(names)}


def _found(key: str, known: list[str]) -> list[str]:
    """The keys that `key` may stand for: itself, or those that begin with it; `abc.2@1` is face 1 of its frame 2.

    Without `@` it is never an unlabelled face, so that a line on a photo outlives the finding of a second face in it.
    """
    photo, part = _parts(key)
    if not photo:
        return []
    at = bisect_left(known, key)
    if at < len(known) and known[at] == key:
        return [key]
    begin = takewhile(lambda other: other.startswith(photo), islice(known, bisect_left(known, photo), None))
    return [other for other in begin if _parts(other)[1] == part or not (part or is_unlabelled(other))]


def _parts(key: str) -> tuple[str, str]:
    """The photo's hash, and what stands behind it: `.2`, `@1`, `.2@1` or nothing."""
    photo = raw_key(key)
    return photo, key[len(photo) :]


def _fault(row: dict[str, str], found: list[str], members: tuple[str, ...]) -> str:
    if row["decision"] not in (ACCEPT, REJECT, CLEAR):
        return f"a decision is '{ACCEPT}', '{REJECT}' or '{CLEAR}', not {row['decision']!r}"
    if row["key"] not in found and len(raw_key(row["key"])) < SHORT_KEY:
        return f"the key {row['key']!r} has less than {SHORT_KEY} characters"
    if len(found) > 1:
        return f"{row['key']!r} may be any of {len(found)} faces: write more of {' or '.join(found[:3])}"
    if row["decision"] == ACCEPT and not row["member"] and is_unlabelled(row["key"]):
        return f"{row['key']!r} is a face of a picture with several: accept it with the member it shows"
    if row["member"] and row["member"] not in members:
        return f"{row['member']!r} is nobody's key in roster.yaml"
    return ""
