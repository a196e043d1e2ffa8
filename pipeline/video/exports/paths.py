"""The ways of faces across the picture: runs of frames, and the few places between which each goes straight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.records import BOX, Float64, Ints
from pipeline.video.screen_time import shown_s


@dataclass(frozen=True, slots=True)
class Run:
    """One track on n frames that follow each other: starts_s and ends_s (n,) of each, boxes_xyxy (n, 4) in pixels."""

    member: str
    starts_s: Float64
    ends_s: Float64
    boxes_xyxy: Float64


def runs(faces: pd.DataFrame, frames: pd.DataFrame) -> Iterator[Run]:
    """The runs of all tracks of LABELLED_FACES, by track and time."""
    faces = faces.sort_values(["track", "frame"], kind="stable")
    places = pd.Index(frames["frame"]).get_indexer(faces["frame"])
    tracks = faces["track"].to_numpy()
    starts_s, ends_s = (times_s[places] for times_s in shown_s(frames))
    boxes = faces[BOX].to_numpy(np.float64)
    members = faces["member"].to_numpy()
    breaks = np.flatnonzero((np.diff(tracks) != 0) | (np.diff(places) != 1)) + 1
    for rows in np.split(np.arange(len(faces)), breaks):
        if len(rows):
            yield Run(str(members[rows[0]]), starts_s[rows], ends_s[rows], boxes[rows])


def key_places(times_s: Float64, values: Float64, tolerance: float) -> Ints:
    """Which of n values (n, k) to keep so that lines in time between them stray at most `tolerance` from the others.

    Douglas and Peucker's way of simplifying a line, with the distance taken at the same time: first and last stay,
    and the worst of those between as long as it strays too far.
    """
    keep = np.zeros(len(times_s), bool)
    keep[[0, -1]] = True
    spans = [(0, len(times_s) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        share = (times_s[first + 1 : last] - times_s[first]) / (times_s[last] - times_s[first])
        line = values[first] + share[:, None] * (values[last] - values[first])
        strays = np.abs(values[first + 1 : last] - line).max(axis=1)
        worst = first + 1 + int(strays.argmax())
        if strays[worst - first - 1] > tolerance:
            keep[worst] = True
            spans += [(first, worst), (worst, last)]
    return np.flatnonzero(keep)
