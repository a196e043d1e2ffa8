"""Assign: names for tracks, all chosen together; one name at most once per frame, and 'unknown' always a choice.

The faces of a photo are tracks of one frame, which all meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import logit

from pipeline.records import Float64, Ints

SURE: Final = 0.9  # the confidence from which a face is surely that member's, and no other on the same frames
SUREST: Final = 1e-4  # confidences are kept this far from 0 and 1, so that no single track outweighs all others

Meetings = set[tuple[int, ...]]
"""The distinct sets of two or more tracks, or persons, that share a frame."""


def together(faces: pd.DataFrame) -> Meetings:
    """The sets of tracks that share a frame."""
    seen = faces[["frame", "track"]].drop_duplicates().sort_values(["frame", "track"])
    tracks, borders = seen["track"].to_numpy(), np.flatnonzero(np.diff(seen["frame"].to_numpy(), prepend=-1, append=-1))
    return {tuple(tracks[first:end].tolist()) for first, end in pairwise(borders) if end - first > 1}


def taken(confidences: Float64, meetings: Meetings) -> npt.NDArray[np.bool_]:
    """Which members each (row of `confidences`) cannot be, since one on screen with it surely is: (n, members)."""
    barred = np.zeros(confidences.shape, bool)
    sure = confidences >= SURE
    for meeting in meetings:
        those = np.array(meeting)
        for one in those:
            barred[one] |= sure[those[those != one]].any(axis=0) & ~sure[one]
    return barred


def assign(confidences: Float64, frames_of: Ints, meetings: Meetings, threshold: float) -> Ints:
    """The member of each track or -1, (t,); those that meet, and whom these meet, are chosen by integer programming.

    A name earns its track the log-odds of its confidence above the threshold's, for each frame it is seen on; unknown
    earns nothing. No two tracks that share a frame have one name.
    """
    bound = float(np.clip(threshold, SUREST, 1 - SUREST))
    gain = logit(np.clip(confidences, SUREST, 1 - SUREST)) - logit(bound)
    gain[(frames_of == 0)[:, None] | (confidences < threshold)] = -1.0
    chosen = np.where(gain.max(axis=1, initial=-1.0) >= 0, gain.argmax(axis=1) if gain.size else -1, -1)
    for tracks, met in _circles(meetings, len(confidences)):
        chosen[tracks] = _assign_jointly(tracks, gain[tracks], frames_of[tracks], met)
    return chosen


def ranked(confidences: Float64, names: Ints) -> tuple[Ints, Ints]:
    """For each of `names` (t,), or -1: the member that its confidence is of, and the next likely one, or -1.

    Of the unknown both are the best guess.
    """
    order = np.argsort(-confidences, axis=1, kind="stable")
    runner_up = order[:, 1] if confidences.shape[1] > 1 else np.full(len(names), -1)
    return np.where(names >= 0, names, order[:, 0]), np.where(order[:, 0] == names, runner_up, order[:, 0])


def _circles(meetings: Meetings, count: int) -> Iterator[tuple[Ints, list[Ints]]]:
    """The tracks that meet, directly or through others, and their meetings in places among those tracks."""
    if not meetings:
        return
    links = np.array([(meeting[0], track) for meeting in meetings for track in meeting[1:]])
    graph = coo_array((np.ones(len(links)), links.T), shape=(count, count))
    _, circle = connected_components(graph, directed=False)
    met_in: dict[int, list[tuple[int, ...]]] = {}
    for meeting in sorted(meetings):
        met_in.setdefault(int(circle[meeting[0]]), []).append(meeting)
    for number, met in met_in.items():
        tracks = np.flatnonzero(circle == number)
        yield tracks, [np.searchsorted(tracks, meeting) for meeting in met]


def _assign_jointly(tracks: Ints, gain: Float64, frames_of: Ints, met: list[Ints]) -> Ints:
    chosen = np.full(len(tracks), -1, np.int64)
    rows, members = np.nonzero(gain >= 0)
    if not len(rows):
        return chosen
    earned = (gain[rows, members] + 1e-9) * frames_of[rows]
    solution = milp(-earned, constraints=_one_each(rows, members, met), integrality=1, bounds=Bounds(0, 1))
    given = solution.x > 0.5
    chosen[rows[given]] = members[given]
    return chosen


def _one_each(tracks: Ints, members: Ints, met: list[Ints]) -> LinearConstraint:
    """Each track at most one name; each name at most once among tracks that are on screen together."""
    rows = [np.flatnonzero(tracks == track) for track in np.unique(tracks)]
    for meeting in met:
        here = np.isin(tracks, meeting)
        for member in np.unique(members[here]):
            rivals = np.flatnonzero(here & (members == member))
            if len(rivals) > 1:
                rows.append(rivals)
    columns = np.concatenate(rows)
    numbers = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    matrix = coo_array((np.ones(len(columns)), (numbers, columns)), shape=(len(rows), len(tracks)))
    return LinearConstraint(matrix.tocsr(), ub=1)
