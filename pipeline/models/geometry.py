"""Geometry of faces: overlap, alignment by five landmarks, head pose."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from pipeline.records import Float32, Rgb

CROP_PX: Final = 112
# Where the two eyes, the nose tip and the corners of the mouth stand in an aligned crop of 112 pixels: the template
# that ArcFace and its successors (SFace among them) were trained with.
TEMPLATE_XY: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)

MIN_SCALE: Final = 1e-4  # a face a million pixels wide; below it, five landmarks are one point


def iou_matrix(first_xyxy: Float32, second_xyxy: Float32) -> Float32:
    """Intersection over union of every pair: (n, 4) and (m, 4) boxes give (n, m) float32 in 0..1."""
    low = np.maximum(first_xyxy[:, None, :2], second_xyxy[None, :, :2])
    high = np.minimum(first_xyxy[:, None, 2:], second_xyxy[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    union = areas(first_xyxy)[:, None] + areas(second_xyxy)[None, :] - shared
    return (shared / np.maximum(union, 1e-6)).astype(np.float32)


def areas(boxes_xyxy: Float32) -> Float32:
    """Areas of (n, 4) boxes in square pixels, (n,) float32."""
    sides = np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None)
    return (sides[:, 0] * sides[:, 1]).astype(np.float32)


def align(image_rgb: Rgb, landmarks_xy: Float32) -> Rgb:
    """The face with these landmarks (5, 2), turned upright and scaled to (112, 112, 3) uint8.

    By the least-squares similarity transform (Umeyama 1991). A large face is shrunk in two steps, since one bilinear
    step over many pixels aliases. Landmarks that coincide or are no numbers give a black crop, which is never sharp.
    """
    matrix = similarity(landmarks_xy) if np.isfinite(landmarks_xy).all() else np.zeros((2, 3), np.float32)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < MIN_SCALE:
        return np.zeros((CROP_PX, CROP_PX, 3), np.uint8)
    if scale < 0.5:
        margin = CROP_PX / scale * 0.25
        corners = cv2.transform(
            np.array([[[0, 0], [CROP_PX, 0], [CROP_PX, CROP_PX], [0, CROP_PX]]], np.float32),
            cv2.invertAffineTransform(matrix),
        )[0]
        height, width = image_rgb.shape[:2]
        x0, y0 = np.clip(np.floor(corners.min(axis=0) - margin), 0, [width - 1, height - 1]).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(axis=0) + margin), [x0 + 1, y0 + 1], [width, height]).astype(int)
        part = image_rgb[y0:y1, x0:x1]
        size = (max(1, round((x1 - x0) * scale * 2)), max(1, round((y1 - y0) * scale * 2)))
        image_rgb = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        matrix = similarity((landmarks_xy - [x0, y0]) * [size[0] / (x1 - x0), size[1] / (y1 - y0)])
    crop: Rgb = cv2.warpAffine(image_rgb, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR)
    return crop


def similarity(landmarks_xy: Float32) -> Float32:
    """The (2, 3) matrix of the similarity that carries these landmarks nearest to the template.

    As complex numbers, which a similarity multiplies by one and shifts by another: a regression of one unknown.
    """
    source, target = (points_xy.astype(np.float64) @ np.array([1, 1j]) for points_xy in (landmarks_xy, TEMPLATE_XY))
    source_mean, target_mean = source.mean(), target.mean()
    spread = np.vdot(source - source_mean, source - source_mean).real
    turn = np.vdot(source - source_mean, target - target_mean) / max(spread, 1e-9)
    shift = target_mean - turn * source_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float32)


def pose_deg(landmarks_xy: Float32) -> tuple[float, float, float]:
    """Head yaw, pitch and roll in degrees from five landmarks (5, 2); a frontal upright face has 0, 0, 0.

    Yaw is positive towards the picture's right, pitch downwards, roll clockwise. Yaw and pitch come from where the nose
    tip stands between the eyes and between eyes and mouth, for a nose that stands out by 0.55 of the distance between
    the eyes: a coarse measure, right to some 10 degrees, enough to leave out profiles.
    """
    eyes = landmarks_xy[1] - landmarks_xy[0]
    roll = float(np.arctan2(eyes[1], eyes[0]))
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    upright = (landmarks_xy - landmarks_xy[:2].mean(axis=0)) @ turn.T
    nose, mouth = upright[2], upright[3:].mean(axis=0)
    face_height = max(float(mouth[1]), 1e-3)
    middle_x = float(mouth[0]) * float(nose[1]) / face_height
    # The eyes' distance shrinks with yaw while the face's height does not: take whichever is the larger measure.
    size = max(float(np.hypot(*eyes)), face_height * 0.9)
    yaw = np.arcsin(np.clip((float(nose[0]) - middle_x) / (0.55 * size), -1, 1))
    pitch = np.arcsin(np.clip((float(nose[1]) / face_height - 0.5) * face_height / (0.55 * size), -1, 1))
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
