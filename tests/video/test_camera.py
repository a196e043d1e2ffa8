"""Camera: calm, neither late nor early, the face in the crop and the crop in the picture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pipeline.video.camera import crop_size, follow

CROP, PICTURE = (404, 720), (1280, 720)
FPS = 24


def faces(centres_x: np.ndarray, side: float = 120) -> np.ndarray:
    """Boxes of one size around (x, 300)."""
    half = side / 2
    return np.stack(
        [centres_x - half, 0 * centres_x + 300 - half, centres_x + half, 0 * centres_x + 300 + half], axis=1
    )


def times(count: int) -> np.ndarray:
    return np.arange(count) / FPS


@pytest.mark.parametrize(
    ("picture", "shape", "size"),
    [
        ((1280, 720), Fraction(9, 16), (404, 720)),
        ((1080, 1920), Fraction(9, 16), (1080, 1920)),
        ((720, 1600), Fraction(9, 16), (720, 1280)),
        ((97, 65), Fraction(9, 16), (36, 64)),
        ((1440, 1080), Fraction(9, 16) / Fraction(4, 3), (454, 1080)),
        ((1280, 720), Fraction(1), (720, 720)),
        ((4, 4), Fraction(1, 100), (2, 4)),
    ],
)
def test_the_crop_is_the_largest_of_its_shape(picture: tuple[int, int], shape: Fraction, size: tuple[int, int]) -> None:
    assert crop_size(*picture, shape) == size


def test_a_face_that_sways_is_not_followed() -> None:
    centres = 640 + 40 * np.sin(2 * np.pi * times(72)) + np.random.default_rng(1).normal(0, 3, 72)
    path = follow(times(72), faces(centres), CROP, PICTURE)
    assert np.ptp(path, axis=0).tolist() == [0, 0]
    assert path[0, 0] + CROP[0] / 2 == pytest.approx(640, abs=6)


def test_a_walk_is_followed_without_jitter_and_without_lag() -> None:
    count = 120
    walk = 300 + 600 * times(count) / times(count)[-1]
    jitter = np.random.default_rng(2).normal(0, 4, count) + 20 * np.sin(2 * np.pi * 2 * times(count))
    x = follow(times(count), faces(walk + jitter), CROP, PICTURE)[:, 0] + CROP[0] / 2
    assert np.abs(x - walk)[12:-12].max() < 12
    assert np.mean(x - walk) == pytest.approx(0, abs=3)
    assert np.abs(np.diff(x, 2)).max() < 0.2
    assert np.abs(np.diff(walk + jitter, 2)).max() > 5


def test_forwards_and_backwards_are_mirror_images() -> None:
    centres = np.interp(times(144), [0, 2, 3, 6], [300, 350, 900, 950])
    ahead = follow(times(144), faces(centres), CROP, PICTURE)
    back = follow(times(144), faces(centres[::-1]), CROP, PICTURE)
    np.testing.assert_allclose(ahead, back[::-1], atol=1e-6)


def test_a_leap_never_leaves_the_crop() -> None:
    centres = np.where(times(96) < 2, 250.0, 1000.0)
    centres[46:51] = np.linspace(250, 1000, 5)
    boxes = faces(centres)
    x = follow(times(96), boxes, CROP, PICTURE)[:, 0]
    inside = (boxes[:, 0] >= x) & (boxes[:, 2] <= x + CROP[0])
    assert inside.mean() > 0.97
    assert np.abs(np.diff(x)).max() < 750 / 4  # a leap of a frame is a pan of several


@pytest.mark.parametrize("centre", [10.0, 1270.0, 640.0, -50.0, 5000.0])
def test_the_crop_stays_in_the_picture(centre: float) -> None:
    path = follow(times(48), faces(np.linspace(640, centre, 48)), CROP, PICTURE)
    assert path[:, 0].min() >= 0
    assert path[:, 0].max() <= PICTURE[0] - CROP[0]
    assert (path[:, 1] == 0).all()


def test_the_camera_waits_where_the_face_is_not_seen() -> None:
    boxes = faces(np.full(96, 400.0))
    boxes[:24] = boxes[72:] = np.nan
    boxes[40:44] = np.nan
    assert np.ptp(follow(times(96), boxes, CROP, PICTURE)[:, 0]) == 0


def test_in_an_upright_picture_the_face_stands_above_the_middle() -> None:
    path = follow(times(24), faces(np.full(24, 360.0)) + np.array([0, 500, 0, 500]), (720, 1280), (720, 2000))
    assert path[0].tolist() == [0, pytest.approx(800 - 0.4 * 1280)]


VARIABLE = np.sort(np.random.default_rng(3).uniform(0, 5, 150))


@pytest.mark.parametrize(
    "times_s",
    [times(1), times(2), times(3), VARIABLE, np.array([0, 1e-5, 2e-5, 1, 1.001, 30])],
    ids=["1 frame", "2 frames", "3 frames", "variable", "uneven"],
)
def test_any_clock_will_do(times_s: np.ndarray) -> None:
    centres = 300 + 600 * times_s / max(times_s[-1], 1e-9)
    x = follow(times_s, faces(centres), CROP, PICTURE)[:, 0]
    assert np.isfinite(x).all()
    assert (np.abs(x + CROP[0] / 2 - centres) <= CROP[0] / 2).all() or len(x) < 4


def test_an_hour_without_a_cut_is_no_trouble() -> None:
    count = 3600 * FPS
    x = follow(times(count), faces(640 + 400 * np.sin(times(count) / 5)), CROP, PICTURE)[:, 0]
    assert np.abs(np.diff(x, 2)).max() < 1
