"""data/<group>/raw/: one row per photo as it came in and where from; what was not kept; what crawls fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from pipeline.errors import DatasetError
from pipeline.files import held
from pipeline.layout import DROPPED_FILE, FETCHES_FILE, MANIFEST_FILE
from pipeline.records import DROPPED, FETCHES, MANIFEST
from pipeline.tables import read_table_if_there

LOCK_FILE: Final = ".raw.lock"


@contextmanager
def raw_locked(data: Path) -> Iterator[None]:
    """Hold raw/ of the group in folder `data` while the block changes it; who else does waits, and says so.

    Within such a block there may be another one.
    """
    with held(data / LOCK_FILE, f"waiting: another command is changing {data / 'raw'}"):
        yield


def read_manifest(raw: Path) -> pd.DataFrame:
    """The rows of raw/manifest.parquet; none when there is no manifest yet."""
    return _read(raw / MANIFEST_FILE, MANIFEST)


def read_not_kept(raw: Path) -> pd.DataFrame:
    """The rows (DROPPED) of raw/dropped.parquet: files that held nothing that was not there already."""
    return _read(raw / DROPPED_FILE, DROPPED)


def read_fetches(raw: Path) -> pd.DataFrame:
    """The rows (FETCHES) of raw/fetches.parquet: what crawls fetched and tried to fetch, and what came of it."""
    return _read(raw / FETCHES_FILE, FETCHES)


def _read(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """No stage makes these tables: what they say is nowhere else. Their paths stay inside of raw/."""
    remedy = f"'dvc checkout --force {path.as_posix()}' brings back the last one"
    rows = read_table_if_there(path, schema, remedy)
    if "path" in rows and (outside := [name for name in rows["path"] if Path(name).anchor or ".." in Path(name).parts]):
        raise DatasetError(f"{path}: {outside[0]!r} leads out of the folder: {remedy}")
    return rows
