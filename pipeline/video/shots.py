"""Shots: where the picture cuts from one camera to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import cv2
import numpy as np
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector

from pipeline.records import Float32, Rgb
from pipeline.video.decode import Frame
from pipeline.video.probe import VideoInfo

SIDE_PX: Final = 160  # a cut shows at this size as well as at full size
SHORTEST_S: Final = 0.1  # music videos cut fast
# How many times the mean change of the two frames before and after it a cut must be. The start of a pan after a still
# is twice that mean; a cut to a pan half as fast as itself is four times.
LARGER: Final = 2.5
FLASH_S: Final = 0.2
MOST_WAITING: Final = 24  # frames, whose memory is the decoder's
MOST_BYTES: Final = 400_000_000  # of theirs, in the 3 bytes a pixel of ten bits: huge pictures come one by one
UNDONE: Final = 0.35  # of a change, by which the picture may still differ when the flash is over
SAME_PLACE: Final = 0.75  # correlation of outlines when only the light changes; over a cut it is below 0.65
FAINT: Final = 0.01  # a picture whose outlines vary less is all white, or black


Moment = tuple[float, Rgb]  # time_s and the small picture


@dataclass(frozen=True, slots=True)
class ShotFrame:
    """A frame, the number of its shot, and whether it is the first or the last of it."""

    frame: Frame
    shot: int
    first: bool
    last: bool


def by_shot(frames: Iterable[Frame], info: VideoInfo) -> Iterator[ShotFrame]:
    """Every frame of a video with its shot, a few frames behind the decoder since a cut shows only in what follows it.

    PySceneDetect's adaptive detector: a cut is a change much larger than those around it, so neither fast motion nor a
    slow dissolve counts as one. Nor is a change of light a cut, which leaves all outlines where they were, nor a flash,
    a change that is undone within FLASH_S.
    """
    detector = AdaptiveDetector(LARGER, min_scene_len=SHORTEST_S)
    delay = detector.window_width + 1
    most = max(delay + 1, min(MOST_WAITING, MOST_BYTES // (3 * info.width * info.height)))
    waiting: deque[tuple[Frame, Rgb]] = deque()
    past: deque[tuple[float, Rgb]] = deque(maxlen=most)  # without the frames, so that the decoder can go on
    changes: set[int] = set()
    shot, first = 0, True
    for frame in chain(frames, [None]):
        if frame is not None:
            small = frame.rgb(SIDE_PX)
            timecode = FrameTimecode(Timecode(frame.pts, info.time_base), info.average_fps)
            changes.update(cut.pts for cut in detector.process_frame(timecode, cv2.cvtColor(small, cv2.COLOR_RGB2BGR)))
            waiting.append((frame, small))
        while waiting and (frame is None or _is_decided(waiting, delay, most)):
            oldest, small = waiting.popleft()
            past.append((oldest.time_s, small))
            last = not waiting or (
                waiting[0][0].pts in changes and _is_cut(past, [(f.time_s, rgb) for f, rgb in waiting])
            )
            yield ShotFrame(oldest, shot, first, last)
            shot, first = shot + last, last


def _is_decided(waiting: Sequence[tuple[Frame, Rgb]], delay: int, most: int) -> bool:
    """Whether enough has come after the oldest frame to tell a cut and a flash."""
    if len(waiting) <= delay:
        return False
    return len(waiting) > most or waiting[-1][0].time_s - waiting[1][0].time_s > FLASH_S


def _is_cut(before: Sequence[Moment], after: Sequence[Moment]) -> bool:
    """Whether a change is to another place: neither a change of light nor a flash that begins or is over."""
    return not _is_light(before[-1][1], after[0][1]) and not _is_flash(before, after)


def _is_light(one_rgb: Rgb, other_rgb: Rgb) -> bool:
    """Whether both pictures have the same outlines, however bright they are."""
    one, other = _outlines(one_rgb), _outlines(other_rgb)
    blank = min(one.std(), other.std()) < FAINT
    return not blank and float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0]) > SAME_PLACE


def _is_flash(before: Sequence[Moment], after: Sequence[Moment]) -> bool:
    """Whether, within FLASH_S, the picture after a change is again as it was, or the one before it was so already."""
    (last_s, last_rgb), (first_s, first_rgb) = before[-1], after[0]
    change = _difference(last_rgb, first_rgb)
    pairs = [(last_rgb, rgb) for time_s, rgb in after if 0 < time_s - first_s <= FLASH_S]
    pairs += [(rgb, first_rgb) for time_s, rgb in before if 0 < last_s - time_s <= FLASH_S]
    return any(_difference(*pair) < UNDONE * change for pair in pairs)


def _difference(one_rgb: Rgb, other_rgb: Rgb) -> float:
    return float(cv2.norm(one_rgb, other_rgb, cv2.NORM_L1)) / one_rgb.size


def _outlines(rgb: Rgb) -> Float32:
    """How steep the picture is at each pixel, (h, w), however bright it is."""
    # The logarithm makes a lamp that is switched on a constant, which has no gradient.
    grey = np.log1p(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32))
    steepness = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return cv2.GaussianBlur(steepness, (0, 0), 2)
