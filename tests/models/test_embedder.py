"""The built-in embedder: what it takes and what it refuses."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from pipeline.errors import WeightsError
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.fold import folded
from pipeline.models.weights import chosen_embedder, fetch
from pipeline.params import Models


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


def test_the_network_sees_bytes_in_the_order_that_it_was_trained_with(embedder: OnnxEmbedder) -> None:
    crop_rgb = np.random.default_rng(0).integers(0, 256, (1, 112, 112, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(folded(fetch("sface")), providers=["CPUExecutionProvider"])
    bgr = np.ascontiguousarray(crop_rgb[..., ::-1].transpose(0, 3, 1, 2), np.float32)
    vector = session.run(None, {session.get_inputs()[0].name: bgr})[0]
    assert embedder.embed(crop_rgb) == pytest.approx(vector / np.linalg.norm(vector), abs=1e-5)


def test_even_a_black_face_has_a_unit_vector(embedder: OnnxEmbedder) -> None:
    vector = embedder.embed(np.zeros((1, 112, 112, 3), np.uint8))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_an_unknown_embedder_is_refused_by_name() -> None:
    with pytest.raises(WeightsError, match="'sphace'"):
        chosen_embedder(Models("retinaface-mobilenet", "sphace", accept_licence=False))
