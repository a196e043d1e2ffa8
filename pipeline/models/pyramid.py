"""Every face of a picture, however small or large the face or the picture: looked for at several scales, in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from pipeline.models import Detector
from pipeline.models.geometry import areas
from pipeline.records import Detections, Float32, Rgb

TILE_PX: Final = 1280  # the longest side that the detector is given: what it needs of memory is bounded by this
OVERLAP_PX: Final = 256  # of neighbouring tiles; a face that is larger is whole at the next scale
NEXT_SCALE: Final = 4  # the detector finds faces of about 10 to 500 pixels, so that scales this far apart leave no gap
COARSEST_PX: Final = 640  # a picture this small needs no further scale
MOST_ENLARGED: Final = 2.0  # small faces of small pictures are found more often so; larger brings phantoms
CUT_PX: Final = 4  # a face this near to where a tile ends is cut there, and whole in the tile beside it
SAME_FACE: Final = 0.6  # of the smaller box inside the larger: two looks at one face


def find_all_faces(detector: Detector, image_rgb: Rgb, min_score: float, min_face_px: float) -> Detections:
    """Faces of image_rgb (h, w, 3) uint8 with `min_face_px` on the shorter side at least, best first, in its pixels."""
    scale = float(np.clip(TILE_PX / max(image_rgb.shape[:2]), 1.0, MOST_ENLARGED))
    if scale > 1.0:
        image_rgb = cv2.resize(image_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    found = [_find_in_tiles(detector, image_rgb, min_score).unscaled(scale)]
    while max(image_rgb.shape[:2]) > COARSEST_PX:
        height, width = image_rgb.shape[:2]
        smaller = max(1, width // NEXT_SCALE), max(1, height // NEXT_SCALE)
        image_rgb = cv2.resize(image_rgb, smaller, interpolation=cv2.INTER_AREA)
        scale /= NEXT_SCALE
        found.append(_find_in_tiles(detector, image_rgb, min_score).unscaled(scale))
    faces = Detections.joined(found)
    sides = (faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
    return _each_once(faces[np.flatnonzero(sides >= min_face_px)])


def _find_in_tiles(detector: Detector, image_rgb: Rgb, min_score: float) -> Detections:
    height, width = image_rgb.shape[:2]
    found = []
    for y0, y1 in _spans(height):
        for x0, x1 in _spans(width):
            faces = detector.detect(np.ascontiguousarray(image_rgb[y0:y1, x0:x1]), min_score).shifted(x0, y0)
            # Where the picture itself ends nothing is whole in another tile.
            low = np.array([x0 + CUT_PX if x0 else -np.inf, y0 + CUT_PX if y0 else -np.inf])
            high = np.array([x1 - CUT_PX if x1 < width else np.inf, y1 - CUT_PX if y1 < height else np.inf])
            whole = (faces.boxes_xyxy[:, :2] >= low).all(axis=1) & (faces.boxes_xyxy[:, 2:] <= high).all(axis=1)
            found.append(faces[np.flatnonzero(whole)])
    return Detections.joined(found)


def _spans(length: int) -> Iterator[tuple[int, int]]:
    """Where tiles begin and end along a side: as few as can be, all alike, OVERLAP_PX of each in the next."""
    count = max(1, -(-(length - OVERLAP_PX) // (TILE_PX - OVERLAP_PX)))
    tile = length if count == 1 else -(-(length + (count - 1) * OVERLAP_PX) // count)
    for start in np.linspace(0, length - tile, count).round().astype(int).tolist():
        yield start, start + tile


def _each_once(faces: Detections) -> Detections:
    """The best look at each face, best first; a part of a face that was taken for one lies within it."""
    order = np.argsort(-faces.scores, kind="stable")
    kept: list[int] = []
    for index in order.tolist():
        if not (_inside(faces.boxes_xyxy[index], faces.boxes_xyxy[kept]) >= SAME_FACE).any():
            kept.append(index)
    return faces[np.array(kept, np.intp)]


def _inside(box_xyxy: Float32, others_xyxy: Float32) -> Float32:
    """How much of the smaller one lies in the larger one, 0..1, for a box (4,) and each of others (n, 4): (n,)."""
    low = np.maximum(box_xyxy[:2], others_xyxy[:, :2])
    high = np.minimum(box_xyxy[2:], others_xyxy[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    smaller = np.minimum(areas(box_xyxy[None]), areas(others_xyxy))
    return (shared / np.maximum(smaller, 1e-6)).astype(np.float32)
