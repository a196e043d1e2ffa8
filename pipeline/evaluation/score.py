"""Score: a labelled video against the truth, face by face; in all, per member and per shot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment

from pipeline.errors import DatasetError
from pipeline.evaluation.truth import read_truth
from pipeline.models.geometry import iou_matrix
from pipeline.records import BOX, LABELLED_FACES, UNKNOWN, Float32
from pipeline.tables import read_table

MIN_IOU: Final = 0.3
HARDLY_ANY: Final = 0.05  # of the true faces found: fewer than a poor result has, where faces are found at all


@dataclass(frozen=True, slots=True)
class Score:
    """How well a video is labelled; shares in 0..1, None where there is nothing to count.

    face_frames: truth faces that count. found: of them detected; named: member faces given their right name; precision:
    given names that are right; false: outsider faces given any name. twice: frames with one name on two faces.
    switches: times a person's name changes from one frame on which it is named to the next, within a shot.
    """

    face_frames: int
    found: float | None
    named: float | None
    precision: float | None
    false: float | None
    outsider_frames: int
    twice: int
    switches: int


@dataclass(frozen=True, slots=True)
class MemberScore:
    """True faces of one member, or of all outsiders ('unknown', whom it is right to leave unknown).

    How many were found, right, wrong (most often taken_for, '' when never) and unknown. Shares in 0..1, None where
    there is nothing to count, and of outsiders: precision: faces given this name that are this member's; recall: right
    of faces.
    """

    member: str
    faces: int
    found: int
    right: int
    wrong: int
    taken_for: str
    unknown: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class ShotScore:
    """True faces of one shot, first and last seen at start_s and end_s; each is right, wrong, unknown or missed."""

    shot: int
    start_s: float
    end_s: float
    faces: int
    right: int
    wrong: int
    unknown: int
    missed: int


@dataclass(frozen=True, slots=True)
class Scores:
    """A labelled video's: members, those with most faces first, outsiders last; shots in the order of the video.

    warnings: what speaks against the truth being of this very video.
    """

    total: Score
    members: tuple[MemberScore, ...]
    shots: tuple[ShotScore, ...]
    warnings: tuple[str, ...] = ()


def score(out: Path, truth: Path) -> Scores:
    """Score the folder `out` of a labelled video (or its faces.parquet) against a CSV of true faces (truth.py).

    DatasetError when a file is missing, damaged or lacks a column.
    """
    labelled = out / "faces.parquet" if out.is_dir() else out
    if not labelled.is_file():
        raise DatasetError(f"{labelled} is not there: give the folder that 'lineup label' made for the video")
    faces, true = read_table(labelled, LABELLED_FACES, "label the video again"), read_truth(truth)
    found = score_faces(faces, true)
    frames = _frames(labelled.with_name("run.json"))
    return replace(found, warnings=tuple(_doubts(true, frames, found.total.found if len(faces) else None)))


def score_faces(faces: pd.DataFrame, true: pd.DataFrame) -> Scores:
    """Score `faces` (LABELLED_FACES) against the rows of `read_truth`.

    A true face is matched to the labelled face it overlaps most, IoU at least MIN_IOU. Shots and times are those of the
    truth where it has them, else those of the labelled video.
    """
    true = true.assign(**{name: _of_frame(true, faces, name) for name in ("shot", "time_s")}, given=_given(true, faces))
    outsider = true["member"] == UNKNOWN
    kinds = {
        "missed": true["given"].isna(),
        "right": true["given"] == true["member"],
        "unknown": true["given"] == UNKNOWN,
    }
    true["outcome"] = np.select(list(kinds.values()), list(kinds), "wrong")
    named = true["given"].notna() & (true["given"] != UNKNOWN)
    right = (true["outcome"] == "right") & ~outsider
    total = Score(
        face_frames=len(true),
        found=_share(true["given"].notna().sum(), len(true)),
        named=_share(right.sum(), (~outsider).sum()),
        precision=_share(right.sum(), named.sum()),
        false=_share((named & outsider).sum(), outsider.sum()),
        outsider_frames=int(outsider.sum()),
        twice=_twice(faces),
        switches=_switches(true, named),
    )
    return Scores(total, _members(true), _shots(true))


def _frames(run: Path) -> int | None:
    """How many frames the video has by its run.json, None where that does not tell."""
    try:
        return int(json.loads(run.read_text(encoding="utf-8"))["counts"]["frames"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _doubts(true: pd.DataFrame, frames: int | None, found: float | None) -> Iterator[str]:
    """Why the truth may not be of this video of `frames`; `found` is None where no face could be found."""
    last = int(true["frame"].max()) if len(true) else 0
    if frames is not None and last >= frames:
        yield f"the truth goes on to frame {last}, the video ends with {frames - 1}: is it another video's truth?"
    if found is not None and found < HARDLY_ANY:
        yield f"only {found:.0%} of the true faces are where a labelled one is: is it another video's truth?"


def _given(true: pd.DataFrame, faces: pd.DataFrame) -> pd.Series:
    """The member given to each truth face, NaN for one that was not found."""
    given = pd.Series(np.nan, index=true.index, dtype=object)
    by_frame = dict(list(faces.groupby("frame")))
    for frame, rows in true.groupby("frame"):
        if frame not in by_frame:
            continue
        predicted = by_frame[frame]
        overlap = iou_matrix(_boxes(rows), _boxes(predicted))
        best = overlap.argmax(axis=1)
        found = overlap[np.arange(len(rows)), best] >= MIN_IOU
        members = predicted["member"].to_numpy(object)
        given.loc[rows.index[found]] = members[best[found]]
    return given


def _of_frame(true: pd.DataFrame, faces: pd.DataFrame, column: str) -> npt.NDArray[np.number]:
    """The truth's own `column`, or that of the last labelled frame up to each of its frames."""
    if column in true.columns:
        return true[column].to_numpy()
    known = faces.drop_duplicates("frame").sort_values("frame")
    if not len(known):
        return np.zeros(len(true), np.int64)
    place = np.searchsorted(known["frame"], true["frame"], side="right") - 1
    return known[column].to_numpy()[np.maximum(place, 0)]


def _boxes(rows: pd.DataFrame) -> Float32:
    boxes: Float32 = rows[BOX].to_numpy(np.float32)
    return boxes


def _twice(faces: pd.DataFrame) -> int:
    named = faces[faces["member"] != UNKNOWN]
    return int(named[named.duplicated(["frame", "member"])]["frame"].nunique())


def _switches(true: pd.DataFrame, named: pd.Series) -> int:
    """Changes of the given name of one true person within one shot."""
    persons = true.assign(person=-1)
    for _, rows in true[true["member"] == UNKNOWN].groupby("shot"):
        persons.loc[rows.index, "person"] = _followed(rows)
    changes = 0
    for _, rows in persons[named].sort_values("frame", kind="stable").groupby(["shot", "member", "person"]):
        given = rows["given"].to_numpy(object)
        changes += int((given[1:] != given[:-1]).sum())
    return changes


def _followed(rows: pd.DataFrame) -> pd.Series:
    """Which outsider of a shot each of its rows is: who overlaps the box that an outsider had last is the same one."""
    person = pd.Series(-1, rows.index)
    last = np.empty((0, 4), np.float32)
    for _, here in rows.groupby("frame"):
        boxes = _boxes(here)
        numbers = np.full(len(boxes), -1)
        overlap = iou_matrix(boxes, last)
        mine, theirs = linear_sum_assignment(overlap, maximize=True)
        same = overlap[mine, theirs] >= MIN_IOU
        numbers[mine[same]] = theirs[same]
        new = numbers < 0
        numbers[new] = len(last) + np.arange(new.sum())
        last = np.concatenate([last, boxes[new]])
        last[numbers] = boxes
        person[here.index] = numbers
    return person


def _members(true: pd.DataFrame) -> tuple[MemberScore, ...]:
    given = true["given"].value_counts()
    faces = true["member"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    names = [*faces.index, *sorted({*given.index} - {*faces.index})]
    order = [name for name in names if name != UNKNOWN] + [UNKNOWN] * (UNKNOWN in faces.index)
    return tuple(_member(name, true[true["member"] == name], int(given.get(name, 0))) for name in order)


def _member(member: str, rows: pd.DataFrame, given: int) -> MemberScore:
    """`rows` are the member's true faces; `given` counts the faces of anybody that were given its name."""
    count = rows["outcome"].value_counts()
    right, missed = int(count.get("right", 0)), int(count.get("missed", 0))
    names = rows["given"][rows["outcome"] == "wrong"].value_counts().sort_index()
    outsider = member == UNKNOWN
    return MemberScore(
        member=member,
        faces=len(rows),
        found=len(rows) - missed,
        right=right,
        wrong=int(count.get("wrong", 0)),
        taken_for=str(names.idxmax()) if len(names) else "",
        unknown=int(count.get("unknown", 0)),
        precision=None if outsider else _share(right, given),
        recall=None if outsider else _share(right, len(rows)),
    )


def _shots(true: pd.DataFrame) -> tuple[ShotScore, ...]:
    shots = []
    for shot, rows in true.groupby("shot"):
        count = {kind: int((rows["outcome"] == kind).sum()) for kind in ("right", "wrong", "unknown", "missed")}
        start_s, end_s = (round(float(time_s), 3) for time_s in (rows["time_s"].min(), rows["time_s"].max()))
        shots.append(ShotScore(int(shot), start_s, end_s, len(rows), **count))
    return tuple(sorted(shots, key=lambda one: (one.start_s, one.shot)))


def _share(part: int, whole: int) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None
