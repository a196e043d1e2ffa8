"""Finding the faces of a picture of any size, and their landmarks better by a second look."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from pipeline.models import Detector
from pipeline.models.geometry import iou_matrix
from pipeline.records import Detections, Float32, Rgb

# A second look at a face: how far beyond its box, in box sides, and at what size. Landmarks found at this size bring
# vectors of one person closer together than those of the first look, above all for small faces (docs/models.md).
SECOND_LOOK_MARGIN: Final = 0.8
SECOND_LOOK_PX: Final = 256
SECOND_LOOK_SCORE: Final = 0.5
SAME_FACE_IOU: Final = 0.4

# A face that fills the whole picture has no surroundings for the detector to see; a border gives it some.
BORDER: Final = 0.35


def find_faces(detector: Detector, image_rgb: Rgb, side_px: int, min_score: float) -> Detections:
    """Faces of image_rgb (h, w, 3), looked for at a longer side of at most `side_px`; boxes in pixels of image_rgb."""
    height, width = image_rgb.shape[:2]
    scale = min(1.0, max(side_px / max(height, width), 1 / min(height, width)))  # a very thin picture keeps a pixel
    if scale < 1.0:
        image_rgb = cv2.resize(image_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return detector.detect(image_rgb, min_score).unscaled(scale)


def find_faces_in_photo(detector: Detector, image_rgb: Rgb, side_px: int, min_score: float) -> Detections:
    """As `find_faces`, and again with a border where none is found: a photo may be nothing but a face."""
    faces = find_faces(detector, image_rgb, side_px, min_score)
    if len(faces):
        return faces
    height, width = image_rgb.shape[:2]
    top, left = int(height * BORDER), int(width * BORDER)
    framed = cv2.copyMakeBorder(image_rgb, top, top, left, left, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return find_faces(detector, framed, side_px, min_score).shifted(-left, -top)


def surroundings(image_rgb: Rgb, box_xyxy: Float32) -> tuple[Rgb, Float32]:
    """The part of image_rgb that a second look at the face in box_xyxy (4,) needs, and its top-left corner (2,)."""
    height, width = image_rgb.shape[:2]
    centre = (box_xyxy[:2] + box_xyxy[2:]) / 2
    reach = float((box_xyxy[2:] - box_xyxy[:2]).max()) * (0.5 + SECOND_LOOK_MARGIN)
    x0, y0 = np.clip(np.floor(centre - reach), 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(centre + reach), [x0 + 1, y0 + 1], [width, height]).astype(int)
    return image_rgb[y0:y1, x0:x1], np.array([x0, y0], np.float32)


def second_look(detector: Detector, image_rgb: Rgb, box_xyxy: Float32, landmarks_xy: Float32) -> Float32:
    """Better landmarks (5, 2) of a face that was found before; the same ones where it is not found again."""
    part, corner = surroundings(image_rgb, box_xyxy)
    scale = SECOND_LOOK_PX / max(part.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    found = detector.detect(cv2.resize(part, None, fx=scale, fy=scale, interpolation=how), SECOND_LOOK_SCORE)
    before = (box_xyxy - np.tile(corner, 2)) * np.float32(scale)
    overlap = iou_matrix(found.boxes_xyxy, before[None])[:, 0]
    if not len(found) or overlap.max() < SAME_FACE_IOU:
        return landmarks_xy
    again = found.landmarks_xy[int(overlap.argmax())] / np.float32(scale) + corner
    return (landmarks_xy + again) / 2  # the mean of both looks beats either
