"""RetinaFace (Deng et al. 2020) as ONNX, whatever its backbone, with its heads for boxes, scores and landmarks."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from pipeline.files import sha256_of
from pipeline.models.heads import faces_of
from pipeline.models.pixels import pixels
from pipeline.models.session import open_session
from pipeline.models.weights import Weights, usable
from pipeline.pinned import fetched
from pipeline.records import Detections, Rgb

NMS_IOU: Final = 0.4
TRIAL_PX: Final = (70, 96)  # height and width of the picture that a network is tried on; no stride divides both


class RetinaFace:
    """Any RetinaFace that takes pictures of any size, with its heads as in heads.py."""

    def __init__(self, weights: Weights) -> None:
        """Fetch, open and try the network; WeightsError when it cannot be had or is no such network."""
        path = fetched(weights)
        self.name, self._weights = weights.name, weights
        self.sha256 = weights.identity or sha256_of(path)
        with usable(weights, "detector"):
            self._session = open_session(path)
            (taken,) = self._session.get_inputs()
            self._input, self._channels_last = taken.name, taken.shape[-1] == 3
            self.detect(np.zeros((*TRIAL_PX, 3), np.uint8), 1.0)

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        """Faces of image_rgb (h, w, 3) uint8 whose score is at least `min_score`, best first, in its pixels."""
        blob = pixels(self._weights, image_rgb[None])
        if self._channels_last:
            blob = np.ascontiguousarray(blob.transpose(0, 2, 3, 1))
        outputs = self._session.run(None, {self._input: blob})
        height, width = image_rgb.shape[:2]
        return _suppressed(faces_of(outputs, self._weights.anchors, width, height, min_score))


def _suppressed(faces: Detections) -> Detections:
    """The best of every heap of overlapping boxes, best score first."""
    if not len(faces):
        return faces
    boxes_xywh = np.concatenate([faces.boxes_xyxy[:, :2], faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]], axis=1)
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes_xywh.tolist(), faces.scores.tolist(), 0.0, NMS_IOU), dtype=np.intp)
    return faces[kept.ravel()]
