"""Identify: names for tracks, milliseconds of work on the tables of an analysis and a group's model.

Each track's vectors are pooled and scored once; then all tracks are named together: one name at most once per frame,
and 'unknown' always a choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from scipy.special import logit

from pipeline.classifiers.model import Model
from pipeline.records import LABELLED_FACES, UNKNOWN, Float32, Float64, Ints
from pipeline.video.analyse import Analysis

SURE: Final = 0.9  # the confidence that bars a name from every other face on the same frames
SUREST: Final = 1e-4  # confidences are kept this far from 0 and 1, so that no single track outweighs all others


@dataclass(frozen=True, slots=True)
class Names:
    """Per track: `member` (t,) index into the model's members or -1, `confidences` (t, members)."""

    member: Ints
    confidences: Float64


def identify(analysis: Analysis, model: Model, threshold: float) -> pd.DataFrame:
    """The LABELLED_FACES table; a track whose confidence is below `threshold` (0..1) is unknown."""
    count = int(analysis.faces["track"].max()) + 1 if len(analysis.faces) else 0
    pooled = pool(analysis.vectors, analysis.samples, count)
    confidences = model.predict(pooled)
    confidences = model.predict(pooled, taken(confidences, analysis.faces))
    names = Names(assign(confidences, analysis.faces, threshold), confidences)
    return _labelled(analysis, names, model.members)


def pool(vectors: Float32, samples: pd.DataFrame, count: int) -> Float32:
    """One unit vector per track, (count, d): the mean of its samples' vectors, weighted by quality."""
    pooled = np.zeros((count, vectors.shape[1]), np.float32)
    weights = np.maximum(samples["quality"].to_numpy(np.float32), 0.01)
    np.add.at(pooled, samples["track"].to_numpy(), vectors * weights[:, None])
    pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9)
    return pooled


def taken(confidences: Float64, faces: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which members each track cannot be, (t, members), since a track on screen with it surely is that member."""
    barred = np.zeros(confidences.shape, bool)
    sure = confidences >= SURE
    for together in _together(faces):
        tracks = np.array(together)
        for track in tracks:
            barred[track] |= sure[tracks[tracks != track]].any(axis=0) & ~sure[track]
    return barred


def assign(confidences: Float64, faces: pd.DataFrame, threshold: float) -> Ints:
    """The member of each track or -1, (t,), those of one shot chosen together by integer programming.

    A name earns its track the log-odds of its confidence above the threshold's, for each frame it is seen on; unknown
    earns nothing. No two tracks that share a frame have one name.
    """
    chosen = np.full(len(confidences), -1, np.int64)
    for _, shot in faces.groupby("shot"):  # tracks of two shots never share a frame
        here = np.unique(shot["track"].to_numpy())
        chosen[here] = _assign_shot(confidences, shot, threshold)[here]
    return chosen


def _assign_shot(confidences: Float64, faces: pd.DataFrame, threshold: float) -> Ints:
    bound = float(np.clip(threshold, SUREST, 1 - SUREST))
    gain = logit(np.clip(confidences, SUREST, 1 - SUREST)) - logit(bound)
    frames_of = np.bincount(faces["track"].to_numpy(), minlength=len(confidences))
    tracks, members = np.nonzero((gain >= 0) & (frames_of[:, None] > 0))
    chosen = np.full(len(confidences), -1, np.int64)
    if not len(tracks):
        return chosen
    earned = (gain[tracks, members] + 1e-9) * frames_of[tracks]
    rules = _one_each(tracks, members, faces)
    solution = milp(-earned, constraints=rules, integrality=1, bounds=Bounds(0, 1))
    given = solution.x > 0.5
    chosen[tracks[given]] = members[given]
    return chosen


def _one_each(tracks: Ints, members: Ints, faces: pd.DataFrame) -> LinearConstraint:
    """Each track at most one name; each name at most once among tracks that are on screen together."""
    rows = [np.flatnonzero(tracks == track) for track in np.unique(tracks)]
    for together in _together(faces):
        here = np.isin(tracks, together)
        for member in np.unique(members[here]):
            rivals = np.flatnonzero(here & (members == member))
            if len(rivals) > 1:
                rows.append(rivals)
    columns = np.concatenate(rows)
    numbers = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    matrix = coo_array((np.ones(len(columns)), (numbers, columns)), shape=(len(rows), len(tracks)))
    return LinearConstraint(matrix.tocsr(), ub=1)


def _together(faces: pd.DataFrame) -> set[tuple[int, ...]]:
    """The distinct sets of two or more tracks that share a frame."""
    sets = faces.groupby("frame")["track"].agg(lambda tracks: tuple(sorted(set(tracks))))
    return {tracks for tracks in sets if len(tracks) > 1}


def _labelled(analysis: Analysis, names: Names, members: tuple[str, ...]) -> pd.DataFrame:
    keys = np.array([*members, UNKNOWN], dtype=object)
    rows = np.arange(len(names.member))
    if not len(rows):
        return LABELLED_FACES.empty_table().to_pandas()
    ranked = np.argsort(-names.confidences, axis=1, kind="stable")
    first = np.where(names.member >= 0, names.member, ranked[:, 0])
    runner_up = ranked[:, 1] if len(members) > 1 else np.full(len(rows), -1)
    second = np.where(ranked[:, 0] == names.member, runner_up, ranked[:, 0])  # of an unknown face, the best guess
    second_confidence = np.where(second >= 0, names.confidences[rows, second], 0.0)
    of_track = pd.DataFrame(
        {
            "member": keys[names.member],
            "confidence": names.confidences[rows, first],
            "second": keys[second],
            "second_confidence": second_confidence,
        }
    )
    faces = analysis.faces.join(of_track, on="track")
    return faces.join(analysis.frames.set_index("frame")["time_s"], on="frame")[LABELLED_FACES.names]
