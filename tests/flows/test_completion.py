"""Shell completion, asked for as the shells' own scripts ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

SHELLS = ("bash", "zsh", "fish")
ROSTERS = {
    "lanterns": "members: [{key: mira}, {key: juno}, {key: 수아}]",
    "laurels": "members: [{key: 'mi $(reboot)'}, {key: mia}]",
    "broken": "members: [",
    "night": None,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a project with groups, one of which has no roster."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("dvc.yaml", "params.yaml"):
        (folder / name).touch()
    for group, roster in ROSTERS.items():
        (folder / "data" / group).mkdir(parents=True)
        if roster is not None:
            (folder / "data" / group / "roster.yaml").write_text(roster, encoding="utf-8")
    return folder / "data"


def lineup(folder: Path, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **variables}
    command = [sys.executable, "-m", "flows.cli"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=folder, env=environment)
    assert done.stderr == ""
    return done.stdout


def offered(shell: str, typed: str, folder: Path) -> set[str]:
    """What the shell is told to offer for a line that was typed so far."""
    asked = {"_LINEUP_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": typed}
    asked |= {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    asked |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    told = lineup(folder, **asked)
    if shell == "zsh":
        inside = told.partition("((")[2].rpartition("))")[0]
        return {line.split('"')[1].replace("\\", "") for line in inside.splitlines()}
    return {line.partition("\t")[0] for line in told.splitlines() if line}


LINES = {
    "a command": ("lineup re", {"refresh", "review"}),
    "a command of the queue": ("lineup queue ca", {"cancel"}),
    "a group": ("lineup label clip.mp4 --group la", {"lanterns", "laurels"}),
    "a group that has no roster": ("lineup refresh -g ni", set()),
    "a member of the group": ("lineup label clip.mp4 --group lanterns --only ", {"mira", "juno", "수아"}),
    "a member in another alphabet": ("lineup queue add clip.mp4 -g lanterns --fancam 수", {"수아"}),
    "a member where no group is named yet": ("lineup forget mi", {"mira", "mia"}),
    "no name that a shell would run": ("lineup crawl --group laurels --member ", {"mia"}),
    "no member of a roster that is broken": ("lineup crawl --group broken --member ", set()),
}


@pytest.mark.parametrize(("typed", "names"), LINES.values(), ids=LINES.keys())
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_offered(shell: str, typed: str, names: set[str], place: Path) -> None:
    assert offered(shell, typed, place) == names


def test_outside_of_a_project_there_are_no_groups(tmp_path: Path) -> None:
    assert offered("bash", "lineup label clip.mp4 --group ", tmp_path) == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_for_a_shell_asks_lineup(shell: str, place: Path) -> None:
    script = lineup(place, _LINEUP_COMPLETE=f"source_{shell}")
    assert f"_LINEUP_COMPLETE=complete_{shell}" in script


IN_BASH = {
    "a group": ("lineup label clip.mp4 --group lan", "lanterns"),
    "behind a sign": ("lineup label clip.mp4 --group = lan", "lanterns"),
    "behind a sign, begun": ("lineup label clip.mp4 --group = lanterns --only =", "mira juno 수아"),
    "behind several signs": ("lineup label clip.mp4 --group = lanterns --only = mira --fancam = ju", "juno"),
    "a sign that is no option's": ("lineup forget = mi", ""),
}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
@pytest.mark.parametrize(("typed", "name"), IN_BASH.values(), ids=IN_BASH.keys())
def test_bash_itself_completes(typed: str, name: str, place: Path, tmp_path: Path) -> None:
    (tmp_path / "lineup").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flows.cli "$@"\n')
    (tmp_path / "lineup").chmod(0o755)
    script = lineup(place, _LINEUP_COMPLETE="source_bash")
    words = typed.split()
    asks = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _lineup_completion lineup; echo ${{COMPREPLY[@]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\n{asks}"], capture_output=True, text=True, cwd=place, env=environment
    )
    assert done.stdout == f"{name}\n"
