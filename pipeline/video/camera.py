"""Camera: where a crop stands on each frame so that it follows one face as a calm hand would, looking ahead."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import spsolve

from pipeline.records import Float64

CALM_S: Final = 4.0  # a sway back and forth in less than this is not followed
STILL_SHARE: Final = 0.25  # of the crop: where the face moves by less in a whole cut the camera stands still
EYE_LINE: Final = (0.5, 0.4)  # where in the crop the face is held, from its left and its top
MARGIN_SHARE: Final = 0.05  # of the crop, between the face and the crop's edge
UNSEEN_WEIGHT: Final = 0.1  # of a frame whose face is guessed from those around it
_SHORTEST_STEP_S: Final = 1 / 240  # closer frames than these count as this far apart, which keeps the sums exact
_TRIES: Final = 12


def crop_size(width: int, height: int, shape: Fraction) -> tuple[int, int]:
    """The largest even width and height, in pixels, of `shape` (width over height) within a picture."""
    fitting = min(Fraction(width), height * shape), min(Fraction(height), width / shape)
    across, down = (max(2, math.floor(side / 2) * 2) for side in fitting)
    return across, down


def follow(times_s: Float64, boxes_xyxy: Float64, crop: tuple[int, int], picture: tuple[int, int]) -> Float64:
    """The left top corner of the crop on each frame of one cut, (n, 2) in pixels, not whole ones.

    boxes_xyxy (n, 4) is the face on each frame, NaN where it is not seen, and seen at least once; `crop` and `picture`
    are width and height. The corner stays within the picture and the face, where it fits, within the crop.
    """
    corners = [
        _path(
            times_s,
            (boxes_xyxy[:, axis] + boxes_xyxy[:, axis + 2]) / 2 - EYE_LINE[axis] * crop[axis],
            _room(boxes_xyxy[:, axis + 2] - boxes_xyxy[:, axis], crop[axis], EYE_LINE[axis]),
            (crop[axis], max(0, picture[axis] - crop[axis])),
        )
        for axis in (0, 1)
    ]
    return np.stack(corners, axis=1)


def _room(sides: Float64, crop: int, anchor: float) -> Float64:
    """By how much the camera may miss a face of each of `sides` that is held at `anchor` before an edge cuts it."""
    nearer_edge = min(anchor, 1 - anchor) - MARGIN_SHARE
    return np.maximum(nearer_edge * crop - sides / 2, MARGIN_SHARE * crop)


def _path(times_s: Float64, wanted: Float64, room: Float64, limits: tuple[int, int]) -> Float64:
    """A smooth path near `wanted`, nowhere further from it than `room`: stiff at first, softer where it must be."""
    crop, highest = limits
    seen = ~np.isnan(wanted)
    goal = np.interp(times_s, times_s[seen], np.clip(wanted[seen], 0, highest))
    if np.ptp(goal) <= STILL_SHARE * crop or len(goal) < 3:
        return np.full(len(goal), (goal.min() + goal.max()) / 2)
    steps_s = np.maximum(np.diff(times_s), _SHORTEST_STEP_S)
    stiffness = _stiffness(steps_s)
    weights = np.where(seen, 1.0, UNSEEN_WEIGHT) * np.append(steps_s, steps_s[-1])
    path = goal
    for _ in range(_TRIES):
        path = spsolve(csc_array(diags_array(weights) + stiffness), weights * goal)
        lost = _lost(path - goal, room, seen)
        if not lost.any():
            break
        weights[lost] *= 4
    return np.clip(path, 0, highest)


def _lost(miss: Float64, room: Float64, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return seen & (np.abs(miss) > np.where(seen, room, np.inf))


def _stiffness(steps_s: Float64) -> csc_array:
    """The price of acceleration (Whittaker 1923, of frames at any times): a path c pays c @ stiffness @ c."""
    before, after = 1 / steps_s[:-1], 1 / steps_s[1:]
    span_s = (steps_s[:-1] + steps_s[1:]) / 2
    bends = diags_array(
        (before / span_s, -(before + after) / span_s, after / span_s),
        offsets=(0, 1, 2),
        shape=(len(span_s), len(span_s) + 2),
    )
    return csc_array((CALM_S / (2 * math.pi)) ** 4 * (bends.T @ diags_array(span_s) @ bends))
