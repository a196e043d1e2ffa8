"""SFace (Zhong et al. 2021), or any ONNX embedder of aligned 112x112 faces."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipeline.files import sha256_of
from pipeline.models.fold import folded
from pipeline.models.geometry import CROP_PX
from pipeline.models.session import open_session
from pipeline.models.weights import KNOWN, fetch
from pipeline.records import Float32, Rgb

BATCH: Final = 16  # nearly twice as fast per face as one at a time; larger batches gain nothing more on a CPU


class OnnxEmbedder:
    """An embedder from weights.py, with the order of channels and the mean that stand there."""

    def __init__(self, name: str, tuned: Path | None = None) -> None:
        """Fetch, fold and open the weights called `name`; WeightsError when they cannot be had.

        `tuned` is a network made of those weights, to be opened instead.
        """
        self.name = name
        self.sha256 = sha256_of(tuned) if tuned else KNOWN[name].sha256
        self._weights = KNOWN[name]
        self._session = open_session(tuned or folded(fetch(name)))
        self._input = self._session.get_inputs()[0].name
        self.dimensions = int(self._session.get_outputs()[0].shape[1])

    def embed(self, crops_rgb: Rgb) -> Float32:
        """Unit vectors (n, d) float32 of aligned faces (n, 112, 112, 3) uint8."""
        if crops_rgb.shape[1:] != (CROP_PX, CROP_PX, 3) or crops_rgb.dtype != np.uint8:
            raise ValueError(f"expected (n, {CROP_PX}, {CROP_PX}, 3) uint8, found {crops_rgb.shape} {crops_rgb.dtype}")
        batches = [self._run(crops_rgb[start : start + BATCH]) for start in range(0, len(crops_rgb), BATCH)]
        if not batches:
            return np.empty((0, self.dimensions), np.float32)
        vectors = np.concatenate(batches)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def _run(self, crops_rgb: Rgb) -> Float32:
        swap = self._weights.channels == "bgr"
        mean = self._weights.mean[::-1] if swap else self._weights.mean
        blob = cv2.dnn.blobFromImages(list(crops_rgb), mean=mean, swapRB=swap)
        vectors: Float32 = self._session.run(None, {self._input: blob})[0]
        return vectors
