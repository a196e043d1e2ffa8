"""Measures who is recognised in photos: Lineup's classifiers beside the recipes that came before, with few and many.

    python bench/recognition.py PHOTOS CACHE [--trusted FILE] [--strangers FOLDER]... [--counts 5,10,15,40] [--seeds 3]

PHOTOS holds a folder of photos per member, dirty as they come. TESTED photos of each member, drawn by lot once and for
all, are only tested on; where there is FILE, lines '<member>/<photo>' of checked labels, only such. Of the others, but
for copies of tested ones, each run draws so many a member. A FOLDER of strangers holds a folder of photos per person.
Faces and vectors are made by Lineup's own stages, once, and kept in CACHE; those of the recipes too, if dlib is there.

accuracy    the most likely member is the right one; a photo without a face or a name is wrong
macro F1    of those names, every member counting the same
named       the tested photos whose face gets a name, right or wrong
false       the strangers who get a member's name, for each FOLDER
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import recipe
from sklearn.metrics import f1_score
from sklearn.svm import SVC

from pipeline import clean, embed, faces
from pipeline.classifiers import Examples, understood
from pipeline.classifiers.model import NAMES, THRESHOLD, Model
from pipeline.curate import STRANGER_SHARE
from pipeline.files import sha256_of, written_whole
from pipeline.images import read_still, shrink
from pipeline.intake import import_photos
from pipeline.judging import Bounds, judge
from pipeline.models.weights import chosen_embedder, weights_folder
from pipeline.params import Params, read_params
from pipeline.progress import track
from pipeline.side import Side
from pipeline.strangers import stranger_likeness, stranger_metadata
from pipeline.tables import read_vectors
from pipeline.train import train

TESTED = 20
TOLERANCE = 0.6  # the distance at which the library behind the recipes takes two faces for one person
HOG_SIDE_PX = 640  # the longer side at which HOG, slow as it is, looks for faces
NOBODY = -1

Answer = Callable[["Photos"], tuple[np.ndarray, np.ndarray]]  # most likely label (n,), and whether it is named (n,)


@dataclass(frozen=True)
class Photos:
    """Faces of one folder: key, member, group of copies, crop (n,); vectors (n, d); dlib (n, 128), NaN without face."""

    rows: pd.DataFrame
    vectors: np.ndarray
    dlib: np.ndarray

    @property
    def seen_by_hog(self) -> np.ndarray:
        return np.isfinite(self.dlib[:, :1]).all(axis=1) & (self.dlib.shape[1] > 0)

    def __getitem__(self, which: np.ndarray) -> Photos:
        return Photos(self.rows[which].reset_index(drop=True), self.vectors[which], self.dlib[which])


def main(arguments: argparse.Namespace) -> None:
    params = read_params()
    photos = prepared(arguments.photos, arguments.cache, params)
    strangers = {
        f"{folder.parent.name}/{folder.name}": prepared(folder, arguments.cache, params)
        for folder in arguments.strangers
    }
    members = sorted(photos.rows["member"].unique())
    labels = photos.rows["member"].map(members.index).to_numpy()
    tested = drawn(photos.rows, checked(arguments.photos, arguments.trusted, photos.rows["key"]), TESTED, seed=0)
    free = ~photos.rows["duplicate_group"].isin(photos.rows["duplicate_group"][tested]).to_numpy()
    results = []
    for count in arguments.counts:
        for seed in range(arguments.seeds):
            learnt = drawn(photos.rows, free, count, seed + 1)
            for name, answer in answers(photos[learnt], labels[learnt], members, params).items():
                row = measured(answer, photos[tested], labels[tested], strangers)
                results.append({"photos": count, "method": name, **row})
                print(results[-1], flush=True)
    report(pd.DataFrame(results), int(tested.sum()), {name: len(each.rows) for name, each in strangers.items()})


def prepared(folder: Path, cache: Path, params: Params) -> Photos:
    """The faces of a folder of photos per person, from CACHE if it was looked at before."""
    place = cache / f"{folder.resolve().parent.name}-{folder.name}"
    place.mkdir(parents=True, exist_ok=True)
    folder, data = folder.resolve(), Path("data", "set")
    os.environ["LINEUP_WEIGHTS"] = str(weights_folder().resolve())
    with contextlib.chdir(place):
        if not (data / "embeddings.parquet").is_file():
            import_photos(folder, data)
            for stage in (clean, faces, embed):
                stage.main(data, params)
        rows, vectors = read_vectors(data / "embeddings.parquet")
        rows["crop"] = [str((data / "faces" / f"{key}.png").resolve()) for key in rows["key"]]
        return Photos(rows, vectors, dlib_vectors(data, list(rows["key"])))


def dlib_vectors(data: Path, keys: list[str]) -> np.ndarray:
    """(n, 128), the recipe's numbers of the first face that HOG finds, NaN where it finds none; without dlib (n, 0)."""
    kept = data / "dlib.npy"
    if kept.is_file():
        return np.load(kept)
    if not recipe.is_there():
        return np.empty((len(keys), 0))
    describe = recipe.describer()
    photos = (shrink(read_still(data / "clean" / f"{key}.jpg"), HOG_SIDE_PX) for key in keys)
    found = [describe(rgb) for rgb in track(photos, "HOG and dlib", len(keys))]
    vectors = np.array([each[0] if each else np.full(128, np.nan) for each in found])
    with written_whole(kept) as temporary:
        np.save(temporary, vectors)
    return vectors


def checked(photos: Path, trusted: Path | None, keys: pd.Series) -> np.ndarray:
    """Which keys are of photos whose label was checked; all without a list."""
    if trusted is None:
        return np.ones(len(keys), bool)
    lines = trusted.read_text(encoding="utf-8").splitlines()
    hashes = {sha256_of(photos / line) for line in lines if (photos / line).is_file()}
    return keys.str.partition(".")[0].isin(hashes).to_numpy()


def drawn(rows: pd.DataFrame, among: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Which rows are drawn by lot: up to `count` of each member, of those `among`."""
    order = np.random.default_rng(seed).permutation(len(rows))
    order = order[among[order]]
    place = rows.iloc[order].groupby("member").cumcount().to_numpy()
    chosen = np.zeros(len(rows), bool)
    chosen[order[place < count]] = True
    return chosen


def answers(photos: Photos, labels: np.ndarray, members: list[str], params: Params) -> dict[str, Answer]:
    """What each method answers once it has learnt `photos` of labels (n,)."""
    side = curated(photos, labels, members, params)
    network = chosen_embedder(params.models)
    metadata = {"embedder": network.name, "embedder_sha256": network.identity} | stranger_metadata(network.strangers)
    fitted = {}
    for name in NAMES:
        wanted = replace(params.train, classifier=name, candidates=(name,))
        model, tried = train(side, replace(params, train=wanted), metadata)
        fitted[name] = (tried[name].accuracy, answer_of(model))
    best = max(fitted, key=lambda name: fitted[name][0])
    ours = {name: answer for name, (_, answer) in fitted.items()} | {"auto": fitted[best][1]}
    seen = photos.seen_by_hog
    return ours | (recipes(photos.dlib[seen], labels[seen]) if seen.any() else {})


def curated(photos: Photos, labels: np.ndarray, members: list[str], params: Params) -> Side:
    """The training side that Lineup makes of `photos`: without those that curate drops."""
    metadata = stranger_metadata(chosen_embedder(params.models).strangers)
    bounds = Bounds(*(stranger_likeness(metadata, share) for share in (STRANGER_SHARE, params.train.false_name_rate)))
    kept = judge(photos.vectors, labels, np.zeros(len(labels), bool), params.curate, bounds).kept
    rows = photos.rows[kept]
    groups, keys, crops = (rows[name].to_numpy(str) for name in ("duplicate_group", "key", "crop"))
    return Side(photos.vectors[kept], labels[kept], groups, keys, crops, tuple(members))


def answer_of(model: Model) -> Answer:
    def answer(photos: Photos) -> tuple[np.ndarray, np.ndarray]:
        unlabelled = np.zeros(len(photos.rows), np.int64)
        crops, groups = (photos.rows[name].to_numpy(str) for name in ("crop", "duplicate_group"))
        faces = Examples(photos.vectors, unlabelled, groups, crops)
        confidence = model.predict(understood(model.classifier, faces))
        return confidence.argmax(axis=1), confidence.max(axis=1) >= THRESHOLD

    return answer


def recipes(vectors: np.ndarray, labels: np.ndarray) -> dict[str, Answer]:
    """The methods of those before, on the recipe's vectors (n, 128) of labels (n,)."""
    machine = SVC(kernel="linear", C=10).fit(vectors, labels)
    network = dense_recipe(vectors, labels)

    def everybody(named: Callable[[np.ndarray], np.ndarray]) -> Answer:
        return with_faces_only(lambda asked: (named(asked), np.ones(len(asked), bool)))

    def nearest(asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distances = np.linalg.norm(asked[:, None] - vectors[None], axis=2)
        return labels[distances.argmin(axis=1)], distances.min(axis=1) <= TOLERANCE

    return {
        "HOG, dlib, linear SVM": everybody(machine.predict),
        f"HOG, dlib, nearest within {TOLERANCE}": with_faces_only(nearest),
        "HOG, dlib, dense network": everybody(network),
    }


def dense_recipe(vectors: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """One hidden layer and half of it dropped, learnt for a fixed time, as tutorials have it."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Dense(128, "relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(labels.max() + 1, "softmax"),
    ]
    network = keras.Sequential(layers)
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(vectors, labels, batch_size=32, epochs=60, verbose=0)
    return lambda asked: network(asked).numpy().argmax(axis=1)


def with_faces_only(answer: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Answer:
    """`answer`, asked about the faces that HOG found; where it found none nobody is named."""

    def asked(photos: Photos) -> tuple[np.ndarray, np.ndarray]:
        seen = photos.seen_by_hog
        labels, named = np.full(len(seen), NOBODY), np.zeros(len(seen), bool)
        if seen.any():
            labels[seen], named[seen] = answer(photos.dlib[seen])
        return labels, named

    return asked


def measured(answer: Answer, tested: Photos, labels: np.ndarray, strangers: dict[str, Photos]) -> dict[str, float]:
    given, named = answer(tested)
    figures = {
        "accuracy": float((given == labels).mean()),
        "macro F1": float(f1_score(labels, given, labels=np.unique(labels), average="macro", zero_division=0.0)),
        "named": float(named.mean()),
    }
    return figures | {f"false, {name}": float(answer(photos)[1].mean()) for name, photos in strangers.items()}


def report(results: pd.DataFrame, tested: int, strangers: dict[str, int]) -> None:
    """Print the means and, behind them, the standard deviations over the runs, as a table of Markdown."""
    means, spreads = (results.groupby(["photos", "method"], sort=False).agg(how) for how in ("mean", "std"))
    print(f"{tested} photos tested on; strangers: " + ", ".join(f"{name} {count}" for name, count in strangers.items()))
    print("| photos a member | method | " + " | ".join(means.columns) + " |")
    print("| --- " * (2 + len(means.columns)) + "|")
    for (count, method), row in means.iterrows():
        cells = [f"{row[name]:.1%} ± {100 * spreads.loc[(count, method), name]:.1f}" for name in means.columns]
        print(f"| {count} | {method} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--trusted", type=Path)
    parser.add_argument("--strangers", type=Path, action="append", default=[])
    parser.add_argument("--counts", type=lambda text: [int(word) for word in text.split(",")], default=[5, 10, 15, 40])
    parser.add_argument("--seeds", type=int, default=3)
    main(parser.parse_args())
