"""What stands beside labelled.mp4: tables and pictures of who is on screen, subtitles, and a page to watch it with."""

from __future__ import annotations

from pathlib import Path

from pipeline.roster import Roster
from pipeline.video.analyse import Analysis
from pipeline.video.decode import VideoInfo
from pipeline.video.exports.labelled import Labelled
from pipeline.video.exports.player import write_player
from pipeline.video.exports.screen_time import appearances, screen_times
from pipeline.video.exports.subtitles import write_subtitles
from pipeline.video.exports.tables import write_tables
from pipeline.video.exports.thumbnails import write_thumbnails
from pipeline.video.exports.unknowns import write_unknowns
from pipeline.video.identify import Named


def write_exports(folder: Path, named: Named, analysis: Analysis, info: VideoInfo, roster: Roster) -> None:
    """Write all of them into `folder` for the named faces and tracks of one video.

    The folder may be renamed afterwards, but not moved: the page finds the original video from where it stands.
    """
    faces, frames = named.faces, analysis.frames
    found = appearances(faces, frames, roster)
    video = Labelled(faces, frames, info, roster, found, screen_times(faces, frames, roster, found))
    write_thumbnails(folder, faces, analysis.samples, roster)
    write_tables(folder, video)
    write_subtitles(folder, video)
    write_unknowns(folder / "unknowns.png", named, analysis)
    write_player(folder, video)
