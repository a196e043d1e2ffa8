"""A group's model: everything needed to name a face, kept in one folder without pickle.

models/<group>/model.json holds the numbers, the members and the hashes of the files beside it: <classifier>.* of each
classifier that was tried, gallery/, the faces whose likeness tells strangers, and aside/, the faces of the test side.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from pipeline.classifiers import Classifier
from pipeline.classifiers.dense import Dense
from pipeline.classifiers.finetune import FineTuned
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import OpenSet
from pipeline.classifiers.svm import Svm
from pipeline.errors import ModelError
from pipeline.files import sha256_of, write_json
from pipeline.params import Params
from pipeline.records import Float32, Float64, Ints

# The simplest first: it is taken of equally good ones.
KINDS: Final[tuple[type[Classifier], ...]] = (Nearest, Svm, Dense, FineTuned)
NAMES: Final = tuple(kind.name for kind in KINDS)
THRESHOLD: Final = 0.5  # the confidence from which a face is named; open_set puts it where the likeness bears it
OUT_OF_QUESTION: Final = 1e6  # a score so low that no other doubt counts beside it
GALLERY: Final = "nearest"  # every model keeps one of this kind: its likeness is what tells strangers
GALLERY_FOLDER: Final = "gallery"
ASIDE_FOLDER: Final = "aside"
MODEL_FILE: Final = "model.json"
FITS_FILE: Final = "fit.json"
LEARNT: Final = {".parquet", ".skops", ".keras", ".onnx"}  # the files whose hashes stand in model.json


def settings(name: str, params: Params) -> list[Callable[[], Classifier]]:
    """What makes an unfitted classifier called `name`, for each of its settings that params.yaml wants tried."""
    for kind in KINDS:
        if kind.name == name:
            return kind.settings(params)
    raise ModelError(f"no classifier is called {name!r} (known: {', '.join(NAMES)})")


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted model; `embedder` and `embedder_sha256` say which vectors it understands."""

    members: tuple[str, ...]
    classifier: Classifier
    gallery: Nearest
    temperature: float
    open_set: OpenSet
    embedder: str
    embedder_sha256: str

    def predict(self, vectors: Float32, taken: npt.NDArray[np.bool_] | None = None) -> Float64:
        """Confidence, 0..1, that each vector (n, d) is each member: (n, members); rows sum to at most 1.

        The product of two: how sure it is which member this is, and how sure that it is no stranger. `taken`
        (n, members) marks whom a face cannot be, since somebody else is.
        """
        if not len(vectors):
            return np.empty((0, len(self.members)))
        taken = np.zeros((len(vectors), len(self.members)), bool) if taken is None else taken
        scores = self.classifier.scores(vectors) / self.temperature
        which = np.where(taken, 0.0, softmax(np.where(taken, -OUT_OF_QUESTION, scores), axis=1))
        return which * self.known(vectors)

    def known(self, vectors: Float32) -> Float64:
        """How sure it is, 0..1, that each vector (n, d) is no stranger who looks like that member: (n, members)."""
        return self.open_set.confidence(self.likeness(vectors))

    def likeness(self, vectors: Float32) -> Float64:
        """How alike each vector (n, d) is to each member's faces, -1..1: (n, members)."""
        return self.gallery.scores(vectors)

    def plain(self, vectors: Float32) -> Float32:
        """What the embedder alone says in vectors (n, d), as unit vectors: without what a tuned one adds."""
        return self.gallery.comparable(vectors)

    def with_faces(self, vectors: Float32, labels: Ints) -> Model:
        """The same model with more faces, vectors (n, d) of members labels (n,), among those it compares with."""
        grown = self.gallery.with_faces(vectors, labels)
        nearest = self.classifier.name == GALLERY
        return replace(self, gallery=grown, classifier=grown if nearest else self.classifier)


def save(folder: Path, model: Model, candidates: Mapping[str, Classifier], aside: Nearest) -> None:
    """Write the model, every candidate classifier, and the faces it is to be tested on into `folder`."""
    for classifier in candidates.values():
        classifier.write(folder)
    model.gallery.write(folder / GALLERY_FOLDER)
    aside.write(folder / ASIDE_FOLDER)
    numbers = {
        "members": list(model.members),
        "classifier": model.classifier.name,
        "temperature": model.temperature,
        "open_set": asdict(model.open_set),
        "embedder": model.embedder,
        "embedder_sha256": model.embedder_sha256,
    }
    write_json(folder / MODEL_FILE, numbers | {"files": _learnt(folder)})


def load_whole(folder: Path, params: Params) -> Model:
    """The model in `folder`, comparing with the faces that it is tested on too: it is to name, not to be tested.

    Raises ModelError as `load` does.
    """
    model = load(folder, params)
    if not any(Path(name).parts[0] == ASIDE_FOLDER for name in _read_json(folder / MODEL_FILE)["files"]):
        return model  # made before they were kept
    aside = Nearest(params.nearest.neighbours)
    _read(aside, folder, ASIDE_FOLDER)
    return model.with_faces(*aside.faces)


def load(folder: Path, params: Params) -> Model:
    """Read the model in `folder`; ModelError when there is none or a file is not what `save` wrote."""
    if not (folder / MODEL_FILE).is_file():
        raise ModelError(f"no model at {folder}: run 'dvc repro' first (or 'dvc pull' if somebody else built it)")
    numbers = _read_json(folder / MODEL_FILE)
    try:
        gallery = Nearest(params.nearest.neighbours)
        _read(gallery, folder, GALLERY_FOLDER)
        return Model(
            members=tuple(numbers["members"]),
            classifier=restored(folder, numbers["classifier"], params),
            gallery=gallery,
            temperature=numbers["temperature"],
            open_set=OpenSet(**numbers["open_set"]),
            embedder=numbers["embedder"],
            embedder_sha256=numbers["embedder_sha256"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder / MODEL_FILE, error) from None


def restored(folder: Path, name: str, params: Params) -> Classifier:
    """The fitted classifier called `name` of the model in `folder`; ModelError when it is missing or damaged."""
    classifier = settings(name, params)[0]()
    _read(classifier, folder)
    return classifier


def read_fits(folder: Path) -> dict[str, Any]:
    """By name, how each candidate of the model in `folder` did when it was fitted; ModelError when that is damaged."""
    return _read_json(folder / FITS_FILE)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that decides what the model in `folder` says, by path; how it was fitted does not."""
    return {MODEL_FILE: sha256_of(folder / MODEL_FILE)} | _learnt(folder)


def _learnt(folder: Path) -> dict[str, str]:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in LEARNT]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def _read(classifier: Classifier, folder: Path, within: str = "") -> None:
    """Have `classifier` read its files, in `folder` or in the folder `within` it, if they are what was written."""
    known = _read_json(folder / MODEL_FILE)
    place = Path(within) / classifier.name
    try:
        for name, sha256 in dict(known["files"]).items():
            if Path(name).with_suffix("") == place and sha256_of(folder / name) != sha256:
                raise ValueError(f"the hash of {name} is not the one in {MODEL_FILE}")
        classifier.read(folder / within)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise _damaged(folder / place, error) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path} is damaged ({' '.join(str(error).split())}): run 'dvc checkout' or 'dvc repro -f'")
