"""What a refresh and a rollback have in common: both begin from a project that is committed, and end in a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.groups import folder_of
from flows.project import dvc_answer
from flows.refresh import git
from flows.refresh.staging import SHARED, kept_in_git, metrics_file
from pipeline.errors import DatasetError, LineupError
from pipeline.params import read_params


@dataclass(frozen=True, slots=True)
class Report:
    """What was done: `tag` of the model in use since, '' when there was nothing new, and what changed, in lines."""

    group: str
    tag: str
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@contextmanager
def printed_if_it_fails(warnings: Sequence[str]) -> Iterator[None]:
    """Print the warnings when the block raises, and there will be no report that tells them."""
    try:
        yield
    except BaseException:
        for warning in warnings:
            print(f"warning: {warning}", file=sys.stderr, flush=True)
        raise


def ready(group: str, take: bool = False) -> git.Head:
    """Where the project stands, if all that a promotion would replace is committed; LineupError says what is not.

    With `take` the group's photos, roster and decisions may be changed, and are taken as they are.
    """
    head = git.head()
    if group not in read_params().groups:
        folder_of(group)
        raise DatasetError(f"{group} is not in the groups of params.yaml: run 'lineup import' or 'lineup crawl' first")
    own = kept_in_git(group)
    changed = git.uncommitted([*SHARED, metrics_file(group), *own])
    if take:
        changed = [name for name in changed if name not in own or not Path(name).is_file()]
    if changed:
        hint = "" if take or not set(changed) <= set(own) else ", or refresh with --no-crawl, which takes it in"
        cure = "'git add -A && git commit', or take changes back with 'git checkout'"
        raise LineupError(f"{', '.join(changed)} not committed: {cure}{hint}")
    raw = Path("data", group, "raw")
    if (
        raw.is_dir()
        and raw.with_suffix(".dvc").is_file()
        and dvc_answer("--wait-for-lock", "status", "--json", f"{raw}.dvc") != "{}"
    ):
        raise LineupError(f"{raw} is not as {raw}.dvc says: run 'dvc add {raw}', or 'dvc checkout {raw}.dvc' to undo")
    return head
