"""Pictures from anywhere as upright RGB, or an UnreadableImageError: nothing else comes out, whatever the file is."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from pipeline.duplicates import perceptual_hash
from pipeline.files import write_bytes
from pipeline.params import Clean
from pipeline.records import Rgb
from pipeline.safeopen import DEFAULT_LIMITS, Limits, check_size, opened

JPEG_QUALITY: Final = 95
MAX_PROFILE_BYTES: Final = 1 << 20  # a colour profile has a few kilobytes; other than pixels it is bounded by nothing
THREADS: Final = min(8, os.cpu_count() or 1)  # that decode pictures; what they hold together safeopen.py bounds
MAX_DECODED_FRAMES: Final = 500  # of one animation; together they may hold at most MAX_DECODED_MEGAPIXELS
MAX_DECODED_MEGAPIXELS: Final = 1000

_ANIMATED: Final = frozenset({"PNG", "WEBP", "AVIF", "GIF"})  # a JPEG's further pictures are depth maps and the like
_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)


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


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture in full size, upright, transparency on white: rgb (h, w, 3) uint8.

    `icc_profile` says which colours its numbers are, None for the usual ones; `animated`: it is the first of several.
    """

    rgb: Rgb
    icc_profile: bytes | None
    animated: bool


def read_photo(path: Path, limits: Limits | Clean = DEFAULT_LIMITS) -> Photo:
    """Like `read_still`, with what a picture made from it must keep."""
    with opened(path, limits) as image:
        animated = image.format in _ANIMATED and bool(getattr(image, "is_animated", False))
        return Photo(_picture(image, None, None).rgb, _rgb_profile(image), animated)


def read_still(path: Path, limits: Limits | Clean = DEFAULT_LIMITS) -> Rgb:
    """The picture (the first, of an animation) as upright RGB (h, w, 3) uint8 in full size, transparency on white.

    Raises UnreadableImageError for whatever cannot be read within `limits`, and nothing else.
    """
    with opened(path, limits) as image:
        return _picture(image, None, None).rgb


def read_small(path: Path, max_side_px: int, limits: Limits | Clean = DEFAULT_LIMITS) -> Rgb:
    """Like `read_still`, with the longer side at most `max_side_px`, and faster."""
    with opened(path, limits) as image:
        return _picture(image, None, max_side_px).rgb


def read_frames(path: Path, limits: Clean) -> list[Picture]:
    """The picture, or an animation's distinct frames spread over its length, none larger than max_side_px.

    At most `frames_per_animation`, all more than `duplicate_distance` bits apart in their perceptual hash. An animation
    that breaks off gives the frames before the break. Raises UnreadableImageError like `read_still`.
    """
    with opened(path, limits) as image:
        if image.format not in _ANIMATED or not getattr(image, "is_animated", False):
            return [_picture(image, None, limits.max_side_px)]
        return _spread(_distinct(_decoded(image, limits), limits.duplicate_distance), limits.frames_per_animation)


def encode_jpeg(rgb: Rgb, quality: int = JPEG_QUALITY) -> bytes:
    """The picture (h, w, 3) uint8 as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def save_jpeg(path: Path, rgb: Rgb) -> None:
    """Write the picture (h, w, 3) uint8 as JPEG, whole or not at all."""
    write_bytes(path, encode_jpeg(rgb))


def _decoded(image: Image.Image, limits: Clean) -> Iterator[Picture]:
    width, height = image.size
    for frame in range(max(1, min(MAX_DECODED_FRAMES, MAX_DECODED_MEGAPIXELS * 1_000_000 // (width * height)))):
        try:
            image.seek(frame)
            check_size(image, limits)  # a GIF's later frames can enlarge it
            picture = _picture(image, frame, limits.max_side_px)
        except Exception:  # the end, or damage: what came before is still good
            if frame == 0:
                raise
            return
        yield picture


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


def _picture(image: Image.Image, frame: int | None, max_side_px: int | None) -> Picture:
    """The current frame, upright; None as `max_side_px` keeps its size."""
    width, height = image.size
    if max_side_px:
        image.draft(image.mode, (max_side_px, max_side_px))  # a large JPEG is decoded at half its size or less
    rgb = _rgb(image)
    if max_side_px:
        rgb = _shrunk(rgb, max_side_px)
    orientation = _orientation(image)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Picture(np.array(rgb), str(image.format), frame, width, height)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # convert() would clip it
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    image.load()
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    rgb = Image.new("RGB", image.size, "white")  # most cut-outs were made to be seen on a page
    rgb.paste(rgba, mask=rgba.getchannel("A"))
    return rgb


def _rgb_profile(image: Image.Image) -> bytes | None:
    """The colour profile, if it is one of RGB colours: one of CMYK or grey does not suit what the picture became."""
    profile = image.info.get("icc_profile")
    of_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB " and len(profile) <= MAX_PROFILE_BYTES
    return profile if of_rgb else None


def _shrunk(image: Image.Image, max_side_px: int) -> Image.Image:
    width, height = image.size
    scale = max_side_px / max(width, height)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - a good picture may carry broken EXIF data
        return 1
    return orientation if isinstance(orientation, int) else 1
