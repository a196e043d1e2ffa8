"""Names for the faces of one photo, from their confidences alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.photo.name import name_faces
from pipeline.records import UNKNOWN

KEYS = ("ana", "bo", "cy", UNKNOWN)


@dataclass(frozen=True)
class FixedModel:
    """Has a confidence per member for each face, which it knows by a vector of its own."""

    confidences: list[list[float]]

    def predict(self, vectors: np.ndarray, taken: np.ndarray | None = None) -> np.ndarray:
        return np.where(False if taken is None else taken, 0.0, self.likeness(vectors))

    def likeness(self, vectors: np.ndarray) -> np.ndarray:
        return vectors.astype(np.float64) @ np.array(self.confidences, np.float64).reshape(-1, 3)


CASES = {
    "no face": ([], [], []),
    "one likely": ([[0.1, 0.8, 0.1]], ["bo"], ["bo"]),
    "nobody likely": ([[0.3, 0.4, 0.2]], [UNKNOWN], ["bo"]),
    "one member's face twice": ([[0.8, 0.0, 0.0], [0.95, 0.0, 0.0]], [UNKNOWN, "ana"], None),
    "the second choice of one": ([[0.88, 0.86, 0.0], [0.87, 0.1, 0.0]], ["bo", "ana"], ["bo", "ana"]),
    "who is left": ([[0.9, 0.0, 0.1], [0.0, 0.9, 0.1], [0.2, 0.1, 0.1]], ["ana", "bo", UNKNOWN], ["ana", "bo", "cy"]),
    "more faces than members": (
        [[0.9, 0.0, 0.0], [0.01, 0.01, 0.01], [0.0, 0.9, 0.0], [0.0, 0.0, 0.2]],
        ["ana", UNKNOWN, "bo", UNKNOWN],
        ["ana", UNKNOWN, "bo", "cy"],
    ),
    "sure beyond doubt": ([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], None, None),
}


@pytest.mark.parametrize(("confidences", "joint", "everyone"), CASES.values(), ids=CASES.keys())
def test_names(confidences: list[list[float]], joint: list[str] | None, everyone: list[str] | None) -> None:
    vectors = np.eye(len(confidences), dtype=np.float32)
    for everyone_once, expected in ((False, joint), (True, everyone)):
        names = name_faces(vectors, FixedModel(confidences), everyone_once)
        given = [KEYS[member] for member in names.member]
        assert expected is None or given == expected
        named = [name for name in given if name != UNKNOWN]
        assert len(named) == len(set(named))
        assert not everyone_once or len(named) == min(len(confidences), 3)
        assert np.isfinite(names.confidence).all()


def test_of_an_unknown_face_the_best_guess_is_told() -> None:
    names = name_faces(np.eye(2, dtype=np.float32), FixedModel([[0.1, 0.4, 0.0], [0.9, 0.3, 0.0]]))
    assert names.member.tolist() == [-1, 0]
    assert names.confidence == pytest.approx([0.4, 0.9])
    assert names.likeness == pytest.approx([0.4, 0.9])
    assert names.second.tolist() == [1, 1]
    assert names.second_confidence == pytest.approx([0.4, 0.3])
