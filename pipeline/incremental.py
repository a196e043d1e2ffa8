"""What a stage need not do again: the rows of its last run, made the same way, and those of a run that was stopped."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from pipeline.errors import DatasetError
from pipeline.tables import read_metadata, read_table

FINGERPRINT: Final = "fingerprint"
SAVE_EVERY_S: Final = 5.0  # being killed costs at most this much work, or SAVING_SHARE of all if that is more
SAVING_SHARE: Final = 0.05  # of the time may go into saving


def fingerprint(*parts: Any) -> str:
    """A hash of everything that a row depends on besides its input: params, network hashes, the code's revision."""
    plain = [asdict(part) if is_dataclass(part) and not isinstance(part, type) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def earlier_rows(path: Path, schema: pa.Schema, made_by: str) -> pd.DataFrame:
    """The rows at `path` if they carry the fingerprint `made_by`; none of them otherwise."""
    [rows] = earlier_tables(path.parent, {path.name: schema}, made_by)
    return rows


def earlier_tables(folder: Path, schemas: Mapping[str, pa.Schema], made_by: str) -> list[pd.DataFrame]:
    """As `earlier_rows`, of several tables by file name; of none unless all are there, since they belong together."""
    try:
        if all(read_metadata(folder / name).get(FINGERPRINT) == made_by for name in schemas):
            return [read_table(folder / name, schema) for name, schema in schemas.items()]
    except DatasetError:
        pass  # a missing, damaged or older table is made anew
    return [schema.empty_table().to_pandas() for schema in schemas.values()]


@contextmanager
def saved_often(save: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Yield what is to be called after each item: it calls `save` every few seconds, or less often when that is slow.

    When all is done, or Ctrl-C is pressed, it is saved once more.
    """
    due = time.monotonic() + SAVE_EVERY_S

    def one_done() -> None:
        nonlocal due
        started = time.monotonic()
        if started >= due:
            save()
            now = time.monotonic()
            due = now + max(SAVE_EVERY_S, (now - started) / SAVING_SHARE)

    try:
        yield one_done
    except KeyboardInterrupt:
        save()
        raise
    save()
