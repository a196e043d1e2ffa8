"""Measures what stage curate makes of wrong labels: it spoils a group that is right, and looks what is found.

    python bench/curation.py PHOTOS [--strangers FOLDER]

PHOTOS holds a folder of photos per member, all of them right; FOLDER one of photos per person, none of them a member.
For each way of spoiling, over several draws: the share of wrong faces that are dropped, the share of right ones that
are lost, the share of the flagged that are wrong, and how often a model is right on a test side that was not spoiled,
learnt from the training side as it was, spoiled, and curated.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import clean, curate, embed, faces
from pipeline.curation.judging import judge
from pipeline.curation.labelquality import label_quality
from pipeline.curation.suspects import DROP, FLAG, find_suspects
from pipeline.intake import import_photos
from pipeline.params import Params, read_params
from pipeline.records import TEST
from pipeline.side import Side
from pipeline.split import sides
from pipeline.tables import read_metadata, read_vectors
from pipeline.train import train

DRAWS = 5
FEW = 8  # photos of each member


@dataclass(frozen=True)
class Way:
    """A way of spoiling: shares of the labels swapped and of strangers added, and how many photos a member has."""

    what: str
    swapped: float = 0.0
    strange: float = 0.0
    most: int | None = None


WAYS = (
    Way("as it is"),
    Way("10 % swapped", 0.1),
    Way("20 % swapped", 0.2),
    Way("30 % swapped", 0.3),
    Way("20 % strangers", 0.0, 0.2),
    Way("20 % swapped, 20 % strangers", 0.2, 0.2),
    Way(f"{FEW} photos each, 20 % swapped", 0.2, 0.0, FEW),
    Way(f"{FEW} photos each, 20 % strangers", 0.0, 0.2, FEW),
)


@dataclass(frozen=True)
class Group:
    """Faces (key, member, duplicate_group), their vectors (n, d), and which embedder made them."""

    faces: pd.DataFrame
    vectors: np.ndarray
    embedder: dict[str, str]


def main(photos: Path, strangers: Path | None) -> None:
    params = read_params()
    group = embedded(photos, params)
    others = embedded(strangers, params).vectors if strangers else np.empty((0, group.vectors.shape[1]), np.float32)
    print(f"{len(group.faces)} faces of {group.faces['member'].nunique()} members, {len(others)} of strangers")
    names = ("caught", "lost", "flagged wrong", "as it was", "spoiled", "curated")
    print(f"{'':32}", *(f"{name:>13}" for name in names))
    for way in WAYS:
        if way.strange and not len(others):
            continue
        draws = [measured(group, others, way, params, np.random.default_rng(draw)) for draw in range(DRAWS)]
        columns = ([figure for figure in column if np.isfinite(figure)] for column in zip(*draws, strict=True))
        print(
            f"{way.what:32}", *(f"{f'{np.mean(column):.1%}' if column else '-':>13}" for column in columns), flush=True
        )


def embedded(photos: Path, params: Params) -> Group:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        data = Path(folder) / "group"
        import_photos(photos, data)
        for stage in (clean, faces, embed):
            stage.main(data, params)
        rows, vectors = read_vectors(data / "embeddings.parquet")
        return Group(rows, vectors, read_metadata(data / "embeddings.parquet"))


def measured(group: Group, others: np.ndarray, way: Way, params: Params, rng: np.random.Generator) -> list[float]:
    rows = group.faces.sample(frac=1, random_state=rng)
    rows = rows[rows.groupby("member").cumcount() < (way.most or len(rows))]
    test = sides(rows, params.split).eq(TEST).to_numpy()
    true, members = rows["member"].to_numpy(str), np.unique(rows["member"])
    given = true[~test].copy()
    swapped = rng.permutation(len(given))[: round(way.swapped * len(given))]
    for index in swapped:
        given[index] = rng.choice(members[members != given[index]])
    strange = rng.permutation(len(others))[: round(way.strange * len(given))]
    wrong = np.isin(np.arange(len(given) + len(strange)), [*swapped, *range(len(given), len(given) + len(strange))])
    vectors = np.concatenate([group.vectors[rows.index[~test]], others[strange]])
    given = np.concatenate([given, rng.choice(members, len(strange))])
    groups = np.concatenate([rows["duplicate_group"].to_numpy(str)[~test], [f"stranger {n}" for n in strange]])
    suspects = curated(vectors, given, groups, group, params)
    dropped, flagged = (suspects.index[suspects["action"] == action] for action in (DROP, FLAG))
    kept = ~np.isin(np.arange(len(given)), dropped)
    tried = group.vectors[rows.index[test]], true[test]
    right = np.arange(len(given)) < len(true[~test])
    return [
        share(~kept[wrong]),
        share(~kept[~wrong]),
        share(wrong[flagged]),
        accuracy(vectors[right], true[~test], groups[right], tried, group, params),
        accuracy(vectors, given, groups, tried, group, params),
        accuracy(vectors[kept], given[kept], groups[kept], tried, group, params),
    ]


def curated(vectors: np.ndarray, given: np.ndarray, groups: np.ndarray, group: Group, params: Params) -> pd.DataFrame:
    """The suspects among faces with labels `given`; the index is their place."""
    members, labels = np.unique(given, return_inverse=True)
    bounds = curate.bounds_of(group.embedder, labels, params)
    verdict = judge(vectors, labels, np.zeros(len(labels), bool), params.curate, bounds)
    rows = pd.DataFrame({"key": [str(place) for place in range(len(given))], "member": given, "decided_by": "machine"})
    quality = label_quality(vectors, labels, groups, verdict.kept)
    return find_suspects(rows, verdict, quality, members, bounds)


def accuracy(
    vectors: np.ndarray, given: np.ndarray, groups: np.ndarray, tried: tuple, group: Group, params: Params
) -> float:
    members, labels = np.unique(given, return_inverse=True)
    nowhere = np.full(len(labels), "")  # the classifiers tried learn from vectors, not from crops
    side = Side(vectors, labels, groups, groups, nowhere, tuple(members.tolist()))
    model, _ = train(side, params, group.embedder)
    return share(np.array(model.members)[model.predict(tried[0]).argmax(axis=1)] == tried[1])


def share(which: np.ndarray) -> float:
    return float(which.mean()) if len(which) else float("nan")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--strangers", type=Path)
    arguments = parser.parse_args()
    main(arguments.photos, arguments.strangers)
