"""Stage train: the training side -> models/<group>/; cross-validation picks the classifier and calibrates 'unknown'.

The test side goes along unlearnt: it is compared with when videos are named, and not before the model was tested.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.classifiers import Classifier, Examples, understood
from pipeline.classifiers.folds import folds
from pipeline.classifiers.model import FITS_FILE, GALLERY, NAMES, Model, save, settings
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import calibrate, left_out_likeness, temperature
from pipeline.curation.strangers import stranger_likeness
from pipeline.errors import DatasetError, ParamsError
from pipeline.files import folder_written_whole, write_json
from pipeline.layout import model_of
from pipeline.params import Params
from pipeline.records import TEST, TRAIN, Float64, Ints
from pipeline.side import Side, read_side
from pipeline.stage import run_stage
from pipeline.tables import read_metadata
from pipeline.vectors import EMBEDDINGS
from pipeline.words import counted

STAGE: Final = "train"
UNTRIED_TEMPERATURE: Final = 0.1  # where no member has two photos, so that nothing can be tried

Pairs = list[tuple[Ints, Ints]]  # rows to learn from, rows to try


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a classifier says of the faces in `rows` (n,), each by one that did not learn it.

    scores (n, members), and own (n,): the likeness to the learnt faces of its own member.
    """

    rows: Ints
    scores: Float64
    own: Float64


@dataclass(frozen=True, slots=True)
class Tried:
    """A fitted classifier, how right its kind was on faces it had not seen (0..1), and what that kind said of them.

    accuracy is None where there were too few photos to try it.
    """

    classifier: Classifier
    accuracy: float | None
    temperature: float
    own: Float64
    fit_s: float


def main(data: Path, params: Params) -> None:
    """Read split.parquet and embeddings.parquet; write models/<group>/."""
    side = read_side(data, TRAIN)
    if not len(side.labels):
        raise DatasetError(
            f"{data}: no face is left to learn from; data/{data.name}/sheets shows what was dropped, and why"
        )
    test = read_side(data, TEST)
    model, tried = train(side, params, read_metadata(data / EMBEDDINGS))
    with folder_written_whole(model_of(data.name)) as folder:
        save(folder, model, {name: attempt.classifier for name, attempt in tried.items()}, _gallery(test, params))
        fits = {name: {"cv_accuracy": attempt.accuracy, "fit_s": attempt.fit_s} for name, attempt in tried.items()}
        write_json(folder / FITS_FILE, fits)
    print(f"{STAGE}: {_told(side, model.classifier.name, tried)}")


def _told(side: Side, chosen: str, tried: dict[str, Tried]) -> str:
    learnt = f"{counted(len(side.labels), 'face')} of {counted(len(side.members), 'member')}: classifier {chosen}"
    right = {name: f"{attempt.accuracy:.1%}" for name, attempt in tried.items() if attempt.accuracy is not None}
    if chosen not in right:
        return f"{learnt}, with too few photos to try it"
    others = "".join(f", {name} {share}" for name, share in right.items() if name != chosen)
    return f"{learnt}, right on {right[chosen]} of faces it had not seen (cross-validation{others})"


def train(side: Side, params: Params, embedder: dict[str, str]) -> tuple[Model, dict[str, Tried]]:
    """Try classifiers by cross-validation, take the best (or the one params name), calibrate 'unknown'."""
    faces = side.examples
    pairs = folds(side.labels, side.groups, params.train.folds, params.train.seed)
    tried = {name: _try(name, faces, pairs, params) for name in _candidates(params, len(side.members))}
    chosen = tried[_choice(params.train.classifier, tried)]
    left_out = left_out_likeness(side.vectors, side.labels, params.nearest.neighbours)
    most = int(np.bincount(side.labels).max())  # strangers are most alike to who has most photos
    strangers = stranger_likeness(embedder, params.train.false_name_rate, most)
    classifier = chosen.classifier
    model = Model(
        members=side.members,
        classifier=classifier,
        gallery=_gallery(side, params),
        temperature=chosen.temperature,
        open_set=calibrate(chosen.own, left_out, max(strangers, 1.0 - params.nearest.tolerance)),
        embedder=embedder["embedder"],
        embedder_sha256=classifier.embedder.sha256 if classifier.embedder else embedder["embedder_sha256"],
    )
    return model, tried


def _gallery(side: Side, params: Params) -> Nearest:
    return Nearest(params.nearest.neighbours).with_faces(side.vectors, side.labels)


def _candidates(params: Params, members: int) -> list[str]:
    """Who is tried, the simplest first; with a single member there is nobody to tell apart."""
    wanted = {GALLERY, params.train.classifier, *params.train.candidates}
    if unknown := sorted(wanted - {"auto", *NAMES}):
        known = ", ".join(NAMES)
        raise ParamsError(f"params.yaml: train: {', '.join(map(repr, unknown))} is not a classifier (known: {known})")
    return [name for name in NAMES if name in wanted] if members > 1 else [GALLERY]


def _choice(wanted: str, tried: dict[str, Tried]) -> str:
    if wanted == "auto":
        return max(tried, key=lambda name: tried[name].accuracy or 0.0)  # the first of equals, which is the simplest
    if wanted not in tried:
        raise DatasetError(
            f"classifier {wanted!r} needs at least two members with photos: set train.classifier to auto"
        )
    return wanted


def _try(name: str, faces: Examples, pairs: Pairs, params: Params) -> Tried:
    """Fit one kind of classifier; of several settings, the one that is right most often."""
    started = time.perf_counter()
    makes = settings(name, params)
    held_out = [_held_out(make, faces, pairs, params.nearest.neighbours) for make in makes]
    right = [_accuracy(attempt, faces.labels) for attempt in held_out]
    best = int(np.argmax([share or 0.0 for share in right]))
    classifier = makes[best]()
    classifier.fit(faces)
    rows, scores = held_out[best].rows, held_out[best].scores
    warmth = temperature(scores, faces.labels[rows]) if len(rows) else UNTRIED_TEMPERATURE
    return Tried(classifier, right[best], warmth, held_out[best].own, round(time.perf_counter() - started, 3))


def _accuracy(held_out: HeldOut, labels: Ints) -> float | None:
    if not len(held_out.rows):
        return None
    return round(float((held_out.scores.argmax(axis=1) == labels[held_out.rows]).mean()), 4)


def _held_out(make: Callable[[], Classifier], faces: Examples, pairs: Pairs, neighbours: int) -> HeldOut:
    rows, scores, own = [np.empty(0, np.int64)], [np.empty((0, int(faces.labels.max()) + 1))], [np.empty(0)]
    for learn, attempt in pairs:
        classifier = make()
        classifier.fit(faces[learn])
        gallery = Nearest(neighbours).with_faces(faces.vectors[learn], faces.labels[learn])
        rows.append(attempt)
        scores.append(classifier.scores(understood(classifier, faces[attempt])))
        own.append(gallery.scores(faces.vectors[attempt])[np.arange(len(attempt)), faces.labels[attempt]])
    return HeldOut(np.concatenate(rows), np.concatenate(scores), np.concatenate(own))


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
