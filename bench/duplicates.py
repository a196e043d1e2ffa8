"""Measures how long near-duplicates take to be found, and whether imagededup finds others.

    python bench/duplicates.py [PHOTOS]

Prints the seconds for 10,000 and for 100,000 hashes, a fifth of them copies. With PHOTOS, a folder of pictures at any
depth, it compares the pairs in them with those of imagededup's PHash (`pip install imagededup`; it is no part of this
project) for the same pictures and the same number of bits: the time to compare, and the pairs that only one finds.
"""

from __future__ import annotations

import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np

from pipeline.duplicates import MAX_DISTANCE, THUMBNAIL_PX, find_copies, near_pairs, perceptual_hash, thumbnail
from pipeline.errors import LineupError
from pipeline.images import read_small
from pipeline.progress import track

SIDE_PX = 1600
CHANGED_BITS = 4


def main(photos: Path | None) -> None:
    print(f"{'hashes':>8} {'near by hash':>14} {'with thumbnails':>16} {'copies':>8}")
    for count in (10_000, 100_000):
        hashes, thumbnails = drawn(count)
        near_s, _ = timed(near_pairs, hashes, MAX_DISTANCE)
        all_s, copies = timed(find_copies, hashes, thumbnails, MAX_DISTANCE)
        found = int((copies.keeper != np.arange(count)).sum())
        print(f"{count:8} {near_s:12.2f} s {all_s:14.2f} s {found:8}")
    if photos:
        compare(photos)


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes (n,) and thumbnails drawn by lot, the last fifth copies of others with a few bits changed."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    thumbnails = rng.integers(0, 256, (count, THUMBNAIL_PX, THUMBNAIL_PX, 3), dtype=np.uint8)
    copies = count // 5
    of = rng.integers(0, count - copies, copies)
    hashes[-copies:], thumbnails[-copies:] = hashes[of], thumbnails[of]
    for _ in range(CHANGED_BITS):
        hashes[-copies:] ^= np.uint64(1) << rng.integers(0, 64, copies, dtype=np.uint64)
    return hashes, thumbnails


def timed(function, *arguments):
    started = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - started, result


def compare(photos: Path) -> None:
    pictures = {}
    for path in track(sorted(path for path in photos.rglob("*") if path.is_file()), "pictures"):
        try:
            pictures[str(path.relative_to(photos))] = read_small(path, SIDE_PX)
        except LineupError:
            continue
    names = list(pictures)
    hashes = np.array([perceptual_hash(rgb) for rgb in pictures.values()], np.uint64)
    thumbnails = np.stack([thumbnail(rgb) for rgb in pictures.values()])
    ours_s, copies = timed(find_copies, hashes, thumbnails, MAX_DISTANCE)
    ours = {pair for same in alike(copies.photo, names) for pair in combinations(sorted(same), 2)}
    print(f"\n{len(names)} pictures: {len(ours)} pairs of copies in {ours_s:.3f} s")
    try:
        from imagededup.methods import PHash
    except ImportError as error:
        print(f"not compared with imagededup: {error}", file=sys.stderr)
        return
    hasher = PHash(verbose=False)
    theirs_of = {name: hasher.encode_image(image_array=rgb) for name, rgb in pictures.items()}
    their_s, found = timed(lambda: hasher.find_duplicates(encoding_map=theirs_of, max_distance_threshold=MAX_DISTANCE))
    theirs = {tuple(sorted((name, other))) for name, others in found.items() for other in others}
    print(f"imagededup: {len(theirs)} pairs in {their_s:.3f} s, {their_s / ours_s:.1f} times as long")
    for what, pairs in (("only here", ours - theirs), ("only imagededup", theirs - ours)):
        print(f"{what}: {len(pairs)}", *(f"    {one}  {other}" for one, other in sorted(pairs)), sep="\n")


def alike(labels: np.ndarray, names: list[str]) -> list[list[str]]:
    """The names under each label."""
    return [[names[index] for index in np.flatnonzero(labels == label)] for label in np.unique(labels)]


if __name__ == "__main__":
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
