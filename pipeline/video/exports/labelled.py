"""One labelled video, as all of its exports see it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.roster import Roster
from pipeline.video.exports.screen_time import Appearance, ScreenTime, appearances, screen_times
from pipeline.video.probe import VideoInfo


@dataclass(frozen=True, slots=True)
class Labelled:
    """faces: LABELLED_FACES; frames: VIDEO_FRAMES; appearances by start; times longest first, 'unknown' last."""

    faces: pd.DataFrame
    frames: pd.DataFrame
    info: VideoInfo
    roster: Roster
    appearances: list[Appearance]
    times: list[ScreenTime]


def labelled(faces: pd.DataFrame, frames: pd.DataFrame, info: VideoInfo, roster: Roster) -> Labelled:
    """The video with these faces (LABELLED_FACES) on these frames (VIDEO_FRAMES)."""
    found = appearances(faces, frames, roster)
    return Labelled(faces, frames, info, roster, found, screen_times(faces, frames, roster, found))
