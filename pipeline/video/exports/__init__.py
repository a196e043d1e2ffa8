"""What stands beside labelled.mp4: tables and pictures of who is on screen, subtitles, and a page to watch it with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.video.analyse import Analysis
from pipeline.video.exports.labelled import Labelled
from pipeline.video.exports.player import write_player
from pipeline.video.exports.subtitles import write_subtitles
from pipeline.video.exports.tables import write_tables
from pipeline.video.exports.thumbnails import write_thumbnails
from pipeline.video.exports.unknowns import write_unknowns


def write_exports(folder: Path, video: Labelled, tracks: pd.DataFrame, analysis: Analysis) -> None:
    """Write all of them into `folder`; `tracks` is NAMED_TRACKS.

    The folder may be renamed afterwards, but not moved: the page finds the original video from where it stands.
    """
    write_thumbnails(folder, video.faces, analysis.samples, video.roster)
    write_tables(folder, video)
    write_subtitles(folder, video)
    write_unknowns(folder / "unknowns.png", video.faces, tracks, analysis)
    write_player(folder, video)
