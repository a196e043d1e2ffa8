"""Fixtures that several tests share."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import absl.logging
import numpy as np
import pytest
from clone import Clone, Step, played, settled
from finished import make_project
from PIL import Image

from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Params, read_params

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
os.environ.setdefault("LINEUP_WEIGHTS", str(ROOT / "models" / "weights"))
os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}  # the servers of tests tell nobody
# TensorFlow's log handler closes the stream that it found, which is pytest's own, when Prefect sets its logging up.
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a shell's background job; tests send it to their children
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def params() -> Params:
    """The project's own params.yaml; networks, which take seconds to start, are tried only where they are tested."""
    params = read_params(ROOT / "params.yaml")
    return replace(params, train=replace(params.train, candidates=("nearest", "svm")))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all of pytest's processes have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def clone(shared: Path) -> Clone:
    """The repository that `story` plays in."""
    return Clone(shared / "clone")


@pytest.fixture(scope="session")
def story(clone: Clone) -> dict[str, Step]:
    """The demo in the clone and what comes after it (clone.py): each step by its name."""
    return played(clone)


@pytest.fixture
def committed(story: dict[str, Step], clone: Clone, shared: Path, tmp_path: Path) -> Clone:
    """The test's own copy of the clone with its group committed: in tmp_path, beside `source/` and `remote/`."""
    made = settled(clone, shared / "settled")
    shutil.copytree(made.folder.parent, tmp_path, dirs_exist_ok=True)
    return Clone(tmp_path / made.folder.name)


@pytest.fixture(scope="session")
def detector(params: Params) -> RetinaFace:
    return RetinaFace(chosen_detector(params.models))


@pytest.fixture(scope="session")
def embedder(params: Params) -> OnnxEmbedder:
    return OnnxEmbedder(chosen_embedder(params.models))


@pytest.fixture(scope="session")
def sample_project(shared: Path, params: Params) -> Path:
    """A folder like the project's: the sample as group `lanterns`, after every stage. Only to be read."""
    make_project(shared / "project", SAMPLE / "photos", params)
    return shared / "project"


@pytest.fixture
def lanterns(sample_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The group's folder in a copy of `sample_project` without raw photos, the current folder: the test's own."""
    shutil.copytree(sample_project, tmp_path / "project", ignore=shutil.ignore_patterns("raw"))
    monkeypatch.chdir(tmp_path / "project")
    return Path("data", "lanterns")


@pytest.fixture(scope="session")
def project(sample_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the model of `lanterns` and no photos; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(sample_project / "models" / "lanterns", folder / "models" / "lanterns")
    (folder / "data" / "lanterns").mkdir(parents=True)
    shutil.copy(sample_project / "data" / "lanterns" / "roster.yaml", folder / "data" / "lanterns")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, if the machine has one."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no Chromium on this machine: pages are not tried in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser to drive")
    with playwright.sync_playwright() as driver:
        sandbox = [] if getattr(os, "geteuid", lambda: 1)() else ["--no-sandbox"]  # Chromium has none for root
        chromium = driver.chromium.launch(executable_path=program, args=sandbox)
        yield chromium
        chromium.close()


def draw(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture of soft coloured blobs: other seeds look different, other sizes of one seed alike."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((width, height), Image.Resampling.BICUBIC)


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG file that claims this size, and nothing of its pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return head + struct.pack(">I", 100_000) + b"IDAT" + b"\x78\x9c"
