"""What the heads of a RetinaFace say, turned into faces: three for all feature maps, or three for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.records import Detections, Float32

# What boxes and landmarks were encoded with where three heads are for all feature maps (from the paper's PyTorch code).
CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2
PER_MAP: Final = 9  # outputs of a network with three heads for each of its three feature maps

Anchors = tuple[tuple[int, ...], ...]
Arrays = Sequence[npt.NDArray[Any]]


def faces_of(outputs: Arrays, anchors: Anchors, width: int, height: int, min_score: float) -> Detections:
    """The faces, each found many times over, in a picture `width` by `height` whose `outputs` these are.

    ValueError when they are not those of a RetinaFace with these `anchors`.
    """
    if len(outputs) == PER_MAP:
        return _of_each_map(outputs, anchors, min_score)
    return _of_all_maps(outputs, anchors, width, height, min_score)


def _of_all_maps(outputs: Arrays, anchors: Anchors, width: int, height: int, min_score: float) -> Detections:
    heads = {array.shape[-1]: array[0] for array in outputs if array.ndim == 3}
    known = _anchors_xywh(anchors, width, height)
    expected = {(len(known), numbers) for numbers in (2, 4, 10)}
    if {array.shape for array in heads.values()} != expected:
        shapes = ", ".join(str(array.shape) for array in outputs)
        raise ValueError(f"expected three heads with 2, 4 and 10 numbers for {len(known)} anchors, found {shapes}")
    # Thresholding before decoding skips 99.9 % of the anchors.
    scores = _shares(heads[2][:, 1])
    some = np.flatnonzero(scores >= min_score)
    return _decoded(heads[4][some], heads[10][some], scores[some], known[some], CENTRE_VARIANCE, SIZE_VARIANCE)


def _of_each_map(outputs: Arrays, anchors: Anchors, min_score: float) -> Detections:
    """Scores, boxes and landmarks of each map with the channels last, the coarsest first.

    Of the scores the second half of the channels is that of a face; each map has the larger anchors first; offsets are
    from the middle of an anchor's first and last pixel (from the package retina-face).
    """
    found = []
    for place, (stride, *sizes) in enumerate(sorted(anchors, reverse=True)):
        shares, boxes, landmarks = (array[0] for array in outputs[3 * place : 3 * place + 3])
        (rows, columns), count = shares.shape[:2], len(sizes)
        shapes = [array.shape for array in (shares, boxes, landmarks)]
        if shapes != [(rows, columns, count * numbers) for numbers in (2, 4, 10)]:
            raise ValueError(f"expected scores, boxes and landmarks of {count} anchors for stride {stride}: {shapes}")
        scores = _shares(shares[..., count:].reshape(-1))
        known = _grid_xywh(rows, columns, stride, tuple(sorted(sizes, reverse=True)), (stride - 1) / 2)
        some = np.flatnonzero(scores >= min_score)
        encoded = boxes.reshape(-1, 4)[some], landmarks.reshape(-1, 10)[some]
        found.append(_decoded(*encoded, scores[some], known[some], 1.0, 1.0))
    return Detections.joined(found)


def _shares(scores: npt.NDArray[Any]) -> Float32:
    if len(scores) and not (scores.min() >= 0.0 and scores.max() <= 1.0):
        raise ValueError("the scores are no probabilities: export it with its softmax")
    return scores.astype(np.float32)


@lru_cache(maxsize=16)
def _anchors_xywh(anchors: Anchors, width: int, height: int) -> Float32:
    """Centre and size in pixels of every anchor of a picture, (n, 4), in the order of the network's outputs."""
    layers = []
    for stride, *sizes in anchors:
        rows, columns = -(-height // stride), -(-width // stride)
        layers.append(_grid_xywh(rows, columns, stride, tuple(sizes), stride / 2))
    return np.concatenate(layers)


def _grid_xywh(rows: int, columns: int, stride: int, sizes: tuple[int, ...], first: float) -> Float32:
    """Anchors of one feature map: at each place, `stride` apart from `first` on, one of each size."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    centres = np.stack([x.ravel(), y.ravel()], axis=1) * stride + first
    boxes = [np.concatenate([centres, np.full_like(centres, size)], axis=1) for size in sizes]
    return np.stack(boxes, axis=1).reshape(-1, 4).astype(np.float32)


def _decoded(
    boxes: npt.NDArray[Any],
    landmarks: npt.NDArray[Any],
    scores: Float32,
    anchors_xywh: Float32,
    centre_variance: float,
    size_variance: float,
) -> Detections:
    middles, sides = anchors_xywh[:, :2], anchors_xywh[:, 2:]
    centres = middles + boxes[:, :2] * centre_variance * sides
    sizes = sides * np.exp(boxes[:, 2:] * size_variance)
    corners = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    points = middles[:, None] + landmarks.reshape(-1, 5, 2) * centre_variance * sides[:, None]
    return Detections(corners.astype(np.float32), points.astype(np.float32), scores)
