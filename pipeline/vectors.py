"""A group's embedded faces: those of one member each, and the unlabelled ones, of pictures that show several people."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipeline.records import Float32
from pipeline.tables import read_vectors

EMBEDDINGS: Final = "embeddings.parquet"
UNLABELLED_EMBEDDINGS: Final = "unlabelled_embeddings.parquet"


def read_all_vectors(data: Path) -> tuple[pd.DataFrame, Float32]:
    """All embedded faces of the group in folder `data`: rows without the vectors, and the vectors (n, d).

    Unlabelled ones come last; keys.is_unlabelled tells by the key. Without their table there are none.
    """
    faces, vectors = read_vectors(data / EMBEDDINGS)
    if not (data / UNLABELLED_EMBEDDINGS).is_file():
        return faces, vectors
    more, more_vectors = read_vectors(data / UNLABELLED_EMBEDDINGS)
    return pd.concat([faces, more], ignore_index=True), np.concatenate([vectors, more_vectors])
