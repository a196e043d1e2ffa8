"""Detect: the faces of one photo and their vectors."""

from __future__ import annotations

import numpy as np

from pipeline.models import Detector, Embedder
from pipeline.models.detection import second_look, surroundings
from pipeline.models.embedder import embed_faces
from pipeline.models.geometry import CROP_PX, align
from pipeline.models.pyramid import find_all_faces
from pipeline.params import Photo
from pipeline.records import Detections, Float32, Rgb


def detect(rgb: Rgb, detector: Detector, embedder: Embedder, wanted: Photo) -> tuple[Detections, Float32]:
    """Every face of rgb (h, w, 3) uint8, from left to right, and their unit vectors (n, d)."""
    faces = find_all_faces(detector, rgb, wanted.min_score, wanted.min_face_px)
    faces = faces[np.argsort(faces.boxes_xyxy[:, ::2].sum(axis=1), kind="stable")]
    crops = [_crop(rgb, detector, *face) for face in zip(faces.boxes_xyxy, faces.landmarks_xy, strict=True)]
    return faces, embed_faces(embedder, np.array(crops, np.uint8).reshape(-1, CROP_PX, CROP_PX, 3))


def _crop(rgb: Rgb, detector: Detector, box_xyxy: Float32, landmarks_xy: Float32) -> Rgb:
    around_rgb, corner = surroundings(rgb, box_xyxy)  # OpenCV turns no picture with a side beyond 32767
    box_xyxy, landmarks_xy = box_xyxy - np.tile(corner, 2), landmarks_xy - corner
    return align(around_rgb, second_look(detector, around_rgb, box_xyxy, landmarks_xy))
