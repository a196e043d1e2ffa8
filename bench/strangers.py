"""Measures how alike strangers are to a group, by the embedder that made its vectors: `strangers` in params.yaml.

    python bench/strangers.py FOLDER FOLDER...

Each of at least two FOLDERs is a group's, data/<group>, after the stage embed; the people of the others are its
strangers. Prints the mean and the standard deviation of their likeness to its most alike member, of whom as many faces
are known as PHOTOS says, drawn by lot; then what params.yaml wants: both with 40 photos, and what twice the photos add
to the likeness that 1 % exceed, from 10 to 40.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.classifiers.nearest import Nearest
from pipeline.params import read_params
from pipeline.tables import read_vectors
from pipeline.vectors import EMBEDDINGS

PHOTOS = (5, 10, 20, 40, 80)


def main(folders: Sequence[Path]) -> None:
    groups = [read_vectors(folder / EMBEDDINGS) for folder in folders]
    labels = [np.unique(faces["member"].to_numpy(str), return_inverse=True)[1] for faces, _ in groups]
    reached = {}
    for photos in PHOTOS:
        likeness = alike([vectors for _, vectors in groups], labels, read_params().nearest.neighbours, photos)
        above = " ".join(f"{share:.1%} above {np.quantile(likeness, 1 - share):.3f}" for share in (0.02, 0.01, 0.005))
        print(f"{photos} photos: mean {likeness.mean():.3f}, deviation {likeness.std():.3f}, {above}")
        reached[photos] = likeness.mean(), likeness.std(), np.quantile(likeness, 0.99)
    mean, deviation, top = reached[40]
    added = (top - reached[10][2]) / 2
    print(f"strangers: [{mean:.3f}, {deviation:.3f}, {max(added, 0.001):.3f}]")


def alike(vectors: Sequence[np.ndarray], labels: Sequence[np.ndarray], neighbours: int, photos: int) -> np.ndarray:
    """Of every stranger to every group the likeness to its most alike member, who has so many `photos` at most."""
    rng = np.random.default_rng(0)
    galleries = []
    for ours, whose in zip(vectors, labels, strict=True):
        known = np.concatenate([rng.permutation(np.flatnonzero(whose == one))[:photos] for one in np.unique(whose)])
        galleries.append(Nearest(neighbours).with_faces(ours[known], whose[known]))
    return np.concatenate(
        [
            gallery.scores(others).max(axis=1)
            for place, gallery in enumerate(galleries)
            for number, others in enumerate(vectors)
            if number != place
        ]
    )


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main([Path(argument) for argument in sys.argv[1:]])
