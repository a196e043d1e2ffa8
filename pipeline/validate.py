"""Stage validate: the model on the test side, which it has never seen -> metrics, tables, pictures, a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sklearn.metrics import f1_score

from pipeline import __version__
from pipeline.card.alike import most_alike
from pipeline.card.examples import examples
from pipeline.card.findings import Findings, find_out
from pipeline.card.intervals import as_json, macro_f1_interval, share, share_interval
from pipeline.card.page import write_card
from pipeline.card.pictures import draw_all
from pipeline.card.style import shown
from pipeline.card.tables import write_tables
from pipeline.classifiers.model import NAMES, THRESHOLD, load, read_fits, restored
from pipeline.decisions import read_decisions
from pipeline.files import write_json
from pipeline.layout import metrics_of, model_of
from pipeline.params import Params
from pipeline.records import TEST, TRAIN, Ints
from pipeline.roster import read_roster
from pipeline.side import Side, read_side
from pipeline.stage import run_stage
from pipeline.vectors import read_all_vectors
from pipeline.words import counted

STAGE: Final = "validate"


def main(data: Path, params: Params) -> None:
    """Read the model and both sides of the split; write metrics/<group>.json and metrics/<group>/."""
    model_folder, folder = model_of(data.name), metrics_of(data.name)
    model = load(model_folder, params)
    roster = read_roster(data)
    test = read_side(data, TEST)
    findings = find_out(model, read_side(data, TRAIN), test)
    metrics = measure(findings, params.train.seed)
    metrics["candidates"] = _candidates(model_folder, params, test)
    metrics["promised_false_name_rate"] = params.train.false_name_rate
    metrics["without_photos"] = [key for key in roster.keys if key not in model.members]
    metrics["decisions_on_no_face"] = read_decisions(data, read_all_vectors(data)[0]["key"]).unmatched
    metrics["lineup"] = __version__
    write_json(folder.with_suffix(".json"), metrics)
    write_tables(folder, findings)
    faces = examples(findings.answers, findings.test.keys, data / "faces")
    draw_all(folder / "pictures", shown(roster, model.members), findings, faces, model_folder, params.train.seed)
    write_card(folder, data, roster, metrics, findings, faces, params)
    right = "not measured" if metrics["accuracy"] is None else f"{metrics['accuracy']:.1%}"
    print(f"{STAGE}: accuracy on {counted(metrics['n_test'], 'test photo')}: {right}; see {folder / 'model_card.html'}")


def measure(findings: Findings, seed: int) -> dict[str, Any]:
    """The figures: how often faces of the test side get their name, and strangers none."""
    answers, curve = findings.answers, findings.curve
    shares = {
        "accuracy": answers.right,
        "named_right": answers.right & answers.believed,
        "named_wrong": ~answers.right & answers.believed,
        "false_name_rate": answers.stranger_confidence >= THRESHOLD,
    }
    figures = {name: share(which) for name, which in shares.items()}
    macro_f1, false_names = _macro_f1(answers.labels, answers.named), figures["false_name_rate"]
    intervals = {name: as_json(share_interval(which)) for name, which in shares.items()}
    return {
        "classifier": findings.model.classifier.name,
        "n_train": len(findings.learnt.labels),
        "n_test": len(findings.test.labels),
        **figures,
        "macro_f1": macro_f1,
        "unknown_recall": None if false_names is None else round(1.0 - false_names, 4),
        "equal_error_rate": curve and curve.equal_error_rate,
        "roc_auc": curve and curve.area,
        "ece": findings.reliability.error,
        "ece_with_strangers": findings.open_reliability.error,
        "intervals": {**intervals, "macro_f1": as_json(macro_f1_interval(answers, macro_f1, seed))},
        "threshold": THRESHOLD,
        "threshold_likeness": round(findings.model.open_set.threshold, 4),
        "most_alike": most_alike(findings.model.members, findings.likeness),
        "per_member": _per_member(findings),
    }


def _candidates(folder: Path, params: Params, test: Side) -> dict[str, Any]:
    fits = read_fits(folder)
    rows: dict[str, Any] = {}
    for name in NAMES:
        if name in fits:
            classifier = restored(folder, name, params)
            named = classifier.scores(test.seen_by(classifier).vectors).argmax(axis=1)
            scores = {"accuracy": share(named == test.labels), "macro_f1": _macro_f1(test.labels, named)}
            rows[name] = {**scores, **fits[name]}
    return rows


def _per_member(findings: Findings) -> dict[str, Any]:
    answers, learnt = findings.answers, findings.learnt
    return {
        member: {
            "n_train": int((learnt.labels == label).sum()),
            "n_test": int((answers.labels == label).sum()),
            "precision": share(answers.right[answers.named == label]),
            "recall": share(answers.right[answers.labels == label]),
        }
        for label, member in enumerate(findings.model.members)
    }


def _macro_f1(true: Ints, named: Ints) -> float | None:
    return round(float(f1_score(true, named, average="macro", zero_division=0.0)), 4) if len(true) else None


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
