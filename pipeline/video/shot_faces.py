"""The faces of one shot, frame by frame: looked for now and then, tracked in between, the best few embedded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from pipeline.models.detection import find_faces, find_faces_in_photo
from pipeline.params import Analyse
from pipeline.records import BOX, Rgb
from pipeline.video.embedded import EmbeddedTrack, Networks, embedded
from pipeline.video.samples import Track
from pipeline.video.track import LOST_AFTER_S, ShotTracker, Sighting, filled, smoothed, unbroken

LONGER_SIDE_PX: Final = 1280  # crops are cut from frames of at most this size
DETECT_AGAIN_S: Final = LOST_AFTER_S / 2  # where frames are far apart, a look at every few would lose every track
# How far a face moves from one frame to the next, in its sides: from HASTE on twice as many frames are looked at as
# usual, below CALM half as many.
HASTE: Final = 0.08
CALM: Final = 0.02
OVER_S: Final = 3 * LOST_AFTER_S  # unseen for so long, no track goes on, however far apart the frames are
EMBED_AT_ONCE: Final = 8  # tracks, so that a long shot holds few of its frames and the network gets a batch
CLOSE_UP: Final = 0.4  # of the picture's shorter side; when such a face gets lost it may have come too near


@dataclass(frozen=True, slots=True)
class ShotTables:
    """Rows of VIDEO_FRAMES, TRACKED_FACES and the sampled faces of one shot, its tracks numbered from 0."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    faces: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)


class ShotFaces:
    """One shot; a new one starts at each cut. Of a track that is over only boxes, vectors and small crops are held."""

    def __init__(self, shot: int, networks: Networks, params: Analyse, to_source: float) -> None:
        """`to_source` makes pixels of the source of those of the frames seen, which may be smaller."""
        self._shot, self._networks, self._params, self._to_source = shot, networks, params, to_source
        self._tracker = ShotTracker()
        self._tracks: dict[int, Track] = {}
        self._times_s: dict[int, float] = {}
        self._rows: list[dict[str, Any]] = []
        self._embedded: list[EmbeddedTrack] = []
        self._detected_s, self._wait = -np.inf, 0
        self._close_up = True  # a shot may begin with a face that fills the picture

    def wants(self, time_s: float, last: bool) -> bool:
        """Whether the next frame, shown at `time_s`, should be looked at; the first and the `last` always are."""
        return last or self._wait <= 1 or time_s - self._detected_s > DETECT_AGAIN_S

    def add(self, index: int, pts: int, time_s: float, frame_rgb: Rgb | None) -> None:
        """Take in the next frame; frame_rgb (h, w, 3) uint8 only if it is to be looked at."""
        self._rows.append({"frame": index, "pts": pts, "time_s": time_s, "shot": self._shot})
        self._times_s[index] = time_s
        self._wait -= 1
        if frame_rgb is not None:
            self._detect(index, time_s, frame_rgb)

    def tables(self) -> ShotTables:
        """What the shot showed; its samples are embedded in one go."""
        self._embed(list(self._tracks))
        tables = ShotTables(self._rows)
        for number, track in enumerate(sorted(self._embedded, key=lambda one: one.sightings[0].frame)):
            tables.faces.extend(self._faces(number, track.sightings))
            best = max(range(len(track.places)), key=lambda one: track.places[one][1])
            tables.samples.extend(
                {
                    "track": number,
                    "frame": frame,
                    "quality": quality,
                    "vector": track.vectors[one],
                    "crop_jpeg": track.crops_jpeg[one] if one == best else b"",
                }
                for one, (frame, quality) in enumerate(track.places)
            )
        return tables

    def _detect(self, index: int, time_s: float, frame_rgb: Rgb) -> None:
        """Detect, continue the tracks, keep the crops that may become samples, and say when to look again."""
        params = self._params
        find = find_faces_in_photo if self._close_up else find_faces
        faces = find(self._networks.detector, frame_rgb, params.detect_side_px, params.min_score)
        sides = (faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
        faces = faces[sides >= params.min_face_px]
        paces = []
        for row, number in enumerate(self._tracker.assign(faces, time_s)):
            if number < 0:
                continue
            track = self._tracks.setdefault(int(number), Track())
            face = faces[row : row + 1]
            missed = bool(track.sightings) and track.sightings[-1].time_s < self._detected_s
            track.sightings.append(Sighting(index, time_s, face.boxes_xyxy[0], float(face.scores[0]), missed))
            paces.append(_pace(track.sightings))
            track.keep_if_best(frame_rgb, face, params.embed_per_track)
        largest = float((faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).max(initial=0.0))
        self._close_up = largest > CLOSE_UP * min(frame_rgb.shape[:2])
        here = sum(track.sightings[-1].time_s >= self._detected_s for track in self._tracks.values())
        somebody_left = here > len(paces)
        over = [number for number, track in self._tracks.items() if time_s - track.sightings[-1].time_s > OVER_S]
        if len(over) >= EMBED_AT_ONCE:
            self._embed(over)
        self._detected_s = time_s
        self._wait = _frames_to_wait(paces, somebody_left, params.detect_every)

    def _embed(self, numbers: list[int]) -> None:
        """Of these tracks, which are over, keep what the tables need."""
        self._embedded += embedded([self._tracks.pop(number) for number in numbers], self._networks)

    def _faces(self, number: int, sightings: list[Sighting]) -> Iterator[dict[str, Any]]:
        for boxes in unbroken(list(filled(sightings, self._times_s))):
            times_s = np.array([self._times_s[box.frame] for box in boxes])
            steady = smoothed(np.stack([box.box_xyxy for box in boxes]), times_s) * self._to_source
            for box, sides in zip(boxes, steady.tolist(), strict=True):
                row = {"frame": box.frame, "shot": self._shot, "track": number, **dict(zip(BOX, sides, strict=True))}
                yield row | {"detection_score": box.score, "interpolated": box.interpolated}


def _pace(sightings: list[Sighting]) -> float:
    """How far a corner of a face's box moved from one frame to the next, in its sides; unknown for a new face."""
    if len(sightings) < 2:
        return HASTE
    before, now = sightings[-2:]
    side = float((now.box_xyxy[2:] - now.box_xyxy[:2]).min())
    return float(np.abs(now.box_xyxy - before.box_xyxy).max()) / max(side, 1.0) / (now.frame - before.frame)


def _frames_to_wait(paces: list[float], somebody_left: bool, usual: int) -> int:
    """How many frames on the next look is due: soon after a cut and in motion, late when all is calm."""
    fastest = max(paces, default=CALM)
    if fastest >= HASTE:
        return max(1, usual // 2)
    return usual if somebody_left or fastest >= CALM else 2 * usual
