"""Faces of one shot joined into tracks, one per person, with a box on every frame in between."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Final

import numpy as np
import supervision as sv
from scipy.optimize import linear_sum_assignment
from scipy.signal import savgol_filter

from pipeline.models.geometry import iou_matrix
from pipeline.records import Detections, Float32, Float64, Ints

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # optional parts of the package that Lineup does not use
    from trackers import ByteTrackTracker

LOST_AFTER_S: Final = 0.5  # a face that is hidden for longer starts a new track
NEW_TRACK_SCORE: Final = 0.7
SMOOTHED_S: Final = 0.4
SAME_PLACE_IOU: Final = 0.3  # from which on a face is where it was
AGAIN_S: Final = 1e-6  # less than the tick of any clock


@dataclass(frozen=True, slots=True)
class _LastPlace:
    """Where a track was last, and the number that the package has for it."""

    box_xyxy: Float32
    number: int


class ShotTracker:
    """ByteTrack (Zhang et al. 2022) over the detections of one shot.

    It awaits a face where its motion would have brought it. One that stops or turns back is not there, yet overlaps the
    place where it was: what is new to ByteTrack and what it lost are matched by that, as in OC-SORT (Cao et al. 2023).
    """

    def __init__(self) -> None:
        """Start a shot without tracks."""
        self._tracker = ByteTrackTracker(
            lost_track_buffer=round(LOST_AFTER_S * 30),  # the package counts in frames of a 30 fps video
            minimum_consecutive_frames=1,
            track_activation_threshold=NEW_TRACK_SCORE,
            high_conf_det_threshold=NEW_TRACK_SCORE,
        )
        self._seen: dict[int, _LastPlace] = {}  # of each track that may go on
        self._unused = count()

    def assign(self, faces: Detections, time_s: float) -> Ints:
        """The track of each face, (n,), -1 for a weak one that continues no track; call it with rising `time_s`."""
        numbers = self._update(faces, time_s)
        if (numbers[faces.scores >= NEW_TRACK_SCORE] < 0).any():
            # The package numbers a track at its second sight. Showing new faces twice numbers them at once.
            numbers = self._update(faces, time_s + AGAIN_S)
        alive = {track.tracker_id for track in self._tracker.tracks}
        self._seen = {track: seen for track, seen in self._seen.items() if seen.number in alive}
        track_of = {seen.number: track for track, seen in self._seen.items()}
        tracks = np.array([track_of.get(number, -1) for number in numbers.tolist()], np.int64)
        new = np.flatnonzero((numbers >= 0) & (tracks < 0))
        tracks[new] = self._where_one_was(faces.boxes_xyxy[new], set(track_of.values()) - set(tracks.tolist()))
        for row in np.flatnonzero(tracks >= 0):
            self._seen[int(tracks[row])] = _LastPlace(faces.boxes_xyxy[row], int(numbers[row]))
        return tracks

    def _where_one_was(self, boxes_xyxy: Float32, lost: set[int]) -> list[int]:
        """For each of boxes_xyxy (n, 4) the track among `lost` that was there last, or an unused one."""
        tracks = sorted(lost)
        found: dict[int, int] = {}
        if tracks:
            overlaps = iou_matrix(boxes_xyxy, np.stack([self._seen[track].box_xyxy for track in tracks]))
            pairs = zip(*linear_sum_assignment(overlaps, maximize=True), strict=True)
            found = {int(row): tracks[one] for row, one in pairs if overlaps[row, one] >= SAME_PLACE_IOU}
        return [found[row] if row in found else next(self._unused) for row in range(len(boxes_xyxy))]

    def _update(self, faces: Detections, time_s: float) -> Ints:
        detections = sv.Detections(
            xyxy=faces.boxes_xyxy.astype(np.float64),
            confidence=faces.scores.astype(np.float64),
            data={"row": np.arange(len(faces))},
        )
        tracked = self._tracker.update(detections, timestamp=time_s)
        ids = np.full(len(faces), -1, np.int64)
        if tracked.tracker_id is not None and len(tracked):
            ids[tracked.data["row"]] = tracked.tracker_id
        return ids


@dataclass(frozen=True, slots=True)
class Sighting:
    """A face as it was detected on one frame; `missed` when the frame looked at before did not show it."""

    frame: int
    time_s: float
    box_xyxy: Float32
    score: float
    missed: bool = False


@dataclass(frozen=True, slots=True)
class TrackedBox:
    """A face on one frame; `interpolated` when it was not looked for there."""

    frame: int
    box_xyxy: Float32
    score: float
    interpolated: bool


def smoothed(boxes_xyxy: Float32, times_s: Float64) -> Float32:
    """Boxes (n, 4), shown at times_s (n,), that no longer tremble with the detector and do not lag either.

    A quadratic is fitted to each span of SMOOTHED_S around a moment (Savitzky and Golay 1964), the moments evenly apart
    as the filter wants them.
    """
    if len(boxes_xyxy) < 5:
        return boxes_xyxy
    even_s = np.linspace(times_s[0], times_s[-1], len(times_s))  # no more than there are, however they lie
    step_s = float(even_s[1] - even_s[0])
    window = min(2 * round(SMOOTHED_S / step_s / 2) + 1, len(even_s) - (len(even_s) + 1) % 2)
    if window < 5:
        return boxes_xyxy
    even = np.stack([np.interp(even_s, times_s, side) for side in boxes_xyxy.T], axis=1)
    smooth = savgol_filter(even, window, 2, axis=0)
    return np.stack([np.interp(times_s, even_s, side) for side in smooth.T], axis=1).astype(np.float32)


def filled(sightings: list[Sighting], times_s: dict[int, float]) -> Iterator[TrackedBox]:
    """A box on every frame from the first to the last sighting, linear in time in between.

    `times_s` has the time of each frame of the shot. A gap longer than a track may be lost for stays empty, and so does
    one in which the face was missed and after which it is elsewhere: where it was in between nobody knows.
    """
    for now, then in zip(sightings, [*sightings[1:], None], strict=True):
        yield TrackedBox(now.frame, now.box_xyxy, now.score, interpolated=False)
        if then is None or then.time_s - now.time_s > 2 * LOST_AFTER_S or _went_elsewhere(now, then):
            continue
        for frame in range(now.frame + 1, then.frame):
            share = np.float32((times_s[frame] - now.time_s) / (then.time_s - now.time_s))
            box = now.box_xyxy + (then.box_xyxy - now.box_xyxy) * share
            yield TrackedBox(frame, box, min(now.score, then.score), interpolated=True)


def unbroken(boxes: list[TrackedBox]) -> Iterator[list[TrackedBox]]:
    """The stretches of `boxes` that have one on every frame."""
    ends = np.flatnonzero(np.diff([box.frame for box in boxes]) > 1) + 1
    for start, end in pairwise([0, *ends.tolist(), len(boxes)]):
        yield boxes[start:end]


def _went_elsewhere(now: Sighting, then: Sighting) -> bool:
    overlap = float(iou_matrix(now.box_xyxy[None], then.box_xyxy[None])[0, 0])
    return then.missed and overlap < SAME_PLACE_IOU
