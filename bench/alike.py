"""Measures how alike photos of two people get: what share of the pairs would be taken for one person.

    python bench/alike.py data/*/embeddings.parquet

Pairs are those of one file, of photos of two members. Where curated.parquet stands beside a file only the photos in it
count, since a photo under a wrong name makes pairs of one person. Photos of two files are not compared: a member may be
in two groups.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pipeline.records import CURATED
from pipeline.tables import read_table, read_vectors
from pipeline.video.link import LINKED

LIMITS = (0.5, 0.55, 0.6, 0.65)


def main(files: list[Path]) -> None:
    cosines = np.concatenate([strangers(path) for path in files])
    print(f"{len(cosines)} pairs of photos of two people, the most alike {cosines.max():.3f}")
    for limit in sorted({*LIMITS, LINKED}):
        above = int((cosines >= limit).sum())
        print(f"at least {limit:.2f} alike: {above:6} pairs, {above / len(cosines):.6%}")


def strangers(path: Path) -> np.ndarray:
    """The cosine of every pair of photos of two people, (pairs,)."""
    rows, vectors = read_vectors(path)
    curated = path.with_name("curated.parquet")
    kept = rows["key"].isin(read_table(curated, CURATED)["key"] if curated.is_file() else rows["key"]).to_numpy()
    member = rows["member"].to_numpy(object)[kept]
    first, second = np.triu_indices(len(member), 1)
    return (vectors[kept] @ vectors[kept].T)[first, second][member[first] != member[second]]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main([Path(name) for name in sys.argv[1:]])
