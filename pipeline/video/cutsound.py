"""The sound of cuts: exactly the samples that belong to them, one cut after the other, however many there are."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream

from pipeline.records import Float32
from pipeline.video.container import DecodeReport, opened, packets

SAMPLE_RATE: Final = 48_000  # what editing programs work in
CHANNELS: Final = 2
# Time stamps may be rounded to a millisecond: only a larger step is a hole in the sound, or a piece told twice.
JITTER_SAMPLES: Final = SAMPLE_RATE // 100

Block = tuple[int, Float32]
"""When it starts, in samples of SAMPLE_RATE since the file's time 0, and the samples (2, n)."""


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """Samples `start` until `end` of the source's sound."""

    start: int
    end: int


def sound_span(start_s: Fraction, out_start_s: Fraction, out_end_s: Fraction) -> SoundSpan:
    """The samples of a cut that starts at start_s of the source.

    Both ends are rounded from where they stand in the result, so that no rounding adds up from cut to cut.
    """
    shift = round((start_s - out_start_s) * SAMPLE_RATE)
    return SoundSpan(round(out_start_s * SAMPLE_RATE) + shift, round(out_end_s * SAMPLE_RATE) + shift)


def has_sound(video: Path) -> bool:
    """Whether the file has an audio track that can be decoded."""
    with opened(video) as container:
        return any(stream.codec_context is not None for stream in container.streams.audio)


def cut_sound(video: Path, spans: Sequence[SoundSpan]) -> Generator[Float32, None, None]:
    """The samples (2, n) of the first audio track within `spans`, which do not overlap and rise, joined.

    Where the source has no sound there is silence, so that all spans have their full length.
    """
    blocks = _contiguous(_decoded(video))
    start, held = 0, np.zeros((CHANNELS, 0), np.float32)
    for span in spans:
        at = span.start
        while at < span.end:
            while start + held.shape[1] <= at:
                start, held = next(blocks, (span.end, np.zeros((CHANNELS, SAMPLE_RATE), np.float32)))
            if start > at:
                piece = np.zeros((CHANNELS, min(start, span.end, at + SAMPLE_RATE) - at), np.float32)
            else:
                piece = held[:, at - start : span.end - start]
            yield piece
            at += piece.shape[1]


def _contiguous(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks joined without the steps of less than JITTER_SAMPLES between them; none goes back."""
    end: int | None = None
    for start, samples in blocks:
        if end is not None and abs(start - end) <= JITTER_SAMPLES:
            start = end
        elif end is not None and start < end:
            start, samples = end, samples[:, end - start :]
        yield start, samples
        end = start + samples.shape[1]


def _decoded(video: Path) -> Iterator[Block]:
    """The first audio track that can be decoded, as stereo at SAMPLE_RATE; what is damaged is left out."""
    with opened(video) as container:
        stream = next(stream for stream in container.streams.audio if stream.codec_context is not None)
        resampler, layout = None, None
        for frame in _frames(container, stream):
            if layout != (frame.format.name, frame.layout.name, frame.sample_rate):  # it may change on the way
                layout = frame.format.name, frame.layout.name, frame.sample_rate
                resampler = av.AudioResampler("fltp", "stereo", SAMPLE_RATE)
            assert resampler is not None  # noqa: S101 - made for the first frame
            for part in resampler.resample(frame):
                if part.pts is not None and part.time_base is not None:
                    yield round(part.pts * part.time_base * SAMPLE_RATE), np.asarray(part.to_ndarray(), np.float32)


def _frames(container: av.container.InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    for packet in packets(container, [stream], DecodeReport()):
        try:
            yield from stream.decode(packet)
        except av.FFmpegError:
            continue
