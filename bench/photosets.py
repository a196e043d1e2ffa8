"""Photos of known people for the measurements: faces and vectors, made once by Lineup's own stages and kept."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import recipe

from pipeline import clean, embed, faces
from pipeline.classifiers import Examples, understood
from pipeline.classifiers.model import Model
from pipeline.curate import bounds_of
from pipeline.curation.judging import judge
from pipeline.curation.strangers import stranger_metadata
from pipeline.files import sha256_of, written_whole
from pipeline.images import read_small
from pipeline.intake import import_photos
from pipeline.models.weights import chosen_embedder
from pipeline.params import Params
from pipeline.pinned import weights_folder
from pipeline.progress import track
from pipeline.side import Side
from pipeline.tables import read_vectors
from pipeline.train import Tried, train

TESTED = 20
HOG_SIDE_PX = 640  # the longer side at which HOG, slow as it is, looks for faces


@dataclass(frozen=True)
class Photos:
    """Faces of one folder: key, member, group of copies, crop (n,); vectors (n, d); dlib (n, 128), NaN without face."""

    rows: pd.DataFrame
    vectors: np.ndarray
    dlib: np.ndarray

    def __getitem__(self, which: np.ndarray) -> Photos:
        return Photos(self.rows[which].reset_index(drop=True), self.vectors[which], self.dlib[which])

    @property
    def members(self) -> np.ndarray:
        return self.rows["member"].to_numpy(str)

    @property
    def seen_by_hog(self) -> np.ndarray:
        return np.isfinite(self.dlib[:, :1]).all(axis=1) & (self.dlib.shape[1] > 0)


def prepared(folder: Path, cache: Path, params: Params, with_dlib: bool = False) -> Photos:
    """The faces of a folder of photos per person; what was done before with the same files is taken from `cache`."""
    folder, data = folder.resolve(), Path("data", "set")
    place = cache / f"{folder.parent.name}-{folder.name}-{_digest(folder)}"
    place.mkdir(parents=True, exist_ok=True)
    os.environ["LINEUP_WEIGHTS"] = str(weights_folder().resolve())
    with contextlib.chdir(place), contextlib.redirect_stdout(sys.stderr):
        import_photos(folder, data)
        for stage in (clean, faces, embed):  # they redo only what their parameters and networks ask for
            stage.main(data, params)
        rows, vectors = read_vectors(data / "embeddings.parquet")
        rows["crop"] = [str((data / "faces" / f"{key}.png").resolve()) for key in rows["key"]]
        wanted = with_dlib and recipe.is_there()
        return Photos(rows, vectors, _dlib_vectors(data, list(rows["key"])) if wanted else np.empty((len(rows), 0)))


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    told = "".join(f"{path.relative_to(folder)}\0{sha256_of(path)}\n" for path in files)
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _dlib_vectors(data: Path, keys: list[str]) -> np.ndarray:
    """(n, 128), the recipe's numbers of the first face that HOG finds, NaN where it finds none."""
    kept = data / "dlib.npz"
    known = dict(np.load(kept)) if kept.is_file() else {}
    if new := [key for key in keys if key not in known]:
        describe = recipe.describer()
        for key in track(new, "HOG and dlib", len(new)):
            found = describe(read_small(data / "clean" / f"{key}.jpg", HOG_SIDE_PX))
            known[key] = found[0] if found else np.full(128, np.nan)
        with written_whole(kept) as temporary, temporary.open("wb") as file:
            np.savez(file, **known)
    return np.array([known[key] for key in keys])


def divided(rows: pd.DataFrame, photos: Path, trusted: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are tested on, TESTED a member, and which are free to learn from: no copies of those."""
    tested = drawn(rows, _checked(photos, trusted, rows["key"]), TESTED, seed=0)
    return tested, ~rows["duplicate_group"].isin(rows["duplicate_group"][tested]).to_numpy()


def _checked(photos: Path, trusted: Path | None, keys: pd.Series) -> np.ndarray:
    """Which keys are of photos whose label was checked; all without a list."""
    if trusted is None:
        return np.ones(len(keys), bool)
    lines = trusted.read_text(encoding="utf-8").splitlines()
    hashes = {sha256_of(photos / line) for line in lines if (photos / line).is_file()}
    return keys.str.partition(".")[0].isin(hashes).to_numpy()


def drawn(rows: pd.DataFrame, among: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Which rows are drawn by lot: up to `count` of each member, of those `among`."""
    order = np.random.default_rng(seed).permutation(len(rows))
    order = order[among[order]]
    place = rows.iloc[order].groupby("member").cumcount().to_numpy()
    chosen = np.zeros(len(rows), bool)
    chosen[order[place < count]] = True
    return chosen


def taught(photos: Photos, params: Params, name: str) -> tuple[Model, Tried]:
    """The model that Lineup makes of `photos` with the classifier called `name`, and how that did when it was tried."""
    wanted = replace(params.train, classifier=name, candidates=(name,))
    network = chosen_embedder(params.models)
    metadata = {"embedder": network.name, "embedder_sha256": network.identity} | stranger_metadata(network.strangers)
    model, tried = train(_curated(photos, params), replace(params, train=wanted), metadata)
    return model, tried[name]


def _curated(photos: Photos, params: Params) -> Side:
    """The training side that Lineup makes of `photos`: without those that curate drops."""
    members, labels = np.unique(photos.members, return_inverse=True)
    metadata = stranger_metadata(chosen_embedder(params.models).strangers)
    bounds = bounds_of(metadata, labels, params)
    kept = judge(photos.vectors, labels, np.zeros(len(labels), bool), params.curate, bounds).kept
    groups, keys, crops = (photos.rows[kept][name].to_numpy(str) for name in ("duplicate_group", "key", "crop"))
    return Side(photos.vectors[kept], labels[kept], groups, keys, crops, tuple(members.tolist()))


def confidences(model: Model, photos: Photos) -> np.ndarray:
    """(n, members): what `model` says of `photos`, in the order of its members."""
    crops, groups = (photos.rows[name].to_numpy(str) for name in ("crop", "duplicate_group"))
    asked = Examples(photos.vectors, np.zeros(len(crops), np.int64), groups, crops)
    return model.predict(understood(model.classifier, asked))


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What every bench of photo sets is told."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--trusted", type=Path)
    parser.add_argument("--strangers", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
    parser.add_argument("--counts", type=lambda text: [int(word) for word in text.split(",")], default=[5, 10, 15, 40])
    parser.add_argument("--seeds", type=int, default=3)
    return parser
