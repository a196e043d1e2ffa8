"""Altered copies of a face: as it would look in other light, a little turned, small in a video, or badly compressed."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from pipeline.models.geometry import CROP_PX
from pipeline.records import Rgb

TURN_DEG: Final = 8.0
ZOOM: Final = 0.07
SHIFT_PX: Final = 4.0
SMALL_PX: Final = (24, 80)  # how small a face is made before it is enlarged again
LIGHT: Final = (0.65, 1.25)
TINT: Final = 0.08
JPEG_QUALITY: Final = (30, 90)


def altered(crop_rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A copy of an aligned face (112, 112, 3) uint8, altered as `rng` has it."""
    turn, zoom = rng.uniform(-TURN_DEG, TURN_DEG), rng.uniform(1 - ZOOM, 1 + ZOOM)
    matrix = cv2.getRotationMatrix2D((CROP_PX / 2, CROP_PX / 2), turn, zoom)
    matrix[:, 2] += rng.uniform(-SHIFT_PX, SHIFT_PX, 2)
    copy: Rgb = cv2.warpAffine(crop_rgb, matrix, (CROP_PX, CROP_PX), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        copy = copy[:, ::-1]
    if rng.random() < 0.6:
        side = int(rng.integers(*SMALL_PX))
        copy = cv2.resize(copy, (side, side), interpolation=cv2.INTER_AREA)
        copy = cv2.resize(copy, (CROP_PX, CROP_PX), interpolation=cv2.INTER_LINEAR)
    light = rng.uniform(*LIGHT) * rng.uniform(1 - TINT, 1 + TINT, 3)
    copy = np.clip(copy * light + rng.uniform(-12, 12), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, jpeg = cv2.imencode(".jpg", copy[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG_QUALITY))])
        copy = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))[:, :, ::-1]
    return np.ascontiguousarray(copy)
