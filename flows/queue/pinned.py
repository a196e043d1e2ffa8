"""Pinned: copies of models by their hash, so that a job is done with the very model it was queued with."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from filelock import FileLock

from flows.groups import check_model
from pipeline.errors import ModelError
from pipeline.files import folder_written_whole

PINNED: Final = Path("cache") / "models"


def pin(group: str) -> str:
    """Keep a copy of the present model of `group`; the hash it is known by. LineupError when it has none."""
    check_model(group)
    source = Path("models") / group
    model = model_hash(source)
    locks = PINNED.with_name("locks")
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / "pinned"):
        if not _is_whole(model):
            _copy(source, model)
    return model


def pinned(model: str, group: str) -> Path:
    """The folder of the model with this hash; ModelError when its copy is lost and `group` has another by now."""
    if not (PINNED / model).is_dir() and pin(group) != model:
        raise ModelError(f"the model it was queued with is gone from {PINNED}: queue it again, with the present one")
    return PINNED / model


def model_hash(folder: Path) -> str:
    """One hash for all files of a model that decide what it says."""
    return hashlib.sha256(json.dumps(_hashes(folder)).encode()).hexdigest()


def members_of(model: str) -> frozenset[str] | None:
    """The members whom the copy with this hash knows; None when there is no such copy, or it does not tell."""
    try:
        return frozenset(json.loads((PINNED / model / "model.json").read_text(encoding="utf-8"))["members"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _copy(source: Path, model: str) -> None:
    with folder_written_whole(PINNED / model) as folder:
        for name in _hashes(source):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
        if model_hash(folder) != model:
            raise ModelError(f"the model of {source.name} is just being rebuilt: try again when that is done")


def _is_whole(model: str) -> bool:
    folder = PINNED / model
    return folder.is_dir() and model_hash(folder) == model


def _hashes(folder: Path) -> dict[str, str]:
    from pipeline.classifiers.model import hashes  # it loads scikit-learn, which only adding waits for

    return hashes(folder)
