"""Where the project is, and the tools that are run from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.project import CommandError, dvc, dvc_heard, enter_project, environment
from pipeline.errors import LineupError


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, the current folder two levels below it."""
    for name in ("dvc.yaml", "params.yaml", "data/dvc.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "data" / "group").mkdir()
    monkeypatch.chdir(tmp_path / "data" / "group")
    return tmp_path


def test_the_nearest_folder_upwards_that_has_both_files(somewhere: Path) -> None:
    assert enter_project() == somewhere
    assert Path.cwd() == somewhere
    assert enter_project() == somewhere


def test_outside_of_a_project(somewhere: Path) -> None:
    (somewhere / "params.yaml").unlink()
    with pytest.raises(LineupError, match="not inside a Lineup project"):
        enter_project()
    assert Path.cwd() == somewhere / "data" / "group"


def test_a_command_sees_the_python_that_lineup_is_installed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert environment()["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/nowhere"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in git and DVC, with a stage that prints."""
    folder = tmp_path_factory.mktemp("repository")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    (folder / "photo").write_text("any bytes")
    (folder / "dvc.yaml").write_text("stages: {say: {cmd: echo what the stage says; touch made, outs: [made]}}")
    return folder


def test_what_dvc_and_a_stage_say_is_passed_on_but_no_advice(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    dvc("add", "photo")
    dvc("repro")
    assert (repository / "photo.dvc").is_file()
    told = capfd.readouterr()
    assert told.out == ""
    assert "what the stage says\n" in told.err
    assert [word for word in ("git add", "autostage", "dvc push", "\n\n") if word in told.err] == []


def test_an_error_of_dvc_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(
        CommandError, match=r"'dvc add nosuch' failed with exit status \d+; its own message stands above"
    ):
        dvc("add", "nosuch")
    assert "output 'nosuch' does not exist" in capfd.readouterr().err
    with pytest.raises(CommandError, match="output 'nosuch' does not exist"):
        dvc_heard(repository, "add", "nosuch")
    assert capfd.readouterr().err == ""
