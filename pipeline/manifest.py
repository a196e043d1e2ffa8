"""data/<group>/raw/manifest.parquet: one row per photo as it came in, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.records import MANIFEST
from pipeline.tables import read_table

MANIFEST_FILE: Final = "manifest.parquet"


def read_manifest(raw: Path) -> pd.DataFrame:
    """The rows of raw/manifest.parquet; none when there is no manifest yet."""
    path = raw / MANIFEST_FILE
    return read_table(path, MANIFEST) if path.is_file() else MANIFEST.empty_table().to_pandas()
