"""A linear support-vector machine, one member against the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.svm import LinearSVC

from pipeline.records import Float32, Float64, Ints


class Svm:
    """Scores are distances from each member's separating plane."""

    name = "svm"

    def __init__(self, c: float, seed: int) -> None:
        """`c` weighs errors against a wide margin; `seed` makes the solver repeatable."""
        self._machine = LinearSVC(C=c, random_state=seed, class_weight="balanced")

    def fit(self, vectors: Float32, labels: Ints) -> None:
        """Fit on vectors (n, d) and labels (n,) of at least two members."""
        self._machine.fit(vectors, labels)

    def scores(self, vectors: Float32) -> Float64:
        """Signed distances (n, members)."""
        if not len(vectors):
            return np.empty((0, len(self._machine.classes_)))
        distances: Float64 = self._machine.decision_function(vectors)
        return np.stack([-distances, distances], axis=1) if distances.ndim == 1 else distances

    def state(self) -> Mapping[str, Any]:
        """The fitted machine."""
        return {"machine": self._machine}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a fitted machine."""
        self._machine = state["machine"]
