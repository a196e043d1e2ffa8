"""Forgetting, in the queue too, and what it cannot reach: older revisions, DVC's cache, git's history, old videos."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.groups import folder_of
from flows.project import dvc
from flows.queue import database
from flows.queue.job import STATES, Job
from flows.queue.pinned import PINNED, members_of
from flows.queue.store import Queue
from flows.refresh.promotion import settle
from flows.refresh.staging import Staging
from flows.refresh.turns import one_at_a_time
from flows.serve.server import HOME as PREFECT
from flows.traces import asks_for, traces
from pipeline.crawl.store import opened_store
from pipeline.forget import (
    Person,
    Step,
    labelled_with,
    member_of,
    other_copies,
    perhaps_shown,
    photo_of,
    pictured_with,
    steps,
)
from pipeline.records import SHORT_KEY
from pipeline.roster import read_roster
from pipeline.words import counted

MOST_TOLD = 20  # keys


@dataclass(frozen=True, slots=True)
class Forgetting:
    """All that will be removed or changed, in order; and what a person has to look at."""

    person: Person
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def keys_of(group: str) -> tuple[str, ...]:
    """The keys of the members that the group's roster has; LineupError when there is no such group."""
    return read_roster(folder_of(group)).keys


@contextmanager
def planned(group: str, member: str | None, photo: str | None) -> Iterator[Forgetting]:
    """What forgetting a member, else a photo by its key, takes; nothing is done yet, and no photo comes in meanwhile.

    What a crawl that was killed left is taken in first, and a promotion that was killed is finished, but not pushed.
    LineupError when there is none such.
    """
    data = folder_of(group)
    with one_at_a_time():
        settle(Staging(group))
        with opened_store(data):
            person = member_of(data, member) if member is not None else photo_of(data, photo or "")
            todo = (*traces(person), *steps(person), *_queue_steps(person))
            yield Forgetting(person, todo, tuple(_notes(person) if person.member else _copies(person)))


def carry_out(forgetting: Forgetting) -> Iterator[Step]:
    """Do it, and yield each step when it is done; at last DVC is told of the photos that are left."""
    for step in forgetting.steps:
        step.do()
        yield step
    data = forgetting.person.data
    if (data / "raw.dvc").is_file():
        dvc("add", str(data / "raw"))


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
  git's messages of refreshes, which name members:
                                     git filter-repo --replace-message FILE
  Prefect's database, {PREFECT}:  stop 'lineup serve' and remove that folder
  clones and backups that others have: ask them to do the same"""


def _queue_steps(person: Person) -> Iterator[Step]:
    """Copies of models that hold the person, kept for the queue, and the jobs that were queued with them."""
    if not database.PATH.is_file():
        return
    with Queue() as queue:
        jobs = [job for job in queue.jobs(*STATES) if job.request.group == person.data.name and _holds(job, person)]
    models = sorted({PINNED / job.model for job in jobs})
    yield from (Step(path, "remove", partial(shutil.rmtree, path)) for path in models if path.is_dir())
    if jobs:
        yield Step(database.PATH, f"remove {counted(len(jobs), 'job')}", partial(_remove, jobs))


def _holds(job: Job, person: Person) -> bool:
    """Whether the job names the person, or its model may hold them: nobody knows which photos that learnt from."""
    members = members_of(job.model)
    return not person.member or members is None or person.member in members or asks_for(job.request, person)


def _remove(jobs: list[Job]) -> None:
    with Queue() as queue:
        queue.remove(jobs)


def _naming(person: Person) -> str:
    return f"that names {person.member}, be it as second best"


def _notes(person: Person) -> Iterator[str]:
    for folder in labelled_with(person):
        yield f"{folder} is a labelled video {_naming(person)}: remove it, or label the video again"
    for table in pictured_with(person):
        yield f"{table} is of a labelled photo {_naming(person)}: remove both, or label the photo again"
    for one in read_roster(person.data).members:
        for place in (one.url_list, one.folder) if one.key == person.member else ():
            if place:
                yield f"{person.data / place} is your own source of {one.key}: remove it if it is about nobody else"
    if keys := perhaps_shown(person):
        yield f"photos under other members that may show {person.member} too; look, and use --photo: {_short(keys)}"


def _copies(person: Person) -> Iterator[str]:
    if keys := other_copies(person):
        yield f"other files show the same photo, and stay; to forget them too use --photo: {_short(keys)}"


def _short(keys: list[str]) -> str:
    more = f" and {len(keys) - MOST_TOLD} more" if len(keys) > MOST_TOLD else ""
    return ", ".join(key[:SHORT_KEY] for key in keys[:MOST_TOLD]) + more
