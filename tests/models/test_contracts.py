"""What every Detector and every Embedder must do: the same tests over the networks and over the stand-ins."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from conftest import SAMPLE
from standins import ColourEmbedder, PaintDetector, painted

from pipeline.images import read_still
from pipeline.models import Detector, Embedder
from pipeline.models.geometry import TEMPLATE_XY, align
from pipeline.records import Rgb

PHOTOS = SAMPLE / "photos"
BLANK = np.full((240, 320, 3), 128, np.uint8)
NOISE = np.random.default_rng(0).integers(100, 150, (240, 320, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Seen:
    detector: Detector
    alone: Rgb
    pair: Rgb


@pytest.fixture(scope="module", params=["network", "stand-in"])
def seen(request: pytest.FixtureRequest) -> Seen:
    if request.param == "stand-in":
        return Seen(PaintDetector(), painted((60, 40, 160, 170)), painted((20, 40, 120, 170), (200, 40, 280, 160)))
    detector = request.getfixturevalue("detector")
    return Seen(detector, read_still(PHOTOS / "mira" / "img_0002.jpg"), read_still(PHOTOS / "soren" / "img_0021.jpg"))


def test_a_detector_finds_each_face_once(seen: Seen) -> None:
    for picture, count in [(seen.alone, 1), (seen.pair, 2), (BLANK, 0), (NOISE, 0)]:
        faces = seen.detector.detect(picture, 0.5)
        assert len(faces) == count
        assert faces.boxes_xyxy.shape == (count, 4)
        assert faces.landmarks_xy.shape == (count, 5, 2)
        assert faces.scores.shape == (count,)
        assert {faces.boxes_xyxy.dtype, faces.landmarks_xy.dtype, faces.scores.dtype} == {np.dtype(np.float32)}


def test_faces_come_best_first_and_reach_the_score(seen: Seen) -> None:
    faces = seen.detector.detect(seen.pair, 0.5)
    assert faces.scores[0] > faces.scores[1] >= 0.5
    assert faces.scores[0] <= 1
    between = float(faces.scores.mean())
    assert np.array_equal(seen.detector.detect(seen.pair, between).boxes_xyxy, faces.boxes_xyxy[:1])


def test_landmarks_lie_in_the_box_in_their_order(seen: Seen) -> None:
    faces = seen.detector.detect(seen.pair, 0.5)
    for (x0, y0, x1, y1), landmarks in zip(faces.boxes_xyxy, faces.landmarks_xy, strict=True):
        assert (landmarks > [x0, y0]).all()
        assert (landmarks < [x1, y1]).all()
        left_eye, right_eye, nose, left_mouth, right_mouth = landmarks
        assert left_eye[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_looking_changes_nothing_and_a_part_of_a_picture_is_a_picture(seen: Seen) -> None:
    before = seen.alone.copy()
    whole = seen.detector.detect(seen.alone, 0.5)
    assert np.array_equal(seen.alone, before)
    assert np.array_equal(seen.detector.detect(seen.alone, 0.5).landmarks_xy, whole.landmarks_xy)
    part = seen.detector.detect(seen.alone[8:, 16:], 0.5)
    assert len(part) == 1
    assert np.abs(part.boxes_xyxy + np.float32([16, 8, 16, 8]) - whole.boxes_xyxy).max() < 5


@pytest.fixture(scope="module", params=["network", "stand-in"])
def vectoriser(request: pytest.FixtureRequest) -> Embedder:
    return ColourEmbedder() if request.param == "stand-in" else request.getfixturevalue("embedder")


@pytest.fixture(scope="module")
def crops() -> Rgb:
    """Ten pictures as large as an aligned face, more than one batch; those of one photo shift from one to the next."""
    photo = cv2.resize(read_still(PHOTOS / "mira" / "img_0002.jpg"), (200, 200))
    return np.stack([align(photo, TEMPLATE_XY + np.float32(4 * shift)) for shift in range(10)])


def test_vectors_are_unit_float32(vectoriser: Embedder, crops: Rgb) -> None:
    vectors = vectoriser.embed(crops)
    assert vectors.shape == (10, vectoriser.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_faces_give_no_vectors(vectoriser: Embedder, crops: Rgb) -> None:
    assert vectoriser.embed(crops[:0]).shape == (0, vectoriser.dimensions)


def test_a_vector_depends_on_its_own_face_only(vectoriser: Embedder, crops: Rgb) -> None:
    together = vectoriser.embed(crops)
    alone = np.concatenate([vectoriser.embed(crops[index : index + 1]) for index in range(10)])
    assert together == pytest.approx(alone, abs=1e-5)
    assert together[0] @ together[9] < 0.999


def test_channels_are_read_as_red_green_blue(vectoriser: Embedder, crops: Rgb) -> None:
    right = vectoriser.embed(crops[:1])[0]
    swapped = vectoriser.embed(np.ascontiguousarray(crops[:1, :, :, ::-1]))[0]
    assert right @ swapped < 0.99


def test_a_network_names_its_weights(seen: Seen, vectoriser: Embedder) -> None:
    for network in (seen.detector, vectoriser):
        assert network.name
        assert len(network.sha256) == 64
