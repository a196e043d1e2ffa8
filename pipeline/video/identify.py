"""Identify: names for tracks, milliseconds of work on the tables of an analysis and a group's model.

Tracks that are surely one person are linked across shots and pooled; who is surely a member lends the others of the
video its faces to compare with; then all tracks are named together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.assign import SURE, Meetings, assign, ranked, taken, together
from pipeline.classifiers.model import Model
from pipeline.records import LABELLED_FACES, NAMED_TRACKS, UNKNOWN, Float32, Float64, Ints
from pipeline.unit import unit
from pipeline.video.analyse import Analysis
from pipeline.video.link import link


@dataclass(frozen=True, slots=True)
class Named:
    """faces: LABELLED_FACES, a row per face and frame; tracks: NAMED_TRACKS, what each track's name rests on."""

    faces: pd.DataFrame
    tracks: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Persons:
    """Who the tracks of a video are, as far as a model tells.

    of_track (t,) is the person of each track. Per person: vectors (p, d); barred (p, members), whom it cannot be; and
    confidences (p, members): alone; once the names of others are barred; with the faces of this video as well.
    """

    of_track: Ints
    vectors: Float32
    barred: npt.NDArray[np.bool_]
    alone: Float64
    among_others: Float64
    confidences: Float64


def identify(analysis: Analysis, model: Model, threshold: float) -> Named:
    """Name every track; one whose confidence is below `threshold` (0..1) is unknown."""
    meetings = together(analysis.faces)
    frames_of = np.bincount(analysis.faces["track"].to_numpy())
    persons = persons_of(analysis, model, meetings, len(frames_of))
    names = assign(persons.confidences[persons.of_track], frames_of, meetings, threshold)
    persons = _with_own_faces(persons, model, names)
    names = assign(persons.confidences[persons.of_track], frames_of, meetings, threshold)
    tracks = _tracks(analysis, model, persons, names, threshold)
    return Named(_faces(analysis, tracks), tracks)


def persons_of(analysis: Analysis, model: Model, meetings: Meetings, count: int) -> Persons:
    """The persons that the `count` tracks of `analysis` are linked to, and what `model` says of each."""
    owner = analysis.samples["track"].to_numpy()
    quality = analysis.samples["quality"].to_numpy(np.float32)
    of_track = link(pool(model.plain(analysis.vectors), quality, owner, count), meetings)
    vectors = pool(analysis.vectors, quality, of_track[owner], int(of_track.max(initial=-1)) + 1)
    alone = model.predict(vectors)
    barred = taken(alone, {tuple(sorted({int(of_track[track]) for track in meeting})) for meeting in meetings})
    among_others = model.predict(vectors, barred)
    return Persons(of_track, vectors, barred, alone, among_others, among_others)


def pool(vectors: Float32, quality: Float32, owner: Ints, count: int) -> Float32:
    """One unit vector for each of `count` owners, (count, d): the mean of its samples' vectors, weighted by quality."""
    pooled = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(pooled, owner, vectors * np.maximum(quality, 0.01)[:, None])
    return unit(pooled)


def _with_own_faces(persons: Persons, model: Model, names: Ints) -> Persons:
    """Judge those who are not surely named by `names` (t,) again, with the faces of those who are among the members'.

    They have the hair, make-up and light of this video. It helps most where photos are few (docs/video.md).
    """
    best = persons.confidences.argmax(axis=1) if persons.confidences.size else np.empty(0, np.int64)
    given = np.zeros(len(best), bool)
    given[persons.of_track[names == best[persons.of_track]]] = True
    sure = given & (persons.confidences.max(axis=1, initial=0.0) >= SURE)
    if not sure.any() or sure.all():
        return persons
    confidences = persons.confidences.copy()
    grown = model.with_faces(persons.vectors[sure], best[sure])
    confidences[~sure] = grown.predict(persons.vectors[~sure], persons.barred[~sure])
    return replace(persons, confidences=confidences)


def _faces(analysis: Analysis, tracks: pd.DataFrame) -> pd.DataFrame:
    """The LABELLED_FACES table."""
    faces = analysis.faces
    of_track = tracks[["member", "confidence", "second", "second_confidence"]].iloc[faces["track"]]
    columns = {name: of_track[name].to_numpy() for name in of_track} | {"time_s": _times_s(analysis)}
    return pd.DataFrame({name: columns[name] if name in columns else faces[name] for name in LABELLED_FACES.names})


def _times_s(analysis: Analysis) -> Float64:
    """When each face is seen."""
    times_s: Float64 = analysis.frames.set_index("frame")["time_s"].reindex(analysis.faces["frame"]).to_numpy()
    return times_s


def _tracks(analysis: Analysis, model: Model, persons: Persons, names: Ints, threshold: float) -> pd.DataFrame:
    """The NAMED_TRACKS table."""
    if not len(names):
        return NAMED_TRACKS.empty_table().to_pandas()
    keys = np.array([*model.members, UNKNOWN], dtype=object)
    rows, person = np.arange(len(names)), persons.of_track
    confidences = persons.confidences[person]
    first, second = ranked(confidences, names)
    seen = analysis.faces[["track", "shot"]].assign(time_s=_times_s(analysis)).groupby("track")
    spans = seen.agg(shot=("shot", "first"), start_s=("time_s", "min"), end_s=("time_s", "max"), faces=("shot", "size"))
    named = {
        "track": rows,
        "person": person,
        "member": keys[names],
        "confidence": confidences[rows, first],
        "second": keys[second],
        "second_confidence": np.where(second >= 0, confidences[rows, second], 0.0),
        "likeness": model.likeness(persons.vectors)[person, first],
        "why": _why(model, persons, names, threshold),
    }
    return spans.reindex(rows).assign(**named)[NAMED_TRACKS.names].reset_index(drop=True)


def _why(model: Model, persons: Persons, names: Ints, threshold: float) -> npt.NDArray[np.object_]:
    """What each track's name rests on, or why it has none."""
    person, rows = persons.of_track, np.arange(len(names))
    alone = persons.alone[person]
    known = model.known(persons.vectors).max(axis=1)[person]
    kinds = {
        "photos": (names >= 0) & (alone[rows, names] >= threshold),
        "elimination": (names >= 0) & (persons.among_others[person][rows, names] >= threshold),
        "video": names >= 0,
        "name taken": np.maximum(alone, persons.confidences[person]).max(axis=1) >= threshold,
        "like nobody": known < threshold,
    }
    return np.select(list(kinds.values()), np.array(list(kinds), object), "like two").astype(object)
