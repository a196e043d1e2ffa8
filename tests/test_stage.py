"""What every stage's command line does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from pipeline.errors import DatasetError
from pipeline.params import Params
from pipeline.progress import track
from pipeline.stage import run_stage


def refuses(data: Path, params: Params) -> None:
    raise DatasetError(f"{data.name} is no good")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give one argument"),
        (["a", "b"], "give one argument"),
        (["nowhere"], "nowhere is not a folder"),
        (["g"], "g is no good"),
    ],
)
def test_an_error_is_one_line_and_status_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    line: str,
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "g").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run_stage(refuses, arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert line in printed.err
    assert printed.err.count("\n") == 1


def test_a_stage_gets_its_folder_and_the_params_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Params
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "g").mkdir()
    monkeypatch.chdir(tmp_path)
    calls: list[tuple[Path, Params]] = []
    assert run_stage(lambda *given: calls.append(given), ["g"]) == 0
    assert calls == [(Path("g"), params)]


def test_missing_params_are_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_stage(refuses, ["."]) == 1
    assert "params.yaml is not there" in capsys.readouterr().err


@pytest.mark.parametrize("items", [[1, 2, 3], range(1, 4)])
def test_progress_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str], items: list[int]) -> None:
    assert list(track(items, "work")) == [1, 2, 3]
    assert list(track(iter(items), "work", total=3)) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")
