"""Classifiers of faces behind one protocol, and what makes their answers honest (openset.py)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from pipeline.images import read_still
from pipeline.models.geometry import CROP_PX
from pipeline.records import Float32, Float64, Ints, Rgb


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
    """Tells the members of a group apart; it always names somebody."""

    name: str

    def fit(self, faces: Examples) -> None:
        """Learn from faces of at least two members, every label present."""

    def scores(self, vectors: Float32) -> Float64:
        """One score per member for each vector (n, d), (n, members); higher is more alike."""

    def write(self, folder: Path) -> None:
        """Write the files <name>.* into `folder`; the same classifier always makes the same bytes."""

    def read(self, folder: Path) -> None:
        """Become the classifier that was written there; KeyError, TypeError, ValueError or OSError when it is not."""


@runtime_checkable
class Embeds(Protocol):
    """A classifier that brings its own embedder, in its file <name>.onnx: only the vectors of that one mean anything
    to it. Pixels go in as into the embedder that made the vectors it learnt from."""

    @property
    def network(self) -> Path:
        """Where `write` put, or `read` found, the network."""

    @property
    def network_sha256(self) -> str:
        """Hash of that file, known once it is fitted."""

    def embed(self, crops_rgb: Rgb) -> Float32:
        """Unit vectors (n, d) float32 of aligned faces (n, 112, 112, 3) uint8."""


def understood(classifier: Classifier, faces: Examples) -> Float32:
    """The vectors (n, d) of `faces` that `classifier` understands: its own embedder's, or those they came with."""
    return classifier.embed(faces.crops_rgb) if isinstance(classifier, Embeds) else faces.vectors
