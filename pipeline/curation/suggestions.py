"""Unlabelled faces that surely look like one member, for a person to accept."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.curation.judging import NOBODY, Bounds, likeness
from pipeline.keys import picture_key
from pipeline.params import Curate
from pipeline.records import SUGGESTED, Float32


def suggest(
    faces: pd.DataFrame, vectors: Float32, known: pd.Series, known_vectors: Float32, params: Curate, bounds: Bounds
) -> pd.DataFrame:
    """Rows (SUGGESTED), surest first, of `faces` (key) whose vectors (n, d) look like one member of the `known` faces.

    Surely is by more than strangers hardly ever reach, by `swap_margin` more than the next member, and more than any
    other face of the same picture: nobody is in it twice.
    """
    members, labels = np.unique(known.to_numpy(str), return_inverse=True)
    if not len(faces) or not len(members):
        return SUGGESTED.empty_table().to_pandas()
    labels = np.concatenate([np.full(len(faces), NOBODY), labels])
    everyone = np.concatenate([vectors, known_vectors])
    found = likeness(everyone, labels, labels != NOBODY, params.neighbours)[: len(faces)]
    most = found.argmax(axis=1)
    best = found.max(axis=1)
    found[np.arange(len(faces)), most] = -1.0
    margin = best - found.max(axis=1)
    rows = faces[["key"]].assign(member=members[most], likeness=best, margin=margin)
    rows = rows[(best >= bounds.sure) & (margin >= params.swap_margin)]
    rows = rows.sort_values(["likeness", "key"], ascending=[False, True])
    return rows[~rows.assign(picture=rows["key"].map(picture_key)).duplicated(["picture", "member"])]
