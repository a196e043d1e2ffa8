"""Boxes and names on pictures, large enough to be read on a phone; or faces blurred.

The same code draws on an RGB photo and on the Y, U and V planes of a video frame, which so keeps every other pixel as
it was: all positions are even, so that they hold in the half-sized U and V too, and all patches are opaque.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from pipeline.drawing.blur import blur
from pipeline.drawing.names import filled, name_label
from pipeline.fonts import shown_name
from pipeline.records import UNKNOWN, Float32, Rgb
from pipeline.roster import UNKNOWN_COLOUR, Member

Planes = tuple[Rgb, ...]
"""One picture: (RGB (h, w, 3),), or Y (h, w), U and V (h / 2, w / 2); uint8, or uint16 for HDR."""

TEXT_SHARE: Final = 1 / 22  # of the picture's shorter side: 16 px of 360, 33 of 720
LABEL_SHARE: Final = 0.45  # of the picture's width at most, so that two stand side by side
CORNER_SHARE: Final = 0.28  # of the box's shorter side
_KEEP_PLACE: Final = 0.2  # how much of a label may be covered before it leaves the place it had
_NAME_WEIGHT: Final = 5  # of a name to a face: covered in part it cannot be read, while a face has its box


@dataclass(frozen=True, slots=True)
class FaceLabels:
    """The faces of one frame: boxes_xyxy (n, 4) float32 in pixels of the upright picture, and n member keys."""

    boxes_xyxy: Float32
    members: tuple[str, ...]


class Box(NamedTuple):
    """Whole, even pixels; x1 and y1 just outside."""

    x0: int
    y0: int
    x1: int
    y1: int


class Painter:
    """Draws the faces of one video or photo; keeps each name rendered, and where it stood in the last frame."""

    def __init__(
        self,
        members: Iterable[Member],
        width: int,
        height: int,
        as_planes: Callable[[Rgb], Planes] = lambda rgb: (rgb,),
        style: str = "box",
        suits_px: float = math.inf,
    ) -> None:
        """For pictures of `width` x `height`; `as_planes` turns an RGB patch of even sides into what is drawn on.

        style: 'box', 'corner' or 'name' around or above faces; 'blur' makes all of them unrecognisable instead.
        Text and lines suit the picture's shorter side, or `suits_px` where that is less: small faces, large picture.
        """
        self._size = width, height
        self._style = style
        short = min(width, height, suits_px)
        self._thickness = max(2, 2 * round(short / 400))
        text_px = max(10, round(short * TEXT_SHARE))
        room_px = max(int(width * LABEL_SHARE), 2 * text_px)
        self._labels = {
            member.key: as_planes(name_label(shown_name(member, number), member.colour, text_px, room_px))
            for number, member in enumerate(members, start=1)
        }
        # A picture of a few pixels holds boxes but no text.
        self._fitting = {
            key for key, (top, *_) in self._labels.items() if top.shape[0] <= height and top.shape[1] <= width
        }
        self._colours = {key: tuple(plane[0, 0] for plane in planes) for key, planes in self._labels.items()}
        self._colours[UNKNOWN] = tuple(plane[0, 0] for plane in as_planes(filled(2, 2, UNKNOWN_COLOUR)))
        self._places: dict[str, int] = {}

    def draw(self, planes: Planes, faces: FaceLabels) -> None:
        """Draw in place: a coloured box and a name for each member, a thin grey box for the unknown."""
        if self._style == "blur":
            for box_xyxy in faces.boxes_xyxy.tolist():
                blur(planes, box_xyxy)
            return
        found = [
            (self._inside(box), key if key in self._labels else UNKNOWN)
            for box, key in zip(faces.boxes_xyxy.tolist(), faces.members, strict=True)
        ]
        found = [(box, key) for box, key in found if box.x0 < box.x1 and box.y0 < box.y1]
        found.sort(key=lambda face: face[1] != UNKNOWN)  # members over the unknown
        for box, key in found if self._style != "name" else ():
            self._outline(planes, box, 2 if key == UNKNOWN else self._thickness, self._colours[key])
        taken = [box for box, _ in found]
        places: dict[str, int] = {}
        names: list[Box] = []
        for box, key in found:
            if key in self._fitting:
                spot, places[key] = self._spot(box, key, taken, names)
                names.append(spot)
                _paste(planes, spot, self._labels[key])
        self._places = places

    def _inside(self, box_xyxy: list[float]) -> Box:
        even = (round(value / 2) * 2 for value in np.nan_to_num(box_xyxy))
        return Box(*(min(max(0, value), limit) for value, limit in zip(even, self._size * 2, strict=True)))

    def _outline(self, planes: Planes, box: Box, thickness: int, colour: tuple[Rgb, ...]) -> None:
        width, height = self._size
        x0, y0 = max(0, box.x0 - thickness), max(0, box.y0 - thickness)
        x1, y1 = min(width, box.x1 + thickness), min(height, box.y1 + thickness)
        across, down = x1 - x0, y1 - y0  # how long its bars are
        if self._style == "corner":
            across = down = max(thickness, int(min(across, down) * CORNER_SHARE) // 2 * 2)
        bars = [Box(x, y, x + across, y + thickness) for x in (x0, x1 - across) for y in (y0, y1 - thickness)]
        bars += [Box(x, y, x + thickness, y + down) for x in (x0, x1 - thickness) for y in (y0, y1 - down)]
        for bar in bars:
            _paste(planes, bar, colour)

    def _spot(self, box: Box, key: str, faces: list[Box], names: list[Box]) -> tuple[Box, int]:
        """Where the label covers least of `faces` and `names`, and which place above or below its box that is."""
        height, width = self._labels[key][0].shape[:2]
        edge = self._thickness
        lefts = [box.x0 - edge, box.x1 + edge - width]
        if self._style == "name":
            lefts = [sum(lefts) // 2]  # without a box to begin at, in the middle
        corners = [(x, y) for y in (box.y0 - edge - height, box.y1 + edge) for x in lefts]
        spots = [self._within(x, y, width, height) for x, y in corners]
        taken = [*faces, *names * _NAME_WEIGHT]
        covered = [sum(_shared(spot, other) for other in taken) / (width * height) for spot in spots]
        costs = [
            cost + place / 100 - (_KEEP_PLACE if self._places.get(key) == place else 0)
            for place, cost in enumerate(covered)
        ]
        place = int(np.argmin(costs))
        return spots[place], place

    def _within(self, x: int, y: int, width: int, height: int) -> Box:
        x, y = max(0, min(x, self._size[0] - width)) // 2 * 2, max(0, min(y, self._size[1] - height)) // 2 * 2
        return Box(x, y, x + width, y + height)


def _shared(one: Box, other: Box) -> int:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0, width) * max(0, height)


def _paste(planes: Planes, box: Box, patch: tuple[Rgb, ...]) -> None:
    """Fill `box` with a patch of its size, or with one colour, in each plane."""
    for plane, value in zip(planes, patch, strict=True):
        step = planes[0].shape[0] // plane.shape[0]
        plane[box.y0 // step : box.y1 // step, box.x0 // step : box.x1 // step] = value
