"""Fixtures that several tests share."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from clone import Clone, Step, make_clone
from finished import make_project
from PIL import Image

from pipeline.intake import import_photos
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.retinaface import RetinaFace
from pipeline.params import Params, read_params

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"
os.environ.setdefault("LINEUP_WEIGHTS", str(ROOT / "models" / "weights"))


@pytest.fixture(scope="session")
def params() -> Params:
    """The project's own params.yaml."""
    return read_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A fresh checkout of the project; tests that use it carry the mark xdist_group("clone"), so that one is made."""
    return make_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="session")
def story(clone: Clone) -> dict[str, Step]:
    """The demo, the demo again, nothing left to do; then a photo more, and what that brings: each step by its name."""
    steps = {
        "demo": clone.run("flows.cli", "demo"),
        "git status": Step("\n".join(clone.git("status", "--porcelain", "--untracked-files=all")), {}),
        "demo again": clone.run("flows.cli", "demo"),
        "dvc repro": clone.run("dvc", "repro"),
        "dvc status": clone.run("dvc", "status"),
    }
    more = clone.folder.parent / "more" / "mira"
    more.mkdir(parents=True)
    for photo in ("photos/mira/img_0001.jpg", "outsiders/out_vera/img_0001.jpg"):
        shutil.copy(clone.folder / "data" / "sample" / photo, more / f"{Path(photo).parent.name}.jpg")
    steps["import"] = clone.run("flows.cli", "import", str(more.parent), "--group", "lanterns")
    steps["dvc repro of one more"] = clone.run("dvc", "repro")
    return steps


@pytest.fixture(scope="session")
def detector(params: Params) -> RetinaFace:
    return RetinaFace(params.models.detector)


@pytest.fixture(scope="session")
def embedder(params: Params) -> OnnxEmbedder:
    return OnnxEmbedder(params.models.embedder)


@pytest.fixture(scope="session")
def sample_project(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """A folder like the project's: the sample as group `lanterns`, after every stage. Only to be read."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    make_project(shared / "project", SAMPLE / "photos", params)
    return shared / "project"


@pytest.fixture
def lanterns(sample_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The group's folder in a copy of `sample_project` without raw photos, the current folder: the test's own."""
    shutil.copytree(sample_project, tmp_path / "project", ignore=shutil.ignore_patterns("raw"))
    monkeypatch.chdir(tmp_path / "project")
    return Path("data", "lanterns")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """A project with the group `trio`, learnt from a few photos of the sample; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("project")
    sample = ROOT / "data" / "sample" / "photos"
    for path in (f"{member}/img_000{number}.jpg" for member in ("juno", "soren", "tavi") for number in range(1, 7)):
        (folder / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample / path, folder / "photos" / path)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder)
    data = Path("data") / "trio"
    with contextlib.chdir(folder):
        import_photos(Path("photos"), data)
        for stage in ("clean", "faces", "embed", "curate", "split", "train"):
            importlib.import_module(f"pipeline.{stage}").main(data, params)
    return folder


def draw(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture of soft coloured blobs: other seeds look different, other sizes of one seed alike."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((width, height), Image.Resampling.BICUBIC)


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG file that claims this size, and nothing of its pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return head + struct.pack(">I", 100_000) + b"IDAT" + b"\x78\x9c"
