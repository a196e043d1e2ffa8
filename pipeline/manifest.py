"""data/<group>/raw/: one row per photo as it came in and where from; what was not kept; what crawls fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.records import DROPPED, FETCHES, MANIFEST
from pipeline.tables import read_table_if_there

MANIFEST_FILE: Final = "manifest.parquet"
DROPPED_FILE: Final = "dropped.parquet"
FETCHES_FILE: Final = "fetches.parquet"


def read_manifest(raw: Path) -> pd.DataFrame:
    """The rows of raw/manifest.parquet; none when there is no manifest yet."""
    return read_table_if_there(raw / MANIFEST_FILE, MANIFEST)


def read_not_kept(raw: Path) -> pd.DataFrame:
    """The rows (DROPPED) of raw/dropped.parquet: files that held nothing that was not there already."""
    return read_table_if_there(raw / DROPPED_FILE, DROPPED)


def read_fetches(raw: Path) -> pd.DataFrame:
    """The rows (FETCHES) of raw/fetches.parquet: what crawls fetched and tried to fetch, and what came of it."""
    return read_table_if_there(raw / FETCHES_FILE, FETCHES)
