"""data/<group>/roster.yaml: who is in the group, and how each is shown, searched for and coloured."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from pipeline.errors import DatasetError
from pipeline.files import write_text
from pipeline.records import UNKNOWN

# Ten hues that stay apart on dark and bright pictures and for the usual kinds of colour blindness (Okabe-Ito, Tol).
COLOURS = (
    "#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7",
    "#D55E00", "#0072B2", "#BBCC33", "#EE8866", "#AA4499",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One person: `key` is the name in every table, `name` the one shown, `colour` is '#RRGGBB'."""

    key: str
    name: str
    colour: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """A group and its members, in the order of the file."""

    group: str
    members: tuple[Member, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The members' keys."""
        return tuple(member.key for member in self.members)

    def member(self, key: str) -> Member:
        """The member with this key; KeyError when there is none."""
        return next(member for member in self.members if member.key == key)


def roster_path(data: Path) -> Path:
    """Where the roster of the group in folder `data` stands."""
    return data / "roster.yaml"


def read_roster(data: Path) -> Roster:
    """Read data/<group>/roster.yaml; DatasetError says what is wrong with it."""
    path = roster_path(data)
    if not path.is_file():
        raise DatasetError(f"{path} is not there: 'lineup import PHOTOS --group {data.name}' makes one")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        members = tuple(_member(index, entry) for index, entry in enumerate(document["members"]))
        roster = Roster(str(document.get("group", data.name)), members)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is not a roster (see docs/adding-a-group.md): {error}") from None
    keys = roster.keys
    if len(set(keys)) != len(keys):
        raise DatasetError(f"{path}: two members have one key")
    if UNKNOWN in keys:
        raise DatasetError(f"{path}: '{UNKNOWN}' cannot be a member's key, it means nobody was matched")
    return roster


def add_members(data: Path, keys: list[str]) -> Roster:
    """Write the roster if absent, append the members it lacks, leave every other line as it is, and read it."""
    path = roster_path(data)
    yaml_file = YAML()
    yaml_file.indent(mapping=2, sequence=4, offset=2)
    if path.is_file():
        present = read_roster(data).keys
        new = [key for key in keys if key not in present]
        if not new:
            return read_roster(data)
        document = yaml_file.load(path.read_text(encoding="utf-8"))
    else:
        new, present = keys, ()
        document = {"group": data.name, "members": []}
    for index, key in enumerate(new, start=len(present)):
        text_key = DoubleQuotedScalarString(key) if yaml.safe_load(key) != key else key  # 'on' or '2024' would change
        document["members"].append({"key": text_key, "name": text_key, "colour": COLOURS[index % len(COLOURS)]})
    text = io.StringIO()
    yaml_file.dump(document, text)
    write_text(path, text.getvalue())
    return read_roster(data)


def _member(index: int, entry: Any) -> Member:
    key = str(entry["key"])
    return Member(
        key=key,
        name=str(entry.get("name", key)),
        colour=str(entry.get("colour", COLOURS[index % len(COLOURS)])),
        keywords=tuple(str(word) for word in entry.get("keywords", ())),
    )
