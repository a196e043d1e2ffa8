"""SFace (Zhong et al. 2021), or any ONNX embedder of aligned 112x112 faces."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import cv2
import numpy as np

from pipeline.models.fold import folded
from pipeline.models.geometry import CROP_PX
from pipeline.models.session import open_session
from pipeline.models.weights import KNOWN, Weights, fetch
from pipeline.records import Float32, Rgb

BATCH: Final = 16  # nearly twice as fast per face as one at a time; larger batches gain nothing more on a CPU


class OnnxEmbedder:
    """An embedder from weights.py, with the order of channels and the mean that stand there."""

    def __init__(self, name: str, tuned: bytes | None = None) -> None:
        """Fetch, fold and open the weights called `name`; WeightsError when they cannot be had.

        `tuned` is that network as an ONNX file with other weights, to be opened instead.
        """
        network = tuned or folded(fetch(name))
        self.name = name
        self.sha256 = sha256(tuned).hexdigest() if tuned else KNOWN[name].sha256
        self._weights = KNOWN[name]
        self._session = open_session(network)
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
        vectors: Float32 = self._session.run(None, {self._input: pixels(self._weights, crops_rgb)})[0]
        return vectors


class TunedEmbedder:
    """The vectors of an embedder and, behind them, those of the same network fine-tuned: both count the same.

    The first half is what strangers are told by, since how alike strangers are was measured on the network as it was.
    """

    def __init__(self, name: str, tuned: bytes) -> None:
        """`tuned` is the ONNX file of the embedder called `name` with the weights it was tuned to."""
        self._plain, self._tuned = OnnxEmbedder(name), OnnxEmbedder(name, tuned)
        self.name, self.sha256 = name, self._tuned.sha256
        self.dimensions = self._plain.dimensions + self._tuned.dimensions

    def embed(self, crops_rgb: Rgb) -> Float32:
        """Unit vectors (n, 2 d) float32 of aligned faces (n, 112, 112, 3) uint8."""
        both = np.concatenate([self._plain.embed(crops_rgb), self._tuned.embed(crops_rgb)], axis=1)
        return (both / np.sqrt(2.0)).astype(np.float32)


def pixels(weights: Weights, crops_rgb: Rgb) -> Float32:
    """Faces (n, h, w, 3) uint8 as the network of `weights` takes them: (n, 3, h, w), its mean taken off."""
    swap = weights.channels == "bgr"
    mean = weights.mean[::-1] if swap else weights.mean
    blob: Float32 = cv2.dnn.blobFromImages(list(crops_rgb), mean=mean, swapRB=swap)
    return blob
