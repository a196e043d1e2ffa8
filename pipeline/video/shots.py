"""Shots: where the picture cuts from one camera to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import cv2
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector

from pipeline.records import Rgb
from pipeline.video.decode import Frame

SIDE_PX: Final = 160  # a cut shows at this size as well as at full size
SHORTEST_S: Final = 0.25  # music videos cut fast; what is shorter is a flash


@dataclass(frozen=True, slots=True)
class ShotFrame:
    """A frame, the number of its shot, and whether it is the first or the last of it."""

    frame: Frame
    shot: int
    first: bool
    last: bool


def by_shot(frames: Iterable[Frame], time_base: Fraction, fps: Fraction) -> Iterator[ShotFrame]:
    """Every frame with its shot, a few frames behind the decoder since a cut shows only in what follows it.

    PySceneDetect's adaptive detector: a cut is a change much larger than those around it, so neither fast motion nor a
    slow dissolve counts as one.
    """
    detector = AdaptiveDetector(min_scene_len=SHORTEST_S)
    delay = detector.window_width + 1
    waiting: deque[Frame] = deque()
    cuts: set[int] = set()
    shot, first = 0, True
    for frame in frames:
        timecode = FrameTimecode(Timecode(frame.pts, time_base), fps)
        cuts.update(cut.pts for cut in detector.process_frame(timecode, _small_bgr(frame.rgb)))
        waiting.append(frame)
        if len(waiting) > delay:
            oldest = waiting.popleft()
            last = waiting[0].pts in cuts
            yield ShotFrame(oldest, shot, first, last)
            shot, first = shot + last, last
    while waiting:
        oldest = waiting.popleft()
        last = not waiting or waiting[0].pts in cuts
        yield ShotFrame(oldest, shot, first, last)
        shot, first = shot + last, last


def _small_bgr(rgb: Rgb) -> Rgb:
    step = max(1, max(rgb.shape[:2]) // (2 * SIDE_PX))
    rgb = rgb[::step, ::step]  # averaging all pixels of a large frame would cost more than the detector
    height, width = rgb.shape[:2]
    scale = min(1.0, SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))  # a very thin picture keeps a pixel
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    bgr: Rgb = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    return bgr
