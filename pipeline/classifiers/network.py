"""The embedder that a model understands."""

from __future__ import annotations

from pipeline.classifiers import Embeds
from pipeline.classifiers.model import Model
from pipeline.errors import ModelError
from pipeline.models import Embedder
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.weights import chosen_embedder
from pipeline.params import Params


def embedder_of(model: Model, params: Params) -> Embedder:
    """The model's own, if it brings one, else that of params; ModelError when `model` knows vectors of another."""
    own = model.classifier if isinstance(model.classifier, Embeds) else None
    embedder = own.embedder if own else OnnxEmbedder(chosen_embedder(params.models))
    if (model.embedder, model.embedder_sha256) != (embedder.name, embedder.sha256):
        raise ModelError(f"this group's model knows vectors of {model.embedder} only: run 'dvc repro' to rebuild it")
    return embedder
