"""A group that faces can be named with: its roster, its model, and the networks that the model was made with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.classifiers.model import Model, hashes, load_whole
from pipeline.errors import DatasetError, ModelError
from pipeline.layout import DATA, model_of
from pipeline.models import Detector, Embedder
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Params
from pipeline.roster import Roster, read_roster


@dataclass(frozen=True, slots=True)
class Group:
    """What faces are named with.

    Every member that `model`, whose files have these `hashes`, can name is in `roster`; its vectors are `embedder`'s.
    """

    roster: Roster
    model: Model
    hashes: dict[str, str]
    detector: Detector
    embedder: Embedder


def open_group(name: str, params: Params, folder: Path | None = None) -> Group:
    """Read the group called `name` of the project in the current folder, with its model, or the one in `folder`.

    Raises ModelError when its model is missing, damaged or of another embedder, and the errors of the roster's file.
    """
    folder = folder or model_of(name)
    model = load_whole(folder, params)
    detector, embedder = RetinaFace(chosen_detector(params.models)), _embedder_of(model, params)
    roster = read_roster(DATA / name)
    if gone := set(model.members) - set(roster.keys):
        raise DatasetError(
            f"the model names {', '.join(sorted(gone))}, who is not in roster.yaml: "
            "put the entry back, or run 'dvc repro'"
        )
    return Group(roster, model, hashes(folder), detector, embedder)


def _embedder_of(model: Model, params: Params) -> Embedder:
    """The embedder whose vectors `model` knows: its own, if it brings one, else that of params."""
    embedder = model.classifier.embedder or OnnxEmbedder(chosen_embedder(params.models))
    if (model.embedder, model.embedder_sha256) != (embedder.name, embedder.sha256):
        raise ModelError(f"this group's model knows vectors of {model.embedder} only: run 'dvc repro' to rebuild it")
    return embedder
