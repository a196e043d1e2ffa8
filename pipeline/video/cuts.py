"""Cuts: the parts of a video in which one member is seen, and where each stands in a file that holds nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.records import Float64, Ints


@dataclass(frozen=True, slots=True)
class Cut:
    """Frames `first` to `last`, both included, of one shot.

    In the video's time base: the cut is shown from start_pts until end_pts, when what follows it would begin, and
    starts at out_pts of a file that holds one cut after the other.
    """

    shot: int
    first: int
    last: int
    start_pts: int
    end_pts: int
    out_pts: int


def cuts_of(faces: pd.DataFrame, frames: pd.DataFrame, member: str, handle_s: float) -> list[Cut]:
    """The cuts of `member`, in order, from LABELLED_FACES and VIDEO_FRAMES; none when it is never seen.

    Of each shot that shows the member all is taken but what is further than `handle_s` from its sight; what would be
    left out and is shorter than that is taken too. So a short shot stays whole and a long take is trimmed.
    """
    pts, numbers, shots = (frames[column].to_numpy() for column in ("pts", "frame", "shot"))
    ends = _end_pts(pts)
    cuts: list[Cut] = []
    out_pts = 0
    for first, last in _runs(_taken(faces, frames, member, handle_s), shots):
        start, end = int(pts[first]), int(ends[last])
        cuts.append(Cut(int(shots[first]), int(numbers[first]), int(numbers[last]), start, end, out_pts))
        out_pts += end - start
    return cuts


def _taken(faces: pd.DataFrame, frames: pd.DataFrame, member: str, handle_s: float) -> npt.NDArray[np.bool_]:
    """Which frames are in a cut, (n,)."""
    times_s = frames["time_s"].to_numpy(np.float64)
    seen = frames["frame"].isin(faces["frame"][faces["member"] == member]).to_numpy()
    taken = np.zeros(len(frames), bool)
    for places in frames.groupby("shot").indices.values():
        if seen[places].any():
            taken[places] = _near(times_s[places], times_s[places][seen[places]], handle_s)
            for left in _blocks(~taken[places]):
                run = places[left]
                taken[run] |= times_s[run[-1]] - times_s[run[0]] < handle_s
    return taken


def _near(times_s: Float64, seen_s: Float64, reach_s: float) -> npt.NDArray[np.bool_]:
    after = np.searchsorted(seen_s, times_s)
    since = times_s - np.append(-np.inf, seen_s)[after]
    until = np.append(seen_s, np.inf)[after] - times_s
    return np.minimum(since, until) <= reach_s


def _blocks(mask: npt.NDArray[np.bool_]) -> list[Ints]:
    """The places of each unbroken run of True."""
    places = np.flatnonzero(mask)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]


def _runs(taken: npt.NDArray[np.bool_], shots: Ints) -> list[tuple[int, int]]:
    """First and last place of each run of frames that are taken, no run longer than its shot."""
    starts = [np.split(run, np.flatnonzero(np.diff(shots[run])) + 1) for run in _blocks(taken)]
    return [(int(part[0]), int(part[-1])) for parts in starts for part in parts]


def _end_pts(pts: Ints) -> Ints:
    """When each frame gives way; the last stays as long as the one before it, or as most do."""
    if len(pts) < 2:
        return pts + 1
    lasts = np.diff(pts)
    return np.append(pts[1:], pts[-1] + max(1, min(int(lasts[-1]), int(np.median(lasts)))))
