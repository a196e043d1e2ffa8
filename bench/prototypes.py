"""Measures what a face should be compared with: ways of making a member's likeness, and thresholds per member.

    python bench/prototypes.py FOLDER... [--counts 10,20,40] [--draws 4]

Each FOLDER is a group's, data/<group>, with embeddings.parquet and curated.parquet; those of others are its strangers.
Of each member so many photos are drawn and learnt, all others are tried; means over draws and groups.

accuracy          the most alike member is the right one
right, strangers  tried faces that are the most alike to their own member, and more than 99 % of strangers are to any
right, left out   the same, where strangers are the members, each left out of the group in turn
named, wrong      with the model's own threshold: tried faces named right, and wrong
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_score

from pipeline.classifiers.folds import folds
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import calibrate, left_out_likeness
from pipeline.curation.strangers import stranger_likeness
from pipeline.params import read_params
from pipeline.records import CURATED
from pipeline.tables import read_metadata, read_table
from pipeline.vectors import EMBEDDINGS, read_all_vectors

ALLOWED = 0.01
HALF_WAY_AT = 40  # photos of a member at which its threshold is moved half as far as its usual likeness lies apart
CLUSTERED = 0.1  # the silhouette from which a member's photos are taken to be of several kinds


@dataclass(frozen=True)
class Faces:
    vectors: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    quality: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Faces:
        return Faces(self.vectors[rows], self.labels[rows], self.groups[rows], self.quality[rows])


Scores = Callable[[np.ndarray], np.ndarray]  # (n, d) -> likeness to each member, (n, members)
Way = Callable[[Faces], Scores]


def read(folder: Path) -> Faces:
    faces, vectors = read_all_vectors(folder)
    kept = read_table(folder / "curated.parquet", CURATED).set_index("key")
    here = faces["key"].isin(kept.index).to_numpy()
    rows = kept.loc[faces["key"][here]]
    labels = np.unique(rows["member"].to_numpy(str), return_inverse=True)[1]
    return Faces(vectors[here], labels, rows["duplicate_group"].to_numpy(str), rows["quality"].to_numpy(float))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def nearest(neighbours: int) -> Way:
    return lambda learnt: Nearest(neighbours).with_faces(learnt.vectors, learnt.labels).scores


def mixed(prototypes: Callable[[Faces], np.ndarray], share: float = 0.5, neighbours: int = 3) -> Way:
    """Likeness to the most alike of a member's prototypes, and to its most alike faces."""

    def way(learnt: Faces) -> Scores:
        own = [learnt[np.flatnonzero(learnt.labels == label)] for label in np.unique(learnt.labels)]
        means = [unit(prototypes(faces)) for faces in own]

        def scores(vectors: np.ndarray) -> np.ndarray:
            columns = []
            for faces, mean in zip(own, means, strict=True):
                alike = np.sort(vectors @ faces.vectors.T, axis=1)[:, -neighbours:].mean(axis=1)
                columns.append(share * (vectors @ mean.T).max(axis=1) + (1 - share) * alike)
            return np.stack(columns, axis=1)

        return scores

    return way


def mean(faces: Faces) -> np.ndarray:
    return faces.vectors.mean(axis=0, keepdims=True)


def weighted(power: float) -> Callable[[Faces], np.ndarray]:
    return lambda faces: (faces.vectors * (faces.quality[:, None] ** power)).sum(axis=0, keepdims=True)


def clusters(count: int, kind: str) -> Callable[[Faces], np.ndarray]:
    """The centres of `count` clusters; of one where there are too few faces."""

    def centres(faces: Faces) -> np.ndarray:
        if len(faces.labels) < 3 * count:
            return mean(faces)
        return centres_of(faces, assigned(faces, count, kind))

    return centres


def assigned(faces: Faces, count: int, kind: str) -> np.ndarray:
    how = KMeans(count, n_init=4, random_state=0) if kind == "k-means" else AgglomerativeClustering(count)
    return how.fit_predict(faces.vectors)


def centres_of(faces: Faces, cluster: np.ndarray) -> np.ndarray:
    return np.stack([faces.vectors[cluster == one].mean(axis=0) for one in np.unique(cluster)])


def where_they_show(faces: Faces) -> np.ndarray:
    """The centres of as many clusters as stand out most clearly, if any do."""
    tried = [assigned(faces, count, "k-means") for count in (2, 3, 4) if len(faces.labels) >= 3 * count]
    clear = [silhouette_score(faces.vectors, cluster) for cluster in tried]
    return centres_of(faces, tried[int(np.argmax(clear))]) if clear and max(clear) >= CLUSTERED else mean(faces)


def centred(learnt: Faces) -> Scores:
    """As built, but with the group's mean taken off every vector."""
    middle = np.mean(
        [learnt.vectors[learnt.labels == label].mean(axis=0) for label in np.unique(learnt.labels)], axis=0
    )
    plain = nearest(3)(Faces(unit(learnt.vectors - middle), learnt.labels, learnt.groups, learnt.quality))
    return lambda vectors: plain(unit(vectors - middle))


WAYS: dict[str, Way] = {
    "as built: mean and 3 neighbours": nearest(3),
    **{f"mean and {count} neighbours": nearest(count) for count in (1, 2, 5, 10)},
    "mean alone": mixed(mean, 1.0),
    "3 neighbours alone": mixed(mean, 0.0),
    "mean weighted by quality": mixed(weighted(1.0)),
    "mean weighted by quality squared": mixed(weighted(2.0)),
    "means of 2 clusters, k-means": mixed(clusters(2, "k-means")),
    "means of 3 clusters, k-means": mixed(clusters(3, "k-means")),
    "means of 2 clusters, agglomerative": mixed(clusters(2, "agglomerative")),
    "means of clusters where they show": mixed(where_they_show),
    "the group's mean taken off": centred,
}


def drawn(faces: Faces, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn, `count` photos of each member, copies with them; and rows to try."""
    learnt = np.zeros(len(faces.labels), bool)
    for label in np.unique(faces.labels):
        own = faces.labels == label
        learnt |= own & np.isin(faces.groups, rng.permutation(np.unique(faces.groups[own]))[:count])
    return np.flatnonzero(learnt), np.flatnonzero(~learnt)


def without(faces: Faces, label: int) -> Faces:
    rest = faces[np.flatnonzero(faces.labels != label)]
    return Faces(rest.vectors, np.unique(rest.labels, return_inverse=True)[1], rest.groups, rest.quality)


def likeness_figures(way: Way, learnt: Faces, tried: Faces, strangers: np.ndarray) -> dict[str, float]:
    scores = way(learnt)
    found = scores(tried.vectors)
    own = found[np.arange(len(tried.labels)), tried.labels]
    right = found.argmax(axis=1) == tried.labels
    left_out = [
        way(without(learnt, label))(tried.vectors[tried.labels == label]).max(axis=1)
        for label in np.unique(tried.labels)
    ]
    figures = {"accuracy": right.mean()}
    others = {"right, strangers": scores(strangers).max(axis=1) if len(strangers) else None}
    for name, likeness in (others | {"right, left out": np.concatenate(left_out)}).items():
        figures[name] = (right & (own > np.quantile(likeness, 1 - ALLOWED))).mean() if likeness is not None else np.nan
    return figures


def threshold_figures(learnt: Faces, tried: Faces, strangers: np.ndarray, floor: float, seed: int) -> pd.DataFrame:
    """What is named at the model's threshold, and at thresholds moved towards each member's own usual likeness."""
    own, of = [], []
    for learn, attempt in folds(learnt.labels, learnt.groups, 5, seed):
        gallery = Nearest(3).with_faces(learnt.vectors[learn], learnt.labels[learn])
        own.append(gallery.scores(learnt.vectors[attempt])[np.arange(len(attempt)), learnt.labels[attempt]])
        of.append(learnt.labels[attempt])
    held_out, member = np.concatenate(own), np.concatenate(of)
    threshold = calibrate(held_out, left_out_likeness(learnt.vectors, learnt.labels, 3), floor).threshold
    counts = np.bincount(member)
    apart = np.array([held_out[member == label].mean() for label in range(len(counts))])
    shift = counts / (counts + HALF_WAY_AT) * (apart - apart.mean())
    scores = Nearest(3).with_faces(learnt.vectors, learnt.labels).scores
    above = np.maximum(threshold + shift, floor)
    rows = {}
    for name, thresholds in {
        "one threshold": np.full(len(counts), threshold),
        "one per member": threshold + shift,
        "one per member, never below strangers": above,
        "one threshold, as high as those on average": np.full(len(counts), above.mean()),
    }.items():
        rows[name] = named_at(scores, thresholds, tried, strangers) | {"threshold": thresholds.mean()}
    return pd.DataFrame(rows).T


def named_at(scores: Scores, thresholds: np.ndarray, tried: Faces, strangers: np.ndarray) -> dict[str, float]:
    found = scores(tried.vectors)
    best = found.argmax(axis=1)
    named = found[np.arange(len(best)), best] >= thresholds[best]
    apart = found.copy()
    apart[np.arange(len(best)), tried.labels] = -1
    others = scores(strangers) if len(strangers) else np.full((1, len(thresholds)), np.nan)
    return {
        "named right": (named & (best == tried.labels)).mean(),
        "named wrong": (named & (best != tried.labels)).mean(),
        "strangers named": (others >= thresholds).any(axis=1).mean() if len(strangers) else np.nan,
        "left out named": (apart >= thresholds).any(axis=1).mean(),
    }


def main(folders: Sequence[Path], counts: Sequence[int], draws: int) -> None:
    groups = [read(folder) for folder in folders]
    params = read_params()
    floor = stranger_likeness(read_metadata(folders[0] / EMBEDDINGS), params.train.false_name_rate)
    for count in counts:
        likeness, thresholds = [], []
        for place, faces in enumerate(groups):
            others = [other.vectors for number, other in enumerate(groups) if number != place]
            strangers = np.concatenate(others) if others else faces.vectors[:0]
            for draw in range(draws):
                learn, attempt = drawn(faces, count, np.random.default_rng(draw))
                learnt, tried = faces[learn], faces[attempt]
                rows = {name: likeness_figures(way, learnt, tried, strangers) for name, way in WAYS.items()}
                likeness.append(pd.DataFrame(rows).T)
                thresholds.append(threshold_figures(learnt, tried, strangers, floor, draw))
        for tables in (likeness, thresholds):
            means = sum(tables) / len(tables)
            print(f"\n| {count} photos a member | " + " | ".join(means.columns) + " |")
            print("| --- " * (1 + len(means.columns)) + "|")
            for name, row in means.iterrows():
                print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in row) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--counts", type=lambda text: [int(word) for word in text.split(",")], default=[10, 20, 40])
    parser.add_argument("--draws", type=int, default=4)
    arguments = parser.parse_args()
    main(arguments.folders, arguments.counts, arguments.draws)
