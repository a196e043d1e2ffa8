"""lineup forget as its user sees it: asked, listed, done; and 'dvc repro' builds a model without the person."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from clone import Clone, check_out
from conftest import SAMPLE

from pipeline.manifest import read_manifest

MEMBERS = ("mira", "soren", "tavi")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A repository with a group of three members, built and committed."""
    made = Clone(tmp_path / "clone")
    made.folder.mkdir()
    check_out(made)
    made.learn_fast()
    for member in MEMBERS:
        (tmp_path / "photos" / member).mkdir(parents=True)
        for photo in sorted((SAMPLE / "photos" / member).glob("img_*.jpg"))[:6]:
            shutil.copy(photo, tmp_path / "photos" / member)
    made.run("flows.cli", "import", str(tmp_path / "photos"), "--group", "trio")
    roster = made.folder / "data" / "trio" / "roster.yaml"
    roster.write_text(roster.read_text(encoding="utf-8").replace("key: mira\n", "key: mira\n    url_list: ours.csv\n"))
    made.run("dvc", "repro")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "built")
    return made


def found(clone: Clone, words: list[str]) -> list[str]:
    """The files of the group that hold one of the words, in their name or in their text."""
    hits = []
    for place in ("data/trio", "models/trio", "metrics", "cache"):
        for path in (clone.folder / place).rglob("*"):
            text = path.read_bytes() if path.is_file() else b""
            if any(word in path.as_posix().removeprefix(str(clone.folder)) or word.encode() in text for word in words):
                hits.append(path.as_posix())
    return hits


def test_the_next_build_knows_nothing_of_the_person(clone: Clone, tmp_path: Path) -> None:
    manifest = read_manifest(clone.folder / "data" / "trio" / "raw")
    (tmp_path / "concert.mp4").write_bytes(b"a video")
    clone.run("flows.cli", "queue", "add", str(tmp_path / "concert.mp4"), "--group", "trio")
    words = ["mira", *manifest["key"][manifest["member"] == "mira"]]
    assert found(clone, words)
    listed = clone.run("flows.cli", "forget", "mira", "--group", "trio", "--dry-run")
    assert clone.git("status", "--porcelain") == []
    assert "would remove: models/trio" in listed.printed
    assert "data/trio/ours.csv is your own source of mira" in listed.printed
    assert "would remove 1 job: cache/queue.sqlite" in listed.printed
    clone.run("flows.cli", "forget", "mira", "--group", "trio", status=1)  # nobody said yes
    assert clone.git("status", "--porcelain") == []
    told = clone.run("flows.cli", "forget", "mira", "--group", "trio", "--yes").printed
    for line in listed.printed.splitlines():
        if line.startswith("would "):
            assert line.removeprefix("would ") in told
    for word in ("dvc gc --workspace", "Repo.site_cache_dir", "git filter-repo"):
        assert word in told
    assert found(clone, words) == []
    clone.run("dvc", "repro")
    assert found(clone, words) == []
    metrics = json.loads((clone.folder / "metrics" / "trio.json").read_text(encoding="utf-8"))
    assert set(metrics["per_member"]) == {"soren", "tavi"}
    assert clone.run("dvc", "status").printed.strip() == "Data and pipelines are up to date."
    changed = {line[3:] for line in clone.git("status", "--porcelain", "--untracked-files=all")}
    assert "data/trio/forgotten.csv" in changed
    assert "data/trio/raw.dvc" in changed
