"""What every stage's command line does."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from pipeline.errors import DatasetError
from pipeline.files import held
from pipeline.params import Params, read_params
from pipeline.progress import track
from pipeline.stage import run_stage, told


def refuses(data: Path, params: Params) -> None:
    if data.name == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if data.name == "denied":
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "clean.parquet")
    if data.name == "large":
        raise MemoryError
    raise DatasetError(f"{data.name} is no good")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give one argument"),
        (["a", "b"], "give one argument"),
        (["nowhere"], "nowhere is not a folder"),
        (["g"], "g is no good"),
        (["full"], "nothing more can be written (No space left on device): make room"),
        (["denied"], "clean.parquet: Permission denied"),
        (["large"], "too large for the memory there is"),
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
    for name in ("g", "full", "denied", "large"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert run_stage(refuses, arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert line in printed.err
    assert printed.err.count("\n") == 1


def test_a_stage_gets_its_folder_and_the_params_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "g").mkdir()
    monkeypatch.chdir(tmp_path)
    calls: list[tuple[Path, Params]] = []
    assert run_stage(lambda *given: calls.append(given), ["g"]) == 0
    assert calls == [(Path("g"), read_params(ROOT / "params.yaml"))]


def test_missing_params_are_one_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_stage(refuses, ["."]) == 1
    assert "params.yaml is not there" in capsys.readouterr().err


# Runs a stage on argv, slowly: the function that it calls again and again tells by a file when it is called twice.
SLOWLY = """
import sys, time
from importlib import import_module
from pathlib import Path
from pipeline import incremental
from pipeline.files import held
from pipeline.stage import run_stage

stage, place, name = (sys.argv.pop(1) for _ in range(3))
stage, module = import_module(stage), import_module(place)
function, calls = getattr(module, name), []

def slow(*arguments):
    calls.append(arguments)
    if len(calls) == 2:
        Path("begun").touch()
    time.sleep(0.1)
    return function(*arguments)

setattr(module, name, slow)
incremental.SAVE_EVERY_S = 0.0
stage.BATCH = 4
raise SystemExit(run_stage(stage.main))
"""


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def begun(project: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SLOWLY, *arguments, "data/lanterns"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=project, env=ENVIRONMENT)


STAGES = pytest.mark.parametrize(
    ("stage", "place", "function", "remembered"),
    [
        ("clean", "pipeline.seen", "write_files", "clean/seen.parquet"),
        ("faces", "pipeline.faces", "read_still", "faces.parquet"),
        ("embed", "pipeline.embed", "embed_faces", "embeddings.parquet"),
    ],
    ids=["clean", "faces", "embed"],
)


@STAGES
def test_killed_at_any_moment_it_keeps_what_is_done(
    sample_project: Path, tmp_path: Path, stage: str, place: str, function: str, remembered: str
) -> None:
    project = shutil.copytree(sample_project, tmp_path / "project")
    shutil.copy(ROOT / "params.yaml", project)
    table = project / "data" / "lanterns" / remembered
    whole = pd.read_parquet(table)
    table.unlink()
    process = begun(project, f"pipeline.{stage}", place, function)
    while not table.exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    kept = pd.read_parquet(table)
    assert 0 < len(kept) < len(whole)
    command = [sys.executable, "-m", f"pipeline.{stage}", "data/lanterns"]
    subprocess.run(command, cwd=project, env=ENVIRONMENT, check=True)
    pd.testing.assert_frame_equal(pd.read_parquet(table), whole)


def test_two_stages_of_a_group_are_never_at_work_at_once(sample_project: Path, tmp_path: Path) -> None:
    project = shutil.copytree(sample_project, tmp_path / "project")
    shutil.copy(ROOT / "params.yaml", project)
    command = [sys.executable, "-m", "pipeline.split", "data/lanterns"]
    with held(project / "cache" / "locks" / "stages-lanterns", ""):
        second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=project, env=ENVIRONMENT)
        assert second.stderr
        assert second.stderr.readline() == "waiting: another stage is at work on data/lanterns\n"
        assert second.poll() is None
    second.communicate(timeout=60)
    assert second.returncode == 0


@STAGES
def test_ctrl_c_is_one_line_and_what_is_done_is_remembered(
    sample_project: Path, tmp_path: Path, stage: str, place: str, function: str, remembered: str
) -> None:
    project = shutil.copytree(sample_project, tmp_path / "project")
    shutil.copy(ROOT / "params.yaml", project)
    table = project / "data" / "lanterns" / remembered
    whole = len(pd.read_parquet(table))
    table.unlink()
    process = begun(project, f"pipeline.{stage}", place, function)
    while not (project / "begun").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told_of = process.communicate(timeout=60)
    assert told_of == "stopped: the next run goes on from what is done\n"
    assert process.returncode == 130
    assert 0 < len(pd.read_parquet(table)) < whole


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        ([], "9 faces: 9 kept, 0 dropped"),
        (["no face"], "9 faces: 8 kept, 1 dropped (no face 1)"),
        (["blurred", "no face", "no face"], "9 faces: 6 kept, 3 dropped (no face 2, blurred 1)"),
    ],
    ids=["nothing", "one", "the commonest first"],
)
def test_what_was_dropped_is_told_by_reason(reasons: list[str], line: str) -> None:
    assert told("9 faces", 9 - len(reasons), iter(reasons)) == line


@pytest.mark.parametrize("items", [[1, 2, 3], range(1, 4)])
def test_progress_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str], items: list[int]) -> None:
    assert list(track(items, "work")) == [1, 2, 3]
    assert list(track(iter(items), "work", total=3)) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")
