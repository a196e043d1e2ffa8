"""Reels: MP4 files written picture by picture, with sound beside them or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from pipeline.params import Render
from pipeline.records import Float32
from pipeline.video import encoder
from pipeline.video.cutsound import SAMPLE_RATE
from pipeline.video.encoder import Layout

AAC_BITS_PER_S: Final = 192_000


@contextmanager
def reel(
    path: Path, name: str, layout: Layout, params: Render, sound: Iterator[Float32] | None = None
) -> Iterator[Callable[[av.VideoFrame], None]]:
    """Yield a function that takes the next picture, its pts counted in layout.time_base; the file is then whole.

    `name` is the encoder's, as encoder.choose says; `sound` is pieces (2, n) of SAMPLE_RATE from time 0 on.
    """
    clock = {"movie_timescale": str(layout.time_base.denominator)}  # it tells a late start; else of 1/1000 s
    with av.open(f"file:{path}", "w", format="mp4", container_options=clock) as container:
        options = encoder.options(name, params)
        pictures = cast(VideoStream, container.add_stream(name, rate=layout.average_fps, options=options))
        encoder.set_up(pictures.codec_context, layout)
        voice = _Voice(container, sound) if sound is not None else None

        def add(picture: av.VideoFrame) -> None:
            container.mux(pictures.encode(picture))
            if voice:
                voice.until((picture.pts or 0) * layout.time_base)

        yield add
        container.mux(pictures.encode(None))
        if voice:
            voice.finish()


class _Voice:
    """The sound of a reel, as AAC, written as far as its pictures are."""

    def __init__(self, container: OutputContainer, pieces: Iterator[Float32]) -> None:
        self._container, self._pieces = container, pieces
        self._stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        self._stream.codec_context.bit_rate = AAC_BITS_PER_S
        self._samples = 0

    def until(self, time_s: Fraction) -> None:
        """Write what sounds before `time_s`, and the rest of the last piece."""
        while self._samples < time_s * SAMPLE_RATE and self._write():
            pass

    def finish(self) -> None:
        """Write all that is left."""
        while self._write():
            pass
        self._container.mux(self._stream.encode(None))

    def _write(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), self._samples
        self._container.mux(self._stream.encode(frame))
        self._samples += piece.shape[1]
        return True
