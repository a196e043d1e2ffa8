"""RetinaFace (Deng et al. 2020) as ONNX with its three heads: boxes, scores, landmarks."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from pipeline.models.session import open_session
from pipeline.models.weights import KNOWN, fetch
from pipeline.records import Faces, Float32, Rgb

# Anchors per stride of the feature maps, and the variances the boxes were encoded with (both from the paper's code).
ANCHOR_SIZES_PX: Final = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2
NMS_IOU: Final = 0.4


class RetinaFace:
    """Any RetinaFace ONNX with the heads loc (n, 4), conf (n, 2) and landmarks (n, 10)."""

    def __init__(self, name: str) -> None:
        """Fetch and open the weights called `name`; WeightsError when they cannot be had."""
        self._session = open_session(fetch(name))
        self.name = name
        self.sha256 = KNOWN[name].sha256
        self._mean = KNOWN[name].mean
        self._input = self._session.get_inputs()[0].name

    def detect(self, image_rgb: Rgb, min_score: float) -> Faces:
        """Faces of image_rgb (h, w, 3) uint8 whose score is at least `min_score`, best first, in its pixels."""
        blob = cv2.dnn.blobFromImage(image_rgb, mean=self._mean[::-1], swapRB=True)
        boxes, scores, landmarks = self._session.run(None, {self._input: blob})
        height, width = image_rgb.shape[:2]
        # Thresholding before decoding skips 99.9 % of the anchors.
        chosen = np.flatnonzero(scores[0, :, 1] >= min_score)
        anchors = _anchors_xywh(width, height)[chosen]
        faces = Faces(
            _decode_boxes(boxes[0, chosen], anchors),
            _decode_landmarks(landmarks[0, chosen], anchors),
            scores[0, chosen, 1].astype(np.float32),
        )
        return _suppressed(faces)


@lru_cache(maxsize=16)
def _anchors_xywh(width: int, height: int) -> Float32:
    """Centre and size in pixels of every anchor of a picture, (n, 4), in the order of the network's outputs."""
    layers = []
    for stride, sizes in ANCHOR_SIZES_PX.items():
        columns, rows = -(-width // stride), -(-height // stride)
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride
        boxes = [np.concatenate([centres, np.full_like(centres, size)], axis=1) for size in sizes]
        layers.append(np.stack(boxes, axis=1).reshape(-1, 4))
    return np.concatenate(layers).astype(np.float32)


def _decode_boxes(encoded: Float32, anchors: Float32) -> Float32:
    centres = anchors[:, :2] + encoded[:, :2] * CENTRE_VARIANCE * anchors[:, 2:]
    sizes = anchors[:, 2:] * np.exp(encoded[:, 2:] * SIZE_VARIANCE)
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1).astype(np.float32)


def _decode_landmarks(encoded: Float32, anchors: Float32) -> Float32:
    offsets = encoded.reshape(-1, 5, 2) * CENTRE_VARIANCE * anchors[:, None, 2:]
    return (anchors[:, None, :2] + offsets).astype(np.float32)


def _suppressed(faces: Faces) -> Faces:
    """The best of every heap of overlapping boxes, best score first."""
    if not len(faces):
        return faces
    boxes_xywh = np.concatenate([faces.boxes_xyxy[:, :2], faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]], axis=1)
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes_xywh.tolist(), faces.scores.tolist(), 0.0, NMS_IOU), dtype=np.intp)
    return faces[kept.ravel()]
