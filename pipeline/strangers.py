"""How alike strangers are to a group, by the embedder: figures that go with the vectors from stage to stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Final

from pipeline.errors import DatasetError

STRANGERS: Final = "strangers"


def stranger_metadata(strangers: Sequence[float]) -> dict[str, str]:
    """What a table of vectors says of its embedder's strangers: mean and standard deviation, or () if not measured."""
    return {STRANGERS: json.dumps(list(strangers))}


def stranger_likeness(metadata: Mapping[str, str], share: float) -> float:
    """The likeness that only this share of strangers exceeds, if likenesses are normally distributed.

    DatasetError when the table with this metadata does not say.
    """
    found = json.loads(metadata.get(STRANGERS, "[]"))
    if not found:
        raise DatasetError(
            f"how alike strangers are is not known of the embedder {metadata.get('embedder', '')}: "
            "'python bench/strangers.py data/GROUP...' measures what models.embedder.strangers in params.yaml is to be"
        )
    return NormalDist(*found).inv_cdf(1.0 - share)
