"""Names that become folders: which can be a member's key or a group's on every file system, and which are one there."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from typing import Final

from pipeline.manifest import DROPPED_FILE, FETCHES_FILE, MANIFEST_FILE
from pipeline.records import UNKNOWN

MAX_KEY_CHARACTERS: Final = 100
MAX_KEY_BYTES: Final = 255
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
