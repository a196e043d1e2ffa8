"""Quality: each number follows what it measures, and all of them together stay within 0..1."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from conftest import SAMPLE

from pipeline.images import read_still
from pipeline.models.geometry import TEMPLATE_XY, align
from pipeline.models.quality import Quality, measure
from pipeline.models.retinaface import RetinaFace
from pipeline.records import Rgb

BOX = np.array([0, 0, 112, 140], np.float32)


@pytest.fixture(scope="module")
def crop(detector: RetinaFace) -> Rgb:
    photo = read_still(SAMPLE / "photos" / "mira" / "img_0002.jpg")
    return align(photo, detector.detect(photo, 0.8).landmarks_xy[0])


def quality(crop_rgb: Rgb, box: np.ndarray = BOX, landmarks: np.ndarray = TEMPLATE_XY, score: float = 1.0) -> Quality:
    return measure(crop_rgb, box, landmarks, score)


def test_a_blurred_face_is_less_sharp_and_worth_less(crop: Rgb) -> None:
    blurred = cv2.GaussianBlur(crop, (0, 0), 3)
    assert quality(blurred).sharpness < quality(crop).sharpness / 4
    assert quality(blurred).overall < quality(crop).overall


def test_light_is_the_mean_grey_level(crop: Rgb) -> None:
    assert quality(np.full_like(crop, 77)).light == pytest.approx(77, abs=1)
    assert quality(crop // 4).light == pytest.approx(quality(crop).light / 4, abs=2)


@pytest.mark.parametrize(
    "worse",
    [
        {"box": BOX / 4},
        {"score": 0.5},
        {"landmarks": TEMPLATE_XY + np.float32([[0, 0], [0, 0], [15, 0], [0, 0], [0, 0]])},
        {"landmarks": TEMPLATE_XY + np.float32([[0, 0], [0, 0], [0, 12], [0, 0], [0, 0]])},
    ],
    ids=["smaller", "less certain", "turned sideways", "turned down"],
)
def test_what_makes_a_face_worse_lowers_the_whole(crop: Rgb, worse: dict[str, np.ndarray]) -> None:
    assert 0 < quality(crop, **worse).overall < quality(crop).overall <= 1


def test_the_shorter_side_of_the_box_is_the_size(crop: Rgb) -> None:
    assert quality(crop).face_px == 112
    assert quality(crop, box=np.array([10, 10, 60, 30], np.float32)).face_px == 20


def test_nothing_to_see_is_worth_nothing() -> None:
    flat = quality(np.zeros((112, 112, 3), np.uint8))
    assert (flat.sharpness, flat.light, flat.overall) == (0, 0, 0)
