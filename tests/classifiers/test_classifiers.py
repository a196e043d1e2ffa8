"""What every classifier must do, and what each does in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from standins import examples, people, unit

from pipeline.classifiers import Classifier
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.svm import Svm

Make = Callable[[], Classifier]


MAKES: dict[str, Make] = {
    "nearest": lambda: Nearest(3),
    "linear svm": lambda: Svm("linear", 1.0, 0.0, 7),
    "rbf svm": lambda: Svm("rbf", 1.0, 1.0, 7),
}


@pytest.fixture(params=MAKES.values(), ids=MAKES.keys())
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


@pytest.mark.parametrize("counts", [(8, 8, 8), (5, 5), (1, 1), (30, 1, 3)], ids=str)
def test_new_faces_score_highest_for_who_they_are(make: Make, counts: tuple[int, ...]) -> None:
    classifier = make()
    classifier.fit(examples(*people(counts, seed=1)))
    vectors, labels = people([4] * len(counts), seed=2)
    scores = classifier.scores(vectors)
    assert scores.shape == (len(labels), len(counts))
    assert np.array_equal(scores.argmax(axis=1), labels)


def test_a_face_is_scored_by_itself_whatever_the_order_of_learning(make: Make) -> None:
    vectors, labels = people((6, 6, 6), seed=1)
    asked, _ = people((2, 2, 2), seed=2)
    order = np.random.default_rng(3).permutation(len(labels))
    first, second = make(), make()
    first.fit(examples(vectors, labels))
    second.fit(examples(vectors[order], labels[order]))
    assert second.scores(asked) == pytest.approx(first.scores(asked), abs=0.05)
    assert first.scores(asked[:1]) == pytest.approx(first.scores(asked)[:1])
    assert len(first.scores(asked[:0])) == 0


def test_fitting_twice_gives_the_same(make: Make) -> None:
    faces = people((9, 9, 9), spread=0.4)
    first, second = make(), make()
    first.fit(examples(*faces))
    second.fit(examples(*faces))
    assert np.array_equal(first.scores(faces[0]), second.scores(faces[0]))


@pytest.mark.parametrize("counts", [(5, 5, 5), (5, 5)], ids=["three members", "two members"])
def test_it_comes_back_from_its_files_as_it_was(make: Make, tmp_path: Path, counts: tuple[int, ...]) -> None:
    vectors, labels = people(counts)
    classifier, again = make(), make()
    classifier.fit(examples(vectors, labels))
    classifier.write(tmp_path)
    again.read(tmp_path)
    assert {path.stem.partition("_")[0] for path in tmp_path.iterdir()} == {classifier.name}
    assert np.array_equal(again.scores(vectors), classifier.scores(vectors))


def test_the_same_classifier_makes_the_same_files(make: Make, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        classifier = make()
        classifier.fit(examples(*people((5, 5, 5), spread=0.3)))
        classifier.write(tmp_path / folder)
    assert {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()
    }


def test_nearest_is_half_the_mean_face_and_half_the_most_alike_ones() -> None:
    nearest = Nearest(neighbours=2)
    vectors = unit([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    nearest.fit(examples(vectors, np.array([0, 0, 0, 1])))
    own = 1 / np.sqrt(2)
    # The mean of the three points where the third does: cosine 0.7071; the two most alike are 1 and 0.7071.
    assert nearest.scores(unit([[1, 0, 0]])) == pytest.approx(np.array([[(own + (1 + own) / 2) / 2, 0.0]]))
    assert nearest.scores(unit([[0, 0, -1]])) == pytest.approx(np.array([[0.0, -1.0]]))


def test_nearest_asks_no_more_faces_than_there_are() -> None:
    few, many = Nearest(1), Nearest(100)
    one_each = people((1, 1))
    few.fit(examples(*one_each))
    many.fit(examples(*one_each))
    assert many.scores(one_each[0]) == pytest.approx(few.scores(one_each[0]))


def test_the_svm_heeds_the_rarer_member() -> None:
    machine = Svm("linear", 1.0, 0.0, 0)
    machine.fit(examples(*people((200, 2), spread=0.15, seed=4)))
    asked, labels = people((50, 50), spread=0.15, seed=5)
    assert (machine.scores(asked).argmax(axis=1) == labels).mean() > 0.9
