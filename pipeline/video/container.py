"""Media files, opened with care: real containers only, nothing but the file itself, as much of it as can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pipeline.errors import UnreadableVideoError

# Playlists, image patterns and network addresses, which a hostile file may name, are never followed.
INPUT_OPTIONS: Final = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,rm,mxf,dv,nut,ivf,gif,h264,hevc,m4v,"
    "mp3,wav,flac,aac,ac3,eac3,aiff,caf,amr,w64",
}
MAX_PIXELS: Final = 8192 * 8192


@dataclass(slots=True)
class DecodeReport:
    """What happened while decoding; filled in as the frames are read.

    retimed counts frames shown at another time than the file says: one without any comes a frame's length after the
    last; one that is not later than the last comes a tick after it; after a jump all go on from the last.
    end_s is where the last packet of any kind ends, on the file's clock. cut_short tells how much of the video could
    be read, when the file says that there is more or cannot be read to its end.
    """

    packets: int = 0
    failed_packets: int = 0
    retimed: int = 0
    end_s: float = 0.0
    cut_short: str = ""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The opened file; UnreadableVideoError when it is missing, empty, no media file, or has a name that is no text."""
    try:
        str(path).encode()
        if not path.is_file():
            raise UnreadableVideoError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
        if not path.stat().st_size:
            raise UnreadableVideoError(f"{path.name}: empty (0 bytes); copy the file again")
        container = av.open(f"file:{path}", "r", metadata_errors="replace", container_options=INPUT_OPTIONS)
    except UnicodeEncodeError:  # such a name, of an old archive say, fits neither ffmpeg's arguments nor a table
        raise UnreadableVideoError(f"{str(path)!a}: the name is not valid text (UTF-8); rename the file") from None
    except (av.FFmpegError, OSError) as error:
        raise UnreadableVideoError(f"{path.name}: not a video, or damaged beyond reading ({error.strerror})") from None
    with container:
        yield container


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The largest video stream, ready to decode; a cover picture is none. UnreadableVideoError when there is none."""
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        held = "only sound" if container.streams.audio else "neither pictures nor sound"
        raise UnreadableVideoError(f"{path.name}: holds {held}, no video")
    known = [stream for stream in streams if stream.codec_context is not None and stream.time_base]
    if not known:
        raise UnreadableVideoError(f"{path.name}: its video codec is unknown; convert it to H.264 first")
    stream = max(known, key=lambda stream: stream.width * stream.height)
    if stream.width * stream.height > MAX_PIXELS:
        raise UnreadableVideoError(f"{path.name}: {stream.width}x{stream.height} pixels are more than any video has")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "AUTO"
    return stream


def packets(container: InputContainer, streams: Sequence[Stream], report: DecodeReport) -> Iterator[av.Packet[Stream]]:
    """The packets of `streams` in the file's order, as far as it can be read; `report` says why not to the end."""
    try:
        for packet in container.demux(*streams):
            if packet.size:  # an empty one in the middle (AVI has them) would end the decoder's work
                if packet.pts is not None and packet.time_base:
                    report.end_s = max(report.end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                yield packet
    except av.FFmpegError as error:
        report.cut_short = str(error.strerror)
    except IndexError:
        return  # PyAV, when all is read, trips over a stream that a damaged file made up on the way


def stored(container: InputContainer, stream: VideoStream, report: DecodeReport) -> Iterator[av.VideoFrame]:
    """The frames of `stream` as the file has them; what is damaged is left out and counted in `report`."""
    # All kinds of packets are looked at, since some files tell only how long they are as a whole.
    every = packets(container, list(container.streams), report)
    for packet in chain(every, [None]):  # None: give out what you hold back
        if packet is not None and packet.stream is not stream:
            continue
        report.packets += packet is not None
        try:
            found = stream.decode(packet)
        except av.FFmpegError:
            report.failed_packets += 1
            continue
        yield from found
