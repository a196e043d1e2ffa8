"""data/<group>/roster.yaml: who is in the group, and how each is shown, searched for and coloured."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import DatasetError
from pipeline.files import write_text
from pipeline.names import key_fault, one_folder
from pipeline.params import SourceName

# Ten hues that stay apart on dark and bright pictures and for the usual kinds of colour blindness (Okabe-Ito, Tol).
COLOURS = (
    "#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7",
    "#D55E00", "#0072B2", "#BBCC33", "#EE8866", "#AA4499",
)  # fmt: skip
UNKNOWN_COLOUR: Final = "#9A9A9A"  # of faces that nobody was matched to


@dataclass(frozen=True, slots=True)
class Member:
    """One person: `key` is the name in every table, `name` the one shown, `colour` is '#RRGGBB'.

    The rest is for crawls: the name in Hangul, keywords, and where photos are (a category of Wikimedia Commons, the
    address of a site, a CSV file of addresses, a folder).
    """

    key: str
    name: str
    colour: str
    keywords: tuple[str, ...] = ()
    hangul: str = ""
    commons: str = ""
    site: str = ""
    url_list: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """A group and its members, in the order of the file; `sources` of crawls, none for those of params.yaml."""

    group: str
    members: tuple[Member, ...]
    hangul: str = ""
    sources: tuple[SourceName, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The members' keys."""
        return tuple(member.key for member in self.members)

    def member(self, key: str) -> Member:
        """The member with this key; DatasetError when there is none."""
        for member in self.members:
            if member.key == key:
                return member
        raise DatasetError(f"{self.group}: {key!r} has faces but is not in the roster: add it to roster.yaml")


def roster_path(data: Path) -> Path:
    """Where the roster of the group in folder `data` stands."""
    return data / "roster.yaml"


def read_roster(data: Path) -> Roster:
    """Read data/<group>/roster.yaml; DatasetError says what is wrong with it."""
    path = roster_path(data)
    if not path.is_file():
        raise DatasetError(f"{path} is not there: 'lineup import PHOTOS --group {data.name}' makes one")
    try:
        # The library that writes it also reads it: by YAML 1.2, in which 'on' is a name like any other.
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        members = tuple(_member(index, entry) for index, entry in enumerate(document["members"]))
        roster = Roster(
            str(document.get("group", data.name)), members, _optional(document, "hangul"), _sources(document)
        )
    except (KeyError, TypeError, AttributeError):
        raise DatasetError(f"{path} needs a list 'members', each with a 'key': see docs/adding-a-group.md") from None
    except (YAMLError, ValueError) as error:
        raise DatasetError(f"{path} is not a roster: {' '.join(str(error).split())}") from None
    if len(set(roster.keys)) != len(roster.keys):
        raise DatasetError(f"{path}: two members have one key: take one of them out")
    return roster


def add_members(data: Path, keys: list[str]) -> Roster:
    """Write the roster if absent, append the members it lacks, keep what a person wrote there, and read it."""
    path = roster_path(data)
    yaml_file = _yaml_file()
    if path.is_file():
        present = read_roster(data).keys
        new = [key for key in keys if key not in present]
        if not new:
            return read_roster(data)
        document = yaml_file.load(path.read_text(encoding="utf-8"))
    else:
        new, present = keys, ()
        document = {"group": data.name, "members": []}
    for place, key in enumerate(new):
        for other in (*present, *new[:place]):
            if one_folder((other, key)):
                raise DatasetError(f"{other!r} and {key!r} are one folder on macOS and Windows: use the same name")
    for index, key in enumerate(new, start=len(present)):
        document["members"].append({"key": key, "name": key, "colour": COLOURS[index % len(COLOURS)]})
    text = io.StringIO()
    yaml_file.dump(document, text)
    write_text(path, text.getvalue())
    return read_roster(data)


def remove_member(data: Path, key: str) -> None:
    """Take the member out of the roster, with the comments right above; all other lines stay as they are."""
    path = roster_path(data)
    text = path.read_text(encoding="utf-8")
    yaml_file = _yaml_file()
    document = yaml_file.load(text)
    members = document["members"]
    index = next(index for index, entry in enumerate(members) if entry["key"] == key)
    if members.fa.flow_style():  # written in brackets
        del members[index]
        written = io.StringIO()
        yaml_file.dump(document, written)
        text = written.getvalue()
    else:
        lines = text.splitlines(keepends=True)
        begin, end = _lines_of(lines, members.lc.item(index)[0], members.lc.col)
        lines[begin:end] = [] if len(members) > 1 else ["  []\n"]
        text = "".join(lines)
    write_text(path, text)


def _lines_of(lines: list[str], line: int, dash_column: int) -> tuple[int, int]:
    """First line, and the one after the last, of the list's item whose text begins at `line`, and comments above."""
    begin = line
    while not lines[begin][dash_column:].startswith("-"):
        begin -= 1
    while begin and lines[begin - 1].lstrip().startswith("#"):
        begin -= 1
    depths = {at: len(text) - len(text.lstrip()) for at, text in enumerate(lines) if not _says_nothing(text)}
    end = next((at for at, depth in depths.items() if at > line and depth <= dash_column), len(lines))
    while _says_nothing(lines[end - 1]):  # a comment belongs to what follows it
        end -= 1
    return begin, end


def _says_nothing(line: str) -> bool:
    return line.strip() == "" or line.lstrip().startswith("#")


def _yaml_file() -> YAML:
    yaml_file = YAML()
    yaml_file.preserve_quotes = True
    yaml_file.width = 4096
    yaml_file.indent(mapping=2, sequence=4, offset=2)
    return yaml_file


def _member(index: int, entry: Any) -> Member:
    key = _text(entry["key"], "key")
    if fault := key_fault(key):
        raise ValueError(f"{key[:120]!r} cannot be a member's key, it {fault}")
    colour = _text(entry.get("colour", COLOURS[index % len(COLOURS)]), "colour")
    if not re.fullmatch("#[0-9A-Fa-f]{6}", colour):
        raise ValueError(f"{key}: colour {colour!r} is not written like '#56B4E9'")
    keywords = entry.get("keywords", [])
    if not isinstance(keywords, list):
        raise ValueError(f"{key}: keywords {keywords!r} is not a list")
    places = {name: _optional(entry, name) for name in ("hangul", "commons", "site", "url_list", "folder")}
    return Member(key, _text(entry.get("name", key), "name"), colour, tuple(str(word) for word in keywords), **places)


def _sources(document: Any) -> tuple[SourceName, ...]:
    sources = document.get("sources", [])
    known = get_args(SourceName)
    if not isinstance(sources, list) or any(source not in known for source in sources):
        raise ValueError(f"sources {sources!r} is not a list of {', '.join(known)}")
    return tuple(sources)


def _optional(entry: Any, what: str) -> str:
    return _text(entry[what], what) if what in entry else ""


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} {value!r} is not a text, put it in quotes")
    return value
