"""Copies of one photo among many, found by perceptual hash in far less than quadratic time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.records import Float32, Ints, Rgb

MAX_DISTANCE: Final = 7  # as params.py allows: with four bands of 16 bits, some band then differs in one bit at most
THUMBNAIL_PX: Final = 16
MIN_CORRELATION: Final = 0.8  # of the thumbnails' grey; copies that were graded or cropped a little stay above 0.83
MAX_RMS: Final = 6.0  # of the thumbnails' colours, 0 to 255; what remains to tell flat pictures apart

_BANDS: Final = 4
_BAND_BITS: Final = 16
_CHUNK_PAIRS: Final = 1 << 21
_CHUNK_ROWS: Final = 16  # so few that BLAS starts no threads, which on a busy machine wait for each other
_MIN_CONTRAST: Final = 8.0  # grey levels; below it a picture has no pattern that could correlate

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Copies:
    """What `find_copies` found, for each of n pictures.

    keeper (n,): index of the picture to keep in its place, its own when it is to be kept. photo (n,): a label that all
    copies of one photo share.
    """

    keeper: Ints
    photo: Ints


def perceptual_hash(rgb: Rgb) -> int:
    """64 bits that change little when the picture (h, w, 3) uint8 is resized, recompressed or slightly retouched."""
    bits = imagehash.phash(Image.fromarray(rgb)).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def thumbnail(rgb: Rgb) -> Rgb:
    """The whole picture (h, w, 3) uint8 squeezed to (THUMBNAIL_PX, THUMBNAIL_PX, 3)."""
    return np.array(Image.fromarray(rgb).resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX))


def find_copies(hashes: Hashes, thumbnails: Rgb, distance: int) -> Copies:
    """Which of n pictures, ordered best first, are copies of one photo.

    Two are when their hashes (n,) differ in at most `distance` bits and their thumbnails (n, px, px, 3) look alike: the
    hash alone says the same of most flat pictures. A picture is kept unless it is a copy of a better one that is kept.
    """
    count = len(hashes)
    first = _first_alike(hashes, thumbnails)
    looks = np.unique(first)
    pairs = looks[_verified_pairs(hashes[looks], thumbnails[looks], distance)]
    keeper = np.arange(count)
    better, start = np.unique(pairs[:, 0], return_index=True)
    for best, worse in zip(better, np.split(pairs[:, 1], start[1:]), strict=False):
        if keeper[best] == best:  # in order, so that this is settled
            keeper[worse[keeper[worse] == worse]] = best
    same = np.stack([first, np.arange(count)], axis=1)
    return Copies(keeper[first], groups(count, np.concatenate([pairs, same])))


def near_pairs(hashes: Hashes, distance: int) -> Ints:
    """Index pairs (k, 2) of hashes (n,) uint64 that differ in at most `distance` bits, 0 to 7.

    Every pair of different hashes appears once, as their first indices; further copies of a hash are each paired with
    its first only, so that thousands of equal hashes stay thousands of pairs.
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    everyone = np.arange(len(hashes))
    copies = first[inverse] != everyone
    same = np.stack([first[inverse][copies], everyone[copies]], axis=1)
    found = [first[pairs] for pairs in _different_pairs(unique, distance)]
    pairs = np.sort(np.concatenate([same, *found]), axis=1).astype(np.int64)
    unique_pairs: Ints = np.unique(pairs, axis=0)
    return unique_pairs


def groups(count: int, pairs: Ints) -> Ints:
    """Labels (count,) of the connected components that the index pairs (k, 2) make."""
    from scipy.sparse import coo_array  # a tenth of a second, which labelling a video need not wait for
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels: Ints = connected_components(links, directed=False)[1].astype(np.int64)
    return labels


def _first_alike(hashes: Hashes, thumbnails: Rgb) -> Ints:
    """For each picture the index of the first with the very same hash and thumbnail."""
    first: dict[tuple[int, bytes], int] = {}
    looks = zip(hashes.tolist(), thumbnails, strict=True)
    return np.array(
        [first.setdefault((phash, look.tobytes()), index) for index, (phash, look) in enumerate(looks)], int
    )


def _verified_pairs(hashes: Hashes, thumbnails: Rgb, distance: int) -> Ints:
    """All index pairs (k, 2), smaller first and in their order, that are near by hash and alike by thumbnail."""
    block_of = groups(len(hashes), near_pairs(hashes, distance))
    order = np.argsort(block_of, kind="stable")
    order = order[np.bincount(block_of, minlength=1)[block_of[order]] > 1]
    block_of = block_of[order]
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(order), _CHUNK_ROWS):
        rows = order[start : start + _CHUNK_ROWS]
        # All of the blocks that these rows belong to; rows of different blocks are never near.
        first, last = block_of[start], block_of[start + len(rows) - 1]
        block = order[np.searchsorted(block_of, first) : np.searchsorted(block_of, last, side="right")]
        near = np.bitwise_count(hashes[rows][:, None] ^ hashes[block]) <= distance
        left, right = np.nonzero(near & _alike(thumbnails[rows], thumbnails[block]))
        found.append(np.stack([rows[left], block[right]], axis=1))
    pairs = np.concatenate(found)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _alike(left: Rgb, right: Rgb) -> npt.NDArray[np.bool_]:
    """Whether thumbnails (a, px, px, 3) and (b, px, px, 3) look alike, as (a, b)."""
    correlation: Float32 = _pattern(left) @ _pattern(right).T
    a, b = (side.reshape(len(side), -1).astype(np.float32) for side in (left, right))
    square = ((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)) / a.shape[1]
    return np.logical_or(correlation >= MIN_CORRELATION, square <= MAX_RMS**2)


def _pattern(thumbnails: Rgb) -> Float32:
    """Thumbnails as grey vectors of mean 0 and length 1, shorter where there is hardly any contrast."""
    grey = thumbnails.reshape(len(thumbnails), -1, 3).mean(axis=2, dtype=np.float32)
    grey -= grey.mean(axis=1, keepdims=True)
    scale = np.maximum(grey.std(axis=1, keepdims=True), _MIN_CONTRAST) * np.sqrt(grey.shape[1])
    return np.asarray(grey / scale, np.float32)


def _different_pairs(hashes: Hashes, distance: int) -> Iterator[Ints]:
    """Pairs (k, 2) of sorted, unique hashes within `distance`, band by band; a pair may come more than once."""
    flips = [0] + [1 << bit for bit in range(_BAND_BITS)] if distance >= _BANDS else [0]
    for shift in range(0, _BANDS * _BAND_BITS, _BAND_BITS):
        band = ((hashes >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(band, kind="stable")
        begin = np.concatenate(
            [[0], np.cumsum(np.bincount(band, minlength=1 << _BAND_BITS))]
        )  # of each value, in order
        for flip in flips:
            rows = np.flatnonzero(band & flip == 0)  # a pair that differs in this bit is met from one side only
            other = band[rows] ^ flip
            for row, place in _expanded(begin[other], begin[other + 1]):
                left, right = rows[row], order[place]
                near = np.bitwise_count(hashes[left] ^ hashes[right]) <= distance
                if not flip:
                    near &= left < right
                yield np.stack([left[near], right[near]], axis=1)


def _expanded(start: Ints, stop: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Row i once for each of its places start[i]:stop[i], in chunks that bound the memory."""
    count = stop - start
    total = np.concatenate([[0], np.cumsum(count)])
    row = 0
    while row < len(count):
        last = max(row + 1, int(np.searchsorted(total, total[row] + _CHUNK_PAIRS, side="right")) - 1)
        rows = np.repeat(np.arange(row, last), count[row:last])
        yield rows, np.arange(total[row], total[last]) - np.repeat(total[row:last] - start[row:last], count[row:last])
        row = last
