"""Classifiers of face vectors behind one protocol, and what makes their answers honest (openset.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pipeline.records import Float32, Float64, Ints


class Classifier(Protocol):
    """Tells the members of a group apart; it always names somebody."""

    name: str

    def fit(self, vectors: Float32, labels: Ints) -> None:
        """Learn from unit vectors (n, d) and labels (n,) in 0..members-1, every label present."""

    def scores(self, vectors: Float32) -> Float64:
        """One score per member, (n, members); higher is more alike."""

    def state(self) -> Mapping[str, Any]:
        """What `restore` needs, made of numbers, arrays and scikit-learn estimators."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the classifier whose `state` this is."""
