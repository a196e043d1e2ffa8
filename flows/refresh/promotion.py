"""Promotion: a staged model, photos and metrics become a commit, a tag, and the workspace's own.

All is decided before anything is touched. What is then to be done stands in promotion.json, and each step can be done
twice: killed at any moment, the next refresh or rollback of the group finishes it. Once it is in use only the push is
left, which takes minutes: what a person does to the workspace from then on is not undone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flows.project import CommandError
from flows.refresh import git
from flows.refresh.checkout import check_out, mend
from flows.refresh.remote import default_remote, push
from flows.refresh.staging import Staging, discard
from pipeline.errors import LineupError
from pipeline.files import write_json


@dataclass(frozen=True, slots=True)
class Promotion:
    """What is to be done: the branch `ref` goes from `parent` to `commit`, which changes `paths`; `tags` by name.

    `back_to` is the tag that a rollback goes back to, '' of a refresh; with `only_push` all is done but the push.
    `before` is the promotion before, as a dict, if its push has not succeeded either.
    """

    ref: str
    parent: str
    commit: str
    paths: list[str]
    tags: dict[str, str]
    message: str
    back_to: str = ""
    only_push: bool = False
    before: dict[str, Any] | None = None

    @property
    def tag(self) -> str:
        """The tag of the model that it puts in use."""
        return self.back_to or next(reversed(self.tags), "")

    @property
    def commits(self) -> list[str]:
        """What is to be pushed, the oldest first."""
        return [*(Promotion(**self.before).commits if self.before else []), self.commit]


@dataclass(frozen=True, slots=True)
class Finished:
    """A promotion of an earlier run, as it was found, and why it is still not pushed, '' when it is."""

    promotion: Promotion
    unpushed: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to tell whoever asked for something else."""
        if not self.promotion.only_push:
            return ()
        pushed = f"not pushed: {self.unpushed}" if self.unpushed else "it is pushed only now"
        return (f"{self.promotion.tag} is in use since the run before; {pushed}",)


def prefix(group: str) -> str:
    """How the tags of the group's models begin."""
    return f"model/{group}/"


def promote(
    place: Staging,
    parent: git.Head,
    blobs: Mapping[str, str],
    message: str,
    tags: Mapping[str, str],
    back_to: str = "",
) -> None:
    """Put `blobs`, by path, in use as a commit on `parent`; `tags` are commits by name, '' the one that is made.

    `back_to` is the tag that a rollback goes back to. Raises LineupError when the workspace has changed so that it
    cannot be done, and CommandError when only its push failed; what is left is for the next run.
    """
    made = git.commit(parent.commit, blobs, message)
    named = {name: commit or made for name, commit in tags.items()}
    before = asdict(_read(place)) if place.journal.is_file() else None
    promotion = Promotion(parent.ref, parent.commit, made, sorted(blobs), named, message, back_to, before=before)
    _check_unchanged(promotion)
    write_json(place.journal, asdict(promotion))
    finish(place)


def finish(place: Staging) -> Finished | None:
    """Do what is left of a promotion that has begun; None when none has.

    With `only_push` nothing else is done, and that it failed stops nobody. Raises LineupError when the workspace has
    changed so that the rest cannot be done, and says what to do; CommandError when only its push failed.
    """
    promotion = settle(place)
    if promotion is None or not place.journal.is_file():
        return Finished(promotion) if promotion else None
    unpushed = push(place, promotion.commits)
    if not unpushed:
        _close(place)
    elif not promotion.only_push:
        title = promotion.message.splitlines()[0]
        raise CommandError(f"done ('{title}'), but not pushed: {unpushed}; the next refresh or rollback tries again")
    return Finished(promotion, unpushed)


def settle(place: Staging) -> Promotion | None:
    """Do what is left of a promotion that has begun, but its push, which the journal that stays is then for.

    Gives it as it was found, None when none has begun. Raises like finish().
    """
    if not place.journal.is_file():
        return None
    promotion = _read(place)
    mend()
    if promotion.only_push:
        return promotion
    remote = default_remote()
    _put_in_use(place, promotion)
    if not promotion.back_to:  # what a rollback finds there is none of its own
        discard(place)
    if remote:
        write_json(place.journal, asdict(replace(promotion, only_push=True)))
    else:
        _close(place)
    return promotion


def _read(place: Staging) -> Promotion:
    try:
        return Promotion(**json.loads(place.journal.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise LineupError(
            f"{place.journal} is damaged: remove it and run the same again, which says what is not as committed"
        ) from None


def _close(place: Staging) -> None:
    place.journal.unlink()
    with suppress(OSError):
        place.folder.rmdir()  # not when a refresh that was refused lies there


def _put_in_use(place: Staging, promotion: Promotion) -> None:
    _move(place, promotion)
    _check_unchanged(promotion)
    git.bring(promotion.paths)
    for name, commit in promotion.tags.items():
        git.tag(name, commit)
    check_out(place.group)


def _move(place: Staging, promotion: Promotion) -> None:
    now = git.head()
    if now.ref != promotion.ref:
        branch = promotion.ref.removeprefix("refs/heads/")
        raise LineupError(f"a promotion is not finished: run 'git switch {branch}' and the same again")
    if now.commit == promotion.parent:
        git.move(promotion.ref, promotion.commit, promotion.parent, f"lineup: {promotion.message.splitlines()[0]}")
    elif not git.contains(now.commit, promotion.commit):
        if promotion.before:
            write_json(place.journal, promotion.before)
        else:
            _close(place)
        raise LineupError("the branch has moved meanwhile, nothing was changed: run the same again")


def _check_unchanged(promotion: Promotion) -> None:
    """Raise LineupError when a file that is to be replaced has been changed by somebody else."""
    known = {git.head().commit, promotion.parent, promotion.commit}
    for name in promotion.paths:
        if git.blob_of(Path(name)) not in {git.blob(commit, name) for commit in known}:
            raise LineupError(
                f"{name} was changed meanwhile: put it aside, run 'git checkout -- {name}' and the same again"
            )
