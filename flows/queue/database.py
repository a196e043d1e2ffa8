"""Database: one SQLite file that any number of processes of one machine use at once.

Every change is one short transaction that begins by taking the right to write, so that two workers never get one job.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from pipeline.errors import LineupError

PATH: Final = Path("cache") / "queue.sqlite"
VERSION: Final = 1
BUSY_S: Final = 30.0  # how long one process waits for another's transaction

# Paths are bytes, as the system holds them: a file's name need not be text.
SCHEMA: Final = """
CREATE TABLE jobs(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  video BLOB NOT NULL,
  video_sha256 TEXT NOT NULL,
  model TEXT NOT NULL,
  wishes TEXT NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before REAL NOT NULL DEFAULT 0,
  lease TEXT NOT NULL DEFAULT '',
  lease_until REAL NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '',
  progress TEXT NOT NULL DEFAULT '{}',
  folder BLOB,
  reason TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL DEFAULT '',
  seconds REAL NOT NULL DEFAULT 0,
  warnings TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX turn ON jobs(state, priority DESC, number);
CREATE TABLE hashes(path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE watches(
  number INTEGER PRIMARY KEY,
  folder BLOB NOT NULL,
  wishes TEXT NOT NULL,
  priority INTEGER NOT NULL,
  UNIQUE(folder, wishes)
);
CREATE TABLE taken(
  watch INTEGER NOT NULL,
  path BLOB NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  PRIMARY KEY(watch, path)
);
"""


class QueueError(LineupError):
    """The queue cannot be used, or holds no such job."""


class OutOfReachError(QueueError):
    """The queue is well, but cannot be read or written at the moment."""


class Database:
    """The file at `path`, made if it is not there; may be shared between threads.

    All raise OutOfReachError when another process holds it for more than BUSY_S, the disk is full or must not be
    written, and QueueError when it is no queue.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.Lock()
        with self._in_words():
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._connection.row_factory = sqlite3.Row
            self.rows("PRAGMA journal_mode=WAL")
            self.rows("PRAGMA synchronous=NORMAL")  # a power cut may cost the last change, never the file
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, sql: str, values: Mapping[str, Any] | tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """The rows that a query finds."""
        with self._lock, self._in_words():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection with the right to write; what was changed stays only when the block succeeds."""
        with self._lock, self._in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def purging(self) -> Iterator[sqlite3.Connection]:
        """Like writing(), but no byte stays of what the block removes."""
        self.rows("PRAGMA secure_delete=ON")
        with self.writing() as connection:
            yield connection
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")  # the log beside the file has it too

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OutOfReachError(
                f"{self._path} is out of reach ({error}): run the same again when nothing else holds it, "
                "and its disk has room and may be written"
            ) from None
        except sqlite3.DatabaseError as error:
            raise QueueError(
                f"{self._path} cannot be used as the queue ({error}): move it away to begin anew"
            ) from None

    def _prepare(self) -> None:
        """Make the tables if nobody has; who only looks takes no right to write."""
        if self._version() == 0:
            with self.writing() as connection:
                if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in SCHEMA.split(";"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version={VERSION}")
        if (version := self._version()) != VERSION:
            raise QueueError(
                f"{self._path} was made by another version of Lineup, {version}: move it away to begin anew"
            )

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])
