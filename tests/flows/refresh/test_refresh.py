"""lineup refresh and rollback as their user runs them: real photos, DVC and git, in copies of a finished project."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from clone import Clone
from PIL import Image, ImageOps
from running import until

from pipeline.classifiers.model import hashes
from pipeline.manifest import read_manifest
from pipeline.records import SPLIT, TRAIN
from pipeline.tables import read_table

GROUP = "lanterns"
OWN = {f"data/{GROUP}/raw.dvc", "dvc.lock", f"metrics/{GROUP}.json"}
REFRESH = ("flows.cli", "refresh", "--group", GROUP)
KILLED_AT = ("crawl", "add", "build")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are killed as POSIX does it")

TOLD = ("cache/refresh/", "cache/logs/", "cache/reports/")  # where a refusal is told of, and its photos are kept


def give(committed: Clone) -> None:
    """Two photos for the first member's folder: one that is there already, and its mirror image, which is new."""
    known = committed.folder / "data" / "sample" / "photos" / "mira" / "img_0001.jpg"
    source = committed.folder.parent / "source" / "mira"
    shutil.copy(known, source / "known.jpg")
    with Image.open(known) as photo:
        ImageOps.mirror(photo).save(source / "new.jpg", quality=95)


def changed_by(committed: Clone, commit: str) -> set[str]:
    return set(committed.git("diff", "--name-only", f"{commit}~1", commit))


def model(committed: Clone) -> dict[str, str]:
    return hashes(committed.folder / "models" / GROUP)


def is_clean(committed: Clone) -> bool:
    return not committed.git("status", "--porcelain") and "up to date" in committed.run("dvc", "status").printed


def test_good_photos_are_promoted_shared_and_rolled_back(committed: Clone, tmp_path: Path) -> None:
    give(committed)
    before, raw = model(committed), committed.folder / "data" / GROUP / "raw"
    photos = len(read_manifest(raw))
    (committed.folder / ".gitignore").write_text("# mine\n" + (committed.folder / ".gitignore").read_text())
    (committed.folder / "notes.txt").write_text("mine")
    committed.git("add", "notes.txt")
    dirty = committed.git("status", "--porcelain")
    printed = committed.run(*REFRESH).printed
    assert f"{GROUP}: model/{GROUP}/2 is in use\n  photos: {photos} -> {photos + 1} (mira +1)\n" in printed
    assert committed.git("status", "--porcelain") == dirty
    assert changed_by(committed, "HEAD") == OWN
    assert committed.git("tag", "--list") == [f"model/{GROUP}/1", f"model/{GROUP}/2"]
    assert "up to date" in committed.run("dvc", "status").printed
    assert (len(read_manifest(raw)), (committed.folder / "cache" / "refresh" / GROUP).exists()) == (photos + 1, False)
    after = model(committed)
    assert after != before

    elsewhere = Clone(tmp_path / "elsewhere")
    committed.git("clone", "--quiet", str(committed.folder), str(elsewhere.folder))
    elsewhere.run("dvc", "pull", "--quiet", f"train@{GROUP}")
    assert model(elsewhere) == after

    printed = committed.run("flows.cli", "rollback", "--group", GROUP).printed
    assert f"{GROUP}: model/{GROUP}/1 is in use again, by a new commit" in printed
    assert (model(committed), changed_by(committed, "HEAD")) == (before, OWN)
    assert (len(read_manifest(raw)), committed.git("status", "--porcelain")) == (photos, dirty)
    assert "up to date" in committed.run("dvc", "status").printed
    committed.run("flows.cli", "rollback", "--group", GROUP, "--to", "2")
    assert model(committed) == after
    committed.run("flows.cli", "rollback", "--group", GROUP, "--to", "9", status=1)


def test_swapped_labels_are_refused_and_leave_no_trace(committed: Clone) -> None:
    """A person may say so, and curate believes it: only the test photos tell."""
    rows = read_table(committed.folder / "data" / GROUP / "split.parquet", SPLIT)
    swap = {"mira": "tavi", "tavi": "mira"}
    learnt = rows[(rows["side"] == TRAIN) & rows["member"].isin(swap)]
    lines = [f"{row.key},accept,{swap[row.member]}\n" for row in learnt.itertuples()]
    review = committed.folder / "data" / GROUP / "review.csv"
    review.write_text(review.read_text() + "".join(lines))
    dirty, commit = committed.git("status", "--porcelain"), committed.git("rev-parse", "HEAD")
    before = {name: file for name, file in committed.files().items() if not name.startswith(TOLD)}
    step = committed.run(*REFRESH, "--no-crawl", "--json", status=3)
    assert '"refused": "' in step.printed
    after = {name: file for name, file in step.files.items() if not name.startswith(TOLD)}
    assert after == before
    assert (committed.git("status", "--porcelain"), committed.git("rev-parse", "HEAD")) == (dirty, commit)
    assert committed.git("tag", "--list") == []


def test_killed_at_any_step_the_next_one_finishes(committed: Clone) -> None:
    give(committed)
    commit = committed.git("rev-parse", "HEAD")
    for step in KILLED_AT:
        killed_at(committed, step)
        assert committed.git("status", "--porcelain") == []
        assert committed.git("rev-parse", "HEAD") == commit
        assert running_in(committed.folder) == []
    committed.run(*REFRESH)
    assert is_clean(committed)
    assert changed_by(committed, "HEAD") == OWN
    assert [*committed.git("rev-parse", "HEAD~1")] == commit
    assert f"{GROUP}: nothing new" in committed.run(*REFRESH).printed


def killed_at(committed: Clone, step: str) -> None:
    """Begin a refresh, and kill it as soon as its log tells that it has begun the step."""
    log = committed.folder / "cache" / "logs" / "refresh.jsonl"
    log.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(committed.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", *REFRESH], cwd=committed.folder, env=environment, stdout=subprocess.DEVNULL
    )
    until(lambda: log.is_file() and f'"event": "began", "group": "{GROUP}", "step": "{step}"' in log.read_text())
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def running_in(folder: Path) -> list[list[str]]:
    """The processes that still run in the folder or below, when a moment has passed."""
    for _ in range(50):
        left = [process.cmdline() for process in psutil.process_iter() if is_in(process, folder)]
        if not left:
            break
        time.sleep(0.1)
    return left


def is_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False
