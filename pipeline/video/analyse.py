"""Analyse: everything about a video that does not depend on who is in the group, kept by the hashes of what made it.

Shots, faces on every frame joined into tracks, and vectors of the few best faces of each track. Each shot is kept as
soon as it is done, so that a run that was stopped goes on from there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from pipeline.errors import DatasetError
from pipeline.files import folder_written_whole, held, sha256_of, write_json
from pipeline.incremental import fingerprint
from pipeline.layout import analysis_folder
from pipeline.params import Analyse
from pipeline.records import TRACKED_FACES, VIDEO_FRAMES, Float32, sampled_faces_schema
from pipeline.tables import read_bundle, read_table, read_vectors, write_bundle, write_table
from pipeline.video.container import DecodeReport
from pipeline.video.decode import frames
from pipeline.video.embedded import Networks
from pipeline.video.prefetch import prefetched
from pipeline.video.probe import probe
from pipeline.video.shot_faces import LONGER_SIDE_PX, ShotFaces
from pipeline.video.shots import by_shot

REVISION: Final = 8  # raise it when the code gives other tables for the same video


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a video without its group.

    frames: VIDEO_FRAMES; faces: TRACKED_FACES; samples (track, frame, quality, crop_jpeg of each track's best, else
    empty) with vectors (n, d); decode: the fields of DecodeReport, what of the video could not be read.
    """

    frames: pd.DataFrame
    faces: pd.DataFrame
    samples: pd.DataFrame
    vectors: Float32
    decode: dict[str, Any]


def analysis_of(
    video: Path, networks: Networks, params: Analyse, cache: Path, progress: Callable[[int], None]
) -> Analysis:
    """The analysis of `video`, from `cache` if it was made before; `progress` is told the number of frames done.

    UnreadableVideoError when no picture of it can be decoded.
    """
    made_by = fingerprint(REVISION, networks.detector.sha256, networks.embedder.sha256, params)
    folder = analysis_folder(cache, sha256_of(video), made_by)
    try:
        return _read(folder)
    except (DatasetError, OSError, ValueError):  # not there, or damaged
        done = folder.with_suffix(".shots")
        # Of two runs on one video the second waits, and finds the work done.
        with held(cache.with_name("locks") / folder.name, f"waiting: another run is analysing {video.name}"):
            try:
                return _read(folder)
            except (DatasetError, OSError, ValueError):
                report = _analyse(video, networks, params, done, progress)
            with folder_written_whole(folder) as temporary:
                _join(done, temporary, networks)
                write_json(temporary / "decode.json", asdict(report))
        shutil.rmtree(done, ignore_errors=True)
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


def _analyse(
    video: Path, networks: Networks, params: Analyse, done: Path, progress: Callable[[int], None]
) -> DecodeReport:
    """Write the tables of each shot into `done`, but for those there already, of which only the frames are decoded."""
    info, report, schemas = probe(video), DecodeReport(), _schemas(networks)
    to_source = max(1.0, max(info.width, info.height) / LONGER_SIDE_PX)
    faces: ShotFaces | None = None
    with closing(prefetched(frames(info, report))) as decoded:
        for seen in by_shot(decoded, info):
            frame, bundle = seen.frame, done / f"{seen.shot:06}.arrow"
            if seen.first:
                faces = None if _is_whole(bundle, schemas) else ShotFaces(seen.shot, networks, params, to_source)
            if faces is not None:
                rgb = frame.rgb(LONGER_SIDE_PX) if faces.wants(frame.time_s, seen.last) else None
                faces.add(frame.index, frame.pts, frame.time_s, rgb)
                if seen.last:
                    tables = faces.tables()
                    write_bundle(bundle, list(zip([tables.frames, tables.faces, tables.samples], schemas, strict=True)))
            progress(frame.index + 1)
    return report


def _schemas(networks: Networks) -> list[Any]:
    """Of the tables of a shot, and so of a video."""
    return [VIDEO_FRAMES, TRACKED_FACES, sampled_faces_schema(networks.embedder.dimensions)]


def _is_whole(bundle: Path, schemas: Sequence[Any]) -> bool:
    try:
        read_bundle(bundle, schemas)
    except (DatasetError, OSError):  # not there, or what a power cut left
        return False
    return True


def _join(done: Path, folder: Path, networks: Networks) -> None:
    """Make one table each of those of all shots, with tracks numbered through the video."""
    schemas = _schemas(networks)
    tables: list[list[pd.DataFrame]] = [[schema.empty_table().to_pandas()] for schema in schemas]
    tracks = 0
    for path in sorted(done.glob("*.arrow")):
        bundle = read_bundle(path, schemas)
        for table in bundle[1:]:
            table["track"] += tracks
        tracks = max(tracks, int(bundle[1]["track"].max() if len(bundle[1]) else -1) + 1)
        for kept, table in zip(tables, bundle, strict=True):
            kept.append(table)
    frames_, faces, samples = (pd.concat(kept, ignore_index=True) for kept in tables)
    faces = faces.sort_values(["frame", "track"], ignore_index=True)
    for name, rows, schema in zip(("frames", "faces", "samples"), (frames_, faces, samples), schemas, strict=True):
        write_table(folder / f"{name}.parquet", rows, schema)
