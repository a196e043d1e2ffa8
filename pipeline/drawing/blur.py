"""Faces made unrecognisable: a few averages of each, blended in with a soft edge."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from pipeline.records import Float32, Rgb

CELLS: Final = 3  # averages along a face's longer side: people know a friend by seven, a detector sees a face in four
FULL: Final = 1.45  # the ellipse within which nothing is left, by the box's half sides: it holds the box's corners
EDGE: Final = 1.8  # where the blur ends


def blur(planes: tuple[Rgb, ...], box_xyxy: list[float]) -> None:
    """Blur an ellipse around a face in place, in each plane; the box is in pixels of the first.

    What is far from the face stays as it was, to the bit. The averages move with the box, so that they are steady.
    """
    if not np.isfinite(box_xyxy).all():
        return
    x0, y0, x1, y1 = box_xyxy
    centre, half = ((x0 + x1) / 2, (y0 + y1) / 2), (max(1.0, (x1 - x0) / 2), max(1.0, (y1 - y0) / 2))
    cell_px = 2 * max(half) / CELLS
    for plane in planes:
        step = planes[0].shape[0] // plane.shape[0]
        columns, across = _span(centre[0], half[0], step, plane.shape[1])
        rows, down = _span(centre[1], half[1], step, plane.shape[0])
        part = plane[rows, columns]
        if part.size:
            share = np.clip((EDGE - np.hypot(across, down[:, None])) / (EDGE - FULL), 0, 1)
            part[...] = _blended(part, share.astype(np.float32), cell_px / step)


def _span(centre: float, half: float, step: int, length: int) -> tuple[slice, Float32]:
    """Along one side of a plane: the pixels within the blur's edge, and how many half sides each is off the centre."""
    first = max(0, math.floor((centre - EDGE * half) / step))
    last = min(length, math.ceil((centre + EDGE * half) / step))
    pixels = np.arange(first, max(first, last), dtype=np.float32)
    return slice(first, max(first, last)), ((pixels + 0.5) * step - centre) / half


def _blended(part: Rgb, share: Float32, cell_px: float) -> Rgb:
    height, width = part.shape[:2]
    cells = max(1, round(width / cell_px)), max(1, round(height / cell_px))
    coarse = cv2.resize(cv2.resize(part, cells, interpolation=cv2.INTER_AREA), (width, height)).astype(np.float32)
    weight = share if part.ndim == 2 else share[..., None]
    return np.rint(part + (coarse - part) * weight).astype(part.dtype)
