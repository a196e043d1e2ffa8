"""Blur: nobody can be told any more, nothing else is touched, and it does not flicker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE

from pipeline.drawing.blur import EDGE, FULL, blur
from pipeline.images import read_still
from pipeline.models import Detector, Embedder
from pipeline.models.geometry import align

NOISE = np.random.default_rng(7).integers(0, 256, (360, 640), dtype=np.uint8)


def planes(kind: type = np.uint8) -> tuple[np.ndarray, ...]:
    return tuple(
        (part.astype(kind) * (257 if kind is np.uint16 else 1)) for part in (NOISE, NOISE[::2, ::2], NOISE[1::2, ::2])
    )


def distance(shape: tuple[int, int], box: tuple[float, ...], step: int) -> np.ndarray:
    """How far each pixel of a plane is from the box's centre, in half sides of the box."""
    y, x = ((np.arange(side) + 0.5) * step for side in shape)
    dx, dy = (x - (box[0] + box[2]) / 2) / (box[2] - box[0]) * 2, (y - (box[1] + box[3]) / 2) / (box[3] - box[1]) * 2
    return np.hypot(dx, dy[:, None])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "box", [(200, 100, 280, 220), (-20, -30, 60, 80), (590, 300, 660, 400), (301.3, 90.7, 322.1, 119.9)]
)
def test_only_the_face_is_touched_in_every_plane(box: tuple[float, ...], kind: type) -> None:
    blurred, plain = planes(kind), planes(kind)
    blur(blurred, list(box))
    for step, after, before in zip((1, 2, 2), blurred, plain, strict=True):
        far = distance(after.shape, box, step)
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after[far > EDGE], before[far > EDGE])
        inside = far < FULL
        assert after[inside].std() < before[inside].std() / 2.5


def test_the_whole_box_is_within_the_full_blur() -> None:
    box = (200, 100, 280, 220)
    assert distance((360, 640), box, 1)[100:220, 200:280].max() < FULL


@pytest.mark.parametrize(
    "box",
    [(np.nan,) * 4, (700, 400, 800, 500), (-300, -300, -200, -200), (50, 50, 50, 50), (90, 90, 20, 20)],
    ids=["not a number", "beyond", "before", "empty", "inverted"],
)
def test_a_box_without_a_face_does_no_harm(box: tuple[float, ...]) -> None:
    blurred = planes()
    blur(blurred, list(box))
    assert (blurred[0] != NOISE).mean() < 0.001


def test_a_face_that_moves_a_little_changes_little() -> None:
    one, two = planes(), planes()
    blur(one, [200, 100, 280, 220])
    blur(two, [200.6, 100.4, 280.6, 220.4])
    core = np.s_[120:200, 220:260]
    assert np.abs(one[0][core].astype(int) - two[0][core]).mean() < 4


def photos() -> list[Path]:
    return sorted((SAMPLE / "photos" / "mira").glob("img_*.jpg"))[:4]


@pytest.mark.parametrize("photo", photos(), ids=lambda path: path.stem)
def test_the_network_does_not_know_who_it_was(photo: Path, detector: Detector, embedder: Embedder) -> None:
    picture = read_still(photo)
    faces = detector.detect(picture, 0.5)[:1]
    blurred = picture.copy()
    blur((blurred,), faces.boxes_xyxy[0].tolist())
    crops = np.stack([align(one, faces.landmarks_xy[0]) for one in (picture, blurred)])
    plain, after = embedder.embed(crops)
    assert plain @ after < 0.3
    assert len(detector.detect(blurred, 0.8)) == 0
