"""How alike strangers are to a group, by the embedder: figures that go with the vectors from stage to stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import log2
from statistics import NormalDist
from typing import Final

from pipeline.errors import DatasetError

STRANGERS: Final = "strangers"
MEASURED_WITH: Final = 40  # photos of each member, when how alike strangers are was measured
FEWEST: Final = 5  # photos; no measurement is of fewer


def stranger_metadata(strangers: Sequence[float]) -> dict[str, str]:
    """What a table of vectors says of its embedder's strangers.

    `strangers`: mean, standard deviation, what twice the photos add (0 if left out); or () if not measured.
    """
    return {STRANGERS: json.dumps(list(strangers))}


def stranger_likeness(metadata: Mapping[str, str], share: float, photos: int = MEASURED_WITH) -> float:
    """The likeness to members with so many `photos` that only this share of strangers exceeds.

    Likenesses are taken to be normally distributed. DatasetError when the table with this metadata does not say.
    """
    found = json.loads(metadata.get(STRANGERS, "[]"))
    if not found:
        raise DatasetError(
            f"how alike strangers are is not known of the embedder {metadata.get('embedder', '')}: "
            "'python bench/strangers.py data/GROUP...' measures what models.embedder.strangers in params.yaml is to be"
        )
    mean, deviation, per_doubling = (*found, 0.0)[:3]
    doublings = log2(min(max(photos, FEWEST), MEASURED_WITH) / MEASURED_WITH)
    return NormalDist(mean, deviation).inv_cdf(1.0 - share) + per_doubling * doublings
