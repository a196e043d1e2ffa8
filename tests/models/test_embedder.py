"""The built-in embedder: what it takes and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import WeightsError
from pipeline.models.embedder import OnnxEmbedder


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 111, 112, 3), np.uint8),
        np.zeros((1, 3, 112, 112), np.uint8),
        np.zeros((112, 112, 3), np.uint8),
        np.zeros((1, 112, 112, 3), np.float32),
    ],
    ids=["other size", "channels first", "no batch", "not bytes"],
)
def test_anything_but_aligned_faces_is_refused(embedder: OnnxEmbedder, crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected \(n, 112, 112, 3\) uint8"):
        embedder.embed(crops)


def test_even_a_black_face_has_a_unit_vector(embedder: OnnxEmbedder) -> None:
    vector = embedder.embed(np.zeros((1, 112, 112, 3), np.uint8))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_an_unknown_embedder_is_refused_by_name() -> None:
    with pytest.raises(WeightsError, match="'sphace'"):
        OnnxEmbedder("sphace")
