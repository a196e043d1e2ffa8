"""docs/troubleshooting.md and the code: every message that is quoted is one, and every error has its line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from conftest import ROOT
from first_party import modules, tree

PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("troubleshooting", "crawling")}
QUOTED = [
    quote
    for row in re.findall(r"^\| (`.*?) \| ", PAGES["troubleshooting"], re.MULTILINE)
    for quote in re.findall(r"`([^`]+)`", row)
]
DIFFERS = "\0"  # in a message of the code, where it fills something in
SAYS_SOMETHING = 4  # letters of a message; of fewer nothing can be found
BY_REASON = {"FetchError", "UnreadableImageError"}  # rows of tables: their reason counts


def text_of(node: ast.expr) -> str:
    """A text as it stands in the code; '' where it stands nowhere."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else DIFFERS for part in node.values)
    return ""


def nodes() -> Iterator[ast.AST]:
    for path in modules().values():
        yield from ast.walk(tree(path))


def errors() -> set[str]:
    """The names of LineupError and all that are made of it."""
    classes = {
        node.name: {ast.unparse(base) for base in node.bases} for node in nodes() if isinstance(node, ast.ClassDef)
    }
    found = {"LineupError"}
    while more := {name for name, bases in classes.items() if bases & found} - found:
        found |= more
    return found


def raised() -> Iterator[tuple[str, str]]:
    """The name of each error that the code makes, and what it says first."""
    known = errors() | {"BadParameter"}
    for node in nodes():
        name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
        if name in known and isinstance(node, ast.Call) and node.args:
            yield name, text_of(node.args[0])


# Reasons that stages give; those of files that cannot be read are among the errors.
DROPPED = {
    "near-duplicate",
    "duplicate",
    "conflict",
    "no face",
    "several faces",
    "face too small",
    "blurred",
    "bad light",
}
DROPPED |= {"turned away", "covered", "another member", "stranger", "rejected by a person", "identical file"}
TEXTS = {text_of(node) for node in nodes() if isinstance(node, (ast.Constant, ast.JoinedStr))}
RAISED = sorted(set(raised()))
MESSAGES = [text for name, text in RAISED if name not in BY_REASON and len(re.findall(r"\w", text)) >= SAYS_SOMETHING]
REASONS = sorted({text for name, text in RAISED if name in BY_REASON and text} | DROPPED)


@cache
def pattern(quote: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, quote.split("…"))), re.DOTALL)


def quotes(quote: str, text: str) -> bool:
    return bool(pattern(quote).fullmatch(text))


@pytest.mark.parametrize("quote", QUOTED)
def test_a_message_that_is_quoted_is_one_of_the_code(quote: str) -> None:
    assert len(re.findall(r"\w", quote)) >= SAYS_SOMETHING, "it would match anything"
    assert any(quotes(quote, text) for text in TEXTS)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.replace(DIFFERS, "…"))
def test_every_error_has_its_line(message: str) -> None:
    assert any(quotes(quote, message) for quote in QUOTED)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_a_table_is_told(reason: str) -> None:
    assert any(f"`{reason}`" in page for page in PAGES.values())


@pytest.mark.parametrize("reason", sorted(DROPPED))
def test_a_reason_is_one_of_the_code(reason: str) -> None:
    assert reason in TEXTS


def test_what_is_looked_for_is_there() -> None:
    assert len(MESSAGES) > 100
    assert {"http error", "not an image"} <= set(REASONS)


@pytest.mark.parametrize("quote", ["no such words anywhere", "… is not inside a Lineup project"])
def test_a_quote_that_no_code_says_would_be_noticed(quote: str) -> None:
    assert not any(quotes(quote, text) for text in TEXTS)
