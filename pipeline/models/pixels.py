"""Pictures as a network takes them."""

from __future__ import annotations

import cv2

from pipeline.models.weights import Weights
from pipeline.records import Float32, Rgb


def pixels(weights: Weights, pictures_rgb: Rgb, side_px: int | None = None) -> Float32:
    """Pictures (n, h, w, 3) uint8 as the network of `weights` takes them: (n, 3, h, w) float32.

    With `side_px`, scaled to that height and width.
    """
    size = (side_px, side_px) if side_px else None
    blob: Float32 = cv2.dnn.blobFromImages(
        list(pictures_rgb), weights.scale, size, weights.mean, swapRB=weights.channels == "bgr"
    )
    return blob  # its mean is taken off in the order of the channels as the network has them
