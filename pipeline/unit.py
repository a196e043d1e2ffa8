"""Vectors of length 1, as which faces are compared."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipeline.records import Float32, Float64

SHORTEST: Final = 1e-9  # a vector of nothing but zeros stays one


def unit(vectors: Float32) -> Float32:
    """Each of `vectors` (n, d) at length 1, as float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, SHORTEST)).astype(np.float32, copy=False)


def cosine(one: Float32 | Float64, other: Float32 | Float64) -> float:
    """How alike two vectors (d,) of any length are, -1..1."""
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), SHORTEST))
