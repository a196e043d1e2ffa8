"""Which faces of a picture can be learnt from: found, cut out aligned, measured, and held against the gates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.models import Detector
from pipeline.models.detection import find_faces_in_photo, second_look
from pipeline.models.geometry import align, areas
from pipeline.models.quality import Quality, measure
from pipeline.params import FaceGates
from pipeline.records import Detections, Float32, Rgb


@dataclass(frozen=True, slots=True)
class Crop:
    """A prominent face of a picture: aligned (112, 112, 3) uint8, box (4,), landmarks (5, 2), score, quality."""

    rgb: Rgb
    box_xyxy: Float32
    landmarks_xy: Float32
    score: float
    quality: Quality


def prominent_faces(image_rgb: Rgb, detector: Detector, gates: FaceGates) -> list[Crop]:
    """The faces of image_rgb (h, w, 3) whose area is at least `prominence` of the largest one's, from left to right."""
    faces = find_faces_in_photo(detector, image_rgb, gates.detect_side_px, gates.min_score)
    size = areas(faces.boxes_xyxy)
    prominent = np.flatnonzero(size >= gates.prominence * size.max(initial=0.0))
    from_left = prominent[np.argsort(faces.boxes_xyxy[prominent, 0], kind="stable")]
    return [_crop(image_rgb, faces, int(index), detector) for index in from_left]


def gate(quality: Quality, gates: FaceGates) -> tuple[str, str] | None:
    """The first gate that a face does not pass, as reason and detail; None when it passes all."""
    if quality.face_px < gates.min_face_px:
        return "face too small", f"{quality.face_px:.0f} px, needs {gates.min_face_px}"
    if quality.sharpness < gates.min_sharpness:
        return "blurred", f"sharpness {quality.sharpness:.0f}, needs {gates.min_sharpness:.0f}"
    if not gates.min_light <= quality.light <= gates.max_light:
        return "bad light", f"mean grey level {quality.light:.0f}"
    angles = {"yaw": quality.yaw_deg, "pitch": quality.pitch_deg, "roll": quality.roll_deg}
    most = {"yaw": gates.max_yaw_deg, "pitch": gates.max_pitch_deg, "roll": gates.max_roll_deg}
    for name, angle in angles.items():
        if abs(angle) > most[name]:
            return "turned away", f"{name} {angle:.0f} degrees"
    if quality.occlusion > gates.max_occlusion:
        return "covered", f"occlusion {quality.occlusion:.0f}, at most {gates.max_occlusion:.0f}"
    return None


def _crop(image_rgb: Rgb, faces: Detections, index: int, detector: Detector) -> Crop:
    box, score = faces.boxes_xyxy[index], float(faces.scores[index])
    landmarks = second_look(detector, image_rgb, box, faces.landmarks_xy[index])
    aligned = align(image_rgb, landmarks)
    return Crop(aligned, box, landmarks, score, measure(aligned, box, landmarks, score))
