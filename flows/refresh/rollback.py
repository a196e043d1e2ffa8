"""Rollback: an earlier model of a group, with its metrics and its photos, in use again as a new commit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from flows.project import CommandError
from flows.refresh import git
from flows.refresh.blobs import LOCK, new_blobs
from flows.refresh.promotion import Promotion, finish, prefix, promote
from flows.refresh.ready import Report, printed_if_it_fails, ready
from flows.refresh.remote import fetch
from flows.refresh.staging import Staging, metrics_file
from flows.refresh.turns import one_at_a_time
from pipeline.errors import LineupError
from pipeline.forgotten import FORGOTTEN_FILE
from pipeline.names import check_group


def rolled_back(group: str, to: int | None = None) -> Report:
    """Put the model tagged model/<group>/<to> in use, or the one before the present one.

    What a person wrote, roster and decisions, stays. Raises LineupError when there is no such model, it cannot be had,
    or somebody was forgotten since.
    """
    with one_at_a_time():
        place = Staging(check_group(group))
        done = finish(place)
        warnings = done.warnings if done else ()
        if done and to is None and _stands(group, done.promotion):  # killed at that: not one further
            return Report(group, done.promotion.back_to, warnings=warnings)
        with printed_if_it_fails(warnings):
            report = _rolled_back(place, to)
        return replace(report, warnings=warnings)


def _rolled_back(place: Staging, to: int | None) -> Report:
    group = place.group
    head = ready(group)
    number, commit = _wanted(group, to, head.commit)
    tag = f"{prefix(group)}{number}"
    forgotten = f"data/{group}/{FORGOTTEN_FILE}"
    if git.blob(commit, forgotten) != git.blob(head.commit, forgotten):
        raise LineupError(f"somebody was forgotten since {tag}, which still holds them: build a new model instead")
    blobs = _fetched(place, commit, head.commit)
    if not blobs:
        return Report(group, "")
    promote(place, head, blobs, f"Roll back {group} to {tag}", {}, back_to=tag)
    return Report(group, tag, tuple(_left(group, commit, head.commit)))


def _stands(group: str, promotion: Promotion) -> bool:
    """Whether it is a rollback whose model is still the one in use."""
    return bool(promotion.back_to) and _model(group, git.commit_of("HEAD")) == _model(group, promotion.commit)


def _wanted(group: str, to: int | None, head: str) -> tuple[int, str]:
    tags = git.tags(prefix(group))
    if to is not None:
        if to not in tags:
            known = ", ".join(map(str, tags)) or "none"
            raise LineupError(f"there is no tag {prefix(group)}{to} (there: {known})")
        return to, tags[to]
    here = _model(group, head)
    at = max((number for number, commit in tags.items() if _model(group, commit) == here), default=len(tags) + 1)
    earlier = [number for number, commit in tags.items() if number < at and _model(group, commit) != here]
    if not earlier:
        later = [str(number) for number in tags if number > at]
        there = f"; there is --to {', '.join(later)}" if later else ""
        raise LineupError(f"{group} has no earlier model that is tagged: only a refresh tags them{there}")
    return earlier[-1], tags[earlier[-1]]


def _model(group: str, commit: str) -> Any:
    """What DVC knows the group's model by in `commit`."""
    stages = (yaml.safe_load(git.text(commit, LOCK)) or {}).get("stages", {})
    return stages.get(f"train@{group}", {}).get("outs")


def _fetched(place: Staging, commit: str, parent: str) -> dict[str, str]:
    """The group's files as in `commit` that differ from `parent`, when DVC has all that they point to."""
    group, folder = place.group, place.folder / "rollback"
    try:
        fetch(group, commit, folder)
        return new_blobs(folder, group, [f"data/{group}/raw.dvc", metrics_file(group)], parent)
    except CommandError as error:
        raise LineupError(f"not all of that model is in DVC's cache or on its default remote: {error}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _left(group: str, commit: str, head: str) -> list[str]:
    names = [f"data/{group}/roster.yaml", f"data/{group}/review.csv", "params.yaml", "dvc.yaml", "pipeline"]
    left = [name for name in names if Path(name).exists() and git.changed(commit, head, [name])]
    return [f"{', '.join(left)} stay as they are: 'dvc repro' would build with them"] if left else []
