"""A group's model: what it answers, and that its files come back as they were or are refused."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skops import io as skops_io
from standins import DIMENSIONS, examples, people, unit

from pipeline.classifiers import Classifier
from pipeline.classifiers.model import THRESHOLD, Model, hashes, load, load_whole, read_fits, restored, save, settings
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import OpenSet
from pipeline.errors import ModelError
from pipeline.params import Params

NAMES = ("nearest", "svm")  # test_dense.py has what takes TensorFlow
MEMBERS = ("mira", "수아", "<b>")
# Of the first member, as nobody has learnt her: like the fourth of the people.
ASIDE = Nearest(3).with_faces(people((0, 0, 0, 4))[0], np.zeros(4, np.int64))


def fitted(params: Params) -> dict[str, Classifier]:
    classifiers = {name: settings(name, params)[0]() for name in NAMES}
    for classifier in classifiers.values():
        classifier.fit(examples(*people((6, 6, 6))))
    return classifiers


def model_of(classifiers: dict[str, Classifier], name: str) -> Model:
    return Model(MEMBERS, classifiers[name], classifiers["nearest"], 0.1, OpenSet(0.5, 25.0), "sface", "f" * 64)


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, params: Params) -> Model:
    return model_of(fitted(params), request.param)


@pytest.fixture
def saved(tmp_path: Path, params: Params) -> Path:
    classifiers = fitted(params)
    save(tmp_path / "model", model_of(classifiers, "svm"), classifiers, ASIDE)
    return tmp_path / "model"


def test_its_own_are_named_and_strangers_are_not(model: Model) -> None:
    vectors, labels = people((4, 4, 4), seed=5)
    confidence = model.predict(vectors)
    assert confidence.shape == (12, 3)
    assert np.array_equal(confidence.argmax(axis=1), labels)
    assert (confidence.max(axis=1) >= THRESHOLD).all()
    strangers, _ = people((0,) * 3 + (5,) * 9, seed=6)
    assert (model.predict(strangers).max(axis=1) < THRESHOLD).all()


def test_confidences_are_shares_of_one(model: Model) -> None:
    faces = unit(np.random.default_rng(7).normal(size=(200, DIMENSIONS)) + people((1, 1, 1))[0].sum(axis=0))
    confidence = model.predict(np.concatenate([faces, people((9, 9, 9))[0]]))
    assert confidence.min() >= 0
    assert confidence.sum(axis=1).max() <= 1 + 1e-9


def test_no_face_gets_no_row(model: Model) -> None:
    assert model.predict(np.empty((0, DIMENSIONS), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_answers_as_before(tmp_path: Path, params: Params, name: str) -> None:
    classifiers = fitted(params)
    model = model_of(classifiers, name)
    save(tmp_path / "model", model, classifiers, ASIDE)
    again = load(tmp_path / "model", params)
    vectors, _ = people((5, 5, 5), spread=0.3, seed=8)
    assert np.array_equal(again.predict(vectors), model.predict(vectors))
    assert (again.members, again.classifier.name) == (MEMBERS, name)
    assert (again.embedder, again.embedder_sha256, again.open_set) == ("sface", "f" * 64, OpenSet(0.5, 25.0))
    kept = {"model.json", "aside/nearest.parquet", "gallery/nearest.parquet", "nearest.parquet", "svm.skops"}
    assert set(hashes(tmp_path / "model")) == kept


def test_faces_kept_aside_help_to_name_and_are_unknown_to_the_model_under_test(saved: Path, params: Params) -> None:
    asked, _ = people((0, 0, 0, 5), seed=8)
    assert (load_whole(saved, params).likeness(asked)[:, 0] > 0.5).all()
    assert (load(saved, params).likeness(asked)[:, 0] < 0.3).all()


def test_faces_kept_aside_that_are_missing_are_told(saved: Path, params: Params) -> None:
    shutil.rmtree(saved / "aside")
    with pytest.raises(ModelError, match="aside/nearest"):
        load_whole(saved, params)


def test_a_model_made_before_faces_were_kept_aside_names_with_those_it_has(saved: Path, params: Params) -> None:
    shutil.rmtree(saved / "aside")
    numbers = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    (saved / "model.json").write_text(json.dumps(numbers | {"files": hashes(saved)}), encoding="utf-8")
    asked, _ = people((5, 5, 5), seed=8)
    assert np.array_equal(load_whole(saved, params).predict(asked), load(saved, params).predict(asked))


def test_no_file_holds_a_pickle_or_a_type_to_be_trusted(saved: Path) -> None:
    assert {path.suffix for path in saved.rglob("*.*")} == {".json", ".parquet", ".skops"}
    for path in saved.rglob("*.skops"):
        assert skops_io.get_untrusted_types(file=path) == []
        with zipfile.ZipFile(path) as archive:
            assert {Path(name).suffix for name in archive.namelist()} <= {".json", ".npy"}


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"machine": 1}))


def a_hostile_type(path: Path) -> None:
    skops_io.dump({"machine": Path("x"), "neighbours": Path("x")}, path)


def another_classifiers(path: Path) -> None:
    folder = path.parent.parent if path.parent.name in ("gallery", "aside") else path.parent
    other = {"svm": "nearest.parquet", "nearest": "svm.skops"}[path.stem]
    path.write_bytes((folder / other).read_bytes())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_byte_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_longer_there(path: Path) -> None:
    path.unlink()


HARMS = [a_pickle, a_hostile_type, another_classifiers, cut, one_byte_changed, empty, no_longer_there]


@pytest.mark.parametrize("hash_too", [False, True], ids=["file alone", "its hash as well"])
@pytest.mark.parametrize("file", ["svm.skops", "gallery/nearest.parquet", "aside/nearest.parquet"])
@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_file_is_refused_by_name(
    saved: Path, params: Params, file: str, harm: Callable[[Path], None], hash_too: bool
) -> None:
    if hash_too and harm is one_byte_changed and file.endswith(".parquet"):
        pytest.skip("a number changed by somebody who also mends its hash is another number")
    if hash_too and harm is no_longer_there and file.startswith("aside"):
        pytest.skip("that is a model of before such faces were kept")
    harm(saved / file)
    if hash_too:
        numbers = json.loads((saved / "model.json").read_text(encoding="utf-8"))
        (saved / "model.json").write_text(json.dumps(numbers | {"files": hashes(saved)}), encoding="utf-8")
    with pytest.raises(ModelError, match=file.partition(".")[0]) as caught:
        load_whole(saved, params)
    assert "\n" not in str(caught.value)


def test_a_harmed_candidate_is_refused_though_another_is_the_model(saved: Path, params: Params) -> None:
    cut(saved / "nearest.parquet")
    assert load(saved, params).classifier.name == "svm"
    with pytest.raises(ModelError, match="nearest"):
        restored(saved, "nearest", params)


@pytest.mark.parametrize(
    "numbers",
    [
        "",
        "{",
        "[]",
        "null",
        "\udcff",
        {"classifier": None},
        {"classifier": "../../etc/passwd"},
        {"classifier": "nonsense"},
        {"files": None},
        {"files": ["svm.skops"]},
        {"files": {"svm.skops": 1}},
        {"members": None},
        {"open_set": {"threshold": 0.5}},
        {"open_set": {"threshold": 0.5, "slope": 1.0, "more": 1}},
    ],
    ids=lambda value: str(value)[:40] or "empty",
)
def test_numbers_that_save_would_not_write_are_refused(saved: Path, params: Params, numbers: str | dict) -> None:
    path = saved / "model.json"
    if isinstance(numbers, dict):
        numbers = json.dumps(json.loads(path.read_text(encoding="utf-8")) | numbers)
    path.write_bytes(numbers.encode(errors="surrogateescape"))
    with pytest.raises(ModelError) as caught:
        load(saved, params)
    assert "\n" not in str(caught.value)


def test_no_model_says_how_to_get_one(tmp_path: Path, params: Params) -> None:
    with pytest.raises(ModelError, match=r"no model at .*dvc repro"):
        load(tmp_path, params)


@pytest.mark.parametrize("text", [None, "", "[1]", "3"], ids=["absent", "empty", "a list", "a number"])
def test_damaged_figures_of_the_fit_are_refused(saved: Path, text: str | None) -> None:
    if text is not None:
        (saved / "fit.json").write_text(text)
    with pytest.raises(ModelError, match=r"fit\.json"):
        read_fits(saved)
