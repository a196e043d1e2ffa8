"""Commands of other programs that the pages show: DVC's, git's, the measurements' can be typed as shown."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser
from pages import all_shown

SCRIPTS = [(page, line) for page, line in all_shown("python") if re.match("bench/|docs/", line)]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


class ParsedError(Exception):
    """A script has understood how it is called, and would begin."""


def begun(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a script with these arguments up to where its work begins."""
    script, *words = shlex.split(line)
    source = ast.parse((ROOT / script).read_text(encoding="utf-8"))
    for node in source.body:
        if isinstance(node, ast.FunctionDef) and node.name == "main" and node.args.args:
            node.body = ast.parse("raise ParsedError").body
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser: argparse.ArgumentParser, *rest: object) -> argparse.Namespace:
        given = parse(parser, *rest)  # type: ignore[call-overload]
        if script == "bench/label.py":  # whose main reads them itself
            raise ParsedError
        return given

    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    monkeypatch.setattr(sys, "argv", [script, *words])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    exec(compile(source, script, "exec"), {"__name__": "__main__", "__file__": script, "ParsedError": ParsedError})


@pytest.mark.parametrize(("page", "line"), [one for one in SCRIPTS if "bench/" in one[1]])
def test_a_measurement_can_be_called_as_shown(page: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParsedError):
        begun(line, monkeypatch)


@pytest.mark.parametrize("words", ["", "PHOTOS", "PHOTOS CACHE --nosuch", "PHOTOS CACHE --classifiers nosuch"])
def test_a_wrong_call_would_be_noticed(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        begun(f"bench/recognition.py {words}", monkeypatch)


def test_every_script_that_is_shown_is_there() -> None:
    assert SCRIPTS
    assert [line for _, line in SCRIPTS if not (ROOT / shlex.split(line)[0]).is_file()] == []


@pytest.mark.parametrize(("page", "line"), [one for one in all_shown("python") if one[1].startswith("-m ")])
def test_a_module_that_is_shown_can_be_run(page: str, line: str) -> None:
    _, module, *_ = shlex.split(line)
    assert module in {"pip", "pytest", "pipeline.<stage>", *(f"pipeline.{stage}" for stage in STAGES)}


@pytest.mark.parametrize(("page", "line"), all_shown("dvc"))
def test_dvc_takes_the_command(page: str, line: str) -> None:
    get_main_parser().parse_args(shlex.split(line))


def test_a_wrong_dvc_command_would_be_noticed() -> None:
    with pytest.raises((SystemExit, DvcParserError)):
        get_main_parser().parse_args(["repro", "--nosuch"])


def test_git_has_the_commands() -> None:
    listed = subprocess.run(["git", "--list-cmds=main"], check=True, capture_output=True, text=True).stdout.split()
    asked = {shlex.split(line)[0] for _, line in all_shown("git")} - {"is", "does", "filter-repo"}  # sentences; its own
    assert "add" in asked
    assert asked <= set(listed)
