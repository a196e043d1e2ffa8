"""Promotion: a staged model, photos and metrics become a commit, a tag, and the workspace's own.

All is decided before anything is touched. What is then to be done stands in promotion.json, and each step can be done
twice: killed at any moment, the next refresh or rollback of the group finishes it. Once it is in use only the push is
left, which takes minutes: what a person does to the workspace from then on is not undone.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from flows import git
from flows.project import CommandError, dvc_answer, dvc_on_tether
from flows.staging import Staging, discard, targets
from pipeline.errors import LineupError
from pipeline.files import write_json

LOCK: Final = "dvc.lock"


@dataclass(frozen=True, slots=True)
class Promotion:
    """What is to be done: the branch `ref` goes from `parent` to `commit`, which changes `paths`; `tags` by name.

    `back_to` is the tag that a rollback goes back to, '' of a refresh; with `only_push` all is done but the push.
    """

    ref: str
    parent: str
    commit: str
    paths: list[str]
    tags: dict[str, str]
    message: str
    back_to: str = ""
    only_push: bool = False


def prefix(group: str) -> str:
    """How the tags of the group's models begin."""
    return f"model/{group}/"


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


def promote(
    place: Staging,
    parent: git.Head,
    blobs: Mapping[str, str],
    message: str,
    tags: Mapping[str, str],
    back_to: str = "",
) -> None:
    """Put `blobs`, by path, in use as a commit on `parent`; `tags` are commits by name, '' the one that is made.

    `back_to` is the tag that a rollback goes back to.
    """
    made = git.commit(parent.commit, blobs, message)
    named = {name: commit or made for name, commit in tags.items()}
    promotion = Promotion(parent.ref, parent.commit, made, sorted(blobs), named, message, back_to)
    _check_unchanged(promotion)
    write_json(journal(place), asdict(promotion))
    finish(place)


def finish(place: Staging) -> Promotion | None:
    """Do what is left of a promotion that has begun, and give it as it was found; None when none has.

    With `only_push` nothing else is done, and that it failed is only told. Raises LineupError when the workspace has
    changed so that the rest cannot be done, and says what to do; CommandError when only its push failed.
    """
    if not journal(place).is_file():
        return None
    promotion = Promotion(**json.loads(journal(place).read_text(encoding="utf-8")))
    _mend()
    if not promotion.only_push:
        _put_in_use(place, promotion)
        write_json(journal(place), asdict(replace(promotion, only_push=True)))
    unpushed = _push(targets(place.group))
    journal(place).unlink()
    if not promotion.back_to:  # what a rollback finds there is none of its own
        discard(place)
    if unpushed:
        told = f"done ('{promotion.message.splitlines()[0]}'), but not pushed: {unpushed}; run 'dvc push'"
        if not promotion.only_push:
            raise CommandError(told)
        print(told, file=sys.stderr, flush=True)  # it stops nobody from what is to be done now
    return promotion


def _put_in_use(place: Staging, promotion: Promotion) -> None:
    _move(place, promotion)
    _check_unchanged(promotion)
    git.bring(promotion.paths)
    for name, commit in promotion.tags.items():
        git.tag(name, commit)
    dvc_on_tether(Path.cwd(), "--wait-for-lock", "checkout", "--quiet", "--force", *targets(place.group))


def _push(wanted: Sequence[str]) -> str:
    """Send to the default remote, if there is one, what it lacks; why that failed, '' when it did not."""
    if dvc_answer("config", "core.remote"):
        try:
            dvc_on_tether(Path.cwd(), "--wait-for-lock", "push", "--quiet", *wanted)
        except CommandError as error:
            return str(error)
    return ""


def _move(place: Staging, promotion: Promotion) -> None:
    now = git.head()
    if now.ref != promotion.ref:
        branch = promotion.ref.removeprefix("refs/heads/")
        raise LineupError(f"a promotion is not finished: run 'git switch {branch}' and the same again")
    if now.commit == promotion.parent:
        git.move(promotion.ref, promotion.commit, promotion.parent, f"lineup: {promotion.message.splitlines()[0]}")
    elif not git.contains(now.commit, promotion.commit):
        journal(place).unlink()
        raise LineupError("the branch has moved meanwhile, nothing was changed: run the same again")


def _check_unchanged(promotion: Promotion) -> None:
    """Raise LineupError when a file that is to be replaced has been changed by somebody else."""
    known = {git.head().commit, promotion.parent, promotion.commit}
    for name in promotion.paths:
        if git.blob_of(Path(name)) not in {git.blob(commit, name) for commit in known}:
            raise LineupError(
                f"{name} was changed meanwhile: put it aside, run 'git checkout -- {name}' and the same again"
            )


def _mend() -> None:
    """Remove DVC's table of who reads and writes what, if whoever was killed left half of it."""
    table = Path(".dvc", "tmp", "rwlock")
    try:
        json.loads(table.read_bytes() or b"{}")
    except FileNotFoundError:
        return
    except ValueError:
        table.unlink()


def journal(place: Staging) -> Path:
    """Where a promotion that has begun stands."""
    return place.folder / "promotion.json"


def _is_of(group: str, stage: str) -> bool:
    return stage.partition("@")[2] == group
