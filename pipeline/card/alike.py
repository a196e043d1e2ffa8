"""Who looks like whom: how alike members are to each other, and where every face lies on a plane."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from pipeline.classifiers.model import Model
from pipeline.records import Float32, Float64
from pipeline.side import Side

PAIRS_TOLD: Final = 5
TSNE_AT_LEAST: Final = 12  # faces that differ; of fewer a map of neighbourhoods tells nothing
PERPLEXITY: Final = 20.0
ITERATIONS: Final = 500


def member_likeness(model: Model, learnt: Side) -> Float64:
    """The mean likeness of each member's faces to each other member, both ways, -1..1: (members, members), nan inside.

    In the measure by which a name is believed: near the threshold, one is taken for the other when left out.
    """
    likeness = model.likeness(learnt.vectors)
    means = np.stack([likeness[learnt.labels == label].mean(axis=0) for label in range(len(model.members))])
    both_ways: Float64 = (means + means.T) / 2
    np.fill_diagonal(both_ways, np.nan)
    return both_ways


def most_alike(members: tuple[str, ...], likeness: Float64) -> list[dict[str, Any]]:
    """The pairs of members who look most alike, the most alike first: member, other, likeness."""
    ones, others = np.triu_indices(len(members), 1)
    order = np.argsort(-likeness[ones, others], kind="stable")[:PAIRS_TOLD]
    return [
        {"member": members[one], "other": members[other], "likeness": round(float(likeness[one, other]), 4)}
        for one, other in zip(ones[order], others[order], strict=True)
    ]


def pca_places(vectors: Float32) -> Float64:
    """Where the vectors (n, d) lie on the plane in which they differ most, (n, 2); all at 0 when there is no plane."""
    places = np.zeros((len(vectors), 2))
    axes = min(2, len(vectors) - 1, vectors.shape[1])
    if axes > 0:
        places[:, :axes] = PCA(axes, svd_solver="full").fit_transform(vectors.astype(np.float64))
    return places


def tsne_places(vectors: Float32, seed: int) -> Float64 | None:
    """Where the vectors (n, d) lie when neighbours stay neighbours, (n, 2); None of too few."""
    if len(np.unique(vectors, axis=0)) < TSNE_AT_LEAST:
        return None
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # The approximate method adds up in as many threads as there are cores: slow on a busy machine, and another order of
    # sums gives another map.
    map_ = TSNE(perplexity=perplexity, init="pca", method="exact", max_iter=ITERATIONS, random_state=seed)
    return np.asarray(map_.fit_transform(vectors), np.float64)
