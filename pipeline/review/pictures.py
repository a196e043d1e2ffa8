"""The pictures of the review page: a face with what is around it, big enough to judge, and the photo it is from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from pipeline.errors import UnreadableImageError
from pipeline.images import read_still, save_jpeg
from pipeline.layout import THUMBNAILS
from pipeline.records import Rgb
from pipeline.review.cases import Face

SIDE_PX: Final = 320
AROUND: Final = 2.0  # sides of the picture in sides of the face's box: hair and shoulders tell people apart too
REVISION: Final = 1  # raise it when the code below cuts other pictures


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of the group in folder `data`: whatever a table says, nothing outside of that folder is read."""

    data: Path

    def tag(self, face: Face) -> str:
        """A name that changes when the face's picture does; FileNotFoundError when there is none."""
        path = self._source(face)
        stat = path.stat()
        what = repr((REVISION, face, path.parent.name, stat.st_mtime_ns, stat.st_size))
        return hashlib.sha256(what.encode()).hexdigest()[:32]

    def face(self, face: Face) -> bytes:
        """The face as JPEG of SIDE_PX, cut out the first time; FileNotFoundError when there is no picture."""
        path = self._inside(f"{THUMBNAILS}/{self.tag(face)}.jpg")
        if not path.is_file():
            save_jpeg(path, self._cut(face))
        return path.read_bytes()

    def photo(self, face: Face) -> bytes:
        """The clean picture as JPEG; FileNotFoundError when it is not there."""
        return self._inside(f"clean/{face.photo}.jpg").read_bytes()

    def _source(self, face: Face) -> Path:
        """The clean picture, or the aligned crop where it is missing."""
        clean = self._inside(f"clean/{face.photo}.jpg")
        return clean if clean.is_file() else self._inside(f"faces/{face.crop}")

    def _cut(self, face: Face) -> Rgb:
        source = self._source(face)
        try:
            rgb = read_still(source)
            if source.parent.name == "clean":
                rgb = _surroundings(rgb, face.box_xyxy)
        except UnreadableImageError as error:
            raise FileNotFoundError(str(error)) from None
        image = Image.fromarray(rgb)
        scale = SIDE_PX / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return np.array(image.resize(size, Image.Resampling.LANCZOS))

    def _inside(self, name: str) -> Path:
        """The file of this name with all links followed; FileNotFoundError when that leads out of the folder."""
        path = (self.data / name).resolve()
        if not path.is_relative_to(self.data.resolve()):
            raise FileNotFoundError(f"{name} is not in {self.data}")
        return path


def _surroundings(rgb: Rgb, box_xyxy: tuple[float, float, float, float]) -> Rgb:
    """The square around the box, as far as the picture (h, w, 3) goes."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box_xyxy
    half = max(x1 - x0, y1 - y0) * AROUND / 2
    left, right = (int(np.clip((x0 + x1) / 2 + side, 0, width)) for side in (-half, half))
    top, bottom = (int(np.clip((y0 + y1) / 2 + side, 0, height)) for side in (-half, half))
    if right <= left or bottom <= top:
        raise UnreadableImageError("no picture", "its box lies outside of the picture")
    return rgb[top:bottom, left:right]
