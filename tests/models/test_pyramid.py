"""Every face of a picture of any size, each once; what the detector is given has bounded size."""

from __future__ import annotations

import numpy as np
import pytest
from standins import PaintDetector, painted

from pipeline.models.pyramid import OVERLAP_PX, TILE_PX, find_all_faces
from pipeline.records import Detections, Rgb


class Looks(PaintDetector):
    """Finds painted faces of 10 to 500 pixels, as a network does, and notes the sizes of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: list[int] = []

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        self.sides += image_rgb.shape[:2]
        faces = super().detect(image_rgb, min_score)
        wide = (faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
        return faces[(wide >= 10) & (wide <= 500)]


BOXES = {
    "one": ([(100, 80, 160, 150)], (320, 240)),
    "small, in a small picture": ([(100, 80, 107, 88)], (320, 240)),
    "far apart": ([(10, 10, 40, 44), (3900, 2900, 3930, 2936)], (4000, 3000)),
    "where tiles meet": ([(TILE_PX - 20, 500, TILE_PX + 20, 540), (1360, 700, 1420, 770)], (2600, 1500)),
    "larger than tiles share": ([(1000, 300, 1000 + 2 * OVERLAP_PX, 860)], (2600, 1500)),
    "larger than the detector knows": ([(400, 200, 2900, 2800)], (3200, 3000)),
    "small beside large": ([(10, 10, 900, 990), (1800, 60, 1830, 96)], (2000, 1000)),
    "at the picture's edge": ([(0, 0, 40, 50), (1960, 950, 2000, 1000)], (2000, 1000)),
    "wider than OpenCV turns": ([(33_000, 10, 33_050, 70)], (34_000, 100)),
    "none": ([], (1500, 1500)),
}


@pytest.mark.parametrize(("boxes", "size"), BOXES.values(), ids=BOXES.keys())
def test_each_face_is_found_once(boxes: list[tuple[int, int, int, int]], size: tuple[int, int]) -> None:
    detector = Looks()
    faces = find_all_faces(detector, painted(*boxes, width=size[0], height=size[1], noise=0), 0.5, 5)
    found = faces.boxes_xyxy[np.argsort(faces.boxes_xyxy[:, 0])]
    assert found.shape == (len(boxes), 4)
    assert found == pytest.approx(np.array(boxes, np.float32).reshape(-1, 4), abs=max(2, max(size) / 200))
    assert max(detector.sides) <= TILE_PX
    assert (np.diff(faces.scores) <= 0).all()


@pytest.mark.parametrize(("min_face_px", "count"), [(5, 2), (35, 1), (90, 0)])
def test_a_face_is_as_large_as_asked_for(min_face_px: int, count: int) -> None:
    picture = painted((100, 80, 130, 120), (10, 10, 70, 90), noise=0)
    assert len(find_all_faces(PaintDetector(), picture, 0.5, min_face_px)) == count


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 3000), (40_000, 2)])
def test_a_very_thin_picture_has_no_face(width: int, height: int) -> None:
    assert len(find_all_faces(PaintDetector(), np.zeros((height, width, 3), np.uint8), 0.5, 5)) == 0
