"""Stage train: the training side -> models/<group>/; cross-validation picks the classifier and calibrates 'unknown'."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.classifiers import Classifier
from pipeline.classifiers.model import FITS_FILE, GALLERY, NAMES, Model, new_classifier, save
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import calibrate, folds, left_out_likeness, temperature
from pipeline.errors import DatasetError, ParamsError
from pipeline.files import folder_written_whole, write_json
from pipeline.models.weights import KNOWN
from pipeline.params import Params
from pipeline.records import Float64, Ints
from pipeline.side import TRAIN, Side, read_side
from pipeline.stage import run_stage
from pipeline.tables import read_metadata

STAGE: Final = "train"
UNTRIED_TEMPERATURE: Final = 0.1  # where no member has two photos, so that nothing can be tried

Pairs = list[tuple[Ints, Ints]]  # rows to learn from, rows to try


@dataclass(frozen=True, slots=True)
class Tried:
    """A classifier, how right it was on faces it had not seen, and its scores there."""

    classifier: Classifier
    accuracy: float
    temperature: float
    fit_s: float


def main(data: Path, params: Params) -> None:
    """Read split.parquet and embeddings.parquet; write models/<group>/."""
    side = read_side(data, TRAIN)
    if not len(side.labels):
        raise DatasetError(
            f"{data}: no face is left to learn from; data/{data.name}/sheets shows what was dropped, and why"
        )
    model, tried = train(side, params, read_metadata(data / "embeddings.parquet"))
    with folder_written_whole(Path("models") / data.name) as folder:
        save(folder, model, {name: attempt.classifier for name, attempt in tried.items()})
        fits = {name: {"cv_accuracy": attempt.accuracy, "fit_s": attempt.fit_s} for name, attempt in tried.items()}
        write_json(folder / FITS_FILE, fits)
    print(f"{STAGE}: {_told(side, model.classifier.name, tried)}")


def _told(side: Side, chosen: str, tried: dict[str, Tried]) -> str:
    learnt = f"{len(side.labels)} faces of {len(side.members)} members: classifier {chosen}"
    if not any(attempt.accuracy for attempt in tried.values()):
        return f"{learnt}, with too few photos to try it"
    others = "".join(f", {name} {attempt.accuracy:.1%}" for name, attempt in tried.items() if name != chosen)
    return f"{learnt}, right on {tried[chosen].accuracy:.1%} of faces it had not seen (cross-validation{others})"


def train(side: Side, params: Params, embedder: dict[str, str]) -> tuple[Model, dict[str, Tried]]:
    """Try every classifier by cross-validation, take the best (or the one params name), calibrate 'unknown'."""
    pairs = folds(side.labels, side.groups, params.train.folds, params.train.seed)
    tried = {name: _try(name, side, pairs, params) for name in NAMES if name == GALLERY or len(side.members) > 1}
    chosen = tried[_choice(params.train.classifier, tried)]
    gallery = tried[GALLERY].classifier
    assert isinstance(gallery, Nearest)  # noqa: S101 - that is what GALLERY names
    own = _own_likeness(side, pairs, params)
    left_out = left_out_likeness(side.vectors, side.labels, params.nearest.neighbours)
    strangers = KNOWN[embedder["embedder"]].stranger_likeness(params.train.false_name_rate)
    model = Model(
        members=side.members,
        classifier=chosen.classifier,
        gallery=gallery,
        temperature=chosen.temperature,
        open_set=calibrate(own, left_out, strangers),
        embedder=embedder["embedder"],
        embedder_sha256=embedder["embedder_sha256"],
    )
    return model, tried


def _choice(wanted: str, tried: dict[str, Tried]) -> str:
    if wanted == "auto":
        return max(tried, key=lambda name: tried[name].accuracy)  # the first of equals
    if wanted not in NAMES:
        raise ParamsError(f"params.yaml: train: classifier: {wanted!r} is not one of auto, {', '.join(NAMES)}")
    if wanted not in tried:
        raise DatasetError(f"classifier {wanted!r} needs at least two members with photos")
    return wanted


def _try(name: str, side: Side, pairs: Pairs, params: Params) -> Tried:
    """Fit one kind of classifier; of several settings, the one that is right most often."""
    settings: tuple[float | None, ...] = params.svm.c if name == "svm" else (None,)
    return max(
        (_fit(partial(new_classifier, name, params, c), side, pairs) for c in settings),
        key=lambda tried: tried.accuracy,
    )


def _fit(make: Callable[[], Classifier], side: Side, pairs: Pairs) -> Tried:
    scores, seen = _held_out(make, side, pairs)
    started = time.perf_counter()
    classifier = make()
    classifier.fit(side.vectors, side.labels)
    fit_s = round(time.perf_counter() - started, 3)
    if not len(seen):
        return Tried(classifier, 0.0, UNTRIED_TEMPERATURE, fit_s)
    right = float((scores[seen].argmax(axis=1) == side.labels[seen]).mean())
    return Tried(classifier, round(right, 4), temperature(scores[seen], side.labels[seen]), fit_s)


def _held_out(make: Callable[[], Classifier], side: Side, pairs: Pairs) -> tuple[Float64, Ints]:
    """Scores of every tried face by a classifier that did not learn it, (n, members), and the tried rows."""
    scores = np.zeros((len(side.labels), len(side.members)))
    for learn, attempt in pairs:
        classifier = make()
        classifier.fit(side.vectors[learn], side.labels[learn])
        scores[attempt] = classifier.scores(side.vectors[attempt])
    return scores, np.concatenate([attempt for _, attempt in pairs]) if pairs else np.empty(0, np.int64)


def _own_likeness(side: Side, pairs: Pairs, params: Params) -> Float64:
    scores, seen = _held_out(lambda: Nearest(params.nearest.neighbours), side, pairs)
    return scores[seen, side.labels[seen]]


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
