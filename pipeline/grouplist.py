"""The list `groups` of params.yaml, to which an import adds; all else in the file stays as a person wrote it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import YAMLError

from pipeline.errors import ParamsError
from pipeline.files import write_text
from pipeline.names import check_group


def add_group_to_params(path: Path, group: str) -> None:
    """Add `group` to the list `groups` in params.yaml, if it is not there; every other line stays as it is.

    ParamsError when there is no such file, no such list in it, or one that a person must add to.
    """
    check_group(group)
    try:
        text = path.read_bytes().decode("utf-8")  # with its ends of lines
        document = YAML().load(text)
        names = document["groups"]
    except FileNotFoundError:
        raise ParamsError(f"{path} is not there: run this in the project's folder") from None
    except (YAMLError, KeyError, TypeError, UnicodeDecodeError):
        names = None
    if not isinstance(names, CommentedSeq):
        raise ParamsError(f"{path} has no list 'groups': add the line 'groups: []'")
    if group in names:
        return
    longer = _with_item(text, document.lc.value("groups")[0], names, group)
    names.append(group)
    if _loaded(longer) != document:
        raise ParamsError(f"{path}: the list 'groups' is written so that only you can add {group!r} to it")
    write_text(path, longer)


def _with_item(text: str, first: int, names: CommentedSeq, name: str) -> str:
    """The YAML `text` in which the list `names`, which begins on line `first`, has one name more; if it is plain."""
    word = name if yaml.safe_load(name) == name else json.dumps(name, ensure_ascii=False)  # a bare 2024 is no text
    end = "\r\n" if "\r\n" in text else "\n"
    lines = (text if text.endswith("\n") else text + end).splitlines(keepends=True)
    if names and not names.fa.flow_style():
        lines.insert(names.lc.item(len(names) - 1)[0] + 1, f"{' ' * names.lc.col}- {word}{end}")
        return "".join(lines)
    head, rest = "".join(lines[:first]), "".join(lines[first:])  # written in brackets
    if names:
        return head + re.sub(r"\s*,?\s*\]", lambda _: f", {word}]", rest, count=1)
    return head + re.sub(r"[ ]*\[\s*\](.*)\n", lambda found: f"{found[1]}\n  - {word}{end}", rest, count=1)


def _loaded(text: str) -> object:
    try:
        return YAML().load(text)
    except YAMLError:
        return None
