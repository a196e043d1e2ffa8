"""Forgetting, and what it cannot reach: older revisions, DVC's cache and remotes, git's history, videos made before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.project import dvc
from pipeline.errors import DatasetError
from pipeline.forget import Person, Step, labelled_with, member_of, perhaps_shown, photo_of, steps
from pipeline.intake import check_group
from pipeline.records import SHORT_KEY

MOST_TOLD = 20  # keys


@dataclass(frozen=True, slots=True)
class Forgetting:
    """All that will be removed or changed, in order; and what a person has to look at."""

    person: Person
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def plan(group: str, member: str | None, photo: str | None) -> Forgetting:
    """What forgetting a member, or a photo by its key, takes; nothing is done. DatasetError when there is none such."""
    data = Path("data") / check_group(group)
    if not data.is_dir():
        raise DatasetError(f"no group is called {group!r}: there is no folder {data}")
    if (member is None) == (photo is None):
        raise DatasetError("say either a member or --photo KEY")
    person = member_of(data, member) if member is not None else photo_of(data, photo or "")
    return Forgetting(person, tuple(steps(person)), tuple(_notes(person)) if person.member else ())


def carry_out(forgetting: Forgetting) -> Iterator[Step]:
    """Do it, and yield each step when it is done; at last DVC is told of the photos that are left."""
    for step in forgetting.steps:
        step.do()
        yield step
    data = forgetting.person.data
    if (data / "raw.dvc").is_file():
        dvc("add", "--quiet", str(data / "raw"))


def left_to_do(group: str) -> str:
    """What else holds them, and how to purge it."""
    data = Path("data") / group
    return f"""next: 'dvc repro' builds the model without them; then commit.
What is still there, and how to purge it (docs/privacy.md says it in full):
  DVC's cache, all older revisions:  dvc gc --workspace --force
  remotes:                           dvc gc --workspace --cloud --force
  DVC's list of file names:          remove the folder that 'dvc doctor' calls Repo.site_cache_dir
  git's history of {data / "review.csv"}, {data / "roster.yaml"}, metrics/{group}.json:
                                     git filter-repo --invert-paths --path FILE, then add the present files anew
  clones and backups that others have: ask them to do the same"""


def _notes(person: Person) -> Iterator[str]:
    for folder in labelled_with(person):
        yield f"{folder} is a labelled video that names {person.member}: remove it, or label the video again"
    if keys := perhaps_shown(person):
        more = f" and {len(keys) - MOST_TOLD} more" if len(keys) > MOST_TOLD else ""
        shown = ", ".join(key[:SHORT_KEY] for key in keys[:MOST_TOLD])
        yield f"photos under other members that may show {person.member} too; look, and use --photo: {shown}{more}"
