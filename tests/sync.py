"""A labelled video beside its source: whether every frame and every packet of sound is where it was."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from pipeline.video.decode import pictures
from pipeline.video.probe import VideoInfo, probe
from pipeline.video.sound import audio_tracks, kept, packet_md5s


@dataclass(frozen=True, slots=True)
class TrackSync:
    """One audio track compared: whether its bytes are the same, and by how many seconds it is off at worst."""

    number: int
    same_bytes: bool
    max_offset_s: float


@dataclass(frozen=True, slots=True)
class SyncReport:
    """A labelled video compared with its source: whether all frames are shown at exactly their times, and the sound."""

    frames: int
    same_times: bool
    origin_s: int
    tracks: tuple[TrackSync, ...]


def verify_sync(source: Path, out: Path) -> SyncReport:
    """Compare every frame's time and every audio track of a labelled video with its source.

    A copied track is compared packet by packet; one encoded anew by its first packet, which starts up to 1024 samples
    early since the encoder wants a run-up.
    """
    info = probe(source)
    md5s, out_md5s = packet_md5s(source), packet_md5s(out)
    times, out_times = packet_times(source), packet_times(out)
    out_frames = _frame_times(probe(out))
    tracks = tuple(
        TrackSync(
            number=track.number,
            same_bytes=md5s[track.number] == out_md5s[place],
            max_offset_s=_max_offset_s([time - info.origin_s for time in times[track.number]], out_times[place]),
        )
        for place, track in zip(range(len(out_md5s)), kept(audio_tracks(source)), strict=False)
    )
    return SyncReport(len(out_frames), _frame_times(info) == out_frames, info.origin_s, tracks)


def packet_times(path: Path) -> list[list[Fraction]]:
    """For each audio track the pts of its packets in seconds."""
    with av.open(str(path)) as container:
        times: list[list[Fraction]] = [[] for _ in container.streams.audio]
        numbers = {stream.index: number for number, stream in enumerate(container.streams.audio)}
        for packet in container.demux(*container.streams.audio) if numbers else ():
            if packet.size and packet.pts is not None:
                times[numbers[packet.stream.index]].append(packet.pts * packet.time_base)
        return times


def _frame_times(info: VideoInfo) -> list[Fraction]:
    return [pts * info.time_base - info.origin_s for pts, _ in pictures(info)]


def _max_offset_s(times: list[Fraction], out_times: list[Fraction]) -> float:
    count = len(times) if len(times) == len(out_times) else 1
    offsets = (abs(time - out_time) for time, out_time in zip(times[:count], out_times[:count], strict=True))
    return float(max(offsets, default=Fraction(0)))
