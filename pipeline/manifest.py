"""data/<group>/raw/: one row per photo as it came in, and where it came from; and what came in but was not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.records import DROPPED, MANIFEST
from pipeline.tables import read_table_if_there

MANIFEST_FILE: Final = "manifest.parquet"
DROPPED_FILE: Final = "dropped.parquet"


def read_manifest(raw: Path) -> pd.DataFrame:
    """The rows of raw/manifest.parquet; none when there is no manifest yet."""
    return read_table_if_there(raw / MANIFEST_FILE, MANIFEST)


def read_not_kept(raw: Path) -> pd.DataFrame:
    """The rows (DROPPED) of raw/dropped.parquet: files that held nothing that was not there already."""
    return read_table_if_there(raw / DROPPED_FILE, DROPPED)
