"""Stand-ins for the networks and for what the networks make: faces that are painted, vectors that are drawn by lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.classifiers import Examples
from pipeline.models.geometry import CROP_PX, TEMPLATE_XY
from pipeline.records import CURATED, SPLIT, Detections, Float32, Ints, Rgb, embeddings_schema
from pipeline.tables import write_table

DIMENSIONS = 32
EMBEDDER = {"embedder": "sface", "embedder_sha256": "0" * 64, "strangers": "[0.26, 0.065]"}


def painted(*boxes_xyxy: tuple[int, int, int, int], width: int = 320, height: int = 240, noise: int = 90) -> Rgb:
    """A grey picture with a magenta rectangle, `noise` grey levels rough, for each face PaintDetector is to find."""
    rgb = np.full((height, width, 3), 128, np.uint8)
    rough = np.random.default_rng(0)
    for x0, y0, x1, y1 in boxes_xyxy:
        grain = rough.integers(0, noise, (y1 - y0, x1 - x0, 1)) if noise else 0
        rgb[y0:y1, x0:x1] = np.array([250, 0, 250]) - grain * np.array([1, 0, 1])
    return rgb


class PaintDetector:
    """A Detector that finds magenta rectangles, the largest with the best score, and counts how often it looked."""

    name = "paint"

    def __init__(self, sha256: str = "1" * 64) -> None:
        self.sha256 = sha256
        self.looks = 0

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        self.looks += 1
        red, green, blue = (image_rgb[..., channel].astype(int) for channel in range(3))
        magenta = ((red - green > 60) & (blue - green > 60)).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(magenta)[2][1:]
        stats = stats[np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable")]
        corners = stats[:, :2].astype(np.float32)
        sizes = stats[:, 2:4].astype(np.float32)
        scores = (0.95 * 0.98 ** np.arange(len(stats))).astype(np.float32)
        landmarks = corners[:, None] + sizes[:, None] * TEMPLATE_XY / CROP_PX
        faces = Detections(np.concatenate([corners, corners + sizes], axis=1), landmarks, scores)
        return faces[scores >= min_score]


class ColourEmbedder:
    """An Embedder whose vectors are the colours of a face's parts; it counts the faces that it saw."""

    name = "sface"
    dimensions = DIMENSIONS

    def __init__(self, sha256: str = "2" * 64) -> None:
        self.sha256 = sha256
        self.faces = 0

    def embed(self, crops_rgb: Rgb) -> Float32:
        self.faces += len(crops_rgb)
        parts = crops_rgb.reshape(len(crops_rgb), 4, CROP_PX // 4, 4, CROP_PX // 4, 3).mean(axis=(2, 4))
        mix = np.random.default_rng(0).normal(size=(4 * 4 * 3, DIMENSIONS))
        vectors = (parts.reshape(-1, 4 * 4 * 3) + 1.0) @ mix
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


Network = TypeVar("Network")


def stands_in(monkeypatch: pytest.MonkeyPatch, place: str, network: Network) -> Network:
    """Have a stage that opens a network by the name at `place` get this one."""
    monkeypatch.setattr(place, lambda name: network)
    return network


def people(counts: Sequence[int], spread: float = 0.1, seed: int = 0) -> tuple[Float32, Ints]:
    """Unit vectors (n, DIMENSIONS) of as many people as there are counts, each this many times, and labels (n,).

    The people are at right angles to each other; `spread` is the deviation of every coordinate of a face.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = np.eye(DIMENSIONS)[labels] + rng.normal(0, spread, (len(labels), DIMENSIONS))
    return unit(vectors), labels


def examples(vectors: Float32, labels: Ints) -> Examples:
    """The faces as classifiers take them: each of its own duplicate group, without a picture."""
    each = np.arange(len(labels)).astype(str)
    return Examples(vectors, labels, each, np.full(len(labels), ""))


def unit(vectors: npt.ArrayLike) -> Float32:
    """The vectors (n, d), each with length 1."""
    vectors = np.asarray(vectors, np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write_embeddings(
    data: Path, vectors: Float32, members: Sequence[str], metadata: Mapping[str, str] = EMBEDDER
) -> list[str]:
    """Make embeddings.parquet of faces with keys k000, k001, ..., each of its own duplicate group; the keys."""
    rows = [
        {"key": f"k{index:03d}", "member": member, "duplicate_group": f"k{index:03d}", "quality": 1.0, "vector": vector}
        for index, (member, vector) in enumerate(zip(members, vectors, strict=True))
    ]
    write_table(data / "embeddings.parquet", rows, embeddings_schema(vectors.shape[1]), metadata)
    return [row["key"] for row in rows]


def write_split(data: Path, vectors: Float32, members: Sequence[str], sides: Sequence[str]) -> list[str]:
    """Make embeddings.parquet, curated.parquet and split.parquet of such faces; the keys."""
    keys = write_embeddings(data, vectors, members)
    rows = [
        {"key": key, "member": member, "duplicate_group": key, "side": side, "quality": 1.0, "decided_by": "machine"}
        for key, member, side in zip(keys, members, sides, strict=True)
    ]
    write_table(data / "split.parquet", [{name: row[name] for name in SPLIT.names} for row in rows], SPLIT)
    write_table(data / "curated.parquet", [{name: row[name] for name in CURATED.names} for row in rows], CURATED)
    return keys
