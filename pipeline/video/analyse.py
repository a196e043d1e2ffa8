"""Analyse: everything about a video that does not depend on who is in the group, kept by the hashes of what made it.

Shots, faces on every frame joined into tracks, and vectors of the few best faces of each track.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.errors import DatasetError
from pipeline.files import folder_written_whole, sha256_of, write_json
from pipeline.images import encode_jpeg
from pipeline.incremental import fingerprint
from pipeline.models import Detector, Embedder
from pipeline.models.geometry import align
from pipeline.models.looking import embed_faces, find_faces, second_look, surroundings
from pipeline.models.quality import measure
from pipeline.params import Analyse
from pipeline.records import TRACKED_FACES, VIDEO_FRAMES, Faces, Float32, Rgb, sampled_faces_schema
from pipeline.tables import read_table, read_vectors, write_table
from pipeline.video.decode import DecodeReport, Frame, frames, probe
from pipeline.video.shots import by_shot
from pipeline.video.track import LOST_AFTER_S, ShotTracker, Sighting, filled

REVISION: Final = 2  # raise it when the code gives other tables for the same video
LONGER_SIDE_PX: Final = 1280  # crops are cut from frames of at most this size
LOOK_AGAIN_S: Final = LOST_AFTER_S / 2  # where frames are far apart, a look at every few would lose every track
SAMPLE_EVERY_S: Final = 0.4  # at most one sampled face of a track in such a span, so that samples differ


@dataclass(frozen=True, slots=True)
class Networks:
    """The two networks that an analysis is made with."""

    detector: Detector
    embedder: Embedder


@dataclass(frozen=True, slots=True)
class Analysis:
    """frames: VIDEO_FRAMES; faces: TRACKED_FACES; samples (track, frame, quality, crop_jpeg) with vectors (n, d);
    decode: the fields of DecodeReport, what of the video could not be read."""

    frames: pd.DataFrame
    faces: pd.DataFrame
    samples: pd.DataFrame
    vectors: Float32
    decode: dict[str, Any]


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


@dataclass(slots=True)
class _Shot:
    """What is known of the shot in hand; a new one starts at each cut, so that memory does not grow with the video."""

    number: int
    looked_s: float = -np.inf
    tracker: ShotTracker = field(default_factory=ShotTracker)
    times_s: dict[int, float] = field(default_factory=dict)
    tracks: dict[int, _Track] = field(default_factory=dict)


@dataclass(slots=True)
class _Tables:
    """Rows of the three tables."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    faces: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    tracks: int = 0


def analysis_of(
    video: Path, networks: Networks, params: Analyse, cache: Path, progress: Callable[[int], None]
) -> Analysis:
    """The analysis of `video`, from `cache` if it was made before; `progress` is told the number of frames done.

    UnreadableVideoError when no picture of it can be decoded.
    """
    made_by = fingerprint(REVISION, networks.detector.sha256, networks.embedder.sha256, params)
    folder = cache / f"{sha256_of(video)[:32]}-{made_by[:16]}"
    try:
        return _read(folder)
    except (DatasetError, OSError, ValueError):  # not there, or damaged
        with folder_written_whole(folder) as temporary:
            _analyse(video, networks, params, temporary, progress)
    return _read(folder)


def _read(folder: Path) -> Analysis:
    samples, vectors = read_vectors(folder / "samples.parquet")
    return Analysis(
        read_table(folder / "frames.parquet", VIDEO_FRAMES),
        read_table(folder / "faces.parquet", TRACKED_FACES),
        samples,
        vectors,
        json.loads((folder / "decode.json").read_text(encoding="utf-8")),
    )


def _analyse(video: Path, networks: Networks, params: Analyse, folder: Path, progress: Callable[[int], None]) -> None:
    info, report, tables = probe(video), DecodeReport(), _Tables()
    to_source = max(1.0, max(info.width, info.height) / LONGER_SIDE_PX)
    shot = _Shot(0)
    for seen in by_shot(frames(video, LONGER_SIDE_PX, report), info.time_base, info.average_fps):
        frame = seen.frame
        tables.frames.append({"frame": frame.index, "pts": frame.pts, "time_s": frame.time_s, "shot": seen.shot})
        slow = frame.time_s - shot.looked_s > LOOK_AGAIN_S
        if seen.last or slow or len(shot.times_s) % params.detect_every == 0:
            _look(frame, shot, networks.detector, params)
        shot.times_s[frame.index] = frame.time_s
        if seen.last:
            _finish(shot, tables, to_source, networks)
            shot = _Shot(seen.shot + 1)
        progress(frame.index + 1)
    tables.faces.sort(key=lambda row: (row["frame"], row["track"]))
    write_table(folder / "frames.parquet", tables.frames, VIDEO_FRAMES)
    write_table(folder / "faces.parquet", tables.faces, TRACKED_FACES)
    write_table(folder / "samples.parquet", tables.samples, sampled_faces_schema(networks.embedder.dimensions))
    write_json(folder / "decode.json", asdict(report))


def _look(frame: Frame, shot: _Shot, detector: Detector, params: Analyse) -> None:
    """Detect, continue the shot's tracks, and keep the crops that may become samples."""
    shot.looked_s = frame.time_s
    faces = find_faces(detector, frame.rgb, params.detect_side_px, params.min_score)
    sides = (faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
    faces = faces[sides >= params.min_face_px]
    for index, number in enumerate(shot.tracker.assign(faces, frame.time_s)):
        if number < 0:
            continue
        track = shot.tracks.setdefault(int(number), _Track())
        face = faces[index : index + 1]
        track.sightings.append(Sighting(frame.index, frame.time_s, face.boxes_xyxy[0], float(face.scores[0])))
        _keep_if_best(track, frame, face, params.embed_per_track)


def _keep_if_best(track: _Track, frame: Frame, face: Faces, most: int) -> None:
    """Keep a face, one of `Faces`, as a sample when it is the best of its span and of the best `most` spans."""
    box_xyxy, landmarks_xy, score = face.boxes_xyxy[0], face.landmarks_xy[0], float(face.scores[0])
    quality = measure(align(frame.rgb, landmarks_xy), box_xyxy, landmarks_xy, score).overall
    span = int((frame.time_s - track.sightings[0].time_s) / SAMPLE_EVERY_S)
    if span in track.samples and quality <= track.samples[span].quality:
        return
    around, corner = surroundings(frame.rgb, box_xyxy)
    box = (box_xyxy.reshape(2, 2) - corner).ravel()
    track.samples[span] = _Sample(frame.index, quality, around.copy(), box, landmarks_xy - corner)
    if len(track.samples) > most:
        del track.samples[min(track.samples, key=lambda one: (track.samples[one].quality, -track.samples[one].frame))]


def _finish(shot: _Shot, tables: _Tables, to_source: float, networks: Networks) -> None:
    """Add the shot's tracks to the tables, boxes in pixels of the source; embed its samples in one go."""
    chosen: list[tuple[int, _Sample]] = []
    for track in shot.tracks.values():
        for box in filled(track.sightings, shot.times_s):
            x0, y0, x1, y1 = (float(side * to_source) for side in box.box_xyxy)
            tables.faces.append(
                {
                    "frame": box.frame,
                    "shot": shot.number,
                    "track": tables.tracks,
                    "x0": x0,
                    "y0": y0,
                    "x1": x1,
                    "y1": y1,
                    "detection_score": box.score,
                    "interpolated": box.interpolated,
                }
            )
        chosen += [(tables.tracks, track.samples[span]) for span in sorted(track.samples)]
        tables.tracks += 1
    if not chosen:
        return
    crops = np.stack([_crop(sample, networks.detector) for _, sample in chosen])
    vectors = embed_faces(networks.embedder, crops)
    for (number, sample), crop, vector in zip(chosen, crops, vectors, strict=True):
        tables.samples.append(
            {
                "track": number,
                "frame": sample.frame,
                "quality": sample.quality,
                "vector": vector,
                "crop_jpeg": encode_jpeg(crop),
            }
        )


def _crop(sample: _Sample, detector: Detector) -> Rgb:
    landmarks = second_look(detector, sample.around_rgb, sample.box_xyxy, sample.landmarks_xy)
    return align(sample.around_rgb, landmarks)
