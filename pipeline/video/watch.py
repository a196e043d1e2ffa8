"""Watch: the faces of one shot, seen frame by frame: looked for now and then, tracked, the best few embedded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from pipeline.images import encode_jpeg
from pipeline.models import Detector, Embedder
from pipeline.models.geometry import align
from pipeline.models.looking import embed_samples, find_faces, find_faces_in_photo, second_look, surroundings
from pipeline.models.quality import measure
from pipeline.params import Analyse
from pipeline.records import Faces, Float32, Rgb
from pipeline.video.track import LOST_AFTER_S, ShotTracker, Sighting, filled, smoothed, unbroken

LONGER_SIDE_PX: Final = 1280  # crops are cut from frames of at most this size
LOOK_AGAIN_S: Final = LOST_AFTER_S / 2  # where frames are far apart, a look at every few would lose every track
SAMPLE_EVERY_S: Final = 0.4  # at most one sampled face of a track in such a span, so that samples differ
# How far a face moves from one frame to the next, in its sides: from HASTE on twice as many frames are looked at as
# usual, below CALM half as many.
HASTE: Final = 0.08
CALM: Final = 0.02
OVER_S: Final = 3 * LOST_AFTER_S  # unseen for so long, no track goes on, however far apart the frames are
EMBED_AT_ONCE: Final = 8  # tracks, so that a long shot holds few of its frames and the network gets a batch
CLOSE_UP: Final = 0.4  # of the picture's shorter side; when such a face gets lost it may have come too near
ONE_PERSON: Final = 0.2  # likeness of the earlier and the later faces of a track below which they are of two people


@dataclass(frozen=True, slots=True)
class Networks:
    """The two networks that an analysis is made with."""

    detector: Detector
    embedder: Embedder


@dataclass(frozen=True, slots=True)
class ShotTables:
    """Rows of VIDEO_FRAMES, TRACKED_FACES and the sampled faces of one shot, its tracks numbered from 0."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    faces: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sample:
    """A face worth embedding: its surroundings, copied out of the frame, with box and landmarks in their pixels."""

    frame: int
    quality: float
    around_rgb: Rgb
    box_xyxy: Float32
    landmarks_xy: Float32


@dataclass(slots=True)
class _Track:
    """`samples` holds the best face of each span of SAMPLE_EVERY_S seconds."""

    sightings: list[Sighting] = field(default_factory=list)
    samples: dict[int, _Sample] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Person:
    """What is kept of a track, or of its part before or after another person took it over."""

    sightings: list[Sighting]
    samples: list[tuple[int, float]]  # frame and quality of each
    crops_jpeg: list[bytes]
    vectors: Float32


class Watch:
    """One shot; a new one starts at each cut. Of a track that is over only boxes, vectors and small crops are held."""

    def __init__(self, shot: int, networks: Networks, params: Analyse, to_source: float) -> None:
        """`to_source` makes pixels of the source of those of the frames seen, which may be smaller."""
        self._shot, self._networks, self._params, self._to_source = shot, networks, params, to_source
        self._tracker = ShotTracker()
        self._tracks: dict[int, _Track] = {}
        self._times_s: dict[int, float] = {}
        self._rows: list[dict[str, Any]] = []
        self._persons: list[_Person] = []
        self._looked_s, self._wait = -np.inf, 0
        self._close_up = True  # a shot may begin with a face that fills the picture

    def wants(self, time_s: float, last: bool) -> bool:
        """Whether the next frame, shown at `time_s`, should be looked at; the first and the `last` always are."""
        return last or self._wait <= 1 or time_s - self._looked_s > LOOK_AGAIN_S

    def see(self, index: int, pts: int, time_s: float, frame_rgb: Rgb | None) -> None:
        """Take in the next frame; frame_rgb (h, w, 3) uint8 only if it is to be looked at."""
        self._rows.append({"frame": index, "pts": pts, "time_s": time_s, "shot": self._shot})
        self._times_s[index] = time_s
        self._wait -= 1
        if frame_rgb is not None:
            self._look(index, time_s, frame_rgb)

    def tables(self) -> ShotTables:
        """What the shot showed; its samples are embedded in one go."""
        self._embed(list(self._tracks))
        tables = ShotTables(self._rows)
        for number, person in enumerate(sorted(self._persons, key=lambda one: one.sightings[0].frame)):
            tables.faces.extend(self._faces(number, person.sightings))
            best = max(range(len(person.samples)), key=lambda one: person.samples[one][1])
            tables.samples.extend(
                {
                    "track": number,
                    "frame": frame,
                    "quality": quality,
                    "vector": person.vectors[one],
                    "crop_jpeg": person.crops_jpeg[one] if one == best else b"",
                }
                for one, (frame, quality) in enumerate(person.samples)
            )
        return tables

    def _look(self, index: int, time_s: float, frame_rgb: Rgb) -> None:
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
            track = self._tracks.setdefault(int(number), _Track())
            face = faces[row : row + 1]
            missed = bool(track.sightings) and track.sightings[-1].time_s < self._looked_s
            track.sightings.append(Sighting(index, time_s, face.boxes_xyxy[0], float(face.scores[0]), missed))
            paces.append(_pace(track.sightings))
            _keep_if_best(track, index, frame_rgb, face, params.embed_per_track)
        largest = float((faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).max(initial=0.0))
        self._close_up = largest > CLOSE_UP * min(frame_rgb.shape[:2])
        here = sum(track.sightings[-1].time_s >= self._looked_s for track in self._tracks.values())
        somebody_left = here > len(paces)
        over = [number for number, track in self._tracks.items() if time_s - track.sightings[-1].time_s > OVER_S]
        if len(over) >= EMBED_AT_ONCE:
            self._embed(over)
        self._looked_s = time_s
        self._wait = _frames_to_wait(paces, somebody_left, params.detect_every)

    def _embed(self, numbers: list[int]) -> None:
        """Turn these tracks, which are over, into persons; of the frames they were on nothing is held any more."""
        tracks = [self._tracks.pop(number) for number in numbers]
        chosen = [[track.samples[span] for span in sorted(track.samples)] for track in tracks]
        crops = [_crop(sample, self._networks.detector) for samples in chosen for sample in samples]
        if not crops:
            return
        owner = np.repeat(np.arange(len(chosen)), [len(samples) for samples in chosen])
        vectors = embed_samples(self._networks.embedder, np.stack(crops), owner)
        for number, (track, samples) in enumerate(zip(tracks, chosen, strict=True)):
            rows = np.flatnonzero(owner == number)
            jpegs = [encode_jpeg(crops[row]) for row in rows]
            places = [(sample.frame, sample.quality) for sample in samples]
            self._persons += _parted(_Person(track.sightings, places, jpegs, vectors[rows]))

    def _faces(self, number: int, sightings: list[Sighting]) -> Iterator[dict[str, Any]]:
        for boxes in unbroken(list(filled(sightings, self._times_s))):
            times_s = np.array([self._times_s[box.frame] for box in boxes])
            steady = smoothed(np.stack([box.box_xyxy for box in boxes]), times_s) * self._to_source
            for box, (x0, y0, x1, y1) in zip(boxes, steady.tolist(), strict=True):
                place = {
                    "frame": box.frame,
                    "shot": self._shot,
                    "track": number,
                    "x0": x0,
                    "y0": y0,
                    "x1": x1,
                    "y1": y1,
                }
                yield place | {"detection_score": box.score, "interpolated": box.interpolated}


def _keep_if_best(track: _Track, index: int, frame_rgb: Rgb, face: Faces, most: int) -> None:
    """Keep a face, one of `Faces`, as a sample when it is the best of its span and of the best `most` spans."""
    box_xyxy, landmarks_xy, score = face.boxes_xyxy[0], face.landmarks_xy[0], float(face.scores[0])
    quality = measure(align(frame_rgb, landmarks_xy), box_xyxy, landmarks_xy, score).overall
    span = int((track.sightings[-1].time_s - track.sightings[0].time_s) / SAMPLE_EVERY_S)
    if span in track.samples and quality <= track.samples[span].quality:
        return
    around, corner = surroundings(frame_rgb, box_xyxy)
    box = (box_xyxy.reshape(2, 2) - corner).ravel()
    track.samples[span] = _Sample(index, quality, around.copy(), box, landmarks_xy - corner)
    if len(track.samples) > most:
        del track.samples[min(track.samples, key=lambda one: (track.samples[one].quality, -track.samples[one].frame))]


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


def _crop(sample: _Sample, detector: Detector) -> Rgb:
    landmarks = second_look(detector, sample.around_rgb, sample.box_xyxy, sample.landmarks_xy)
    return align(sample.around_rgb, landmarks)


def _parted(person: _Person) -> Iterator[_Person]:
    """The person, or two where the track went over from one to another, as it may when a dissolve joins their places.

    The track parts at its weakest sighting between the two samples whose earlier and later faces are least alike.
    """
    count = len(person.samples)
    if count < 2:
        yield person
        return
    sides = [(person.vectors[:at].sum(axis=0), person.vectors[at:].sum(axis=0)) for at in range(1, count)]
    alike = [float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)) for a, b in sides]
    at = int(np.argmin(alike)) + 1
    if alike[at - 1] >= ONE_PERSON:
        yield person
        return
    first, then = person.samples[at - 1][0], person.samples[at][0]
    border = min((one for one in person.sightings if first < one.frame <= then), key=lambda one: (one.score, one.frame))
    before = [one for one in person.sightings if one.frame < border.frame]
    after = [one for one in person.sightings if one.frame >= border.frame]
    yield from _parted(_Person(before, person.samples[:at], person.crops_jpeg[:at], person.vectors[:at]))
    yield from _parted(_Person(after, person.samples[at:], person.crops_jpeg[at:], person.vectors[at:]))
