"""The pages of the documentation, and the commands that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from conftest import ROOT

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
ENDS_A_COMMAND = {"|", "&", "&&", ";", ">"}

PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
}


def text_of(page: str) -> str:
    return PAGES[page].read_text(encoding="utf-8")


def shown(text: str, program: str) -> Iterator[list[str]]:
    """The arguments of `program` wherever it is called in a fenced block, or in the text by more than its name."""
    for block in FENCE.findall(text):
        for line in re.split("\n|&&", block.replace("\\\n", " ")):
            if re.match(rf"\s*(\$ )?(\S*/)?{program}\s", line):
                yield arguments(line.strip().removeprefix("$ "))
    for code in CODE.findall(FENCE.sub("", text)):
        if code.startswith(f"{program} ") and len(code.split()) > 2:
            yield arguments(code)


def all_shown(program: str) -> list[tuple[str, str]]:
    """Page and arguments, as one line, of each call of `program` that is shown."""
    return [(page, shlex.join(words)) for page in PAGES for words in shown(text_of(page), program)]


def arguments(line: str) -> list[str]:
    words = shlex.split(line, comments=True)[1:]
    end = next((place for place, word in enumerate(words) if word in ENDS_A_COMMAND), len(words))
    return words[:end]
