"""Forgetting a member or a photo: what a group's data, model, metrics and caches hold of them, found and removed.

The hashes are remembered first (forgotten.py), the manifest and the roster are changed last, and every step can be done
twice: stopped at any moment, the same call again finishes. Tables that were made by comparing faces are removed whole;
those that are slow to make lose their rows. 'dvc repro' then makes what is missing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.curation.suspects import DROP
from pipeline.decisions import ACCEPT, decisions_path, drop_lines, read_decisions
from pipeline.errors import DatasetError
from pipeline.files import WRITING
from pipeline.forgotten import FORGOTTEN_FILE, Forgotten, read_forgotten, remember
from pipeline.keys import raw_key
from pipeline.layout import LABELLED, MANIFEST_FILE, PLOTS, REFRESHES, THUMBNAILS, analyses_of, metrics_of, model_of
from pipeline.manifest import read_fetches, read_manifest
from pipeline.records import (
    CONFLICT,
    DROPPED,
    FACES,
    KEPT,
    LABELLED_FACES,
    SHORT_KEY,
    SUGGESTED,
    SUSPECTS,
    UNDER,
    UNLABELLED,
)
from pipeline.roster import read_roster, remove_member, roster_path
from pipeline.tables import drop_rows, read_table, read_table_if_there
from pipeline.words import counted

COMPARED: Final = (
    "curated.parquet", "suspects.parquet", "suggested.parquet", "split.parquet", "dropped/clean.parquet",
    "dropped/curate.parquet", "report.html", "sheets", THUMBNAILS,
)  # fmt: skip
PICTURES: Final = ("clean", "faces", "raw")


@dataclass(frozen=True, slots=True)
class Person:
    """What is to be forgotten of the group in folder `data`: a member ('' for photos only), and photos by raw key."""

    data: Path
    member: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to remove or to change, in words, and doing it."""

    path: Path
    what: str
    do: Callable[[], object]


def member_of(data: Path, name: str) -> Person:
    """The member whose key or shown name is `name`, with all photos that are theirs; DatasetError when there is none.

    Theirs is what lies in their folder, and what a person accepted as them elsewhere.
    """
    roster = read_roster(data)
    member = next((one.key for one in roster.members if name in (one.key, one.name)), name)
    manifest = read_manifest(data / "raw")
    folder = data / "raw" / member if member in (*roster.keys, *manifest["member"]) else None
    if folder is None and member not in read_forgotten(data).members:
        raise DatasetError(f"nobody in {roster_path(data)} is called {name!r}; there are {', '.join(roster.keys)}")
    keys = set(manifest["key"][manifest["member"] == member]) | {raw_key(key) for key in _accepted(data, member)}
    if folder is not None and folder.is_dir():
        keys |= {raw_key(path.name) for path in folder.iterdir()}
    return Person(data, member, frozenset(keys - {""}))


def photo_of(data: Path, short: str) -> Person:
    """The photo whose key begins with `short`, as review.csv has it; DatasetError when it is none or several."""
    begin = raw_key(short.strip())
    found = sorted({key for key in read_manifest(data / "raw")["key"] if key.startswith(begin)})
    if len(begin) < SHORT_KEY:
        raise DatasetError(f"the key {short!r} has less than {SHORT_KEY} characters: write more of it")
    if len(found) != 1:
        none = "is no photo of this group: keys are those of raw/manifest.parquet"
        many = f"may be any of {len(found)} photos: write more of it" if found else none
        raise DatasetError(f"{short!r} {many}")
    return Person(data, "", frozenset(found))


def steps(person: Person) -> Iterator[Step]:
    """All there is to do, in the order in which it has to be done; nothing is done yet. What is done is not in it."""
    data, group = person.data, person.data.name
    forgotten = read_forgotten(data)
    members = [person.member] if person.member else []
    words = (person.keys, members, addresses := _addresses(person))
    known = (forgotten.photos, forgotten.members, forgotten.addresses)
    if any(word not in before for before, new in zip(known, words, strict=True) for word in new):
        do = partial(remember, data, person.keys, members, addresses)
        yield Step(data / FORGOTTEN_FILE, "remember hashes, so that they do not come back", do)
    whole = [model_of(group), metrics_of(group), metrics_of(group).with_name(f"{group}.json")]
    whole += [data / name for name in COMPARED]
    whole += [PLOTS]  # test faces of all groups; the same command makes them again
    whole += [REFRESHES / group]  # what a refresh crawled and has not put in use
    whole += sorted(data.rglob(f"{WRITING}*"))
    if person.member:
        whole += [path for folder in labelled_with(person) for path in _analyses(folder)]
    yield from (_removal(path) for path in whole if path.exists() and not set(whole) & set(path.parents))
    yield from _rows(person, forgotten)
    if count := drop_lines(data, partial(_is_line_of, person), dry_run=True):
        path = decisions_path(data)
        yield Step(path, f"remove {counted(count, 'line')}", partial(drop_lines, data, partial(_is_line_of, person)))
    files = (path for name in PICTURES for path in sorted((data / name).rglob("*")) if path.is_file())
    yield from (_removal(path) for path in files if _is_forgotten(path.name, person, forgotten))
    if person.member and (data / "raw" / person.member).is_dir():
        yield _removal(data / "raw" / person.member)
    yield from _table(data / "raw" / MANIFEST_FILE, partial(_gone, person, forgotten))
    if person.member in read_roster(data).keys:
        yield Step(roster_path(data), "remove the member", partial(remove_member, data, person.member))


def labelled_with(person: Person) -> list[Path]:
    """The folders of labelled/ that name the member."""
    found = []
    for table in sorted(LABELLED.glob("*/faces.parquet")):
        try:
            told = json.loads(table.with_name("run.json").read_text(encoding="utf-8"))
            named = read_table(table, LABELLED_FACES)[["member", "second"]]
            if told["group"] == person.data.name and named.isin([person.member]).to_numpy().any():
                found.append(table.parent)
        except (OSError, ValueError, KeyError, TypeError, DatasetError):  # not a labelled video of this version
            continue
    return found


def pictured_with(person: Person) -> list[Path]:
    """The tables of labelled photos that name the member."""
    found = []
    for table in sorted(LABELLED.glob("photos/*.json")):
        try:
            told = json.loads(table.read_text(encoding="utf-8"))
            names = {face[name] for face in told["faces"] for name in ("member", "second")}
            if told["group"] == person.data.name and person.member in names:
                found.append(table)
        except (OSError, ValueError, KeyError, TypeError):  # not of a photo that Lineup labelled
            continue
    return found


def perhaps_shown(person: Person) -> list[str]:
    """Keys of photos under other members that may show the member too, as the machine guesses."""
    data = person.data
    suspects = read_table_if_there(data / "suspects.parquet", SUSPECTS)
    suggested = read_table_if_there(data / "suggested.parquet", SUGGESTED)
    dropped = read_table_if_there(data / "dropped" / "clean.parquet", DROPPED)
    members = ", " + dropped["detail"].str.removeprefix(UNDER) + ", "  # a key may hold a comma itself
    among = members.str.contains(f", {person.member}, ", regex=False)
    conflicts = dropped[(dropped["reason"] == CONFLICT) & among]
    keys = {
        *suspects["key"][(suspects["looks_like"] == person.member) & (suspects["action"] == DROP)],
        *suggested["key"][suggested["member"] == person.member],
        *conflicts["key"],
    }
    return sorted({raw_key(key) for key in keys} - person.keys)


def other_copies(person: Person) -> list[str]:
    """Keys of files that show the same photo as one of the person's, as the stage clean found them."""
    dropped = read_table_if_there(person.data / "dropped" / "clean.parquet", DROPPED)
    copies = dropped[dropped["detail"].str.startswith(KEPT)]
    keys, kept = copies["key"].map(raw_key), copies["detail"].str.removeprefix(KEPT).map(raw_key)
    best = {*person.keys, *kept[keys.isin(person.keys)]}
    return sorted({*keys[kept.isin(best)], *best} - person.keys)


def _addresses(person: Person) -> set[str]:
    """Where the photos came from, as crawls found them."""
    raw = person.data / "raw"
    rows = pd.concat([read_manifest(raw)[["key", "url"]], read_fetches(raw)[["key", "url"]]])
    return set(rows["url"][rows["key"].isin(person.keys)]) - {""}


def _rows(person: Person, forgotten: Forgotten) -> Iterator[Step]:
    manifest = person.data / "raw" / MANIFEST_FILE
    for path in sorted(person.data.rglob("*.parquet")):
        left = path.name.startswith(WRITING) or path.relative_to(person.data).as_posix() in COMPARED
        if path != manifest and not left:
            yield from _table(path, partial(_gone, person, forgotten))


def _table(path: Path, gone: Callable[[pd.DataFrame], npt.NDArray[Any]]) -> Iterator[Step]:
    if path.is_file() and (count := drop_rows(path, gone, dry_run=True)):
        yield Step(path, f"remove {counted(count, 'row')}", partial(drop_rows, path, gone))


def _gone(person: Person, forgotten: Forgotten, rows: pd.DataFrame) -> npt.NDArray[Any]:
    """Which rows are about a forgotten photo, or are the member's."""
    name = next((name for name in ("raw_key", "key") if name in rows), None)
    if name is None:  # no table of Lineup's
        return np.zeros(len(rows), bool)
    gone = rows[name].fillna("").map(lambda key: _is_forgotten(key, person, forgotten)).astype(bool)
    if person.member and "member" in rows:
        gone |= rows["member"] == person.member
    return gone.to_numpy()


def _is_forgotten(name: str, person: Person, forgotten: Forgotten) -> bool:
    """Whether a key, or the name of a picture's file, belongs to a photo that is forgotten now or was before."""
    key = raw_key(name)
    return key in person.keys or key in forgotten.photos


def _is_line_of(person: Person, line: Mapping[str, str]) -> bool:
    begin = raw_key(line.get("key", ""))
    short = len(begin) >= SHORT_KEY and any(key.startswith(begin) for key in person.keys)
    return short or (person.member != "" and line.get("member") == person.member)


def _accepted(data: Path, member: str) -> list[str]:
    faces = read_table_if_there(data / "faces.parquet", FACES)
    unlabelled = read_table_if_there(data / "unlabelled.parquet", UNLABELLED)
    rows = read_decisions(data, [*faces["key"], *unlabelled["key"]]).rows
    return list(rows["key"][(rows["decision"] == ACCEPT) & (rows["member"] == member)])


def _analyses(folder: Path) -> list[Path]:
    """What is kept of the analysis of the video labelled in `folder`: faces and vectors of everyone in it."""
    return analyses_of(str(json.loads((folder / "run.json").read_text(encoding="utf-8")).get("input_sha256", "")))


def _removal(path: Path) -> Step:
    return Step(path, "remove", partial(_remove, path))


def _remove(path: Path) -> None:
    """Remove a file or a folder, of which anything may be gone already."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        shutil.rmtree(path)  # which raises why not
