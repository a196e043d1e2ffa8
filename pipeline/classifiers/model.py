"""A group's model: everything needed to name a face, kept in one folder without pickle.

models/<group>/model.json holds the numbers and the members, <classifier>.skops each classifier that was tried.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from skops import io as skops_io

from pipeline.classifiers import Classifier
from pipeline.classifiers.nearest import Nearest
from pipeline.classifiers.openset import OpenSet
from pipeline.classifiers.svm import Svm
from pipeline.errors import ModelError
from pipeline.files import sha256_of, write_json, written_whole
from pipeline.params import Params
from pipeline.records import Float32, Float64, Ints

NAMES: Final = ("nearest", "svm")  # the first of equally good ones is taken: the one that also tells strangers
THRESHOLD: Final = 0.5  # the confidence from which a face is named; open_set puts it where the likeness bears it
OUT_OF_QUESTION: Final = 1e6  # a score so low that no other doubt counts beside it
GALLERY: Final = "nearest"  # every model keeps it: its likeness is what tells strangers
FITS_FILE: Final = "fit.json"


def new_classifier(name: str, params: Params, c: float | None = None) -> Classifier:
    """An unfitted classifier; `c` is the SVM's, the first of params when not given."""
    if name == "svm":
        return Svm(params.svm.c[0] if c is None else c, params.train.seed)
    if name == "nearest":
        return Nearest(params.nearest.neighbours)
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

    def with_faces(self, vectors: Float32, labels: Ints) -> Model:
        """The same model with more faces, vectors (n, d) of members labels (n,), among those it compares with."""
        grown = self.gallery.with_faces(vectors, labels)
        nearest = self.classifier.name == GALLERY
        return replace(self, gallery=grown, classifier=grown if nearest else self.classifier)


def save(folder: Path, model: Model, candidates: Mapping[str, Classifier]) -> None:
    """Write the model and every candidate classifier into `folder`."""
    for name, classifier in candidates.items():
        with written_whole(folder / f"{name}.skops") as temporary:
            temporary.write_bytes(_reproducible(skops_io.dumps(dict(classifier.state()))))
    write_json(
        folder / "model.json",
        {
            "members": list(model.members),
            "classifier": model.classifier.name,
            "temperature": model.temperature,
            "open_set": asdict(model.open_set),
            "embedder": model.embedder,
            "embedder_sha256": model.embedder_sha256,
        },
    )


def load(folder: Path, params: Params) -> Model:
    """Read the model in `folder`; ModelError when there is none or a file is not what `save` writes."""
    path = folder / "model.json"
    if not path.is_file():
        raise ModelError(f"no model at {folder}: run 'dvc repro' first (or 'dvc pull' if somebody else built it)")
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        classifier = restored(folder, numbers["classifier"], params)
        gallery = restored(folder, GALLERY, params)
        assert isinstance(gallery, Nearest)  # noqa: S101 - that is what GALLERY names
        return Model(
            members=tuple(numbers["members"]),
            classifier=classifier,
            gallery=gallery,
            temperature=numbers["temperature"],
            open_set=OpenSet(**numbers["open_set"]),
            embedder=numbers["embedder"],
            embedder_sha256=numbers["embedder_sha256"],
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise _damaged(path, error) from None


def restored(folder: Path, name: str, params: Params) -> Classifier:
    """The fitted classifier called `name` of the model in `folder`; ModelError when it is missing or damaged."""
    classifier = new_classifier(name, params)
    path = folder / f"{name}.skops"
    try:
        classifier.restore(skops_io.load(path, trusted=[]))
    except (KeyError, TypeError, ValueError, OSError, BadZipFile) as error:
        raise _damaged(path, error) from None
    return classifier


def read_fits(folder: Path) -> dict[str, Any]:
    """By name, how each candidate of the model in `folder` did when it was fitted; ModelError when that is damaged."""
    path = folder / FITS_FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError, OSError) as error:
        raise _damaged(path, error) from None


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that decides what the model in `folder` says, by file name; how long it took does not."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in {".json", ".skops"}]
    return {path.name: sha256_of(path) for path in files if path.name != FITS_FILE}


def _reproducible(archive: bytes) -> bytes:
    """The same skops archive without dates and memory addresses, so that the same model is always the same bytes."""
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers) + 1)) + match[3]

    renamed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(renamed, "w") as target:
        schema = source.read("schema.json").decode()
        schema = re.sub(r'("__id__": |"file": ")(\d+)(\.npy"|)', numbered, schema)
        target.writestr(zipfile.ZipInfo("schema.json"), schema)
        for name in source.namelist():
            if name != "schema.json":
                address, suffix = name.split(".", 1)
                target.writestr(zipfile.ZipInfo(f"{numbers.get(address, address)}.{suffix}"), source.read(name))
    return renamed.getvalue()


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path} is damaged ({' '.join(str(error).split())}): run 'dvc checkout' or 'dvc repro -f'")
