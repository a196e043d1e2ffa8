"""Blobs: which of a group's files, and of its part of dvc.lock, a promotion changes; git keeps their new content."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from flows.refresh import git

LOCK: Final = "dvc.lock"


def lock_of(group: str, lock: str, other: str) -> str:
    """The text of the dvc.lock `lock`, with the stages of `group` as they are in `other`."""
    yaml_file = YAML()
    yaml_file.default_flow_style = False
    document, taken = yaml_file.load(lock) or {"schema": "2.0", "stages": {}}, yaml_file.load(other)
    stages = document["stages"]
    for name in [name for name in stages if _is_of(group, name) and name not in taken["stages"]]:
        del stages[name]
    stages.update({name: stage for name, stage in taken["stages"].items() if _is_of(group, name)})
    told = io.StringIO()
    yaml_file.dump(document, told)
    return told.getvalue()


def new_blobs(project: Path, group: str, names: Iterable[str], parent: str) -> dict[str, str]:
    """Those of the files `names`, and the group's part of dvc.lock, that are new in `project` against `parent`."""
    blobs = {name: git.blob_of(project / name) for name in names}
    lock = (project / LOCK).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / LOCK
        merged.write_text(lock_of(group, git.text(parent, LOCK), lock), encoding="utf-8", newline="\n")
        blobs[LOCK] = git.blob_of(merged)
    return {name: content for name, content in blobs.items() if content and content != git.blob(parent, name)}


def _is_of(group: str, stage: str) -> bool:
    return stage.partition("@")[2] == group
