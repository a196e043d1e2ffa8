"""Finding faces in pictures of any size, looking twice, and vectors of whole faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from conftest import SAMPLE
from standins import PaintDetector, painted

from pipeline.images import read_still
from pipeline.models.detection import find_faces, find_faces_in_photo, second_look, surroundings
from pipeline.models.embedder import OnnxEmbedder, embed_faces
from pipeline.models.geometry import CROP_PX, TEMPLATE_XY, align, iou_matrix
from pipeline.models.retinaface import RetinaFace
from pipeline.records import Detections, Float32, Rgb


@pytest.fixture(scope="module")
def photo() -> Rgb:
    return read_still(SAMPLE / "photos" / "mira" / "img_0002.jpg")


@pytest.mark.parametrize("times", [1, 3])
def test_boxes_are_in_pixels_of_the_picture_whatever_size_it_is_looked_at(
    detector: RetinaFace, photo: Rgb, times: int
) -> None:
    known = detector.detect(photo, 0.8)
    large = cv2.resize(photo, None, fx=times, fy=times)
    faces = find_faces(detector, large, 320, 0.8)
    assert len(faces) == len(known) == 1
    assert iou_matrix(faces.boxes_xyxy, known.boxes_xyxy * times).item() > 0.85
    assert np.abs(faces.landmarks_xy / times - known.landmarks_xy).max() < 0.06 * known.boxes_xyxy[0, 2]


def test_small_pictures_are_not_enlarged() -> None:
    detector = PaintDetector()
    faces = find_faces(detector, painted((10, 10, 60, 80)), 640, 0.5)
    assert faces.boxes_xyxy.tolist() == [[10, 10, 60, 80]]
    assert detector.looks == 1


class NeedsSurroundings(PaintDetector):
    """Finds only faces that do not touch the picture's edge."""

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        faces = super().detect(image_rgb, min_score)
        height, width = image_rgb.shape[:2]
        return faces[
            (faces.boxes_xyxy[:, :2] > 0).all(axis=1) & (faces.boxes_xyxy[:, 2:] < [width, height]).all(axis=1)
        ]


@pytest.mark.parametrize(("width", "height"), [(100, 130), (1000, 1300)], ids=["small", "larger than looked at"])
def test_a_face_without_surroundings_is_looked_for_in_a_frame(width: int, height: int) -> None:
    filled = painted((0, 0, width, height), width=width, height=height)
    assert not len(find_faces(NeedsSurroundings(), filled, 640, 0.5))
    faces = find_faces_in_photo(NeedsSurroundings(), filled, 640, 0.5)
    assert faces.boxes_xyxy == pytest.approx(np.array([[0, 0, width, height]]), abs=width * 0.01)
    assert faces.landmarks_xy[0] == pytest.approx(TEMPLATE_XY / CROP_PX * [width, height], abs=width * 0.01)


def test_a_real_face_that_fills_the_picture_is_found(detector: RetinaFace, photo: Rgb) -> None:
    x0, y0, x1, y1 = detector.detect(photo, 0.8).boxes_xyxy[0].round().astype(int)
    faces = find_faces(detector, photo[y0:y1, x0:x1], 640, 0.8)
    assert iou_matrix(faces.boxes_xyxy, np.array([[0, 0, x1 - x0, y1 - y0]], np.float32)).max() > 0.8


@pytest.mark.parametrize(("height", "width"), [(1, 1600), (1600, 1), (2, 5000), (1, 1)])
def test_a_very_thin_picture_has_no_face(detector: RetinaFace, height: int, width: int) -> None:
    assert len(find_faces(detector, np.zeros((height, width, 3), np.uint8), 640, 0.8)) == 0


@pytest.mark.parametrize(
    "box",
    [(100, 80, 160, 150), (0, 0, 20, 20), (300, 220, 330, 250), (-50, -50, 500, 500)],
    ids=["inside", "corner", "over the edge", "larger than all"],
)
def test_surroundings_are_a_part_of_the_picture(box: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    part, (x, y) = surroundings(picture, np.array(box, np.float32))
    height, width = part.shape[:2]
    assert min(height, width) > 0
    assert np.array_equal(part, picture[int(y) : int(y) + height, int(x) : int(x) + width])
    assert x <= max(0, box[0])
    assert x + width >= min(320, box[2])


class Blind(PaintDetector):
    """Sees nothing, or only what is elsewhere."""

    def __init__(self, elsewhere: bool) -> None:
        super().__init__()
        self.elsewhere = elsewhere

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        count = int(self.elsewhere)
        box = np.array([[0, 0, 9, 9]], np.float32)[:count]
        return Detections(box, np.zeros((count, 5, 2), np.float32), np.ones(count, np.float32))


@pytest.mark.parametrize("elsewhere", [False, True], ids=["nothing found", "another face found"])
def test_a_second_look_that_fails_leaves_the_first(photo: Rgb, elsewhere: bool) -> None:
    landmarks = np.arange(10, dtype=np.float32).reshape(5, 2) + 200
    again = second_look(Blind(elsewhere), photo, np.array([200, 200, 300, 320], np.float32), landmarks)
    assert np.array_equal(again, landmarks)


def test_a_second_look_goes_half_way_to_what_it_finds() -> None:
    box = np.array([100, 60, 180, 160], np.float32)
    exact = find_faces(PaintDetector(), painted((100, 60, 180, 160)), 640, 0.5).landmarks_xy[0]
    again = second_look(PaintDetector(), painted((100, 60, 180, 160)), box, exact + np.float32([6, -4]))
    assert again == pytest.approx(exact + np.float32([3, -2]), abs=0.7)


@pytest.mark.parametrize("error_px", [(0, 0), (5, 3)], ids=["good", "a little off"])
def test_a_second_look_at_a_real_face_is_never_further_off(
    detector: RetinaFace, photo: Rgb, error_px: tuple[int, int]
) -> None:
    face = detector.detect(photo, 0.8)
    box, landmarks = face.boxes_xyxy[0], face.landmarks_xy[0]
    size_px = float((box[2:] - box[:2]).max())
    again = second_look(detector, photo, box, landmarks + np.float32(error_px))
    assert np.abs(again - landmarks).max() <= max(error_px) + 0.05 * size_px


def crops_of(detector: RetinaFace, *photos: str) -> Float32:
    pictures = [read_still(SAMPLE / "photos" / photo) for photo in photos]
    return np.stack([align(rgb, detector.detect(rgb, 0.8).landmarks_xy[0]) for rgb in pictures])


def test_one_person_is_more_alike_than_two(detector: RetinaFace, embedder: OnnxEmbedder) -> None:
    crops = crops_of(detector, "mira/img_0001.jpg", "mira/img_0002.jpg", "soren/img_0001.jpg")
    vectors = embed_faces(embedder, crops)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    same, first_other, second_other = vectors[0] @ vectors[1], vectors[0] @ vectors[2], vectors[1] @ vectors[2]
    assert same > max(first_other, second_other) + 0.2
    mirrored = embed_faces(embedder, np.ascontiguousarray(crops[:, :, ::-1]))
    assert mirrored == pytest.approx(vectors, abs=1e-5)
