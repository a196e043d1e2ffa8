"""Classifiers of faces behind one protocol, and what makes their answers honest (openset.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.images import read_still
from pipeline.models import Embedder
from pipeline.models.embedder import embed_faces
from pipeline.models.geometry import CROP_PX
from pipeline.params import Params
from pipeline.records import Float32, Float64, Ints, Rgb

CURVES: Final = "_curves.json"  # behind a classifier's name: its losses and accuracy by epoch


@dataclass(frozen=True, slots=True)
class Examples:
    """Faces to learn from, or to be tried on.

    vectors (n, d) float32 of unit length; labels (n,) in 0..members-1; groups (n,), the same for near-duplicates; and
    crops (n,), the paths of the aligned faces.
    """

    vectors: Float32
    labels: Ints
    groups: npt.NDArray[np.str_]
    crops: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Ints) -> Examples:
        return Examples(self.vectors[rows], self.labels[rows], self.groups[rows], self.crops[rows])

    @property
    def crops_rgb(self) -> Rgb:
        """The aligned faces (n, 112, 112, 3) uint8, read from their files each time they are asked for."""
        crops = [read_still(Path(path)) for path in self.crops]
        return np.array(crops, np.uint8).reshape(-1, CROP_PX, CROP_PX, 3)


class Classifier(Protocol):
    """Tells the members of a group apart; it always names somebody.

    `embedder` is its own, once fitted or read, if it brings one: it then understands the vectors of that one only,
    whose first numbers are what the embedder of params says of the face (see nearest.py).
    """

    name: str
    embedder: Embedder | None

    @classmethod
    def settings(cls, params: Params) -> list[Callable[[], Classifier]]:
        """What makes an unfitted one, for each of its settings that params.yaml wants tried."""

    def fit(self, faces: Examples) -> None:
        """Learn from faces of at least two members, every label present."""

    def scores(self, vectors: Float32) -> Float64:
        """One score per member for each vector (n, d), (n, members); higher is more alike."""

    def write(self, folder: Path) -> None:
        """Write the files <name>.* into `folder`; the same classifier always makes the same bytes."""

    def read(self, folder: Path) -> None:
        """Become the classifier that was written there; KeyError, TypeError, ValueError or OSError when it is not."""


def understood(classifier: Classifier, faces: Examples) -> Float32:
    """The vectors (n, d) of `faces` that `classifier` understands: its own embedder's, or those they came with."""
    return embed_faces(classifier.embedder, faces.crops_rgb) if classifier.embedder else faces.vectors


def balanced(labels: Ints) -> Float64:
    """What a face of each member counts (members,), so that all members count alike, however many faces they have."""
    counts = np.bincount(labels)
    return len(labels) / (len(counts) * counts)
