"""Which faces lie under the wrong name: every face compared with those of its own member and of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.params import Curate
from pipeline.records import Float32, Float64, Ints

OTHERS: Final = 2  # faces of its member that a face must be compared with before it is judged
FREE_ROUNDS: Final = 10  # it settles in three or four, unless faces take turns in dropping each other
NOBODY: Final = -1  # the label of a face that is no member's
_CHUNK_ROWS: Final = 2048  # faces compared with a member's at a time


@dataclass(frozen=True, slots=True)
class Bounds:
    """Likenesses: `low` is one that many strangers reach, `sure` one that hardly any does."""

    low: float
    sure: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about each face, as arrays (n,).

    Whether it is `kept`, its likeness to its `own` member, the `floor` which that must reach, and the `best` likeness
    to an `other` member, whose label.
    """

    kept: npt.NDArray[np.bool_]
    own: Float64
    floor: Float64
    best: Float64
    other: Ints


def judge(vectors: Float32, labels: Ints, settled: npt.NDArray[np.bool_], params: Curate, bounds: Bounds) -> Verdict:
    """Compare every face with the faces kept so far of every member, itself left out, until nothing changes.

    A face is a swap when another member is more alike by `swap_margin`; a stranger when its own member is less alike
    than `stranger_z` robust deviations below that member's usual likeness, a floor that `bounds` hold. `settled` faces
    (a person decided) are always kept.

    It ends: after FREE_ROUNDS a face that comes back stays, so that each can change twice more at most. In doubt, where
    faces would be dropped and taken back for ever, they are kept.
    """
    kept = np.ones(len(labels), bool)
    stays = settled.copy()
    rounds = 0
    while True:
        own, best, other = _own_and_best(likeness(vectors, labels, kept, params.neighbours), labels)
        floor = _floor(own, labels, kept, params.stranger_z, bounds)
        wrong = (best > own + params.swap_margin) | (own < floor)
        others = np.bincount(labels[kept], minlength=int(labels.max(initial=-1)) + 1)[labels] - kept
        now_kept = ~(wrong & (others >= OTHERS)) | stays
        if (now_kept == kept).all():
            return Verdict(kept, own, floor, best, other)
        rounds += 1
        if rounds > FREE_ROUNDS:
            stays |= now_kept & ~kept
        kept = now_kept


def likeness(vectors: Float32, labels: Ints, kept: npt.NDArray[np.bool_], neighbours: int) -> Float64:
    """Likeness (n, members) of every face to the kept faces of each member, itself left out; -1 to one who has none.

    It is half the cosine to their mean, half the mean cosine to the most alike of them.
    """
    count = int(labels.max(initial=NOBODY)) + 1
    found = np.full((len(labels), count), -1.0)
    for label in range(count):
        of_member = np.flatnonzero((labels == label) & kept)
        for start in range(0, len(labels) if len(of_member) else 0, _CHUNK_ROWS):
            rows = np.arange(start, min(start + _CHUNK_ROWS, len(labels)))
            found[rows, label] = _likeness_to(vectors, rows, of_member, neighbours)
    return found


def _likeness_to(vectors: Float32, rows: Ints, of_member: Ints, neighbours: int) -> Float64:
    """Likeness of each of `rows` to the faces `of_member`, itself left out."""
    itself = rows[:, None] == of_member
    cosines = np.where(itself, -2.0, vectors[rows] @ vectors[of_member].T)
    total = vectors[of_member].sum(axis=0, dtype=np.float64)
    means = np.where(itself.any(axis=1)[:, None], total - vectors[rows], total)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    most = min(neighbours, len(of_member))
    nearest = -np.partition(-cosines, most - 1, axis=1)[:, :most]
    present = nearest > -2.0
    to_nearest = np.where(present, nearest, 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    likeness_to: Float64 = ((vectors[rows] * means).sum(axis=1) + to_nearest) / 2
    return likeness_to


def _own_and_best(found: Float64, labels: Ints) -> tuple[Float64, Float64, Ints]:
    """Likeness of every face to its own member, to the most alike other, and that other's label."""
    rows = np.arange(len(labels))
    own = found[rows, labels].copy()
    others = found.copy()
    others[rows, labels] = -1.0
    other = others.argmax(axis=1) if found.shape[1] > 1 else labels
    return own, others[rows, other], other


def _floor(own: Float64, labels: Ints, kept: npt.NDArray[np.bool_], stranger_z: float, bounds: Bounds) -> Float64:
    """The likeness to its own member that each face must reach; -1 where too few faces tell."""
    floor = np.full(len(labels), -1.0)
    for label in range(int(labels.max(initial=-1)) + 1):
        of_member = labels == label
        usual = own[of_member & kept]
        if len(usual) >= OTHERS:
            middle = float(np.median(usual))
            spread = 1.4826 * float(np.median(np.abs(usual - middle)))
            floor[of_member] = np.clip(middle - stranger_z * max(spread, 0.03), bounds.low, bounds.sure)
    return floor
