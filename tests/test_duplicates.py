"""Near hashes, and which pictures are copies of one photo."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import draw
from PIL import Image, ImageEnhance

from pipeline.duplicates import MAX_DISTANCE, find_copies, groups, near_pairs, perceptual_hash, thumbnail


def crowded_hashes(count: int) -> np.ndarray:
    """Hashes close to a few centres, so that every distance and many equal ones occur."""
    rng = np.random.default_rng(7)
    centres = rng.integers(0, 2**63, 20, dtype=np.uint64)
    flips = np.packbits(rng.random((count, 64)) < 0.04, axis=1).view(np.uint64)[:, 0]
    return centres[rng.integers(0, 20, count)] ^ flips


@pytest.mark.parametrize("distance", range(MAX_DISTANCE + 1))
def test_near_pairs_are_those_that_comparing_all_finds(distance: int) -> None:
    hashes = crowded_hashes(800)
    first = {int(value): index for index, value in reversed(list(enumerate(hashes)))}
    unique = sorted(first.values())
    near = np.bitwise_count(hashes[unique][:, None] ^ hashes[unique]) <= distance
    expected = {(unique[i], unique[j]) for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True)}
    expected |= {(first[int(value)], i) for i, value in enumerate(hashes) if first[int(value)] != i}
    pairs = [tuple(pair) for pair in near_pairs(hashes, distance).tolist()]
    assert len(expected) > 5
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected


def test_thousands_of_equal_hashes_stay_thousands_of_pairs() -> None:
    hashes = np.concatenate([np.full(5000, 42), [43, 2**40]]).astype(np.uint64)
    pairs = near_pairs(hashes, 7)
    assert len(pairs) == 4999 + 3
    assert set(groups(len(hashes), pairs)) == {0}


def test_copies_planted_among_many_are_found() -> None:
    hashes = np.random.default_rng(3).integers(0, 2**63, 40_000, dtype=np.uint64)
    hashes[20_000:20_500] = hashes[:500] ^ np.uint64(0b1010000000000001000000000000000000000001000000000000000000000001)
    pairs = {tuple(pair) for pair in near_pairs(hashes, 7).tolist()}
    assert {(index, index + 20_000) for index in range(500)} <= pairs
    assert len(pairs) < 510


@pytest.mark.parametrize("count", [0, 1])
def test_few_hashes_have_no_pairs(count: int) -> None:
    assert near_pairs(np.zeros(count, np.uint64), 7).shape == (0, 2)
    assert groups(count, np.empty((0, 2), np.int64)).shape == (count,)
    copies = find_copies(np.zeros(count, np.uint64), np.zeros((count, 16, 16, 3), np.uint8), 7)
    assert copies.keeper.tolist() == list(range(count))


def test_groups_join_what_is_linked() -> None:
    labels = groups(6, np.array([[0, 3], [3, 5], [1, 2]]))
    assert labels[0] == labels[3] == labels[5]
    assert labels[1] == labels[2]
    assert len(set(labels)) == 3


def copies_of(pictures: list[Image.Image]) -> tuple[list[int], list[int]]:
    arrays = [np.array(picture.convert("RGB")) for picture in pictures]
    hashes = np.array([perceptual_hash(rgb) for rgb in arrays], np.uint64)
    found = find_copies(hashes, np.stack([thumbnail(rgb) for rgb in arrays]), 7)
    return found.keeper.tolist(), found.photo.tolist()


COPIES = {
    "smaller": lambda photo: photo.resize((160, 120)),
    "squeezed": lambda photo: photo.resize((300, 240)),
    "darker": lambda photo: ImageEnhance.Brightness(photo).enhance(0.7),
    "grey": lambda photo: photo.convert("L"),
    "trimmed": lambda photo: photo.crop((3, 2, 318, 238)),
    "marked": lambda photo: (photo.paste((128, 128, 128), (290, 230, 320, 240)), photo)[1],
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_changed_copy_is_found_and_other_photos_are_not(change: object) -> None:
    photos = [draw(seed) for seed in range(6)]
    keeper, photo = copies_of([*photos, change(photos[2].copy())])  # type: ignore[operator]
    assert keeper == [0, 1, 2, 3, 4, 5, 2]
    assert photo[6] == photo[2]
    assert len(set(photo)) == 6


def test_flat_pictures_of_different_colours_are_different() -> None:
    flat = [Image.new("RGB", (200, 200), colour) for colour in ("red", "blue", "white", "#fefefe", "black")]
    assert copies_of(flat)[0] == [0, 1, 2, 2, 4]


def test_only_a_copy_of_a_kept_picture_is_dropped() -> None:
    same = np.zeros((3, 16, 16, 3), np.uint8)
    chain = np.array([0b0, 0b1111111, 0b1111111_1111111], np.uint64)  # the ends are 14 bits apart
    copies = find_copies(chain, same, 7)
    assert copies.keeper.tolist() == [0, 0, 2]
    assert len(set(copies.photo)) == 1


def test_thousands_of_equal_pictures_are_one() -> None:
    copies = find_copies(np.zeros(5000, np.uint64), np.zeros((5000, 16, 16, 3), np.uint8), 7)
    assert set(copies.keeper) == {0}
    assert set(copies.photo) == {copies.photo[0]}
