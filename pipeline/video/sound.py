"""The audio tracks of a file as they are stored: what can be done with each, and its packets' bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from pathlib import Path
from typing import Final, Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

from pipeline.video.container import DecodeReport, opened, packets

# What MP4 holds and today's browsers play; any other codec (PCM, Vorbis, AC-3, ALAC ...) is encoded anew, as AAC.
COPIED_CODECS: Final = ("aac", "mp3", "opus", "flac")
LONGEST_TITLE: Final = 1000  # a program's argument cannot be of any length
_ADTS_SYNC: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio track of a source, counted from 0, and what is done with it.

    For a copied track, source_md5 and md5 are of all its packets' bytes one after the other, in the source and in the
    result (an ADTS header, which MP4 does not hold, not counted); equal when the copy is whole. Else both are empty.
    reason says why a track of a codec that is copied will not be.
    """

    number: int
    codec: str
    sample_rate: int
    action: Literal["copied", "encoded as AAC", "left out"]
    source_md5: str = ""
    md5: str = ""
    title: str = ""
    reason: str = ""


def audio_tracks(source: Path) -> tuple[AudioTrack, ...]:
    """The audio tracks of a file and what can be done with each; one that is unknown or empty is left out."""
    with opened(source) as container:
        tracks = [_track(number, stream) for number, stream in enumerate(container.streams.audio)]
        silent = {track.number for track in tracks}
        for number, _ in _audio_packets(container):
            silent.discard(number)
            if not silent:  # in most files after a few packets
                break
        return tuple(replace(one, action="left out") if one.number in silent else one for one in tracks)


def kept(tracks: Sequence[AudioTrack]) -> list[AudioTrack]:
    """The tracks that the result holds, in its order."""
    return [track for track in tracks if track.action != "left out"]


def packet_md5s(path: Path) -> tuple[str, ...]:
    """For each audio track the MD5 of all its packets' bytes, without ADTS headers."""
    with opened(path) as container:
        digests = [hashlib.md5(usedforsecurity=False) for _ in container.streams.audio]
        for number, packet in _audio_packets(container):
            digests[number].update(_payload(packet, container.streams.audio[number]))
        return tuple(digest.hexdigest() for digest in digests)


def _track(number: int, stream: AudioStream) -> AudioTrack:
    if stream.codec_context is None:  # no decoder knows it
        return AudioTrack(number, "unknown", 0, "left out")
    codec = stream.codec_context.codec.canonical_name
    can_be_held = codec in COPIED_CODECS
    reason = "its edit list joins pieces of it" if can_be_held and _in_pieces(stream) else ""
    action: Literal["copied", "encoded as AAC"] = "copied" if can_be_held and not reason else "encoded as AAC"
    title = stream.metadata.get("title") or stream.metadata.get("name", "")  # MP4 calls it so
    return AudioTrack(number, codec, stream.sample_rate, action, title=title[:LONGEST_TITLE], reason=reason)


def _in_pieces(stream: AudioStream) -> bool:
    """Whether packets that only prepare the decoder stand between others: copied, they would be heard and delay those.

    An MP4's edit list of several pieces has them before each; those before the first a copy can tell of.
    """
    return any(entry.is_discard for entry in dropwhile(lambda entry: entry.is_discard, stream.index_entries))


def _audio_packets(container: InputContainer) -> Iterator[tuple[int, av.Packet[Stream]]]:
    streams = container.streams.audio
    numbers = {stream.index: number for number, stream in enumerate(streams)}
    for packet in packets(container, streams, DecodeReport()) if streams else ():
        yield numbers[packet.stream.index], packet


def _payload(packet: av.Packet[Stream], stream: AudioStream) -> bytes:
    data = bytes(packet)
    context = stream.codec_context
    if context is None or context.extradata or context.codec.canonical_name != "aac" or data[:1] != _ADTS_SYNC:
        return data
    return data[7 if data[1] & 1 else 9 :]  # the header ends with a checksum when that bit is 0
