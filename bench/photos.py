"""Measures the names that faces get in group photos whose faces are known, by a model that never saw those photos.

    python bench/photos.py PHOTOS BOXES_CSV

PHOTOS holds a folder of photos per member. BOXES_CSV has the columns file, member, x0, y0, x1, y1: a row is a face, in
pixels, of a photo beside the table. A model is made in a temporary folder from the PHOTOS, without those that are as
alike to a face of the group photos as two copies of one photo.

alone          each face has the likeliest name, if it is likely enough
joint          one name once, all chosen together: `lineup photo`
everyone once  each member is in the photo, once: `lineup photo --everyone-once`

found: faces of the table that overlap one that was found, each another (hand-drawn boxes often hold the whole head);
right: of the faces of the table; wrong: with another member's name; others: faces not in the table that were named.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from pipeline import clean, curate, embed, faces, split, train
from pipeline.classifiers.model import THRESHOLD, Model, load_whole
from pipeline.decisions import COLUMNS, REJECT, decisions_path
from pipeline.images import read_still
from pipeline.intake import import_photos
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.geometry import iou_matrix
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Params, read_params
from pipeline.photo.detect import detect
from pipeline.photo.name import name_faces
from pipeline.progress import track
from pipeline.records import BOX
from pipeline.tables import read_vectors

SAME_PHOTO = 0.8  # the likeness of two copies; that of other photos of one person is rarely so high
MIN_IOU = 0.2


@dataclass(frozen=True)
class Looked:
    """A photo's rows of the table, the vectors (n, d) of the faces found, the member of each ('' if in no row)."""

    true: pd.DataFrame
    vectors: np.ndarray
    members: np.ndarray


def main(photos: Path, boxes: Path) -> None:
    params = read_params()
    started = time.perf_counter()
    table = pd.read_csv(boxes, dtype={"file": str, "member": str}, keep_default_na=False)
    looked = look_at(table, boxes.parent, params)
    print(f"{len(looked)} photos looked at in {time.perf_counter() - started:.1f} s", file=sys.stderr)
    model = model_of(photos.resolve(), np.concatenate([one.vectors for one in looked]), params)
    everyone = [one for one in looked if sorted(one.true["member"]) == list(model.members)]
    ways = {"alone": alone, "joint": name_of, "everyone once": lambda *given: name_of(*given, everyone_once=True)}
    rows = [{"photos": "all", "names": what} | counted(looked, model, ways[what]) for what in ("alone", "joint")]
    rows += [{"photos": "with everyone", "names": what} | counted(everyone, model, ways[what]) for what in ways]
    print(pd.DataFrame(rows).to_string(index=False))


def look_at(table: pd.DataFrame, folder: Path, params: Params) -> list[Looked]:
    """Every photo of the table, looked at as `lineup photo` does."""
    detector, embedder = RetinaFace(chosen_detector(params.models)), OnnxEmbedder(chosen_embedder(params.models))
    looked = []
    for name, true in track(list(table.groupby("file")), "group photos"):
        found, vectors = detect(read_still(folder / name), detector, embedder, params.photo)
        overlap = iou_matrix(true[BOX].to_numpy(np.float32), found.boxes_xyxy)
        rows, columns = linear_sum_assignment(-overlap)
        matched = overlap[rows, columns] >= MIN_IOU
        members = np.full(len(found), "", object)
        members[columns[matched]] = true["member"].to_numpy(object)[rows[matched]]
        looked.append(Looked(true, vectors, members))
    return looked


def model_of(photos: Path, kept_out: np.ndarray, params: Params) -> Model:
    """A model of all photos that are no copies of a face whose vector is among `kept_out` (n, d)."""
    with tempfile.TemporaryDirectory() as project, contextlib.chdir(project), contextlib.redirect_stdout(sys.stderr):
        data = Path("data", "group")
        import_photos(photos, data)
        for stage in (clean, faces, embed):
            stage.main(data, params)
        rows, vectors = read_vectors(data / "embeddings.parquet")
        copies = rows["key"][(vectors @ kept_out.T).max(axis=1) >= SAME_PHOTO]
        decisions = pd.DataFrame({"key": copies, "decision": REJECT, "member": ""}, columns=list(COLUMNS))
        decisions.to_csv(decisions_path(data), index=False)
        for stage in (curate, split, train):
            stage.main(data, params)
        return load_whole(Path("models", "group"), params)


def alone(vectors: np.ndarray, model: Model) -> np.ndarray:
    confidences = model.predict(vectors)
    return np.where(confidences.max(axis=1, initial=0.0) >= THRESHOLD, confidences.argmax(axis=1), -1)


def name_of(vectors: np.ndarray, model: Model, everyone_once: bool = False) -> np.ndarray:
    return name_faces(vectors, model, everyone_once).member


def counted(looked: list[Looked], model: Model, names: Callable[[np.ndarray, Model], np.ndarray]) -> dict[str, int]:
    """What came of it, counted over photos."""
    members = np.concatenate([one.members for one in looked])
    named = np.array([*model.members, ""], object)[np.concatenate([names(one.vectors, model) for one in looked])]
    in_table = members != ""
    return {
        "faces": sum(len(one.true) for one in looked),
        "found": int(in_table.sum()),
        "right": int((in_table & (named == members)).sum()),
        "wrong": int((in_table & (named != members) & (named != "")).sum()),
        "others": int((~in_table & (named != "")).sum()),
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
