"""thumbnails/<number>.jpg: each member's best face, numbered as in the roster since names make no safe paths."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.roster import Roster

FOLDER: Final = "thumbnails"


def write_thumbnails(folder: Path, faces: pd.DataFrame, samples: pd.DataFrame, roster: Roster) -> None:
    """Write the best of `samples` (track, quality, crop_jpeg) of each member that `faces` (LABELLED_FACES) shows.

    The best is good and surely the member's: quality times confidence.
    """
    (folder / FOLDER).mkdir()
    tracks = faces.drop_duplicates("track").set_index("track")[["member", "confidence"]]
    candidates = samples[samples["crop_jpeg"] != b""].join(tracks, on="track", how="inner")
    candidates = candidates.assign(worth=candidates["quality"] * candidates["confidence"])
    best = candidates.sort_values("worth", kind="stable").drop_duplicates("member", keep="last").set_index("member")
    for number, key in enumerate(roster.keys, start=1):
        if key in best.index:
            (folder / FOLDER / f"{number}.jpg").write_bytes(best.loc[key, "crop_jpeg"])


def thumbnail_of(folder: Path, number: int) -> str:
    """The path in `folder` of the thumbnail of the roster's member `number`, from 1; '' when there is none."""
    path = f"{FOLDER}/{number}.jpg"
    return path if (folder / path).is_file() else ""
