"""lineup forget as its user sees it: asked, listed, done; and 'dvc repro' builds a model without the person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clone import Clone

from pipeline.manifest import read_manifest

GROUP = "lanterns"


@pytest.fixture
def built(committed: Clone) -> Clone:
    """A repository with a group that is built and committed, and a list of addresses that somebody keeps."""
    roster = committed.folder / "data" / GROUP / "roster.yaml"
    roster.write_text(roster.read_text(encoding="utf-8").replace("key: mira\n", "key: mira\n  url_list: ours.csv\n"))
    committed.git("commit", "--quiet", "--all", "--message", "our own addresses")
    return committed


def found(clone: Clone, words: list[str]) -> list[str]:
    """The files of the group that hold one of the words, in their name or in their text."""
    hits = []
    for place in (f"data/{GROUP}", f"models/{GROUP}", "metrics", "cache"):
        for path in (clone.folder / place).rglob("*"):
            text = path.read_bytes() if path.is_file() else b""
            if any(word in path.as_posix().removeprefix(str(clone.folder)) or word.encode() in text for word in words):
                hits.append(path.as_posix())
    return hits


def test_the_next_build_knows_nothing_of_the_person(built: Clone, tmp_path: Path) -> None:
    manifest = read_manifest(built.folder / "data" / GROUP / "raw")
    (tmp_path / "concert.mp4").write_bytes(b"a video")
    built.run("flows.cli", "queue", "add", str(tmp_path / "concert.mp4"), "--group", GROUP)
    built.run("flows.cli", "refresh", "--group", GROUP)  # its log and report name every member
    words = ["mira", *manifest["key"][manifest["member"] == "mira"]]
    assert found(built, words)
    listed = built.run("flows.cli", "forget", "mira", "--group", GROUP, "--dry-run")
    assert built.git("status", "--porcelain") == []
    assert f"would remove: models/{GROUP}" in listed.printed
    assert f"data/{GROUP}/ours.csv is your own source of mira" in listed.printed
    assert "would remove 1 job: cache/queue.sqlite" in listed.printed
    built.run("flows.cli", "forget", "mira", "--group", GROUP, status=1)  # nobody said yes
    assert built.git("status", "--porcelain") == []
    told = built.run("flows.cli", "forget", "mira", "--group", GROUP, "--yes").printed
    for line in listed.printed.splitlines():
        if line.startswith("would "):
            assert line.removeprefix("would ") in told
    for word in ("dvc gc --workspace", "Repo.site_cache_dir", "git filter-repo", "cache/prefect"):
        assert word in told
    assert found(built, words) == []
    built.run("dvc", "repro")
    assert found(built, words) == []
    metrics = json.loads((built.folder / "metrics" / f"{GROUP}.json").read_text(encoding="utf-8"))
    assert set(metrics["per_member"]) == {"juno", "kaia", "soren", "tavi"}
    assert built.run("dvc", "status").printed.strip() == "Data and pipelines are up to date."
    changed = {line[3:] for line in built.git("status", "--porcelain", "--untracked-files=all")}
    assert f"data/{GROUP}/forgotten.csv" in changed
    assert f"data/{GROUP}/raw.dvc" in changed
