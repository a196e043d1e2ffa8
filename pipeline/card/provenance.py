"""What a model rests on: photos by source and licence, what was dropped, networks, and the hashes of all files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.classifiers.model import hashes
from pipeline.files import sha256_of
from pipeline.layout import STAGES_THAT_DROP, dropped_by
from pipeline.manifest import read_manifest
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Models
from pipeline.pinned import fetched
from pipeline.records import DROPPED
from pipeline.tables import read_table_if_there

DATA_FILES: Final = ("raw/manifest.parquet", "roster.yaml", "review.csv", "embeddings.parquet", "split.parquet")
MOST_SOURCES: Final = 20


@dataclass(frozen=True, slots=True)
class Source:
    """Photos of one source under one licence, '' where nobody stated it."""

    source: str
    licence: str
    photos: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Pictures that a stage dropped for one reason."""

    stage: str
    reason: str
    pictures: int


@dataclass(frozen=True, slots=True)
class Network:
    """A network the model depends on: what for, its name, licence and SHA-256."""

    role: str
    name: str
    licence: str
    sha256: str


def sources(data: Path) -> list[Source]:
    """Where the group's photos come from, the most frequent first, at most MOST_SOURCES; none without a manifest."""
    rows = read_manifest(data / "raw")
    counts = Counter(zip(rows["source"].fillna(""), rows["licence"].fillna(""), strict=True))
    return [Source(*pair, count) for pair, count in counts.most_common(MOST_SOURCES)]


def photos_of(data: Path) -> Counter[str]:
    """How many photos came in of each member."""
    return Counter(read_manifest(data / "raw")["member"])


def lost(data: Path) -> list[Lost]:
    """What was dropped, in the order of the stages, the commonest reason first."""
    found = []
    for stage in STAGES_THAT_DROP:
        reasons = read_table_if_there(dropped_by(stage, data), DROPPED)["reason"]
        found += [Lost(stage, reason, count) for reason, count in Counter(reasons).most_common()]
    return found


def networks(models: Models) -> list[Network]:
    """The networks that found and described the faces."""
    roles = {"detector": chosen_detector(models), "embedder": chosen_embedder(models)}
    return [
        Network(role, weights.name, weights.licence, weights.sha256 or sha256_of(fetched(weights)))
        for role, weights in roles.items()
    ]


def file_hashes(data: Path, model: Path) -> dict[str, str]:
    """SHA-256 of the files of the data and of the model that are there, by path."""
    paths = [data / name for name in DATA_FILES if (data / name).is_file()]
    of_data = {path.as_posix(): sha256_of(path) for path in paths}
    return of_data | {(model / name).as_posix(): sha256 for name, sha256 in hashes(model).items()}
