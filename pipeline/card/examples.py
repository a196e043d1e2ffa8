"""Test faces to look at: the wrong ones first, ringed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from pipeline.card.answers import Answers
from pipeline.card.style import WRONG, Shown
from pipeline.images import encode_jpeg, read_still
from pipeline.records import UNKNOWN, Rgb
from pipeline.sheets import TILE_PX, sheet

MOST: Final = 60
NAMED_RIGHT: Final = "right"
NAMED_WRONG: Final = "wrong"
LEFT_UNKNOWN: Final = "unknown"
RINGS: Final = {NAMED_WRONG: WRONG, LEFT_UNKNOWN: "#808080"}
_RING_PX: Final = 9
_QUALITY: Final = 85


@dataclass(frozen=True, slots=True)
class Example:
    """A test face: its picture, who it is and was taken for (labels), how surely 0..1, and what came of it."""

    path: Path
    label: int
    named: int
    confidence: float
    outcome: str

    def picture(self) -> Rgb:
        """The face, (TILE_PX, TILE_PX, 3), ringed when it did not get its name; UnreadableImageError when gone."""
        side = TILE_PX - 2 * _RING_PX
        face = Image.fromarray(read_still(self.path)).resize((side, side), Image.Resampling.BICUBIC)
        return np.asarray(ImageOps.expand(face, _RING_PX, RINGS.get(self.outcome, "#c8c8c8")))

    def jpeg(self) -> bytes:
        """The face as a small JPEG file, unringed. UnreadableImageError when gone."""
        return encode_jpeg(read_still(self.path), _QUALITY)


def examples(answers: Answers, keys: npt.NDArray[np.str_], faces: Path) -> list[Example]:
    """At most MOST test faces, of the pictures in folder `faces`: named wrong, left unknown, then the least sure."""
    named = np.where(answers.right, NAMED_RIGHT, NAMED_WRONG)
    outcomes: list[str] = np.where(answers.believed, named, LEFT_UNKNOWN).tolist()
    rank = {NAMED_WRONG: 0, LEFT_UNKNOWN: 1, NAMED_RIGHT: 2}
    order = sorted(range(len(keys)), key=lambda i: (rank[outcomes[i]], answers.confidence[i], keys[i]))
    return [
        Example(
            faces / f"{keys[i]}.png",
            int(answers.labels[i]),
            int(answers.named[i]),
            float(answers.confidence[i]),
            outcomes[i],
        )
        for i in order[:MOST]
    ]


def draw_examples(path: Path, shown: Shown, faces: Sequence[Example]) -> None:
    """A sheet of the faces, those that did not get their name ringed."""
    sheet(path, [(partial(Example.picture, face), _caption(face, shown)) for face in faces])


def _caption(face: Example, shown: Shown) -> str:
    name = shown.names[face.label]
    given = {NAMED_RIGHT: "", LEFT_UNKNOWN: f": {UNKNOWN}", NAMED_WRONG: f": named {shown.names[face.named]}"}
    return f"{name}{given[face.outcome]} {face.confidence:.2f}"
