"""Many videos in one call: which ones are meant, and that one that fails or crashes costs only itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from excerpts import excerpt

from flows.groups import check_model
from flows.label.request import Request, expand
from flows.label.run import label_all, label_one
from pipeline.errors import LineupError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with videos and other things; files are empty, only their names count."""
    for name in (
        "b.mp4",
        "a.MKV",
        "notes.txt",
        "live/c.webm",
        "live/2023/d.mov",
        "live/cover.jpg",
        "odd/[x].mp4",
        "odd/-y.mp4",
        "odd/no suffix",
        "empty/.keep",
        "folder.mp4/inside.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


MEANT = {
    "a file": (["b.mp4"], ["b.mp4"]),
    "a file of any name": (["odd/no suffix"], ["odd/no suffix"]),
    "a file named like a pattern": (["odd/[x].mp4"], ["odd/[x].mp4"]),
    "a file named like an option": (["odd/-y.mp4"], ["odd/-y.mp4"]),
    "a folder": (["live"], ["live/2023/d.mov", "live/c.webm"]),
    "a folder named like a video": (["folder.mp4"], ["folder.mp4/inside.mp4"]),
    "a pattern": (["*.mp4"], ["b.mp4"]),
    "a pattern of any depth": (["**/*.mo*"], ["live/2023/d.mov"]),
    "several, in their order": (["live/c.webm", "b.mp4"], ["live/c.webm", "b.mp4"]),
    "one given twice": (["b.mp4", "./b.mp4", "*.mp4", "live/../b.mp4"], ["b.mp4"]),
    "a file and its folder": (["live/c.webm", "live"], ["live/c.webm", "live/2023/d.mov"]),
}


@pytest.mark.parametrize(("arguments", "expected"), MEANT.values(), ids=MEANT.keys())
def test_what_arguments_stand_for(arguments: list[str], expected: list[str], shelf: Path) -> None:
    paths = [(shelf / name).resolve() for name in expected]
    assert expand(arguments) == (paths, [])
    assert expand(str(shelf / argument) for argument in arguments) == (paths, [])


NOTHING = {"a file": "nosuch.mp4", "a folder": "empty", "a pattern": "*.flac", "half a pattern": "[", "no word": ""}
NOTHING |= {"a name too long": "x" * 5000, "a zero byte": "a\0b.mp4"}


@pytest.mark.parametrize("argument", NOTHING.values(), ids=NOTHING.keys())
def test_what_stands_for_nothing_fails_alone(argument: str, shelf: Path) -> None:
    videos, (nothing,) = expand(["b.mp4", argument, "live/c.webm"])
    assert videos == [(shelf / name).resolve() for name in ("b.mp4", "live/c.webm")]
    assert (nothing.video, nothing.folder) == (Path(argument), None)
    assert nothing.error in ("no video there", "File name too long")


def test_a_group_without_a_model_is_refused_before_any_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LineupError, match="no group is called 'lanterns'; there is none yet"):
        check_model("lanterns")
    (tmp_path / "models" / "bridges").mkdir(parents=True)
    (tmp_path / "models" / "bridges" / "model.json").touch()
    check_model("bridges")
    with pytest.raises(LineupError, match="there are: bridges"):
        check_model("lanterns")
    (tmp_path / "data" / "lanterns").mkdir(parents=True)
    (tmp_path / "data" / "lanterns" / "roster.yaml").touch()
    with pytest.raises(LineupError, match="run 'dvc repro' first"):
        check_model("lanterns")
    with pytest.raises(LineupError, match="a group's name is"):
        check_model("../bridges")


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such signal")
def test_stopping_the_command_stops_the_video_in_hand(tmp_path: Path, project: Path) -> None:
    started = tmp_path / "started"
    code = (
        "import sys, flows.cli\n"
        f"sys.executable = {str(tmp_path / 'python')!r}\n"
        f"sys.argv = ['lineup', 'label', {str(excerpt('plain.mp4'))!r}, '--group', 'lanterns']\n"
        "flows.cli.main()\n"
    )
    (tmp_path / "python").write_text(f"#!/bin/sh\necho $$ > {started}.new; mv {started}.new {started}; exec sleep 60\n")
    (tmp_path / "python").chmod(0o755)
    lineup = subprocess.Popen([sys.executable, "-c", code], cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while not started.exists():
        assert lineup.poll() is None
        time.sleep(0.02)
    lineup.terminate()
    assert lineup.wait(20) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_a_broken_video_does_not_stop_the_others(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    videos = [tmp_path / name for name in ("-first.mp4", "broken.mp4", "last 🌙.mp4")]
    shutil.copy(excerpt("plain.mp4"), videos[0])
    videos[1].write_bytes(b"<!DOCTYPE html>")
    shutil.copy(excerpt("one-frame.mp4"), videos[2])
    first, broken, last = label_all(videos, Request("lanterns", tmp_path / "out", 0.4))
    assert [outcome.video for outcome in (first, broken, last)] == videos
    assert (first.folder, first.error) == (tmp_path / "out" / "-first", "")
    assert (last.folder, last.error) == (tmp_path / "out" / "last 🌙", "")
    assert (first.folder / "labelled.mp4").stat().st_size > 1000
    assert '"threshold": 0.4' in (first.folder / "run.json").read_text(encoding="utf-8")
    assert broken.folder is None
    assert "broken.mp4" in broken.error
    assert "crash" not in broken.error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["-first", "last 🌙"]


def python_that(monkeypatch: pytest.MonkeyPatch, folder: Path, does: str) -> None:
    """Puts a script in the place of the Python that labels one video."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{does}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


CRASHES = {
    "killed": ("kill -KILL $$", f"signal {int(signal.SIGKILL)}"),
    "a native crash": ("kill -SEGV $$", f"signal {int(signal.SIGSEGV)}"),
    "an exit without a word": ("exit 3", "exit status 3"),
    "a trace": ("echo Traceback >&2; exit 1", "exit status 1"),
    "some words, then nothing": ("echo working; kill -KILL $$", "signal 9"),
    "a number": ("echo 7; exit 1", "exit status 1"),
    "a list": ("echo '[]'; exit 1", "exit status 1"),
    "half an answer": ("echo '{\"fold'; kill -KILL $$", "signal 9"),
    "another answer": ("echo '{}'; exit 1", "exit status 1"),
    "bytes that are no text": ("printf '\\377\\n'; exit 1", "exit status 1"),
}


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
@pytest.mark.parametrize(("does", "reason"), CRASHES.values(), ids=CRASHES.keys())
def test_a_process_that_crashes_is_one_failed_video(
    does: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_that(monkeypatch, tmp_path, does)
    outcomes = list(label_all([Path("a.mp4"), Path("b.mp4")], Request("lanterns", tmp_path)))
    assert [outcome.video.name for outcome in outcomes] == ["a.mp4", "b.mp4"]
    for outcome in outcomes:
        assert outcome.folder is None
        assert reason in outcome.error
        assert "\n" not in outcome.error
        assert outcome.seconds >= 0


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
def test_each_outcome_is_told_as_soon_as_it_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = """echo '{"folder": "done", "warnings": ["cut"]}'"""
    waits = f"while [ ! -e {tmp_path}/seen ]; do sleep 0.02; done"
    python_that(monkeypatch, tmp_path, f'for video; do :; done; [ "$video" = a.mp4 ] || {waits}; {done}')
    outcomes = label_all([Path("b.mp4"), Path("a.mp4")], Request("lanterns", tmp_path), jobs=2)
    first = next(outcomes)
    assert (first.video, first.folder, first.warnings) == (Path("a.mp4"), Path("done"), ("cut",))
    (tmp_path / "seen").touch()
    assert [outcome.video for outcome in outcomes] == [Path("b.mp4")]


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_at_once_than_wanted(jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python_that(monkeypatch, tmp_path, f"echo + >> {tmp_path}/log; sleep 0.2; echo - >> {tmp_path}/log")
    list(label_all([Path(f"{number}.mp4") for number in range(6)], Request("lanterns", tmp_path), jobs))
    signs = (tmp_path / "log").read_text().split()
    running = [signs[:end].count("+") - signs[:end].count("-") for end in range(len(signs) + 1)]
    assert max(running) == jobs


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
def test_who_watches_is_told_and_may_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tells = (
        """for word; do case $word in --progress=*) echo '{"phase": "render"}' > ${word#*=}/status.json; esac; done"""
    )
    python_that(monkeypatch, tmp_path, f"{tells}; sleep 60")
    seen = []

    def watch(video: Path, progress: dict[str, object]) -> bool:
        seen.append((video, progress))
        return progress != {"phase": "render"}

    outcome = label_one(Path("a.mp4"), Request("lanterns", tmp_path), watch)
    assert (outcome.folder, outcome.kind) == (None, "stopped")
    assert seen[-1] == (Path("a.mp4"), {"phase": "render"})


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")
def test_no_name_is_taken_for_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-shown").mkdir()
    python_that(monkeypatch, tmp_path, """echo "{\\"error\\": \\"$*\\"}" """)
    python_that(monkeypatch, tmp_path, """echo "{\\"error\\": \\"$*\\", \\"kind\\": \\"lasting\\"}" """)
    outcome = label_one(Path("--help"), Request("-x", Path("-out"), 0.25, ("--only=-y",)), preview=Path("-shown"))
    told = "--group=-x --out=-out --threshold=0.25 --only=-y --preview=-shown -- --help"
    assert outcome.error == f"-m pipeline.tether pipeline.video.label {told}"
