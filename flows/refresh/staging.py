"""Staging: a group's refresh happens in cache/refresh/<group>/, and the workspace is touched when all is decided.

project/     what the stages need, as committed, with the group's photos and tables: refreshed here
before/      the model in use, and what it rests on
leftovers/   photos that an earlier refresh crawled and that were not taken
begun        which commit, and which of the group's files, `project` was begun with

promotion.json beside them is flows.refresh.promotion's, and is none of a refresh that begins or is given up.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.project import dvc_answer, dvc_heard
from flows.refresh import git
from pipeline.crawl.store import opened_store
from pipeline.errors import DatasetError
from pipeline.files import write_text

STAGES: Final = ("clean", "faces", "embed", "curate", "split", "train", "validate", "datasheet")
SHARED: Final = ("dvc.lock", "dvc.yaml", "params.yaml")
NEEDED: Final = (*SHARED, "pipeline", ".dvc/config", ".dvcignore")
JUDGED_BY: Final = (
    "raw/manifest.parquet", "raw/fetches.parquet", "dropped", "curated.parquet", "split.parquet", "embeddings.parquet",
    "unlabelled_embeddings.parquet",
)  # fmt: skip
CONFIG: Final = """[core]
    no_scm = true
[cache]
    dir = "{cache}"
    type = "reflink,hardlink,copy"
"""


@dataclass(frozen=True, slots=True)
class Staging:
    """The folder of a group's refresh."""

    group: str

    @property
    def folder(self) -> Path:
        """The folder of it all."""
        return Path("cache", "refresh", self.group).absolute()

    @property
    def project(self) -> Path:
        """The copy of the project that is refreshed."""
        return self.folder / "project"

    @property
    def before(self) -> Path:
        """The model in use and what it rests on, laid out like a project."""
        return self.folder / "before"

    @property
    def journal(self) -> Path:
        """Where a promotion that has begun stands."""
        return self.folder / "promotion.json"

    @property
    def data(self) -> Path:
        """The group's folder in `project`."""
        return self.project / "data" / self.group

    @property
    def has_model(self) -> bool:
        """Whether a model was in use."""
        return (self.before / "models" / self.group / "model.json").is_file()


def kept_in_git(group: str) -> tuple[str, ...]:
    """The group's own files that git keeps and that a person, an import or a crawl writes."""
    return tuple(f"data/{group}/{name}" for name in ("raw.dvc", "roster.yaml", "review.csv", "forgotten.csv"))


def metrics_file(group: str) -> str:
    """The group's metrics, which git keeps too."""
    return f"metrics/{group}.json"


def targets(group: str) -> list[str]:
    """What DVC keeps of the group: its photos and what its stages make."""
    return [f"data/{group}/raw.dvc", *(f"{stage}@{group}" for stage in STAGES)]


def staged(group: str, commit: str) -> Staging:
    """Begin a refresh from `commit` and the group's own files as they are; or go on with one so begun."""
    place = Staging(group)
    begun, mark = place.folder / "begun", _mark(group, commit)
    if not begun.is_file() or begun.read_text(encoding="utf-8") != mark:
        _set_aside(place)
        begun.unlink(missing_ok=True)
        for folder in (place.project, place.before):
            shutil.rmtree(folder, ignore_errors=True)
        _fill(place, commit)
        write_text(begun, mark)
    else:
        _mend(place, commit)
    leftovers = place.folder / "leftovers"
    if leftovers.is_dir():
        with opened_store(place.data) as store:
            store.take_over(leftovers)
        shutil.rmtree(leftovers)
    return place


def as_committed(group: str, commit: str, folder: Path) -> None:
    """Make `folder` a project with the group as in `commit`, whose photos and models come from this one's cache."""
    git.export(commit, [*NEEDED, *kept_in_git(group), metrics_file(group)], folder)
    (folder / ".dvc").mkdir(exist_ok=True)
    write_text(folder / ".dvc" / "config.local", CONFIG.format(cache=dvc_answer("cache", "dir")))


def discard(place: Staging) -> None:
    """Remove it all but the journal; the mark goes first, so that nothing half-removed is gone on with."""
    (place.folder / "begun").unlink(missing_ok=True)
    for path in place.folder.glob("*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path != place.journal:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        place.folder.rmdir()  # not when the journal is there


def _mark(group: str, commit: str) -> str:
    paths = [Path(name) for name in kept_in_git(group)]
    present = [f"{path.name} {git.blob_of(path)}" for path in paths]
    return "\n".join([commit, *present])


def _mend(place: Staging, commit: str) -> None:
    """Make anew what DVC writes to in place, of which a refresh that was killed may have left half."""
    shutil.rmtree(place.project / ".dvc" / "tmp", ignore_errors=True)
    git.export(commit, ["dvc.lock"], place.project)
    raw = Path("data", place.group, "raw.dvc")
    if raw.is_file():
        shutil.copyfile(raw, place.project / raw)
    else:
        (place.project / raw).unlink(missing_ok=True)


def _set_aside(place: Staging) -> None:
    """Keep the photos of the refresh before, which was begun from something else, for the one that begins."""
    leftovers, raw = place.folder / "leftovers", place.data / "raw"
    if (place.folder / "begun").is_file() and raw.is_dir() and not leftovers.exists():
        with opened_store(place.data):
            pass  # what a crawl that was killed left in its journal comes into the tables
        raw.replace(leftovers)


def _fill(place: Staging, commit: str) -> None:
    own, group = kept_in_git(place.group), place.group
    place.data.mkdir(parents=True)
    as_committed(group, commit, place.project)
    if (place.data / "raw.dvc").is_file():
        _check_out(place, *targets(group))
        if f"train@{group}:" in git.text(commit, "dvc.lock"):
            _keep_before(place)
    changed = [name for name in own if git.blob(commit, name) != git.blob_of(Path(name))]
    for name in changed:
        shutil.copyfile(name, place.project / name)
    if f"data/{group}/raw.dvc" in changed:
        _check_out(place, f"data/{group}/raw.dvc")


def _check_out(place: Staging, *what: str) -> None:
    dvc_heard(place.project, "checkout", "--force", "--allow-missing", *what)
    if not (place.data / "raw").is_dir():
        raise DatasetError(f"data/{place.group}: its photos are not in DVC's cache: run 'dvc fetch {what[0]}'")


def _keep_before(place: Staging) -> None:
    group, kept = place.group, place.before / "data" / place.group
    if not (place.project / "models" / group / "model.json").is_file() or not (place.data / "split.parquet").is_file():
        raise DatasetError(f"the model of {group} that is in use is not in DVC's cache: run 'dvc pull'")
    for name in JUDGED_BY:
        source, target = place.data / name, kept / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copyfile(source, target)
    shutil.copytree(place.data / "faces", kept / "faces", copy_function=_linked)  # many, and never written to
    shutil.copytree(place.project / "models" / group, place.before / "models" / group)
    if Path(metrics_file(group)).is_file():
        (place.before / "metrics").mkdir()
        shutil.copyfile(metrics_file(group), place.before / metrics_file(group))


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # the file system knows no links
        shutil.copyfile(source, target)
