"""The dense network: Keras learns it, ONNX Runtime answers; TensorFlow is never needed to name a face."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import ROOT
from standins import DIMENSIONS, examples, people, write_split

from pipeline import train
from pipeline.classifiers.dense import Dense, onnx_of
from pipeline.classifiers.keras_backend import keras
from pipeline.classifiers.model import load
from pipeline.errors import DatasetError, ModelError
from pipeline.params import Network, Params
from pipeline.records import TRAIN

SMALL = Network(widths=(24, 16), dropout=0.2, l2=0.0001, optimizer="adam", rate=0.01)


def small(params: Params, seed: int = 1) -> Dense:
    return Dense(SMALL, replace(params.dense, networks=(SMALL,), epochs=60), seed)


@pytest.fixture(scope="module")
def written(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a network that learnt three people."""
    folder = tmp_path_factory.mktemp("dense")
    dense = small(params)
    dense.fit(examples(*people((10, 10, 10))))
    dense.write(folder)
    return folder


@pytest.mark.parametrize("counts", [(10, 10, 10), (1, 1), (12, 1, 3)], ids=str)
def test_new_faces_score_highest_for_who_they_are(params: Params, counts: tuple[int, ...]) -> None:
    dense = small(params)
    dense.fit(examples(*people(counts)))
    asked, labels = people([4] * len(counts), seed=2)
    scores = dense.scores(asked)
    assert scores.shape == (len(labels), len(counts))
    assert np.array_equal(scores.argmax(axis=1), labels)
    assert dense.scores(asked[:0]).shape == (0, len(counts))


def test_keras_and_onnx_say_the_same(written: Path, params: Params) -> None:
    asked, _ = people((3, 3, 3), spread=0.4, seed=5)
    dense = small(params)
    dense.read(written)
    network = keras().saving.load_model(written / "dense.keras", safe_mode=True)
    assert np.abs(np.asarray(network(asked)) - dense.scores(asked)).max() < 1e-5
    onnx.checker.check_model(onnx.load(written / "dense.onnx"), full_check=True)


def test_a_network_that_onnx_would_answer_otherwise_is_not_kept(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dense = small(params)
    monkeypatch.setattr("pipeline.classifiers.dense.onnx_of", lambda weights: onnx_of([*weights[:-1], weights[-1] + 1]))
    dense.fit(examples(*people((4, 4))))
    with pytest.raises(ModelError, match=r"dense\.onnx differs from dense\.keras"):
        dense.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_address_of_this_process_is_in_the_files(written: Path) -> None:
    with zipfile.ZipFile(written / "dense.keras") as archive:
        shared = re.findall(rb'"shared_object_id": (\d+)', archive.read("config.json"))
    assert shared
    assert set(map(int, shared)) == set(range(1, len(set(shared)) + 1))


def test_the_same_faces_and_seed_make_the_same_files(written: Path, params: Params, tmp_path: Path) -> None:
    other = small(params, seed=2)
    other.fit(examples(*people((10, 10, 10))))
    again = small(params)
    again.fit(examples(*people((10, 10, 10))))
    again.write(tmp_path / "again")
    other.write(tmp_path / "other")
    for name in ("dense.keras", "dense.onnx", "dense_curves.json"):
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (written / name).read_bytes()


def test_the_curves_tell_each_epoch_and_where_it_stopped(written: Path, params: Params) -> None:
    curves = json.loads((written / "dense_curves.json").read_text())
    assert set(curves) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    (epochs,) = {len(values) for values in curves.values()}
    assert 1 < epochs <= 60
    assert curves["loss"][-1] < curves["loss"][0]
    assert epochs - 1 - int(np.argmin(curves["val_loss"])) <= params.dense.patience


def test_nothing_in_the_keras_file_is_code(written: Path) -> None:
    with zipfile.ZipFile(written / "dense.keras") as archive:
        assert set(archive.namelist()) == {"config.json", "metadata.json", "model.weights.h5"}
        assert "Lambda" not in archive.read("config.json").decode()


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08"], ids=str)
def test_a_file_that_is_no_network_is_a_value_error(params: Params, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dense.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"\S"):
        small(params).read(tmp_path)


LABEL = """
import sys
from pathlib import Path
import numpy as np
import pipeline.video.label
from pipeline.classifiers.model import load
from pipeline.params import read_params
model = load(Path("models/trio"), read_params(Path(sys.argv[1])))
assert model.classifier.name == "dense"
print(model.predict(np.load("asked.npy")).argmax(axis=1).tolist())
assert not {"tensorflow", "keras", "h5py"} & set(sys.modules), "TensorFlow was loaded"
"""


class TestAsTheGroupsClassifier:
    """By stage train, in a folder of its own."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def train(self, params: Params, *counts: int) -> Path:
        vectors, labels = people(counts)
        write_split(Path("data", "trio"), vectors, ["abc"[label] for label in labels], [TRAIN] * len(labels))
        wanted = replace(params.train, classifier="dense", candidates=("nearest",))
        params = replace(params, train=wanted, dense=replace(params.dense, networks=(SMALL,)))
        train.main(Path("data", "trio"), params)
        return Path("models", "trio")

    def test_it_is_trained_kept_and_used_without_tensorflow(self, params: Params) -> None:
        folder = self.train(params, 6, 6, 6)
        dense = {"dense.keras", "dense.onnx", "dense_curves.json"}
        assert {path.name for path in folder.iterdir()} == dense | {
            "fit.json",
            "model.json",
            "nearest.parquet",
            "aside",
            "gallery",
        }
        asked, labels = people((2, 2, 2), seed=3)
        np.save("asked.npy", asked)
        command = [sys.executable, "-c", LABEL, str(ROOT / "params.yaml")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert (done.stderr, done.stdout.strip()) == ("", str(labels.tolist()))
        (folder / "dense.onnx").write_bytes((folder / "dense.onnx").read_bytes()[:-1] + b"x")
        with pytest.raises(ModelError, match=r"dense is damaged"):
            load(folder, params)

    def test_one_photo_a_member_is_enough(self, params: Params) -> None:
        model = load(self.train(params, 1, 1), params)
        asked, labels = people((2, 2), seed=3)
        assert np.array_equal(model.predict(asked).argmax(axis=1), labels)
        assert asked.shape[1] == DIMENSIONS

    def test_a_single_member_has_nobody_to_be_told_from(self, params: Params) -> None:
        with pytest.raises(DatasetError, match="'dense' needs at least two members"):
            self.train(params, 5)


def test_tensorflow_starts_without_a_word() -> None:
    code = "from pipeline.classifiers.keras_backend import keras; keras().Sequential([keras().layers.Dense(2)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
