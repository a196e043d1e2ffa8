"""Stage split: curated faces -> a training and a test side, by a hash of the duplicate group.

A photo keeps its side for ever, however many are added, and no near-duplicate of it crosses over.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from pipeline.params import Params, Split
from pipeline.records import CURATED, SPLIT
from pipeline.side import TEST, TRAIN
from pipeline.stage import run_stage
from pipeline.tables import read_table, write_table


def sides(faces: pd.DataFrame, params: Split) -> pd.Series:
    """'train' or 'test' for each row of `faces` (member, duplicate_group)."""
    share = faces["duplicate_group"].map(_share)
    side = share.lt(params.test_fraction).map({True: TEST, False: TRAIN})
    for _, rows in faces.groupby("member", sort=True):
        side.loc[_borrowed(rows, share, side, params.min_train)] = TRAIN
    return side


def main(data: Path, params: Params) -> None:
    """Read curated.parquet; write split.parquet."""
    faces = read_table(data / "curated.parquet", CURATED)
    write_table(data / "split.parquet", faces.assign(side=sides(faces, params.split)), SPLIT)


def _share(duplicate_group: str) -> float:
    """A number in 0..1 that depends on nothing but the group's key."""
    return int(hashlib.sha256(f"split {duplicate_group}".encode()).hexdigest()[:12], 16) / 16**12


def _borrowed(rows: pd.DataFrame, share: pd.Series, side: pd.Series, min_train: int) -> pd.Index:
    """Test faces of a member that has too few to learn from; those with the highest hashes go first."""
    lacking = min_train - int((side[rows.index] == TRAIN).sum())
    test = rows.index[side[rows.index] == TEST]
    if lacking <= 0 or not len(test):
        return test[:0]
    groups = share[test].sort_values(ascending=False)
    lowest_taken = groups.iloc[min(lacking, len(groups)) - 1]
    return groups.index[groups >= lowest_taken]


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
