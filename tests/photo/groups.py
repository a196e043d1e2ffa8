"""Group pictures made of the sample's photos: members side by side, or small ones far apart on a large canvas."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from conftest import SAMPLE

from pipeline.images import read_still
from pipeline.records import Rgb

FACE_PX = 110  # the height of a face in a group picture
PART_PX = 240


def face_part(photo: str, face_px: float = FACE_PX) -> Rgb:
    """A square around the one face of data/sample/<photo>, which is so high; its sides are in proportion."""
    rows = pd.read_csv(SAMPLE / "truth_photo_faces.csv").set_index("path")
    x0, y0, x1, y1 = rows.loc[photo, ["x0", "y0", "x1", "y1"]].astype(float)
    side_px = round(face_px * PART_PX / FACE_PX)
    scale = face_px / (y1 - y0)
    shift = side_px / 2 - np.array([x0 + x1, y0 + y1]) / 2 * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    rgb = read_still(SAMPLE / photo)
    rgb = cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale) if scale < 1 else rgb  # what is shrunk in one step aliases
    return cv2.warpAffine(rgb, matrix, (side_px, side_px), borderMode=cv2.BORDER_REFLECT)


def side_by_side(photos: Sequence[str]) -> Rgb:
    """These photos' faces in a row."""
    return np.hstack([face_part(photo) for photo in photos])


def scattered(photos: Sequence[str], places: Sequence[tuple[int, int]], size: tuple[int, int], face_px: int) -> Rgb:
    """A canvas of (width, height) with the faces of these photos, so high, with their middles at these places."""
    canvas = np.full((size[1], size[0], 3), 120, np.uint8)
    for photo, (x, y) in zip(photos, places, strict=True):
        part = face_part(photo, face_px)
        top, left = y - len(part) // 2, x - len(part) // 2
        canvas[top : top + len(part), left : left + len(part)] = part
    return canvas
