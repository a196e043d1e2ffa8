"""params.yaml, parsed once into frozen types; an unknown or missing key is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml

from pipeline.errors import ParamsError
from pipeline.typed import parse

PARAMS_FILE = Path("params.yaml")

# The lowest and the highest value (of a list: how many) that make sense; others are refused before any work is done.
Count = Annotated[int, 1, 1_000_000]
Share = Annotated[float, 0.0, 1.0]
GreyLevel = Annotated[float, 0.0, 255.0]
Degrees = Annotated[float, 0.0, 180.0]
# The words that are known.
Kernel = Literal["linear", "rbf"]
Optimizer = Literal["adam", "rmsprop", "sgd"]
Style = Literal["box", "corner", "name", "blur"]
Unknowns = Literal["box", "hidden"]
SourceName = Literal["commons", "openverse", "bing", "baidu", "google", "site", "url_list", "folder"]
Channels = Literal["rgb", "bgr"]
Seconds = Annotated[float, 0.01, 86_400.0]


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """An ONNX file of one's own, by path or https URL: what it must be, and how it wants its pixels.

    `mean`, in the order of `channels`, is subtracted from 0..255; what is left is multiplied by `scale`.
    """

    onnx: str
    sha256: str
    licence: str
    channels: Channels
    mean: Annotated[tuple[Annotated[float, -255.0, 255.0], ...], 3, 3]
    scale: Annotated[float, 1e-6, 1e3]


@dataclass(frozen=True, slots=True)
class OwnDetector(OwnNetwork):
    """A RetinaFace; `anchors`: for each feature map its stride, then the sizes of its anchors, in pixels."""

    anchors: Annotated[tuple[Annotated[tuple[Count, ...], 2, 10], ...], 1, 10] | None = None


@dataclass(frozen=True, slots=True)
class OwnEmbedder(OwnNetwork):
    """A network that turns aligned faces of `size_px` squared into vectors; `strangers` as in models/weights.py."""

    size_px: Annotated[int, 16, 1024]
    strangers: Annotated[tuple[Annotated[float, 0.001, 1.0], ...], 2, 3] | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """Names in models/weights.py, or files of one's own; with `accept_licence` they may be under any licence."""

    detector: str | OwnDetector
    embedder: str | OwnEmbedder
    accept_licence: bool


@dataclass(frozen=True, slots=True)
class Crawl:
    """Section crawl."""

    sources: tuple[SourceName, ...]
    keywords: tuple[str, ...]
    limit: Count
    depth: Count
    max_file_mb: Count
    connect_s: Seconds
    read_s: Seconds
    total_s: Seconds
    retries: Annotated[int, 0, 20]
    delay_s: Annotated[float, 0.0, 3600.0]


@dataclass(frozen=True, slots=True)
class Clean:
    """Section clean."""

    min_side_px: Annotated[int, 0, 1_000_000]
    max_side_px: Count
    max_megapixels: Count
    max_file_mb: Count
    frames_per_animation: Count
    duplicate_distance: Annotated[int, 0, 7]  # what duplicates.py finds all pairs of


@dataclass(frozen=True, slots=True)
class FaceGates:
    """Section faces: what a face must pass to be learnt from."""

    detect_side_px: Count
    min_score: Share
    min_face_px: Count
    prominence: Share
    min_sharpness: Annotated[float, 0.0, 1e6]
    min_light: GreyLevel
    max_light: GreyLevel
    max_yaw_deg: Degrees
    max_pitch_deg: Degrees
    max_roll_deg: Degrees
    max_occlusion: Annotated[float, 0.0, 1000.0]


@dataclass(frozen=True, slots=True)
class Curate:
    """Section curate."""

    neighbours: Count
    stranger_z: Annotated[float, 0.0, 1000.0]
    swap_margin: Annotated[float, 0.0, 2.0]


@dataclass(frozen=True, slots=True)
class Split:
    """Section split."""

    test_fraction: Share
    min_train: Count
    min_test: Annotated[int, 0, 1_000_000]


@dataclass(frozen=True, slots=True)
class Train:
    """Section train."""

    classifier: str
    candidates: tuple[str, ...]
    folds: Annotated[int, 2, 1000]
    false_name_rate: Annotated[float, 0.0001, 0.5]
    seed: Annotated[int, 0, 2**32 - 1]


@dataclass(frozen=True, slots=True)
class Svm:
    """Section svm."""

    kernels: Annotated[tuple[Kernel, ...], 1, 2]
    c: Annotated[tuple[Annotated[float, 1e-6, 1e6], ...], 1, 100]
    gamma: Annotated[tuple[Annotated[float, 1e-6, 1e6], ...], 1, 100]


@dataclass(frozen=True, slots=True)
class Nearest:
    """Section nearest."""

    neighbours: Count
    tolerance: Annotated[float, 0.0, 2.0]


@dataclass(frozen=True, slots=True)
class Network:
    """One of the networks of section dense: its hidden layers and how it learns."""

    widths: Annotated[tuple[Annotated[int, 1, 10_000], ...], 1, 10]
    dropout: Annotated[float, 0.0, 0.95]
    l2: Share
    optimizer: Optimizer
    rate: Annotated[float, 1e-6, 10.0]


@dataclass(frozen=True, slots=True)
class Dense:
    """Section dense."""

    networks: Annotated[tuple[Network, ...], 1, 20]
    epochs: Count
    patience: Count


@dataclass(frozen=True, slots=True)
class FineTune:
    """Section finetune."""

    layers: Annotated[int, 1, 100]
    variants: Annotated[int, 0, 100]
    batch: Count
    head_epochs: Count
    head_rate: Annotated[float, 1e-8, 1.0]
    epochs: Count
    rate: Annotated[float, 1e-8, 1.0]


@dataclass(frozen=True, slots=True)
class Analyse:
    """Section analyse."""

    detect_side_px: Count
    detect_every: Count
    min_score: Share
    min_face_px: Count
    embed_per_track: Count


@dataclass(frozen=True, slots=True)
class Photo:
    """Section photo."""

    min_score: Share
    min_face_px: Count


@dataclass(frozen=True, slots=True)
class Render:
    """Section render."""

    crf: Annotated[int, 1, 51]
    preset: str
    encoder: str
    style: Style
    unknowns: Unknowns


@dataclass(frozen=True, slots=True)
class Fancam:
    """Section fancam."""

    width: Count
    height: Count
    handle_s: Annotated[float, 0.0, 3600.0]


@dataclass(frozen=True, slots=True)
class Worker:
    """Section worker."""

    silent_min: Annotated[float, 0.1, 1440.0]


@dataclass(frozen=True, slots=True)
class Refresh:
    """Section refresh."""

    most_lost: Share
    least: Count
    failed_jump: Share
    dropped_jump: Share
    tolerance: Share
    significance: Annotated[float, 0.0001, 1.0]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a group is refreshed: minute, hour, day of the month, month, day of the week."""

    group: str
    cron: str


@dataclass(frozen=True, slots=True)
class Serve:
    """Section serve."""

    timezone: str
    schedules: tuple[Schedule, ...]


@dataclass(frozen=True, slots=True)
class Params:
    """The whole file; what each key means stands beside it in params.yaml."""

    groups: tuple[str, ...]
    models: Models
    crawl: Crawl
    clean: Clean
    faces: FaceGates
    curate: Curate
    split: Split
    train: Train
    svm: Svm
    nearest: Nearest
    dense: Dense
    finetune: FineTune
    analyse: Analyse
    photo: Photo
    render: Render
    fancam: Fancam
    worker: Worker
    refresh: Refresh
    serve: Serve


def read_params(path: Path = PARAMS_FILE) -> Params:
    """Read params.yaml.

    Raises ParamsError when the file is missing, is not YAML, or has an unknown, missing or wrongly typed key, or a
    number that makes no sense.
    """
    if not path.is_file():
        raise ParamsError(f"{path} is not there: run this in the project's folder")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML, mend this line: {' '.join(str(error).split())}") from None
    except UnicodeDecodeError:
        raise ParamsError(f"{path} is not UTF-8 text: save it as such") from None
    return parse(Params, document, path.name)
