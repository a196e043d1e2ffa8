"""Undoing an import as docs/adding-a-group.md tells it: with its own commands, in a copy of the project."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from clone import Clone, check_out
from conftest import ROOT, SAMPLE

PAGE = (ROOT / "docs" / "adding-a-group.md").read_text(encoding="utf-8")
NEW, KNOWN = re.findall(r"^```\n(.*?)^```", PAGE[PAGE.index("## Undoing an import") :], re.MULTILINE | re.DOTALL)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder per member, with two photos each."""
    for member in ("mira", "tavi"):
        (tmp_path / "photos" / member).mkdir(parents=True)
        for photo in sorted((SAMPLE / "photos" / member).glob("img_*.jpg"))[:2]:
            shutil.copy(photo, tmp_path / "photos" / member)
    return tmp_path / "photos"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path / "clone")
    made.folder.mkdir()
    check_out(made)
    return made


def do(clone: Clone, told: str, **names: str) -> None:
    for line in told.splitlines():
        program, *words = shlex.split(re.sub(r"\b[A-Z]{5}\b", lambda match: names[match[0]], line))
        if program == "dvc":
            clone.run("dvc", *words)
        else:
            subprocess.run([program, *words], check=True, cwd=clone.folder)


def test_a_group_of_a_wrong_name_leaves_nothing(clone: Clone, photos: Path) -> None:
    clone.run("flows.cli", "import", str(photos), "--group", "wrong")
    for place in ("models/wrong", "metrics/wrong"):
        (clone.folder / place).mkdir(parents=True)
    (clone.folder / "metrics" / "wrong.json").write_text("{}")
    do(clone, NEW, WRONG="wrong")
    params = yaml.safe_load((clone.folder / "params.yaml").read_text(encoding="utf-8"))
    params["groups"].remove("wrong")
    (clone.folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    assert clone.git("status", "--porcelain", "--untracked-files=all") == []
    assert [name for name in clone.files() if "wrong" in name] == []
    clone.run("dvc", "status")


def test_photos_imported_into_a_group_by_mistake_are_taken_back(clone: Clone, photos: Path) -> None:
    clone.run("flows.cli", "import", str(photos), "--group", "right")
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "--message", "right")
    before = clone.files()
    (photos / "mira").rename(photos / "juno")
    clone.run("flows.cli", "import", str(photos), "--group", "right")
    assert clone.git("status", "--porcelain")
    do(clone, KNOWN, GROUP="right")
    assert clone.git("status", "--porcelain") == []
    after = clone.files()
    assert {name: file.sha256 for name, file in after.items()} == {name: file.sha256 for name, file in before.items()}
