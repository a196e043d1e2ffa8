"""SFace (Zhong et al. 2021), or any ONNX embedder of aligned faces."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import numpy as np

from pipeline.models import Embedder
from pipeline.models.fold import folded
from pipeline.models.geometry import CROP_PX
from pipeline.models.pixels import pixels
from pipeline.models.session import open_session
from pipeline.models.weights import Weights, usable
from pipeline.pinned import fetched
from pipeline.records import Float32, Ints, Rgb
from pipeline.unit import unit

BATCH: Final = 16  # nearly twice as fast per face as one at a time; larger batches gain nothing more on a CPU


class OnnxEmbedder:
    """Any network that makes a vector of an aligned face, fed as its weights say."""

    def __init__(self, weights: Weights, tuned: bytes | None = None) -> None:
        """Fetch, fold, open and try the network; WeightsError when it cannot be had or is no such network.

        `tuned` is that network as an ONNX file with other weights, to be opened instead.
        """
        self.name, self._weights = weights.name, weights
        self.sha256 = sha256(tuned).hexdigest() if tuned else weights.identity
        path = fetched(weights)
        with usable(weights, "embedder"):
            self._session = open_session(tuned or folded(path))
            (taken,) = self._session.get_inputs()
            self._input = taken.name
            self.dimensions = self._tried()

    def embed(self, crops_rgb: Rgb) -> Float32:
        """Unit vectors (n, d) float32 of aligned faces (n, 112, 112, 3) uint8."""
        if crops_rgb.shape[1:] != (CROP_PX, CROP_PX, 3) or crops_rgb.dtype != np.uint8:
            raise ValueError(f"expected (n, {CROP_PX}, {CROP_PX}, 3) uint8, found {crops_rgb.shape} {crops_rgb.dtype}")
        batches = [self._run(crops_rgb[start : start + BATCH]) for start in range(0, len(crops_rgb), BATCH)]
        if not batches:
            return np.empty((0, self.dimensions), np.float32)
        return unit(np.concatenate(batches))

    def _run(self, crops_rgb: Rgb) -> Float32:
        given = pixels(self._weights, crops_rgb, self._weights.size_px)
        vectors: Float32 = self._session.run(None, {self._input: given})[0]
        return vectors

    def _tried(self) -> int:
        """The length of a vector; ValueError when faces do not get one each, whichever come with them."""
        crops_rgb = np.random.default_rng(0).integers(0, 256, (2, CROP_PX, CROP_PX, 3), dtype=np.uint8)
        both = self._run(crops_rgb)
        if both.ndim != 2 or len(both) != 2 or not np.isfinite(both).all():
            raise ValueError(f"expected two vectors of two faces, found {both.shape}")
        alone = self._run(crops_rgb[1:])[0]
        if not np.allclose(both[1], alone, rtol=1e-3, atol=1e-3 * float(np.abs(alone).max())):
            raise ValueError("a face's vector depends on the faces beside it")
        return int(both.shape[1])


class TunedEmbedder:
    """The vectors of an embedder and, behind them, those of the same network fine-tuned: both count the same.

    The first half is what strangers are told by, since how alike strangers are was measured on the network as it was.
    """

    def __init__(self, weights: Weights, tuned: bytes) -> None:
        """`tuned` is the ONNX file of the embedder of `weights` with those it was tuned to."""
        self._plain, self._tuned = OnnxEmbedder(weights), OnnxEmbedder(weights, tuned)
        self.name, self.sha256 = weights.name, self._tuned.sha256
        self.dimensions = self._plain.dimensions + self._tuned.dimensions

    def embed(self, crops_rgb: Rgb) -> Float32:
        """Unit vectors (n, 2 d) float32 of aligned faces (n, 112, 112, 3) uint8."""
        both = np.concatenate([self._plain.embed(crops_rgb), self._tuned.embed(crops_rgb)], axis=1)
        return (both / np.sqrt(2.0)).astype(np.float32)


def embed_samples(embedder: Embedder, crops_rgb: Rgb, owner: Ints) -> Float32:
    """Unit vectors (n, d) of aligned faces, several of each `owner` (n,), in the order of owners.

    Every second face of an owner is mirrored: their mean is as good as that of faces and mirror images, at half the
    cost (docs/models.md).
    """
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    mirrored = place % 2 == 1
    crops_rgb = np.where(mirrored[:, None, None, None], crops_rgb[:, :, ::-1], crops_rgb)
    return embedder.embed(np.ascontiguousarray(crops_rgb))


def embed_faces(embedder: Embedder, crops_rgb: Rgb) -> Float32:
    """Unit vectors (n, d) of aligned faces (n, 112, 112, 3): the mean of each face's vector and its mirror image's."""
    both = embedder.embed(crops_rgb) + embedder.embed(np.ascontiguousarray(crops_rgb[:, :, ::-1]))
    return unit(both)
