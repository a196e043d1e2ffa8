"""Vectors of length 1, as which faces are compared."""

from __future__ import annotations

from typing import Final

import numpy as np

from pipeline.records import Float32

SHORTEST: Final = 1e-9  # a vector of nothing but zeros stays one


def unit(vectors: Float32) -> Float32:
    """Each of `vectors` (n, d) at length 1, as float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, SHORTEST)).astype(np.float32, copy=False)
