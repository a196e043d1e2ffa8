"""Face networks behind two protocols of one method each, and what is measured and made of faces with them."""

from __future__ import annotations

from typing import Protocol

from pipeline.records import Detections, Float32, Rgb


class Detector(Protocol):
    """Finds faces."""

    @property
    def name(self) -> str:
        """Of its weights."""

    @property
    def sha256(self) -> str:
        """Of the weight file and, if it is the user's own, of how it is fed."""

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        """Faces of image_rgb (h, w, 3) uint8 whose score is at least `min_score`, best first, in its pixels."""


class Embedder(Protocol):
    """Turns aligned faces into vectors whose dot product tells how alike two faces are."""

    @property
    def name(self) -> str:
        """Of its weights."""

    @property
    def sha256(self) -> str:
        """Of the weight file and, if it is the user's own, of how it is fed."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def embed(self, crops_rgb: Rgb) -> Float32:
        """Unit vectors (n, d) float32 of aligned faces (n, 112, 112, 3) uint8."""
