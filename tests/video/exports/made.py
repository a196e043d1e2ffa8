"""Labelled videos made up by the tests: tables of frames and faces, and the exports of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.images import encode_jpeg
from pipeline.records import LABELLED_FACES, NAMED_TRACKS, VIDEO_FRAMES
from pipeline.roster import COLOURS, Member, Roster
from pipeline.video.analyse import Analysis
from pipeline.video.exports import write_exports
from pipeline.video.labelled import labelled
from pipeline.video.probe import VideoInfo

ROSTER = Roster(
    "g", (Member("jm", "지원", COLOURS[0]), Member("sk", "さくら", COLOURS[1]), Member("mai", "白川千夏", COLOURS[2]))
)


def table(times_s: Sequence[float], shots: Sequence[int] | None = None) -> pd.DataFrame:
    """VIDEO_FRAMES with these times, all in one shot unless told."""
    shots = [0] * len(times_s) if shots is None else shots
    rows = {"frame": range(len(times_s)), "pts": [round(t * 1000) for t in times_s], "time_s": times_s, "shot": shots}
    return pd.DataFrame(rows)[VIDEO_FRAMES.names]


TENTHS = table([n / 10 for n in range(30)], [0] * 10 + [1] * 10 + [2] * 10)


def face(frames: pd.DataFrame, frame: int, member: str, track: int = 0, **columns: object) -> dict[str, object]:
    """One row of LABELLED_FACES, its box around (100, 80), surely `member` unless `columns` say otherwise."""
    row = dict.fromkeys(LABELLED_FACES.names, 0) | {"second": "unknown", "confidence": 1.0}
    place = {"frame": frame, "time_s": frames["time_s"][frame], "shot": frames["shot"][frame]}
    box = {"x0": 80.0, "y0": 60.0, "x1": 120.0, "y1": 100.0}
    return row | place | box | {"member": member, "track": track} | columns


def faces_of(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """LABELLED_FACES of these rows."""
    return pd.DataFrame(rows, columns=LABELLED_FACES.names).sort_values(["frame", "track"], kind="stable")


def seen(frames: pd.DataFrame, **members: list[int]) -> pd.DataFrame:
    """LABELLED_FACES with one face of each member, on a track of its own, in the frames given for it."""
    return faces_of(
        [
            face(frames, frame, member, track)
            for track, (member, places) in enumerate(members.items())
            for frame in places
        ]
    )


def analysed(frames: pd.DataFrame, vectors: dict[int, Sequence[float]] | None = None) -> Analysis:
    """An analysis with one sampled face for each track that `vectors` names, of a grey of its own."""
    given = vectors or {}
    crops = [encode_jpeg(np.full((112, 112, 3), 40 + 20 * (track % 10), np.uint8)) for track in given]
    samples = pd.DataFrame({"track": list(given), "frame": 0, "quality": 1.0, "crop_jpeg": crops})
    samples = samples.astype({"track": np.int32, "quality": np.float32})
    return Analysis(frames, pd.DataFrame(), samples, np.array([*given.values()], np.float32).reshape(-1, 3), {})


def tracks_of(faces: pd.DataFrame, people: dict[int, int] | None = None) -> pd.DataFrame:
    """NAMED_TRACKS of these faces, each track a person of its own unless `people` names another."""
    first = faces.drop_duplicates("track").sort_values("track")
    tracks = first.assign(person=[(people or {}).get(int(track), int(track)) for track in first["track"]])
    return tracks.reindex(columns=NAMED_TRACKS.names).reset_index(drop=True)


def exported(folder: Path, faces: pd.DataFrame, frames: pd.DataFrame, info: VideoInfo, roster: Roster = ROSTER) -> Path:
    """The folder with all exports of these faces; the first frame of each track is its thumbnail."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = {int(track): (1.0, 0.0, 0.0) for track in faces["track"].unique()}
    video = labelled(faces, frames, info, roster)
    write_exports(folder, video, tracks_of(faces), analysed(frames, vectors))
    return folder
