"""Fine-tuning on the real embedder: what it learns, the same each time, and using it needs no TensorFlow."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import ROOT, SAMPLE
from onnx import numpy_helper
from PIL import Image

from pipeline.classifiers import Examples, understood
from pipeline.classifiers.augment import altered
from pipeline.classifiers.finetune import FineTuned, tuner_of
from pipeline.classifiers.keras_backend import keras
from pipeline.errors import UnreadableImageError
from pipeline.images import read_still
from pipeline.models.detection import find_faces_in_photo
from pipeline.models.embedder import OnnxEmbedder, embed_faces
from pipeline.models.fold import folded
from pipeline.models.geometry import align
from pipeline.models.pixels import pixels
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import fetch, named
from pipeline.params import FineTune, Params

SFACE = named("sface")
QUICK = FineTune(layers=2, variants=1, batch=4, head_epochs=1, head_rate=0.001, epochs=1, rate=0.0001)
PHOTOS = {"juno": 2, "kaia": 1, "mira": 2}  # one of them with a single photo


@pytest.fixture(scope="module")
def faces(detector: RetinaFace, embedder: OnnxEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Aligned faces of the sample, as the stages leave them."""
    folder, paths, labels = tmp_path_factory.mktemp("faces"), [], []
    for label, (member, count) in enumerate(PHOTOS.items()):
        for path in sorted((SAMPLE / "photos" / member).glob("*.jpg")):
            if labels.count(label) == count:
                break
            with suppress(UnreadableImageError):  # the sample has such, too
                found = find_faces_in_photo(detector, picture := read_still(path), 640, 0.8)
                if len(found) != 1:
                    continue
                paths.append(str(folder / f"{path.stem}-{label}.png"))
                labels.append(label)
                Image.fromarray(align(picture, found.landmarks_xy[0])).save(paths[-1])
    crops = np.stack([read_still(Path(path)) for path in paths])
    each = np.arange(len(labels)).astype(str)
    return Examples(embed_faces(embedder, crops), np.array(labels), each, np.array(paths))


@pytest.fixture(scope="module")
def fitted(faces: Examples, params: Params) -> FineTuned:
    classifier = FineTuned(SFACE, tuner_of(SFACE, replace(params, finetune=QUICK)))
    classifier.fit(faces)
    return classifier


@pytest.fixture(scope="module")
def written(fitted: FineTuned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    fitted.write(folder)
    return folder


def test_it_names_whom_it_learnt(fitted: FineTuned, faces: Examples) -> None:
    assert fitted.embedder
    scores = fitted.scores(understood(fitted, faces))
    assert scores.shape == (5, 3)
    assert np.array_equal(scores.argmax(axis=1), faces.labels)
    assert fitted.scores(np.empty((0, 256), np.float32)).shape == (0, 3)


def test_only_the_last_layers_have_other_weights(written: Path) -> None:
    before = onnx.load(folded(fetch("sface"))).graph
    after = onnx.load(written / "finetune.onnx").graph
    assert [node.SerializeToString() for node in before.node] == [node.SerializeToString() for node in after.node]
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in before.initializer}
    changed = {one.name for one in after.initializer if not np.array_equal(kept[one.name], numpy_helper.to_array(one))}
    kernels = [node for node in after.node if node.op_type in ("Conv", "Gemm")][-2:]
    assert changed == {name for node in kernels for name in node.input if name in kept}


def test_the_first_half_of_its_vectors_is_what_the_embedder_said_before(
    fitted: FineTuned, faces: Examples, embedder: OnnxEmbedder
) -> None:
    vectors = fitted.embedder.embed(faces.crops_rgb)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[:, :128] * np.sqrt(2) == pytest.approx(embedder.embed(faces.crops_rgb), abs=1e-6)
    assert np.abs(vectors[:, :128] - vectors[:, 128:]).max() > 1e-4


def test_the_same_seed_and_photos_give_the_same_bytes(
    faces: Examples, params: Params, written: Path, tmp_path: Path
) -> None:
    tuner = tuner_of(SFACE, replace(params, finetune=QUICK))
    for some in (faces[np.array([0, 2, 3])], faces):  # what another fold learnt is forgotten
        again = FineTuned(SFACE, tuner)
        again.fit(replace(some, labels=np.unique(some.labels, return_inverse=True)[1]))
    again.write(tmp_path)
    assert hashes(tmp_path) == hashes(written)
    assert set(hashes(written)) == {f"finetune{end}" for end in (".keras", ".onnx", ".skops", "_curves.json")}


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_keras_and_onnx_say_the_same(written: Path, faces: Examples, fitted: FineTuned) -> None:
    network = keras().saving.load_model(written / "finetune.keras")
    given = pixels(SFACE, faces.crops_rgb).transpose(0, 2, 3, 1)
    tuned = OnnxEmbedder(SFACE, (written / "finetune.onnx").read_bytes()).embed(faces.crops_rgb)
    assert np.asarray(network(given)) == pytest.approx(tuned @ fitted._tuned.centres.T, abs=1e-4)


def test_what_was_written_is_used_without_tensorflow(written: Path, faces: Examples, fitted: FineTuned) -> None:
    code = f"""
import sys, numpy as np
from pipeline.classifiers.finetune import FineTuned
from pipeline.images import read_still
from pathlib import Path
from pipeline.models.weights import named
classifier = FineTuned(named("sface"), None)
classifier.read(Path({str(written)!r}))
vectors = classifier.embedder.embed(np.stack([read_still(Path(path)) for path in {faces.crops.tolist()!r}]))
print(classifier.scores(vectors).argmax(axis=1).tolist())
assert not {{"tensorflow", "keras"}} & set(sys.modules)
"""
    run = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == str(faces.labels.tolist())


@pytest.mark.parametrize("name", ["finetune.onnx", "finetune.skops"])
def test_a_damaged_file_is_told(written: Path, tmp_path: Path, name: str) -> None:
    for path in written.iterdir():
        (tmp_path / path.name).write_bytes(b"nonsense" if path.name == name else path.read_bytes())
    with pytest.raises((KeyError, TypeError, ValueError, OSError)):
        FineTuned(SFACE, None).read(tmp_path)


def test_altered_copies_are_faces_of_the_same_size_and_none_like_another(faces: Examples) -> None:
    crop, rng = faces.crops_rgb[0], np.random.default_rng(1)
    copies = [altered(crop, rng) for _ in range(20)]
    assert {(copy.shape, copy.dtype.name) for copy in copies} == {((112, 112, 3), "uint8")}
    assert len({copy.tobytes() for copy in [*copies, crop]}) == 21
    assert np.array_equal(altered(crop, np.random.default_rng(1)), copies[0])
