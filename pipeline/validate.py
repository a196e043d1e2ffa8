"""Stage validate: the model on the test side, which it has never seen -> metrics, confusion matrix, a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.metrics import f1_score

from pipeline.classifiers import Classifier, Examples, understood
from pipeline.classifiers.model import NAMES, THRESHOLD, Model, load, read_fits, restored
from pipeline.decisions import read_decisions
from pipeline.files import write_json
from pipeline.params import Params
from pipeline.records import Float32, Float64, Ints
from pipeline.report import write_report
from pipeline.roster import read_roster
from pipeline.side import TEST, TRAIN, Side, read_side
from pipeline.stage import run_stage
from pipeline.tables import read_vectors

STAGE: Final = "validate"


def main(data: Path, params: Params) -> None:
    """Read the model and both sides of the split; write metrics/<group>.json and metrics/<group>/ (picture, page)."""
    folder = Path("models") / data.name
    learnt, test = read_side(data, TRAIN), read_side(data, TEST)
    model = load(folder, params)
    metrics = measure(model, learnt, test)
    metrics["candidates"] = _candidates(folder, params, test)
    metrics["promised_false_name_rate"] = params.train.false_name_rate
    metrics["without_photos"] = [key for key in read_roster(data).keys if key not in model.members]
    metrics["decisions_on_no_face"] = read_decisions(
        data, read_vectors(data / "embeddings.parquet")[0]["key"]
    ).unmatched
    write_json(Path("metrics") / f"{data.name}.json", metrics)
    page = Path("metrics") / data.name
    write_report(page, read_roster(data), metrics, confusion(model, test), data)
    right = "not measured" if metrics["accuracy"] is None else f"{metrics['accuracy']:.1%}"
    print(f"{STAGE}: accuracy on {metrics['n_test']} test photos: {right}; see {page / 'index.html'}")


def measure(model: Model, learnt: Side, test: Side) -> dict[str, Any]:
    """The figures: how often faces of the test side get their name, and strangers none."""
    confidence = model.predict(_understood(model.classifier, test))
    named = confidence.argmax(axis=1) if len(test.labels) else np.empty(0, np.int64)
    known = confidence.max(axis=1, initial=0.0) >= THRESHOLD
    strangers = left_out_confidence(model, test)
    false_names = _mean(strangers >= THRESHOLD)
    return {
        "classifier": model.classifier.name,
        "n_train": len(learnt.labels),
        "n_test": len(test.labels),
        "accuracy": _mean(named == test.labels),
        "macro_f1": _macro_f1(test.labels, named),
        "named_right": _mean((named == test.labels) & known),
        "named_wrong": _mean((named != test.labels) & known),
        "per_member": _per_member(model, learnt, test, named),
        "threshold": THRESHOLD,
        "threshold_likeness": round(model.open_set.threshold, 4),
        "false_name_rate": false_names,
        "unknown_recall": None if false_names is None else round(1.0 - false_names, 4),
    }


def left_out_confidence(model: Model, test: Side) -> Float64:
    """The highest confidence in any other member for each test face, as if its own member were not in the group; (n,).

    Members of one group are the hardest strangers there are: of one age, style and stage light.
    """
    if len(model.members) < 2:
        return np.empty(0)
    likeness = model.gallery.scores(test.vectors)
    likeness[np.arange(len(test.labels)), test.labels] = -1.0
    return model.open_set.confidence(likeness.max(axis=1))


def confusion(model: Model, test: Side) -> Ints:
    """Counts (members, members + 1) of test faces by true member and given name; the last column is unknown."""
    counts = np.zeros((len(model.members), len(model.members) + 1), np.int64)
    confidence = model.predict(_understood(model.classifier, test))
    for true, row in zip(test.labels, confidence, strict=True):
        given = int(row.argmax()) if row.max() >= THRESHOLD else len(model.members)
        counts[true, given] += 1
    return counts


def _candidates(folder: Path, params: Params, test: Side) -> dict[str, Any]:
    fits = read_fits(folder)
    rows: dict[str, Any] = {}
    for name in NAMES:
        if name in fits:
            classifier = restored(folder, name, params)
            named = classifier.scores(_understood(classifier, test)).argmax(axis=1)
            scores = {"accuracy": _mean(named == test.labels), "macro_f1": _macro_f1(test.labels, named)}
            rows[name] = {**scores, **fits[name]}
    return rows


def _understood(classifier: Classifier, side: Side) -> Float32:
    return understood(classifier, Examples(side.vectors, side.labels, side.groups, side.crops))


def _per_member(model: Model, learnt: Side, test: Side, named: Ints) -> dict[str, Any]:
    return {
        member: {
            "n_train": int((learnt.labels == label).sum()),
            "n_test": int((test.labels == label).sum()),
            "precision": _mean(test.labels[named == label] == label),
            "recall": _mean(named[test.labels == label] == label),
        }
        for label, member in enumerate(model.members)
    }


def _macro_f1(true: Ints, named: Ints) -> float | None:
    return round(float(f1_score(true, named, average="macro", zero_division=0.0)), 4) if len(true) else None


def _mean(values: Any) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
