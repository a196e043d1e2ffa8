"""Where the project is, and the tools that are run from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flows.project import CommandError, enter_project, run
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


def test_a_command_sees_the_python_that_lineup_is_installed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    written = tmp_path / "path"
    run([sys.executable, "-c", f"import os; open({str(written)!r}, 'w').write(os.environ['PATH'])"], "python")
    assert written.read_text().split(os.pathsep) == [str(Path(sys.executable).parent), "/nowhere"]


def test_a_command_that_fails_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('its own message', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandError, match=r"'dvc repro' failed with exit status 7") as caught:
        run([sys.executable, "-c", code], "dvc repro")
    assert isinstance(caught.value, LineupError)
    assert "its own message" in capfd.readouterr().err
