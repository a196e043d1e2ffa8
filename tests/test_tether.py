"""A process on a tether ends with whoever holds the other end, and so does all it started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

from pipeline.tether import end_group

MODULE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, *sys.argv[1:], flush=True)
while {busy}:
    pass
child.kill()
"""


def tethered(folder: Path, busy: bool) -> subprocess.Popen[str]:
    (folder / "module.py").write_text(MODULE.format(busy=busy))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    command = [sys.executable, "-m", "pipeline.tether", "module", "--one", "two"]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups")
def test_it_ends_with_all_it_started(tmp_path: Path) -> None:
    process = tethered(tmp_path, busy=True)
    assert process.stdin
    assert process.stdout
    child, *arguments = process.stdout.readline().split()
    assert arguments == ["--one", "two"]
    process.stdin.close()
    assert process.wait(20) != 0
    end = time.monotonic() + 20
    while psutil.pid_exists(int(child)) and psutil.Process(int(child)).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_ends_by_itself_when_its_work_is_done(tmp_path: Path) -> None:
    process = tethered(tmp_path, busy=False)
    assert process.wait(20) == 0
    process.communicate()


def test_without_process_groups_one_that_is_gone_spares_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = tethered(tmp_path, busy=True)
    assert process.stdout
    child = psutil.Process(int(process.stdout.readline().split()[0]))
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    before = psutil.Process(gone.pid)
    gone.communicate()
    monkeypatch.delattr(os, "killpg", raising=False)  # as on Windows
    monkeypatch.setattr(psutil.Process, "children", lambda *_, **__: [before, child])
    end_group(process.pid)
    assert process.wait(20) != 0
    child.wait(20)
