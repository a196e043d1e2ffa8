"""Shots: where the picture cuts from one camera to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Final

import cv2
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector

from pipeline.records import Rgb
from pipeline.video.decode import Frame

SIDE_PX: Final = 160  # a cut shows at this size as well as at full size
SHORTEST_S: Final = 0.25  # music videos cut fast
FLASH_S: Final = 0.2
MOST_WAITING: Final = 24  # frames of any size, whose memory is the decoder's
UNDONE: Final = 0.35  # of a change, by which the picture may still differ when the flash is over


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
    slow dissolve counts as one. A change that is undone within FLASH_S is a flash, and no cut either.
    """
    detector = AdaptiveDetector(min_scene_len=SHORTEST_S)
    delay = detector.window_width + 1
    waiting: deque[tuple[Frame, Rgb]] = deque()
    changes: set[int] = set()
    shot, first = 0, True
    for frame in chain(frames, [None]):
        if frame is not None:
            small = frame.rgb(SIDE_PX)
            timecode = FrameTimecode(Timecode(frame.pts, time_base), fps)
            changes.update(cut.pts for cut in detector.process_frame(timecode, cv2.cvtColor(small, cv2.COLOR_RGB2BGR)))
            waiting.append((frame, small))
        while waiting and (frame is None or _is_decided(waiting, delay)):
            oldest, picture = waiting.popleft()
            last = not waiting or (waiting[0][0].pts in changes and not _is_flash(picture, waiting))
            yield ShotFrame(oldest, shot, first, last)
            shot, first = shot + last, last


def _is_decided(waiting: Sequence[tuple[Frame, Rgb]], delay: int) -> bool:
    """Whether enough has come after the oldest frame to tell a cut and a flash."""
    if len(waiting) <= delay:
        return False
    return len(waiting) > MOST_WAITING or waiting[-1][0].time_s - waiting[1][0].time_s > FLASH_S


def _is_flash(before_rgb: Rgb, after: Iterable[tuple[Frame, Rgb]]) -> bool:
    """Whether what comes within FLASH_S after a change is again like what was before it."""
    frames = list(after)
    change = _difference(before_rgb, frames[0][1])
    soon = [picture for frame, picture in frames[1:] if frame.time_s - frames[0][0].time_s <= FLASH_S]
    return any(_difference(before_rgb, picture) < UNDONE * change for picture in soon)


def _difference(one_rgb: Rgb, other_rgb: Rgb) -> float:
    return float(cv2.norm(one_rgb, other_rgb, cv2.NORM_L1)) / one_rgb.size
