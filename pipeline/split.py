"""Stage split: curated faces -> a training and a test side, by a hash of the duplicate group.

A photo keeps its side, however many are added, and no near-duplicate of it crosses over. Only while a member has so
few that the hash alone would leave it nothing to learn from or to be tested on, the lowest hashes step in.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.params import Params, Split
from pipeline.records import CURATED, SPLIT, TEST, TRAIN
from pipeline.stage import run_stage
from pipeline.tables import read_table, write_table
from pipeline.words import counted

STAGE: Final = "split"


def sides(faces: pd.DataFrame, params: Split) -> pd.Series:
    """'train' or 'test' for each row of `faces` (member, duplicate_group)."""
    side = pd.Series(TRAIN, faces.index, dtype=object)
    for _, rows in faces.groupby("member", sort=True):
        share = rows["duplicate_group"].map(_share)
        photos = share.drop_duplicates().sort_values()  # the lowest are the first to be tested on
        wanted = max(params.min_test, int((photos < params.test_fraction).sum()))
        count = min(wanted, max(0, len(photos) - params.min_train))
        side[rows.index[share.isin(photos.iloc[:count])]] = TEST
    # A person may have given frames of one animation to several members, who want it on different sides.
    learnt_from = side.eq(TRAIN).groupby(faces["duplicate_group"]).transform("any")
    return side.mask(learnt_from, TRAIN)


def main(data: Path, params: Params) -> None:
    """Read curated.parquet; write split.parquet."""
    faces = read_table(data / "curated.parquet", CURATED)
    side = sides(faces, params.split)
    write_table(data / "split.parquet", faces.assign(side=side), SPLIT)
    learnt_from, tested_on = (side == TRAIN).sum(), (side == TEST).sum()
    print(f"{STAGE}: {counted(len(faces), 'face')}: {learnt_from} to learn from, {tested_on} to be tested on")


def _share(duplicate_group: str) -> float:
    """A number in 0..1 that depends on nothing but the group's key."""
    return int(hashlib.sha256(f"split {duplicate_group}".encode()).hexdigest()[:12], 16) / 16**12


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
