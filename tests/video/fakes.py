"""Networks that see coloured squares instead of faces, and small videos of such squares, each frame at its own time."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.models.geometry import CROP_PX, TEMPLATE_XY
from pipeline.records import Detections, Float32, Rgb

WIDTH, HEIGHT, SIDE_PX = 320, 180, 48
RED, GREEN, BLUE = (230, 20, 20), (20, 230, 20), (20, 20, 230)

Square = tuple[tuple[int, int, int], int, int]  # colour, left, top


@dataclass
class SquareDetector:
    """Every patch of one colour is a face; grey is none."""

    name: str = "squares"
    sha256: str = "detector"
    fails_at: int = -1
    trembles_px: float = 0.0
    looks: int = field(default=0, init=False)

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        if self.looks == self.fails_at:
            raise KeyboardInterrupt
        self.looks += 1
        coloured = (np.ptp(image_rgb, axis=2) > 100).astype(np.uint8)
        _, _, patches, _ = cv2.connectedComponentsWithStats(coloured)
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, area in patches[1:] if area > 9], np.float32)
        boxes = boxes.reshape(-1, 4)
        boxes += np.random.default_rng(self.looks).normal(0, self.trembles_px, boxes.shape).astype(np.float32)
        sizes = boxes[:, None, 2:] - boxes[:, None, :2]
        return Detections(
            boxes, boxes[:, None, :2] + TEMPLATE_XY / CROP_PX * sizes, np.full(len(boxes), 0.95, np.float32)
        )


@dataclass
class ColourEmbedder:
    """The mean colour of a crop, as a unit vector."""

    name: str = "colours"
    sha256: str = "embedder"
    dimensions: int = 3

    def embed(self, crops_rgb: Rgb) -> Float32:
        means = crops_rgb.mean(axis=(1, 2)).astype(np.float32) + 1e-3
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def picture(*squares: Square, grey: int = 20) -> Rgb:
    rgb = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    rgb[::16] += 8  # something to see, so that a cut to another grey is one
    for colour, x, y in squares:
        rgb[y : y + SIDE_PX, x : x + SIDE_PX] = colour
    return rgb


def write_video(path: Path, pictures: list[Rgb], times_ms: list[int]) -> Path:
    """A lossless video that shows each picture at its time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1000)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for rgb, time_ms in zip(pictures, times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
