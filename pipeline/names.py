"""Names that become folders: which can be a member's key or a group's on every file system, and which are one there."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from typing import Final

from pipeline.errors import DatasetError
from pipeline.layout import DROPPED_FILE, FETCHES_FILE, MANIFEST_FILE
from pipeline.records import UNKNOWN

MAX_KEY_CHARACTERS: Final = 100
MAX_KEY_BYTES: Final = 255
MAX_GROUP_CHARACTERS: Final = 60
RESERVED: Final = frozenset({"weights", "sample", "rosters"})  # models/weights, data/sample, data/rosters are no groups
# What Windows takes for a device, in whatever case and with whatever suffix.
DEVICES: Final = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}


def key_fault(key: str, windows: bool = sys.platform == "win32") -> str:
    """Why `key` cannot be a member's, whose folder has its name: the end of a sentence, '' when it can.

    `windows` says whether the folder is to be made there: what no other system minds is refused only then.
    """
    if not key.strip() or key.startswith(".") or key in (UNKNOWN, MANIFEST_FILE, DROPPED_FILE, FETCHES_FILE):
        return "is reserved or empty, or begins with a dot"
    if any(c in "/\\" or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in key):
        return "has a slash, a backslash, a control character, or is not valid text"
    if len(key) > MAX_KEY_CHARACTERS or len(key.encode()) > MAX_KEY_BYTES:
        return f"is longer than {MAX_KEY_CHARACTERS} characters or {MAX_KEY_BYTES} bytes"
    if is_device(key):
        return "is the name of a device on Windows"
    if windows and (set(key) & set('<>:"|?*') or key[-1] in " ."):
        return 'has one of < > : " | ? * in it, or a space or a dot at its end, which no folder has on Windows'
    return ""


def is_device(name: str) -> bool:
    """Whether Windows takes a folder of this name for a device."""
    return name.partition(".")[0].rstrip().upper() in DEVICES


def one_folder(names: Iterable[str]) -> tuple[str, str] | None:
    """Two of `names` that are one folder on macOS and Windows, which mind neither case nor how an accent is written."""
    first: dict[str, str] = {}
    for name in names:
        seen = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        if seen in first:
            return first[seen], name
        first[seen] = name
    return None


def check_group(name: str) -> str:
    """The name, if it can name a group (it is used in paths and in stage names); DatasetError says why not."""
    if not name or len(name) > MAX_GROUP_CHARACTERS:
        raise DatasetError(f"a group's name has 1 to {MAX_GROUP_CHARACTERS} characters, {name[:80]!r} has {len(name)}")
    # Marks belong to letters in many alphabets; a hyphen in front would read as an option.
    if name[0] == "-" or any(c not in "-_" and unicodedata.category(c)[0] not in "LMN" for c in name):
        raise DatasetError(f"a group's name is letters, digits, '-' and '_', not beginning with '-': {name!r} is not")
    if name.casefold() in RESERVED or is_device(name):
        raise DatasetError(
            f"{name!r} is the name of a folder of Lineup's own, or of a device on Windows: choose another"
        )
    return name


def check_apart(group: str, groups: Iterable[str]) -> None:
    """DatasetError when `group` is none of `groups`, but would have the folder of one of them on some systems."""
    for other in {*groups} - {group}:
        if one_folder((other, group)):
            raise DatasetError(f"{other!r} and {group!r} would be one folder on macOS and Windows: use the same name")
