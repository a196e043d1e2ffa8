"""Fine-tuning: the embedder in Keras learns to tell the members apart, first a new head on it, then its last layers.

All that comes before the layers that learn gives the same for a picture in every epoch and every fold: it is computed
once and kept. Batch normalisation stays as it is throughout, since a few dozen faces make no statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from pipeline.classifiers import Examples, balanced
from pipeline.classifiers.augment import altered
from pipeline.classifiers.keras_backend import keras, keras_bytes
from pipeline.classifiers.rebuild import rebuilt, renewed
from pipeline.images import read_still
from pipeline.models.fold import folded
from pipeline.models.pixels import pixels
from pipeline.models.weights import Weights
from pipeline.params import FineTune
from pipeline.pinned import fetched
from pipeline.records import Float32, Ints, Rgb
from pipeline.unit import unit

SCALE: Final = 16.0  # of the cosines, so that a softmax of them can be sure (Wang et al. 2018)
AT_ONCE: Final = 8  # photos, with all their copies
KERNELS: Final = {"Conv2D", "DepthwiseConv2D", "Dense"}

Float16 = npt.NDArray[np.float16]
Curves = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it.

    network: an ONNX file; weights: those of the Keras model; means (members, d): the mean faces that the head began
    with; centres (members, d): the head; curves: loss and accuracy of each epoch.
    """

    network: bytes
    weights: list[Float32]
    means: Float32
    centres: Float32
    curves: Curves


class Tuner:
    """The embedder in Keras, parted where learning begins, and what the part before says of each photo."""

    def __init__(self, embedder: Weights, params: FineTune, seed: int) -> None:
        """`embedder` is of the network to be tuned; `seed` makes all that follows repeatable."""
        self._params, self._seed, self._recipe = params, seed, embedder
        self._network = folded(fetched(embedder))
        self._whole = rebuilt(self._network)
        self._start: list[Float32] = self._whole.get_weights()
        kernels = [layer for layer in self._whole.layers if type(layer).__name__ in KERNELS]
        self._learning = kernels[-params.layers :]
        border = self._learning[0].input
        self._before = keras().Model(self._whole.input, border)
        self._after = keras().Model(border, self._whole.output)
        self._seen: dict[str, Float16] = {}

    def tune(self, faces: Examples) -> Tuned:
        """Tune on `faces`, anew each time: what was learnt from others is forgotten."""
        keras().utils.set_random_seed(self._seed)
        self._whole.set_weights(self._start)
        pictures = self._pictures(faces.crops)
        head = keras().layers.Dense(
            int(faces.labels.max()) + 1, use_bias=False, kernel_constraint=keras().constraints.UnitNorm(axis=0)
        )
        cosines = head(keras().layers.UnitNormalization()(self._after.output))
        learner = keras().Model(self._after.input, keras().layers.Rescaling(SCALE)(cosines))
        means = _means(faces)
        head.set_weights([means.T])
        for layer in learner.layers:
            layer.trainable = layer is head
        head_alone = self._learn(learner, pictures, faces.labels, self._params.head_epochs, self._params.head_rate)
        for layer in self._learning:
            layer.trainable = True
        all_of_it = self._learn(learner, pictures, faces.labels, self._params.epochs, self._params.rate)
        curves = {name: head_alone[name] + all_of_it[name] for name in head_alone}
        centres = np.ascontiguousarray(head.get_weights()[0].T)
        return Tuned(renewed(self._network, self._whole), self._whole.get_weights(), means, centres, curves)

    def keras_file(self, tuned: Tuned) -> bytes:
        """The .keras file of a tuned embedder with its head: what the embedder takes, channels last, to cosines."""
        self._whole.set_weights(tuned.weights)
        head = keras().layers.Dense(len(tuned.centres), use_bias=False, name="head")
        unit = keras().layers.UnitNormalization(name="unit")(self._whole.output)
        model = keras().Model(self._whole.input, head(unit), name="finetune")
        head.set_weights([tuned.centres.T])
        return keras_bytes(model)

    def _learn(self, learner: Any, pictures: list[Float16], labels: Ints, epochs: int, rate: float) -> Curves:
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        learner.compile(keras().optimizers.Adam(rate), loss, metrics=["accuracy"])
        rng = np.random.default_rng(self._seed)
        curves: Curves = {"loss": [], "accuracy": []}
        for _ in range(epochs):
            drawn = np.stack([copies[rng.integers(len(copies))] for copies in pictures]).astype(np.float32)
            order = rng.permutation(len(labels))
            done = learner.fit(
                drawn[order],
                labels[order],
                batch_size=self._params.batch,
                class_weight=dict(enumerate(balanced(labels).tolist())),
                shuffle=False,
                verbose=0,
            )
            for name, values in curves.items():
                values.append(round(float(done.history[name][0]), 5))
        return curves

    def _pictures(self, paths: Sequence[str] | npt.NDArray[np.str_]) -> list[Float16]:
        """What the frozen part says of each photo, its mirror image and its altered copies: (copies, ...) of each."""
        new = [path for path in dict.fromkeys(map(str, paths)) if path not in self._seen]
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            copies = np.concatenate([self._copies(read_still(Path(path))) for path in some])
            given = pixels(self._recipe, copies, self._recipe.size_px).transpose(0, 2, 3, 1)
            found = np.asarray(self._before(given, training=False), np.float16)  # a quarter of a gigabyte, not half
            self._seen.update(zip(some, found.reshape(len(some), -1, *found.shape[1:]), strict=True))
        return [self._seen[str(path)] for path in paths]

    def _copies(self, crop_rgb: Rgb) -> Rgb:
        rng = np.random.default_rng([self._seed, crc32(crop_rgb.tobytes())])  # of the picture, wherever it stands
        return np.stack([crop_rgb, crop_rgb[:, ::-1], *(altered(crop_rgb, rng) for _ in range(self._params.variants))])


def _means(faces: Examples) -> Float32:
    """The mean direction of each member's vectors (members, d), where the head begins."""
    sums = np.zeros((int(faces.labels.max()) + 1, faces.vectors.shape[1]), np.float32)
    np.add.at(sums, faces.labels, faces.vectors)
    return unit(sums)
