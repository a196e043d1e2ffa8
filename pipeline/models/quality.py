"""How much one face can be trusted: size, sharpness, light and pose, each a number, and one number for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipeline.models.geometry import CROP_PX, pose_deg
from pipeline.records import Float32, Rgb

SHARP_ENOUGH: Final = 150.0  # beyond this the vectors of one person no longer come closer to each other

UPPER: Final = (slice(58, 74), slice(34, 78))  # nose and cheeks in the aligned face: rows, columns
LOWER: Final = (slice(84, 108), slice(40, 72))  # mouth and chin


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of one face.

    `sharpness` is the variance of the Laplacian, `light` the mean grey level (0..255), both of the aligned face; angles
    in degrees; `face_px` the shorter side of the box; `occlusion` see below; `overall` in 0..1.
    """

    face_px: float
    sharpness: float
    light: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    occlusion: float
    overall: float


def occlusion(crop_rgb: Rgb) -> float:
    """How unlike the colours of mouth and chin are to those of nose and cheeks, in the aligned face (112, 112, 3).

    The distance of their median colours in CIELAB's a and b. It tells bright masks and coloured glasses; black masks
    and dark glasses it does not tell from hard light (docs/models.md).
    """
    colours = cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2LAB)[..., 1:].astype(np.float32)
    upper, lower = (np.median(colours[rows].reshape(-1, 2), axis=0) for rows in (UPPER, LOWER))
    return float(np.hypot(*(upper - lower)))


def measure(crop_rgb: Rgb, box_xyxy: Float32, landmarks_xy: Float32, score: float) -> Quality:
    """Measure a face by its aligned crop (112, 112, 3), its box (4,), its landmarks (5, 2) and its detection score."""
    middle = cv2.cvtColor(crop_rgb[16:96, 16:96], cv2.COLOR_RGB2GRAY)
    sharpness = float(cv2.Laplacian(middle, cv2.CV_32F).var())
    yaw, pitch, roll = pose_deg(landmarks_xy)
    face_px = float(min(box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1]))
    covered = occlusion(crop_rgb)
    frontal = max(0.0, float(np.cos(np.radians(yaw)) * np.cos(np.radians(pitch))))
    overall = min(1.0, face_px / CROP_PX) ** 0.5 * min(1.0, sharpness / SHARP_ENOUGH) ** 0.5 * frontal * score
    return Quality(face_px, sharpness, float(middle.mean()), yaw, pitch, roll, covered, overall)
