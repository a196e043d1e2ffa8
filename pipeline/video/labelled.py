"""One labelled video, as all of its exports see it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.records import UNKNOWN
from pipeline.roster import UNKNOWN_COLOUR, Member, Roster
from pipeline.video.probe import VideoInfo
from pipeline.video.screen_time import Appearance, ScreenTime, appearances, screen_times


@dataclass(frozen=True, slots=True)
class Labelled:
    """faces: LABELLED_FACES; frames: VIDEO_FRAMES; appearances by start; times longest first, 'unknown' last."""

    faces: pd.DataFrame
    frames: pd.DataFrame
    info: VideoInfo
    roster: Roster
    appearances: list[Appearance]
    times: list[ScreenTime]

    @property
    def lanes(self) -> tuple[Member, ...]:
        """The members in the roster's order, and last 'unknown' as if it were one."""
        return (*self.roster.members, Member(UNKNOWN, UNKNOWN, UNKNOWN_COLOUR))


def labelled(faces: pd.DataFrame, frames: pd.DataFrame, info: VideoInfo, roster: Roster) -> Labelled:
    """The video with these faces (LABELLED_FACES) on these frames (VIDEO_FRAMES)."""
    found = appearances(faces, frames, roster)
    return Labelled(faces, frames, info, roster, found, screen_times(faces, frames, roster, found))
