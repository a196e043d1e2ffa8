"""The embedder itself, fine-tuned on the group's photos (tuning.py), with a new head; used without TensorFlow.

It only tells members apart. Who is a stranger the likeness of the embedder as it was says, as for every classifier: a
network that was tuned on a few dozen faces takes more strangers for members, and how many more nobody can measure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.classifiers import CURVES, Classifier, Examples
from pipeline.classifiers.state import read_state, write_state
from pipeline.files import write_bytes, write_json
from pipeline.models import Embedder
from pipeline.models.embedder import TunedEmbedder
from pipeline.models.weights import Weights, chosen_embedder
from pipeline.params import Params
from pipeline.records import Float32, Float64

if TYPE_CHECKING:
    from pipeline.classifiers.tuning import Tuned, Tuner


class FineTuned:
    """Scores are the means of two cosines, which together told members apart better than either (docs/finetune.md).

    One is to each member's mean face, as the embedder was; the other to its centre of the head, as it is now.
    """

    name = "finetune"
    embedder: Embedder | None = None

    @classmethod
    def settings(cls, params: Params) -> list[Callable[[], Classifier]]:
        """The one of section finetune, with one tuner for all folds."""
        base = chosen_embedder(params.models)
        return [partial(cls, base, tuner_of(base, params))]

    def __init__(self, base: Weights, tuner: Callable[[], Tuner]) -> None:
        """`base` is of the embedder that is tuned; `tuner` gives who does it, one for many fits to save work."""
        self._base, self._tuner = base, tuner
        self._centres: Float32 = np.empty((0, 0), np.float32)
        self._tuned: Tuned | None = None

    def fit(self, faces: Examples) -> None:
        """Tune the embedder on the crops of at least two members, each with its mirror image and altered copies."""
        self._tuned = self._tuner().tune(faces)
        both = np.concatenate([self._tuned.means, self._tuned.centres], axis=1)
        self._centres = (both / np.sqrt(2.0)).astype(np.float32)
        self.embedder = TunedEmbedder(self._base, self._tuned.network)

    def scores(self, vectors: Float32) -> Float64:
        """Mean cosines (n, members)."""
        return vectors.astype(np.float64) @ self._centres.T.astype(np.float64)

    def write(self, folder: Path) -> None:
        """Write finetune.onnx, .keras (the embedder with the head on it), .skops (the head) and _curves.json."""
        if self._tuned is None:
            raise ValueError("only what was fitted is written")
        write_bytes(folder / f"{self.name}.onnx", self._tuned.network)
        write_bytes(folder / f"{self.name}.keras", self._tuner().keras_file(self._tuned))
        write_state(folder / f"{self.name}.skops", {"centres": self._centres})
        write_json(folder / f"{self.name}{CURVES}", self._tuned.curves)

    def read(self, folder: Path) -> None:
        """Open finetune.onnx and take the head from finetune.skops."""
        self._centres = read_state(folder / f"{self.name}.skops")["centres"]
        network = (folder / f"{self.name}.onnx").read_bytes()
        try:
            self.embedder = TunedEmbedder(self._base, network)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime has many of its own
            raise ValueError(str(error)) from None


def tuner_of(base: Weights, params: Params) -> Callable[[], Tuner]:
    """Gives the one tuner of all classifiers that this is handed to; TensorFlow starts when it is first asked for."""

    @cache
    def tuner() -> Tuner:
        from pipeline.classifiers.tuning import Tuner

        return Tuner(base, params.finetune, params.train.seed)

    return tuner
