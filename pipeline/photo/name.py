"""Names for the faces of one photo, all chosen together from the model's confidences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import logit

from pipeline.assign import assign, ranked, taken
from pipeline.classifiers.model import THRESHOLD, Model
from pipeline.records import Float32, Float64, Ints

LEAST: Final = 1e-12  # confidences are kept this far from 0 and 1, where log-odds are no numbers


@dataclass(frozen=True, slots=True)
class Names:
    """Per face (n,): `member`, its place in the model's members or -1, with `confidence` and `likeness`; and `second`.

    Of the unknown `confidence`, `likeness` and `second` are those of the best guess; no `second` is -1.
    """

    member: Ints
    confidence: Float64
    likeness: Float64
    second: Ints
    second_confidence: Float64


def name_faces(vectors: Float32, model: Model, everyone_once: bool = False) -> Names:
    """Name the faces of one photo by their vectors (n, d); no name twice.

    `everyone_once` says that each member is in the photo: then every name is given as long as there are faces, and
    only the others are unknown.
    """
    confidences = model.predict(vectors)
    if everyone_once:
        member = _everyone_once(confidences)
    else:
        everybody = {tuple(range(len(vectors)))} if len(vectors) > 1 else set()
        confidences = model.predict(vectors, taken(confidences, everybody))
        member = assign(confidences, np.ones(len(vectors), np.int64), everybody, THRESHOLD)
    first, second = ranked(confidences, member)
    rows = np.arange(len(vectors))
    return Names(
        member,
        confidences[rows, first],
        model.likeness(vectors)[rows, first] if len(rows) else np.empty(0),
        second,
        np.where(second >= 0, confidences[rows, second], 0.0),
    )


def _everyone_once(confidences: Float64) -> Ints:
    """The member of each face or -1, (n,): as many of both as there are, by the greatest sum of log-odds."""
    faces, members = linear_sum_assignment(logit(np.clip(confidences, LEAST, 1 - LEAST)), maximize=True)
    chosen = np.full(len(confidences), -1, np.int64)
    chosen[faces] = members
    return chosen
