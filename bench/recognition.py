"""Measures who is recognised in photos: Lineup's classifiers beside the recipes that came before, with few and many.

    python bench/recognition.py PHOTOS CACHE [--trusted FILE] [--strangers NAME FOLDER]... [--counts 5,10,15,40]
                                [--seeds 3] [--classifiers nearest,svm,dense]

PHOTOS holds a folder of photos per member, dirty as they come. Twenty photos of each member, drawn by lot once and for
all, are only tested on; where there is FILE, lines '<member>/<photo>' of checked labels, only such. Of the others, but
for copies of tested ones, each run draws so many a member. A FOLDER of strangers holds a folder of photos per person,
and the table calls it NAME. Faces and vectors are made by Lineup's own stages, once, and kept in CACHE; those of the
recipes too, if dlib is there (pip install dlib-bin face_recognition_models).

accuracy    the most likely member is the right one; a photo without a face or a name is wrong
macro F1    of those names, every member counting the same
named       the tested photos whose face gets a name, right or wrong
false       the strangers who get a member's name, for each FOLDER; of HOG's methods, also those without a face count
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from photosets import Photos, arguments, confidences, divided, drawn, prepared, taught
from sklearn.metrics import f1_score
from sklearn.svm import SVC

from pipeline.classifiers.model import NAMES, THRESHOLD, Model
from pipeline.params import Params, read_params

TOLERANCE = 0.6  # the distance at which the library behind the recipes takes two faces for one person
NOBODY = ""

Answer = Callable[[Photos], tuple[np.ndarray, np.ndarray]]  # the likeliest member (n,), and whether it is named (n,)


def main(arguments: argparse.Namespace) -> None:
    params = read_params()
    photos = prepared(arguments.photos, arguments.cache, params, with_dlib=True)
    strangers = {
        name: prepared(Path(folder), arguments.cache, params, with_dlib=True) for name, folder in arguments.strangers
    }
    tested, free = divided(photos.rows, arguments.photos, arguments.trusted)
    results = []
    for count in arguments.counts:
        for seed in range(arguments.seeds):
            learnt = photos[drawn(photos.rows, free, count, seed + 1)]
            for name, answer in answers(learnt, arguments.classifiers, params).items():
                results.append({"photos": count, "method": name, **measured(answer, photos[tested], strangers)})
                print(results[-1], file=sys.stderr, flush=True)
    report(pd.DataFrame(results), int(tested.sum()), {name: len(each.rows) for name, each in strangers.items()})


def answers(photos: Photos, classifiers: list[str], params: Params) -> dict[str, Answer]:
    """What each method answers once it has learnt `photos`."""
    made = {name: taught(photos, params, name) for name in classifiers}
    best = max(made, key=lambda name: made[name][1].accuracy)
    ours = {name: answer_of(model) for name, (model, _) in made.items()}
    if len(made) > 1:
        ours["auto"] = ours[best]
    return ours | (recipes(photos[photos.seen_by_hog]) if photos.seen_by_hog.any() else {})


def answer_of(model: Model) -> Answer:
    def answer(photos: Photos) -> tuple[np.ndarray, np.ndarray]:
        confidence = confidences(model, photos)
        return np.array(model.members)[confidence.argmax(axis=1)], confidence.max(axis=1) >= THRESHOLD

    return answer


def recipes(photos: Photos) -> dict[str, Answer]:
    """The methods of those before, on the recipe's vectors of `photos`, which all have some."""
    vectors, members = photos.dlib, photos.members

    def everybody(named: Callable[[np.ndarray], np.ndarray]) -> Answer:
        return with_faces_only(lambda asked: (named(asked), np.ones(len(asked), bool)))

    def nearest(asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distances = np.linalg.norm(asked[:, None] - vectors[None], axis=2)
        return members[distances.argmin(axis=1)], distances.min(axis=1) <= TOLERANCE

    return {
        "HOG, dlib, linear SVM": everybody(SVC(kernel="linear", C=10).fit(vectors, members).predict),
        f"HOG, dlib, nearest within {TOLERANCE}": with_faces_only(nearest),
        "HOG, dlib, dense network": everybody(dense_recipe(vectors, members)),
    }


def dense_recipe(vectors: np.ndarray, members: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """One hidden layer and half of it dropped, learnt for a fixed time, as tutorials have it."""
    from pipeline.classifiers.keras_backend import keras

    known, labels = np.unique(members, return_inverse=True)
    keras().utils.set_random_seed(0)
    layers = [
        keras().layers.Dense(128, "relu"),
        keras().layers.Dropout(0.5),
        keras().layers.Dense(len(known), "softmax"),
    ]
    network = keras().Sequential(layers)
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(vectors, labels, batch_size=32, epochs=60, verbose=0)
    return lambda asked: known[network(asked).numpy().argmax(axis=1)]


def with_faces_only(answer: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Answer:
    """`answer`, asked about the faces that HOG found; where it found none nobody is named."""

    def asked(photos: Photos) -> tuple[np.ndarray, np.ndarray]:
        seen = photos.seen_by_hog
        members, named = np.full(len(seen), NOBODY, object), np.zeros(len(seen), bool)
        if seen.any():
            members[seen], named[seen] = answer(photos.dlib[seen])
        return members.astype(str), named

    return asked


def measured(answer: Answer, tested: Photos, strangers: dict[str, Photos]) -> dict[str, float]:
    members, named = answer(tested)
    figures = {
        "accuracy": float((members == tested.members).mean()),
        "macro F1": float(
            f1_score(tested.members, members, labels=np.unique(tested.members), average="macro", zero_division=0.0)
        ),
        "named": float(named.mean()),
    }
    return figures | {f"false, {name}": float(answer(photos)[1].mean()) for name, photos in strangers.items()}


def report(results: pd.DataFrame, tested: int, strangers: dict[str, int]) -> None:
    """Print the means and, behind them, the standard deviations over the runs, as a table of Markdown."""
    runs = results.groupby(["photos", "method"], sort=False)
    means, spreads = runs.mean(), runs.std()
    print(f"{tested} photos tested on; strangers: " + ", ".join(f"{name} {count}" for name, count in strangers.items()))
    print("| photos a member | method | " + " | ".join(means.columns) + " |")
    print("| --- " * (2 + len(means.columns)) + "|")
    for (count, method), row in means.iterrows():
        spread = spreads.loc[(count, method)]
        cells = [
            f"{row[name]:.1%}" + (f" ± {100 * spread[name]:.1f}" if spread.notna().all() else "") for name in row.index
        ]
        print(f"| {count} | {method} | " + " | ".join(cells) + " |")


def names_of(text: str) -> list[str]:
    """The classifiers that `text` lists, in their usual order: simplest first."""
    wanted = text.split(",")
    if unknown := sorted({*wanted} - {*NAMES}):
        raise argparse.ArgumentTypeError(f"no classifier is called {', '.join(unknown)} (known: {', '.join(NAMES)})")
    return [name for name in NAMES if name in wanted]


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--classifiers", type=names_of, default=["nearest", "svm", "dense"])
    main(parser.parse_args())
