"""review.csv while people review: appended to, one line per decision, and read again when somebody else wrote to it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.decisions import CLEAR, COLUMNS, decisions_locked, decisions_path, read_decisions, start_decisions


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided on a face last: ACCEPT or REJECT, and the member it was given, '' for the one it was under."""

    decision: str
    member: str


@dataclass(frozen=True, slots=True)
class Known:
    """The decisions in force by key, in the order of the file, and what is to be said of lines about no face."""

    decided: dict[str, Decided] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()


class Journal:
    """The decisions on the group in folder `data`. Threads and processes may write at once: one line at a time."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._read: tuple[object, Collection[str], Known] = (None, (), Known())

    def known(self, keys: Collection[str]) -> Known:
        """What the file says of the faces with these keys; DatasetError when a line of it is bad."""
        path = decisions_path(self._data)
        stat = path.stat() if path.is_file() else None
        mark = stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        last_mark, last_keys, last = self._read
        if last_mark == mark and last_keys is keys:
            return last
        found = read_decisions(self._data, keys)
        rows = found.rows.itertuples(index=False)
        known = Known({row.key: Decided(row.decision, row.member) for row in rows}, found.unmatched)
        self._read = (mark, keys, known)
        return known

    def append(self, key: str, decision: str, member: str, keys: Collection[str]) -> Decided | None:
        """Write one line and wait until it is on the disk; what was decided before, None if nothing was.

        DatasetError when the file has a bad line, which a person has to mend first.
        """
        with decisions_locked(self._data):
            start_decisions(self._data)
            before = self.known(keys).decided.get(key)
            if decision != CLEAR or before:
                _append(decisions_path(self._data), {"key": key, "decision": decision, "member": member})
        return before


def _append(path: Path, row: dict[str, str]) -> None:
    """One line in the columns that the file has, in a single write, on a line of its own."""
    with path.open("r+b") as handle:
        head = handle.readline().decode("utf-8-sig")
        line = io.StringIO()
        columns = next(csv.reader([head]), list(COLUMNS))
        csv.DictWriter(line, columns, lineterminator="\n").writerow(row)
        end = handle.seek(0, os.SEEK_END)
        handle.seek(end - 1)
        broken_off = handle.read(1) != b"\n"  # by a person's editor, or by a computer that lost its power
        handle.write((b"\n" if broken_off else b"") + line.getvalue().encode())
        handle.flush()
        os.fsync(handle.fileno())
