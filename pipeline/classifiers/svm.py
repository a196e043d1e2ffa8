"""Support-vector machines: linear, one member against the rest, or with a Gaussian (RBF) kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.classifiers import Classifier, Examples
from pipeline.classifiers.state import read_state, write_state
from pipeline.models import Embedder
from pipeline.params import Kernel, Params
from pipeline.records import Float32, Float64

if TYPE_CHECKING:
    from sklearn.svm import SVC, LinearSVC


class Svm:
    """Scores are distances from each member's separating surface."""

    name = "svm"
    embedder: Embedder | None = None

    @classmethod
    def settings(cls, params: Params) -> list[Callable[[], Classifier]]:
        """Every combination of section svm."""
        svm, seed = params.svm, params.train.seed
        linear = [partial(cls, "linear", c, 0.0, seed) for c in svm.c if "linear" in svm.kernels]
        rbf = [partial(cls, "rbf", c, gamma, seed) for c in svm.c for gamma in svm.gamma if "rbf" in svm.kernels]
        return [*linear, *rbf]

    def __init__(self, kernel: Kernel, c: float, gamma: float, seed: int) -> None:
        """`c` weighs errors against a wide margin; `gamma` is the RBF kernel's; `seed` makes the solver repeatable."""
        from sklearn.svm import SVC, LinearSVC  # half a second, which naming by another classifier need not wait for

        if kernel == "linear":
            self._machine: LinearSVC | SVC = LinearSVC(C=c, random_state=seed, class_weight="balanced")
        else:
            self._machine = SVC(C=c, gamma=gamma, class_weight="balanced")

    def fit(self, faces: Examples) -> None:
        """Fit on faces of at least two members."""
        self._machine.fit(faces.vectors, faces.labels)

    def scores(self, vectors: Float32) -> Float64:
        """Signed distances (n, members)."""
        if not len(vectors):
            return np.empty((0, len(self._machine.classes_)))
        distances: Float64 = self._machine.decision_function(vectors)
        return np.stack([-distances, distances], axis=1) if distances.ndim == 1 else distances

    def write(self, folder: Path) -> None:
        """Write svm.skops."""
        write_state(folder / f"{self.name}.skops", {"machine": self._machine})

    def read(self, folder: Path) -> None:
        """Take over the machine in svm.skops."""
        self._machine = read_state(folder / f"{self.name}.skops")["machine"]
