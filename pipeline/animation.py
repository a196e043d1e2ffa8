"""The pictures of a file: one, or the distinct frames of an animation, for clean to choose from."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from pipeline.duplicates import perceptual_hash
from pipeline.errors import may_pass
from pipeline.images import is_animated, is_sideways, upright
from pipeline.params import Clean
from pipeline.records import Rgb
from pipeline.safeopen import check_size, opened

MAX_DECODED_FRAMES: Final = 500  # of one animation; together they may hold at most MAX_DECODED_MEGAPIXELS
MAX_DECODED_MEGAPIXELS: Final = 1000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a file: rgb (h, w, 3) uint8, upright, shrunk to the size asked for.

    `frame` is its number in the animation, None for a still; width and height are the upright size before shrinking.
    """

    rgb: Rgb
    format: str
    frame: int | None
    width: int
    height: int


def read_frames(path: Path, limits: Clean) -> list[Picture]:
    """The picture, or an animation's distinct frames spread over its length, none larger than max_side_px.

    At most `frames_per_animation`, all more than `duplicate_distance` bits apart in their perceptual hash. An animation
    that breaks off gives the frames before the break. Errors as of `images.read_still`.
    """
    with closing(_decoded(path, limits)) as pictures:
        first = next(pictures)
        if first.frame is None:
            return [first]
        return _spread(_distinct(chain([first], pictures), limits.duplicate_distance), limits.frames_per_animation)


def _decoded(path: Path, limits: Clean) -> Generator[Picture]:
    """The still, or frame after frame; whoever takes them works outside of `opened`, which blames the file."""
    with opened(path, limits) as image:
        if not is_animated(image):
            yield _picture(image, None, limits)
            return
        width, height = image.size
        for frame in range(max(1, min(MAX_DECODED_FRAMES, MAX_DECODED_MEGAPIXELS * 1_000_000 // (width * height)))):
            try:
                image.seek(frame)
                check_size(image, limits)  # a GIF's later frames can enlarge it
                picture = _picture(image, frame, limits)
            except Exception as error:  # the end, or damage: what came before is still good
                if frame == 0 or may_pass(error):
                    raise
                return
            yield picture


def _picture(image: Image.Image, frame: int | None, limits: Clean) -> Picture:
    width, height = image.size  # which decoding at a smaller size changes
    rgb = upright(image, limits.max_side_px)
    if is_sideways(image):
        width, height = height, width
    return Picture(rgb, str(image.format), frame, width, height)


def _distinct(pictures: Iterable[Picture], distance: int) -> Iterator[Picture]:
    seen: list[int] = []
    for picture in pictures:
        phash = perceptual_hash(picture.rgb)
        if all((phash ^ other).bit_count() > distance for other in seen):
            seen.append(phash)
            yield picture


def _spread(pictures: Iterable[Picture], most: int) -> list[Picture]:
    """At most `most` of a stream of unknown length, evenly spread, holding no more than about twice as many."""
    kept: list[Picture] = []
    step = 1
    for number, picture in enumerate(pictures):
        if number % step == 0:
            kept.append(picture)
        if len(kept) > 2 * most:
            kept, step = kept[::2], 2 * step
    return [kept[round(index)] for index in np.linspace(0, len(kept) - 1, min(most, len(kept)))]
