"""Files and folders appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from conftest import ROOT

from pipeline.files import folder_written_whole, sha256_of, write_json, write_text, written_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stopped(written: AbstractContextManager[Path], error: type[BaseException]) -> None:
    """Write a part of what was to be written, then raise."""
    with written as temporary:
        path = temporary / "half.txt" if temporary.is_dir() else temporary
        path.write_text("half")
        raise error


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "video.mp4"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"frames")
        assert temporary.suffix == ".mp4"
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_bytes() == b"frames"
    assert names(path.parent) == ["video.mp4"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"the last good one"], ids=["new", "there before"])
def test_a_block_that_raises_leaves_the_file_as_it_was(
    tmp_path: Path, before: bytes | None, error: type[BaseException]
) -> None:
    path = tmp_path / "table.parquet"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(error):
        stopped(written_whole(path), error)
    assert (path.read_bytes() if path.exists() else None) == before
    assert names(tmp_path) == ([] if before is None else ["table.parquet"])


def test_results_may_be_read_by_whoever_may_read_others(tmp_path: Path) -> None:
    write_text(tmp_path / "ours.txt", "x")
    with folder_written_whole(tmp_path / "ours") as temporary:
        (temporary / "file").touch()
    (tmp_path / "usual.txt").touch()
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "ours.txt").stat().st_mode == (tmp_path / "usual.txt").stat().st_mode
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_folder_takes_the_place_of_the_last_one_whole(tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    for content in ("first", "second"):
        with folder_written_whole(folder) as temporary:
            (temporary / f"{content}.txt").write_text(content)
            (temporary / "inner").mkdir()
            assert not (folder / f"{content}.txt").exists()
        assert names(folder) == sorted([f"{content}.txt", "inner"])
        assert names(tmp_path) == ["sheets"]


KILLED_BETWEEN = """
import os, signal, sys
from pathlib import Path
from pipeline.files import folder_written_whole

replace = Path.replace
def last(path, target):
    replace(path, target)
    os.kill(os.getpid(), signal.SIGKILL)

with folder_written_whole(Path(sys.argv[1])) as folder:
    (folder / "new.txt").touch()
    Path.replace = last
"""


def test_killed_while_it_was_being_replaced_a_folder_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / ("a long name " * 10)
    write_text(folder / "good.txt", "good")
    os.utime(folder / "good.txt", (0, 0))
    os.utime(folder, (0, 0))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED_BETWEEN, str(folder)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not folder.exists()
    for left in tmp_path.iterdir():
        os.utime(left, (time.time() - 120,) * 2)
    write_text(tmp_path / "another.txt", "")
    assert names(folder) == ["good.txt"]


@pytest.mark.parametrize("before", [False, True], ids=["new", "there before"])
def test_a_block_that_raises_leaves_the_folder_as_it_was(tmp_path: Path, before: bool) -> None:
    folder = tmp_path / "model"
    if before:
        write_text(folder / "good.txt", "good")
    with pytest.raises(KeyboardInterrupt):
        stopped(folder_written_whole(folder), KeyboardInterrupt)
    assert names(tmp_path) == (["model"] if before else [])
    if before:
        assert names(folder) == ["good.txt"]


@pytest.mark.parametrize("name", ["수아 😀", "x" * 200], ids=["any alphabet", "long"])
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / f"{name}.txt", "ü\n")
    assert (tmp_path / f"{name}.txt").read_bytes() == "ü\n".encode()
    with folder_written_whole(tmp_path / name) as temporary:
        (temporary / "file").touch()
    assert names(tmp_path / name) == ["file"]


def test_text_has_the_same_bytes_on_every_platform(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"수아": [1, 2.5, None]})
    content = (tmp_path / "run.json").read_bytes()
    assert b"\r" not in content
    assert "수아".encode() in content
    assert content.endswith(b"}\n")
    assert json.loads(content) == {"수아": [1, 2.5, None]}


def test_what_is_not_json_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "run.json", {"path": tmp_path})
    assert names(tmp_path) == []


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_the_hash_is_that_of_all_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def left_behind(folder: Path, name: str, age_s: float, inside_age_s: float | None = None) -> None:
    """What a killed process left: a file, or a folder that holds a file of another age."""
    path = folder / name
    if inside_age_s is None:
        path.write_text("half")
    else:
        path.mkdir()
        (path / "frames").write_text("half")
        os.utime(path / "frames", (time.time() - inside_age_s,) * 2)
    os.utime(path, (time.time() - age_s,) * 2)


@pytest.mark.parametrize("write", [written_whole, folder_written_whole], ids=["a file", "a folder"])
def test_what_a_killed_process_left_is_swept_after_a_day(
    tmp_path: Path, write: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    day_s = 24 * 3600
    left_behind(tmp_path, ".writing-old.parquet", day_s + 60)
    left_behind(tmp_path, ".writing-young.parquet", day_s - 60)
    left_behind(tmp_path, ".writing-old-folder", day_s + 60, day_s + 60)
    left_behind(tmp_path, ".writing-at-work", day_s + 60, 60)
    left_behind(tmp_path, "old.parquet", 9 * day_s)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".writing-link").symlink_to(tmp_path / "elsewhere")
    os.utime(tmp_path / ".writing-link", (0, 0), follow_symlinks=False)
    with write(tmp_path / "new"):
        pass
    kept = [".writing-at-work", ".writing-young.parquet", "elsewhere", "new", "old.parquet"]
    assert names(tmp_path) == kept
