"""Stage train: which classifier is taken, what it learns with much, little and nothing, and that it is repeatable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standins import EMBEDDER, people, unit, write_split

from pipeline import train
from pipeline.classifiers.model import THRESHOLD, Model, hashes, load, load_whole
from pipeline.curation.strangers import stranger_likeness
from pipeline.errors import DatasetError, ParamsError
from pipeline.params import Params
from pipeline.records import SPLIT, TEST, TRAIN
from pipeline.side import read_side
from pipeline.tables import read_table, write_table

NAMES = ("juno", "mira", "수아")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where models/ is made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def group(counts: Sequence[int], spread: float = 0.1, side: str = TRAIN) -> Path:
    vectors, labels = people(counts, spread)
    data = Path("data", "trio")
    write_split(data, vectors, [NAMES[label] for label in labels], [side] * len(labels))
    return data


def with_classifier(params: Params, name: str) -> Params:
    return replace(params, train=replace(params.train, classifier=name))


def learnt(data: Path, params: Params) -> Model:
    train.main(data, params)
    return load(Path("models") / data.name, params)


@pytest.mark.parametrize("counts", [(10, 10, 10), (1, 1, 1), (10,), (1,), (10, 1), (4, 3, 2)], ids=str)
def test_everyone_is_named_and_strangers_are_not(params: Params, counts: tuple[int, ...]) -> None:
    model = learnt(group(counts), params)
    assert model.members == NAMES[: len(counts)]
    asked, labels = people([5] * len(counts), seed=9)
    confidence = model.predict(asked)
    assert np.array_equal(confidence.argmax(axis=1), labels)
    assert (confidence.max(axis=1) >= THRESHOLD).mean() > 0.9
    strangers, _ = people([0] * 10 + [5] * 5, seed=9)
    assert (model.predict(strangers) < THRESHOLD).all()


def test_the_threshold_is_never_below_what_strangers_reach(params: Params) -> None:
    for counts in [(1,), (1, 1), (10, 10, 10), (40, 3)]:
        strangers = stranger_likeness(EMBEDDER, params.train.false_name_rate, max(counts))
        assert learnt(group(counts), params).open_set.threshold >= strangers


def test_a_tolerance_can_only_make_it_stricter(params: Params) -> None:
    data = group((10, 10, 10))
    measured = learnt(data, params).open_set.threshold
    for tolerance, threshold in [(1.0, measured), (2.0, measured), (0.05, 0.95)]:
        wanted = replace(params, nearest=replace(params.nearest, tolerance=tolerance))
        assert learnt(data, wanted).open_set.threshold == pytest.approx(threshold)


def test_fewer_false_names_cost_a_higher_threshold(params: Params) -> None:
    strict, lenient = (replace(params, train=replace(params.train, false_name_rate=rate)) for rate in (0.001, 0.3))
    data = group((1, 1, 1))
    assert learnt(data, strict).open_set.threshold > learnt(data, lenient).open_set.threshold


@pytest.mark.parametrize(
    ("wanted", "counts", "taken"),
    [("svm", (9, 9), "svm"), ("nearest", (9, 9), "nearest"), ("nearest", (9,), "nearest"), ("auto", (9,), "nearest")],
)
def test_the_classifier_asked_for_is_taken(params: Params, wanted: str, counts: tuple[int, ...], taken: str) -> None:
    assert learnt(group(counts), with_classifier(params, wanted)).classifier.name == taken


@pytest.mark.parametrize("spread", [0.1, 0.35], ids=["easy", "hard"])
def test_auto_takes_the_one_that_is_right_most_often(params: Params, spread: float) -> None:
    model = learnt(group((20, 20, 20), spread), with_classifier(params, "auto"))
    fits = json.loads(Path("models", "trio", "fit.json").read_text())
    assert set(fits) == set(params.train.candidates)
    assert fits[model.classifier.name]["cv_accuracy"] == max(fit["cv_accuracy"] for fit in fits.values())
    assert all(fit["fit_s"] >= 0 for fit in fits.values())


def test_what_could_not_be_tried_has_no_accuracy(params: Params) -> None:
    learnt(group((1, 1, 1)), params)
    fits = json.loads(Path("models", "trio", "fit.json").read_text())
    assert [fit["cv_accuracy"] for fit in fits.values()] == [None] * len(params.train.candidates)


@pytest.mark.parametrize(
    ("wanted", "counts", "error", "message"),
    [
        ("nonsense", (5, 5), ParamsError, "'nonsense' is not a classifier .*nearest, svm"),
        ("svm", (5,), DatasetError, "at least two members"),
        ("auto", (), DatasetError, "no face is left to learn from"),
    ],
)
def test_what_cannot_be_learnt_is_refused_and_leaves_no_model(
    params: Params, wanted: str, counts: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        train.main(group(counts), with_classifier(params, wanted))
    assert "\n" not in str(caught.value)
    assert not list(Path("models").glob("*"))


def test_a_group_with_test_faces_only_has_nothing_to_learn_from(params: Params) -> None:
    with pytest.raises(DatasetError, match="no face is left"):
        train.main(group((5, 5), side=TEST), params)


def test_the_test_side_is_kept_beside_the_model_and_changes_nothing_it_says(params: Params) -> None:
    vectors, labels = people((9, 9))
    sides = [TEST if number % 3 == 0 else TRAIN for number in range(18)]
    split, learnt_only = Path("data", "split"), Path("data", "learnt")
    write_split(split, vectors, [NAMES[label] for label in labels], sides)
    rows = [number for number, side in enumerate(sides) if side == TRAIN]
    write_split(learnt_only, vectors[rows], [NAMES[labels[row]] for row in rows], [TRAIN] * len(rows))
    asked, _ = people((9, 9), seed=4)
    assert learnt(split, params).likeness(asked).tolist() == learnt(learnt_only, params).likeness(asked).tolist()
    whole = load_whole(Path("models", "split"), params)
    assert len(whole.gallery.faces[1]) == 18
    assert np.allclose(whole.likeness(vectors)[np.arange(18), labels], 1.0, atol=0.2)


def test_the_same_faces_make_the_same_model(params: Params) -> None:
    data = group((9, 9, 9), spread=0.3)
    asked, _ = people((9, 9, 9), spread=0.3, seed=4)
    answers = []
    for _ in range(2):
        model = learnt(data, params)
        answers.append((hashes(Path("models", "trio")), model.predict(asked).tobytes()))
    assert answers[0] == answers[1]


def test_a_new_model_takes_the_whole_folder(params: Params) -> None:
    train.main(group((9, 9)), params)
    files = {"fit.json", "model.json", "gallery", "aside", "nearest.parquet"}
    assert {path.name for path in Path("models", "trio").iterdir()} == files | {"svm.skops"}
    train.main(group((9,)), params)
    assert {path.name for path in Path("models", "trio").iterdir()} == files
    assert [path.name for path in Path("models").iterdir()] == ["trio"]


def test_the_model_says_whose_vectors_it_understands(params: Params) -> None:
    model = learnt(group((3, 3)), params)
    assert {"embedder": model.embedder, "embedder_sha256": model.embedder_sha256}.items() <= EMBEDDER.items()


def test_only_the_training_side_is_learnt(params: Params) -> None:
    vectors, labels = people((6, 6))
    other = unit(np.eye(32)[5:7])
    members = [NAMES[label] for label in labels] + ["juno", "only tested"]
    keys = write_split(Path("data", "trio"), np.concatenate([vectors, other]), members, [TRAIN] * 12 + [TEST] * 2)
    learn, test = read_side(Path("data", "trio"), TRAIN), read_side(Path("data", "trio"), TEST)
    assert learn.keys.tolist() == keys[:12]
    assert learn.members == test.members == ("juno", "mira")
    assert test.keys.tolist() == keys[12:13]  # who was never learnt cannot be named
    assert test.vectors == pytest.approx(other[:1])
    assert learnt(Path("data", "trio"), params).members == ("juno", "mira")


def test_a_side_follows_the_split_not_the_vectors_for_who_a_face_is(params: Params) -> None:
    vectors, labels = people((4, 4))
    data = Path("data", "trio")
    write_split(data, vectors, [NAMES[label] for label in labels], [TRAIN] * 8)
    rows = read_table(data / "split.parquet", SPLIT)
    rows.loc[0, "member"] = "mira"  # a person gave the face to her
    write_table(data / "split.parquet", rows.sample(frac=1, random_state=0), SPLIT)
    side = read_side(data, TRAIN)
    assert side.labels.tolist() == [1, 0, 0, 0, 1, 1, 1, 1]
    assert side.vectors == pytest.approx(vectors)
