"""Who is on screen when, for how long, how sure that is, and with whom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.assign import SURE
from pipeline.records import UNKNOWN, Float64, Ints
from pipeline.roster import Roster

MAX_GAP_S: Final = 0.5  # a face lost for less than this within a shot was there all the time
SINGLE_FRAME_S: Final = 0.04  # how long the only frame of a video is taken to be shown
CONCEIVABLE: Final = 0.1  # below this a face is as surely not that member's


@dataclass(frozen=True, slots=True)
class Appearance:
    """One member on screen without a break, in seconds of the video; end_s is when the last frame gives way."""

    member: str
    start_s: float
    end_s: float
    shots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScreenTime:
    """How long a member (or 'unknown') is seen: seconds and share (0..1) of the video; first and last None when never.

    at_least_s counts only faces that surely are the member's (confidence SURE or more), at_most_s also the unknown ones
    that may be: the member is their best guess, with CONCEIVABLE or more, and is not named beside them. For 'unknown':
    faces that are surely no member's, and all whose name is not sure. solo_s is the time when nobody else of the group
    is or may be seen; None for 'unknown'.
    """

    member: str
    name: str
    seconds: float
    share: float
    appearances: int
    first_s: float | None
    last_s: float | None
    at_least_s: float
    at_most_s: float
    solo_s: float | None


@dataclass(frozen=True, slots=True)
class Together:
    """How long two members are on screen at once, in seconds."""

    member: str
    other: str
    seconds: float


def appearances(faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> list[Appearance]:
    """Every appearance of every member and of 'unknown', by start, from LABELLED_FACES and VIDEO_FRAMES.

    Frames that follow each other belong together, also from one shot to the next; so do those around a gap shorter than
    MAX_GAP_S within one shot.
    """
    starts_s, ends_s = shown_s(frames)
    shots = frames["shot"].to_numpy()
    found = []
    for key, on in _on_screen(faces, frames, roster).items():
        seen = np.flatnonzero(on)
        after, before = seen[1:], seen[:-1]
        short_gap = (shots[after] == shots[before]) & (starts_s[after] - ends_s[before] < MAX_GAP_S)
        breaks = np.flatnonzero((after != before + 1) & ~short_gap) + 1
        found += [_appearance(key, run, starts_s, ends_s, shots) for run in np.split(seen, breaks) if len(run)]
    return sorted(found, key=lambda appearance: (appearance.start_s, appearance.member))


def screen_times(
    faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster, found: list[Appearance]
) -> list[ScreenTime]:
    """One row per member, also one never seen, longest first; 'unknown' last. Counted in time, not in frames."""
    starts_s, ends_s = shown_s(frames)
    lasts_s = ends_s - starts_s
    length_s = float(lasts_s.sum())
    names = {member.key: member.name for member in roster.members} | {UNKNOWN: UNKNOWN}
    seen = _on_screen(faces, frames, roster)
    sure = _on_screen(faces[_surely(faces)], frames, roster)
    possible = _on_screen(_possible(faces), frames, roster)
    others = sum((on.astype(np.int64) for key, on in seen.items() if key != UNKNOWN), np.zeros(len(frames), np.int64))
    maybe_another = _on_screen(_candidates(faces), frames, roster)
    nobody_else = (others == 1) & ~np.logical_or.reduce([*maybe_another.values(), np.zeros(len(frames), bool)])
    times = []
    for key, on in seen.items():
        here = np.flatnonzero(on)
        seconds = float(lasts_s[on].sum())
        times.append(
            ScreenTime(
                member=key,
                name=names[key],
                seconds=round(seconds, 3),
                share=round(seconds / length_s, 4) if length_s else 0.0,
                appearances=sum(appearance.member == key for appearance in found),
                first_s=round(float(starts_s[here[0]]), 3) if len(here) else None,
                last_s=round(float(ends_s[here[-1]]), 3) if len(here) else None,
                at_least_s=round(float(lasts_s[sure[key]].sum()), 3),
                at_most_s=round(float(lasts_s[on | possible[key]].sum()), 3),
                solo_s=None if key == UNKNOWN else round(float(lasts_s[on & nobody_else].sum()), 3),
            )
        )
    return sorted(times, key=lambda time: (time.member == UNKNOWN, -time.seconds))


def together(faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> list[Together]:
    """The time that any two members share, each pair in both orders, longest first; pairs that never meet left out."""
    starts_s, ends_s = shown_s(frames)
    seen = _on_screen(faces, frames, roster)
    rows = [
        Together(one, other, round(float((ends_s - starts_s)[seen[one] & seen[other]].sum()), 3))
        for one, other in permutations(roster.keys, 2)
    ]
    return sorted((row for row in rows if row.seconds), key=lambda row: -row.seconds)


def shown_s(frames: pd.DataFrame) -> tuple[Float64, Float64]:
    """When each frame appears and gives way, in seconds; the last stays as long as the one before it, or as most do."""
    starts_s = frames["time_s"].to_numpy(np.float64)
    if len(starts_s) < 2:
        return starts_s, starts_s + SINGLE_FRAME_S
    lasts_s = np.diff(starts_s)
    return starts_s, np.append(starts_s[1:], starts_s[-1] + min(lasts_s[-1], np.median(lasts_s)))


def _on_screen(faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> dict[str, npt.NDArray[np.bool_]]:
    """For each member and 'unknown', whether it is seen on each of `frames`."""
    places = pd.Index(frames["frame"]).get_indexer(faces["frame"])
    on = {key: np.zeros(len(frames), bool) for key in (*roster.keys, UNKNOWN)}
    for key, rows in faces.groupby(faces["member"].to_numpy()).indices.items():
        on[str(key)][places[rows]] = True
    return on


def _surely(faces: pd.DataFrame) -> pd.Series:
    """Whether each face surely is what it is called."""
    unknown = faces["member"] == UNKNOWN
    return (unknown & (faces["confidence"] < CONCEIVABLE)) | (~unknown & (faces["confidence"] >= SURE))


def _candidates(faces: pd.DataFrame) -> pd.DataFrame:
    """The unknown faces that may be a member's, as if they were."""
    may_be = faces[(faces["member"] == UNKNOWN) & (faces["confidence"] >= CONCEIVABLE)]
    return may_be.assign(member=may_be["second"])  # of an unknown face, the best guess


def _possible(faces: pd.DataFrame) -> pd.DataFrame:
    """What each face could be besides its name: a candidate's member unless named beside it, an unsure one unknown."""
    candidates = _candidates(faces)
    beside = candidates.merge(faces[["frame", "member"]].drop_duplicates(), on=["frame", "member"])
    free = candidates[~candidates["track"].isin(beside["track"])]
    unsure = faces[(faces["member"] != UNKNOWN) & (faces["confidence"] < SURE)]
    return pd.concat([free, unsure.assign(member=UNKNOWN)])


def _appearance(key: str, run: Ints, starts_s: Float64, ends_s: Float64, shots: Ints) -> Appearance:
    start_s, end_s = (round(float(time_s), 3) for time_s in (starts_s[run[0]], ends_s[run[-1]]))
    return Appearance(key, start_s, end_s, tuple(int(shot) for shot in np.unique(shots[run])))
