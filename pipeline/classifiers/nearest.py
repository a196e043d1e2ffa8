"""The nearest member: how alike a face is to each member's gallery of learnt faces."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.classifiers import Classifier, Examples
from pipeline.errors import DatasetError
from pipeline.models import Embedder
from pipeline.params import Params
from pipeline.records import Float32, Float64, Ints, gallery_schema
from pipeline.tables import read_vectors, write_table
from pipeline.unit import unit


class Nearest:
    """Half the cosine to a member's mean face, half the mean cosine to the `neighbours` most alike of its faces.

    The mean is steady with many photos, the neighbours follow hair, light and pose: together they told strangers from
    members better than either (docs/models.md).
    """

    name = "nearest"
    embedder: Embedder | None = None

    @classmethod
    def settings(cls, params: Params) -> list[Callable[[], Classifier]]:
        """The one of section nearest."""
        return [partial(cls, params.nearest.neighbours)]

    def __init__(self, neighbours: int) -> None:
        """`neighbours` is the most faces of a member that are asked."""
        self.neighbours = neighbours
        self._vectors = np.empty((0, 0), np.float32)
        self._labels = np.empty(0, np.int64)

    def fit(self, faces: Examples) -> None:
        """Keep the faces: each is a prototype of its member."""
        self._keep(faces.vectors, faces.labels)

    def with_faces(self, vectors: Float32, labels: Ints) -> Nearest:
        """Another one that has these faces, vectors (n, d) of labels (n,), beside those learnt."""
        vectors = self.comparable(vectors)
        known = self._vectors if len(self._vectors) else vectors[:0]
        grown = Nearest(self.neighbours)
        grown._keep(np.concatenate([known, vectors]), np.concatenate([self._labels, labels]))
        return grown

    @property
    def faces(self) -> tuple[Float32, Ints]:
        """The kept faces: unit vectors (n, d) and labels (n,)."""
        return self._vectors, self._labels

    def scores(self, vectors: Float32) -> Float64:
        """Likeness in -1..1 of each vector to each member, (n, members)."""
        vectors = self.comparable(vectors)
        cosines = vectors.astype(np.float64) @ self._vectors.T.astype(np.float64)
        columns = [self._likeness(vectors, cosines, label) for label in range(int(self._labels.max(initial=-1)) + 1)]
        return np.stack(columns, axis=1)

    def comparable(self, vectors: Float32) -> Float32:
        """As many numbers of each vector as the kept faces have, as unit vectors: a tuned embedder adds its own."""
        known = self._vectors.shape[1] or vectors.shape[1]
        if vectors.shape[1] == known:
            return vectors
        return unit(vectors[:, :known])

    def write(self, folder: Path) -> None:
        """Write nearest.parquet: the kept faces."""
        rows = pd.DataFrame({"label": self._labels, "vector": pd.Series(list(self._vectors), dtype=object)})
        write_table(folder / f"{self.name}.parquet", rows, gallery_schema(self._vectors.shape[1]))

    def read(self, folder: Path) -> None:
        """Take over the faces kept in nearest.parquet."""
        try:
            rows, vectors = read_vectors(folder / f"{self.name}.parquet")
        except DatasetError as error:
            raise ValueError(str(error)) from None
        self._keep(vectors, rows["label"].to_numpy(np.int64))

    def _keep(self, vectors: Float32, labels: Ints) -> None:
        order = np.argsort(labels, kind="stable")
        self._vectors, self._labels = np.ascontiguousarray(vectors[order], np.float32), labels[order]

    def _likeness(self, vectors: Float32, cosines: Float64, label: int) -> Float64:
        own = self._labels == label
        mean = self._vectors[own].sum(axis=0, dtype=np.float64)
        to_mean = vectors @ (mean / max(float(np.linalg.norm(mean)), 1e-9))
        most_alike = np.sort(cosines[:, own], axis=1)[:, -self.neighbours :]
        likeness: Float64 = (to_mean + most_alike.mean(axis=1)) / 2
        return likeness
