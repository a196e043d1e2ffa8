"""Pictures from anywhere as upright RGB, or an UnreadableImageError, whatever the file is.

Nothing else is raised but what may pass, such as no memory, which says nothing of the file.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from pipeline.files import write_bytes
from pipeline.params import Clean
from pipeline.records import Rgb
from pipeline.safeopen import DEFAULT_LIMITS, Limits, opened

JPEG_QUALITY: Final = 95
MAX_PROFILE_BYTES: Final = 1 << 20  # a colour profile has a few kilobytes; other than pixels it is bounded by nothing
THREADS: Final = min(8, os.cpu_count() or 1)  # that decode pictures; what they hold together safeopen.py bounds

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
        return Photo(upright(image), _rgb_profile(image), is_animated(image))


def read_still(path: Path, limits: Limits | Clean = DEFAULT_LIMITS) -> Rgb:
    """The picture (the first, of an animation) as upright RGB (h, w, 3) uint8 in full size, transparency on white.

    Raises UnreadableImageError for whatever cannot be read within `limits`, and what `errors.may_pass` alone.
    """
    with opened(path, limits) as image:
        return upright(image)


def read_small(path: Path, max_side_px: int, limits: Limits | Clean = DEFAULT_LIMITS) -> Rgb:
    """Like `read_still`, with the longer side at most `max_side_px`, and faster."""
    with opened(path, limits) as image:
        return upright(image, max_side_px)


def is_animated(image: Image.Image) -> bool:
    """Whether an opened file holds several frames to show one after another."""
    return image.format in _ANIMATED and bool(getattr(image, "is_animated", False))


def upright(image: Image.Image, max_side_px: int | None = None) -> Rgb:
    """An opened file's current frame as upright RGB (h, w, 3) uint8; None as `max_side_px` keeps its size."""
    if max_side_px:
        image.draft(image.mode, (max_side_px, max_side_px))  # a large JPEG is decoded at half its size or less
    rgb = _rgb(image)
    if max_side_px:
        rgb = _shrunk(rgb, max_side_px)
    orientation = _orientation(image)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    return np.array(rgb)


def is_sideways(image: Image.Image) -> bool:
    """Whether `upright` turned the frame by a quarter; to be asked after it, since asking may decode."""
    return _orientation(image) in _SIDEWAYS


def encode_jpeg(rgb: Rgb, quality: int = JPEG_QUALITY) -> bytes:
    """The picture (h, w, 3) uint8 as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def save_jpeg(path: Path, rgb: Rgb) -> None:
    """Write the picture (h, w, 3) uint8 as JPEG, whole or not at all."""
    write_bytes(path, encode_jpeg(rgb))


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
