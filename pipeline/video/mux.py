"""The source's sound beside the labelled pictures: its packets copied as they are, every time stamp kept.

Subtitles, chapters and tags come along where MP4 holds them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import ffmpeg

from pipeline.files import written_whole
from pipeline.video.carried import PRIVATE_TAG, Carried, what_came_over, what_mp4_holds
from pipeline.video.container import INPUT_OPTIONS
from pipeline.video.ffmpeg import FfmpegError, run_ffmpeg
from pipeline.video.probe import VideoInfo, probe
from pipeline.video.sound import AudioTrack, audio_tracks, kept, packet_md5s

AAC_BITRATE: Final = "192k"
_NO_STREAM: Final = "d:999?"  # if there: keeps the source an input, for its tags, where it has no sound
SOURCE_INPUT: Final = 1  # the pictures are input 0
MAX_TIMESCALE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SoundReport:
    """What became of each audio track; origin_s as in VideoInfo was taken off all times of pictures and sound.

    trouble says why a track that could have been copied was not; empty when all is as it should be. carried tells what
    else of the source came along, and what did not.
    """

    tracks: tuple[AudioTrack, ...]
    origin_s: int
    carried: Carried
    trouble: str = ""


def put_sound_back(
    video_only: Path, source: Path, out_path: Path, progress: Callable[[int], None] = lambda _: None
) -> SoundReport:
    """Write the pictures of `video_only` with all else of `source` that MP4 holds, as one that starts to play at once.

    Where packets are too damaged to be copied all tracks are encoded anew, and where that fails they are left out, as
    are subtitles; the report says so. `progress` is told how many frames are written, from 0 again for each try.
    Raises FfmpegError with ffmpeg's own words when nothing can be written at all.
    """
    info = probe(source)
    planned, rich = audio_tracks(source), what_mp4_holds(source)
    encoded = tuple(replace(track, action="encoded as AAC") for track in kept(planned))
    silent = tuple(replace(track, action="left out") for track in planned)
    attempts = [(planned, rich), (encoded, rich), (silent, _without_subtitles(rich))]
    if rich.subtitles:
        attempts[2:2] = [(planned, attempts[2][1]), (encoded, attempts[2][1])]
    trouble = ""
    with written_whole(out_path) as temporary:
        for tracks, carried in attempts:
            try:
                run_ffmpeg(mux_arguments(video_only, info, tracks, carried, temporary), progress)
                break
            except FfmpegError as error:
                trouble = str(error)
        else:
            raise FfmpegError(trouble)
        carried = what_came_over(carried, temporary)
        return SoundReport(_with_md5s(tracks, source, temporary), info.origin_s, carried, trouble)


def mux_arguments(
    video_only: Path, info: VideoInfo, tracks: Sequence[AudioTrack], carried: Carried, out_path: Path
) -> list[str]:
    """ffmpeg's arguments, the program's name apart, for the pictures of `video_only` with the rest of info.path."""
    drawn = ffmpeg.input(f"file:{video_only}", **INPUT_OPTIONS)
    source = ffmpeg.input(f"file:{info.path}", itsoffset=-info.origin_s, **INPUT_OPTIONS)
    streams: dict[str, str] = {"c:v": "copy", "c:s": "mov_text"}
    for place, track in enumerate(kept(tracks)):
        copied = track.action == "copied"
        streams |= {f"c:a:{place}": "copy"} if copied else {f"c:a:{place}": "aac", f"b:a:{place}": AAC_BITRATE}
        if track.title:
            streams[f"metadata:s:a:{place}"] = f"title={track.title}"
    output = ffmpeg.output(
        drawn["v:0"],
        *(source[f"a:{track.number}"] for track in kept(tracks)),
        *(source[f"s:{number}"] for number in carried.subtitles),
        source[_NO_STREAM],
        f"file:{out_path}",
        format="mp4",
        movflags="+faststart",
        movie_timescale=_movie_timescale(info.time_base.denominator, tracks),
        map_metadata=SOURCE_INPUT,
        map_chapters=SOURCE_INPUT,
        metadata=f"{PRIVATE_TAG}=",
        **streams,
    )
    arguments: list[str] = output.global_args("-copyts", "-nostdin", "-loglevel", "error").get_args(
        overwrite_output=True
    )
    return arguments


def _without_subtitles(carried: Carried) -> Carried:
    lost = [f"subtitle track {number + 1}: cannot be read" for number in carried.subtitles]
    return replace(carried, subtitles=(), left_out=(*carried.left_out, *lost))


def _movie_timescale(video_timescale: int, tracks: Sequence[AudioTrack]) -> int:
    """Ticks per second in which an MP4 says how much later than the others a track starts: a whole number for each."""
    exact = math.lcm(video_timescale, *(track.sample_rate for track in tracks if track.sample_rate))
    return exact if exact <= MAX_TIMESCALE else MAX_TIMESCALE // video_timescale * video_timescale


def _with_md5s(tracks: Sequence[AudioTrack], source: Path, out: Path) -> tuple[AudioTrack, ...]:
    source_md5s = packet_md5s(source)
    md5s = dict(zip((track.number for track in kept(tracks)), packet_md5s(out), strict=True))
    return tuple(
        replace(track, source_md5=source_md5s[track.number], md5=md5s[track.number])
        if track.action == "copied"
        else track
        for track in tracks
    )
