"""What stands beside labelled.mp4: tables and pictures of who is on screen, subtitles, and a page to watch it with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.video.analyse import Analysis
from pipeline.video.exports.player import write_player
from pipeline.video.exports.subtitles import write_subtitles
from pipeline.video.exports.tables import write_tables
from pipeline.video.exports.thumbnails import write_thumbnails
from pipeline.video.exports.unknowns import write_unknowns
from pipeline.video.labelled import Labelled

EXPORTS: Final = 5


def write_exports(
    folder: Path,
    video: Labelled,
    tracks: pd.DataFrame,
    analysis: Analysis,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write all of them into `folder`; `tracks` is NAMED_TRACKS. `progress` is told how many of EXPORTS are written.

    The folder may be renamed afterwards, but not moved: the page finds the original video from where it stands.
    """
    write_thumbnails(folder, video.faces, analysis.samples, video.roster)
    progress(1)
    write_tables(folder, video)
    progress(2)
    write_subtitles(folder, video)
    progress(3)
    write_unknowns(folder / "unknowns.png", video.faces, tracks, analysis)
    progress(4)
    write_player(folder, video)
    progress(EXPORTS)
