"""What is written about the project and what it is: the commands, their options, the params and the stages agree."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import pytest
import typer.main
import yaml
from conftest import ROOT
from first_party import modules
from pages import FENCE, PAGES, all_shown, arguments, shown, text_of

from flows.cli import app
from pipeline.params import Params, read_params

LINEUP: Any = typer.main.get_command(app)
COMMANDS = {
    f"{name} {inner}".strip(): command
    for name, outer in LINEUP.commands.items()
    for inner, command in getattr(outer, "commands", {"": outer}).items()
}
for command in COMMANDS.values():
    command.callback = lambda **_: None  # here a command is parsed, never run
NAMES = list(COMMANDS)

LINK = re.compile(r"\[[^]]*\]\(([^)\s#]*)(?:#([^)\s]+))?[^)]*\)")
EXAMPLE = re.compile(r"Example: `(.+)`")

SHOWN = all_shown("lineup")


def test_the_pages_are_there() -> None:
    assert "docs/architecture.md" in PAGES
    assert len(SHOWN) >= len(NAMES)


@pytest.mark.parametrize(("page", "line"), SHOWN, ids=[f"{page}: {line}" for page, line in SHOWN])
def test_a_command_that_is_shown_can_be_typed(page: str, line: str) -> None:
    LINEUP.main(args=shlex.split(line), prog_name="lineup", standalone_mode=False)


@pytest.mark.parametrize(
    "line", ["label", "label --nosuch x -g y", "nosuch x", "import photos", "label v -g y --threshold 2"]
)
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"Missing|No such|less than or equal"):
        LINEUP.main(args=shlex.split(line), prog_name="lineup", standalone_mode=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_told_of_and_shows_an_example(name: str) -> None:
    assert re.search(rf"\b(lineup|make) {name}\b", text_of("README.md")), f"README.md does not name {name!r}"
    (example,) = EXAMPLE.findall(COMMANDS[name].help)
    words = arguments(example)
    assert shlex.join(words).startswith(name)
    LINEUP.main(args=words, prog_name="lineup", standalone_mode=False)


@pytest.mark.parametrize("group", [LINEUP, LINEUP.commands["queue"]], ids=["lineup", "queue"])
def test_what_has_commands_shows_an_example_of_one(group: Any) -> None:
    (example,) = EXAMPLE.findall(group.help)
    LINEUP.main(args=arguments(example), prog_name="lineup", standalone_mode=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_does(name: str) -> None:
    silent = [one.name for one in COMMANDS[name].params if one.name != "help" and not getattr(one, "help", "")]
    assert silent == []


def test_every_mentioned_name_is_a_command() -> None:
    mentioned = {name for page in PAGES for name in re.findall(r"`lineup (\w+)", text_of(page))}
    assert mentioned <= set(LINEUP.commands)


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = {word for page in PAGES for words in shown(text_of(page), "make") for word in words if word.isalpha()}
    assert "demo" in made
    assert made <= targets


def anchors(page: str) -> set[str]:
    """What links to the page's headings may name, as hosts of git make it."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    pages = {path.resolve(): page for page, path in PAGES.items()}
    wrong, pictures = [], []
    links = [(page, *found) for page in PAGES for found in LINK.findall(text_of(page))]
    for page, link, heading in links:
        path = (PAGES[page].parent / link).resolve() if link else PAGES[page].resolve()
        if "://" not in link and (not path.exists() or (heading and heading not in anchors(pages[path]))):
            wrong.append((page, link, heading))
        if page == "README.md" and path.suffix in (".png", ".jpg", ".gif", ".webp"):
            pictures.append(link)
    assert wrong == []
    assert pictures


def test_the_index_has_every_page() -> None:
    listed = {link for link, _ in LINK.findall(text_of("docs/README.md"))}
    assert {f"docs/{link}" for link in listed} >= {page for page in PAGES if page.startswith("docs/")} - {
        "docs/README.md"
    }


def test_architecture_names_every_stage() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    told = text_of("docs/architecture.md")
    assert [stage for stage in stages if not re.search(rf"\b{stage}\b", told)] == []


@pytest.mark.parametrize("module", [name for name in modules() if not modules()[name].name.startswith("__")])
def test_the_map_names_every_module(module: str) -> None:
    (tree,) = (block for block in FENCE.findall(text_of("docs/architecture.md")) if "pipeline/" in block)
    assert len(tree.splitlines()) <= 48, "one screen"
    assert re.search(rf"\b{module.rpartition('.')[2]}\b", tree)


def keys(kind: Any) -> dict[str, set[str]]:
    """The sections and what is in each; a key outside of any holds nothing."""
    hints = get_type_hints(kind)
    sections = {name: fields(hint) if is_dataclass(hint) else () for name, hint in hints.items()}
    return {name: {one.name for one in inside} for name, inside in sections.items()}


def test_params_yaml_and_the_code_have_the_same_keys() -> None:
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    written = {name: set(value) if isinstance(value, dict) else set() for name, value in document.items()}
    assert written == keys(Params)
    assert read_params(ROOT / "params.yaml").clean.min_side_px == document["clean"]["min_side_px"]
