"""A batch that others label: two workers of a process pool, Dask. The tables are those of labelling it plainly."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from excerpts import excerpt

from flows.label.process import Tethered
from flows.label.request import Request
from flows.label.run import label_all
from flows.serve import server
from pipeline.loopback import HOST

CLIPS = {"a.mp4": "plain.mp4", "b.mp4": "one-frame.mp4"}
WORKERS = ("one", "other")
UP_S = 120.0
LABELLED_S = 300.0
MEETING = """
import os, sys, time
from pathlib import Path

if "PREFECT__FLOW_RUN_ID" in os.environ and "MEETING" in os.environ:
    met, end_s = Path(os.environ["MEETING"]), time.monotonic() + 120
    (met / os.environ["WORKER"]).touch()
    while len(list(met.iterdir())) < 2:
        if time.monotonic() > end_s:
            sys.exit("the other worker never came")
        time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def place(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder of these tests' own, with two clips that were labelled plainly."""
    folder = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.copytree(project, folder)
    (folder / "clips").mkdir()
    for name, source in CLIPS.items():
        shutil.copy(excerpt(source), folder / "clips" / name)
    with chdir(folder):
        plainly = label_all(sorted((folder / "clips").iterdir()), Request("lanterns", Path("plainly")))
        assert all(outcome.folder for outcome in plainly)
    return folder


def started(stack: ExitStack, name: str, environment: dict[str, str], *module: str) -> None:
    """Start a Python module, which ends with these tests; what it prints is <name>.log."""
    with Path(f"{name}.log").open("wb") as log:
        part = Tethered([sys.executable, "-m", "pipeline.tether", *module], log, log, **environment)
    stack.callback(part.stop)


@pytest.fixture(scope="module")
def prefect(place: Path) -> Iterator[dict[str, str]]:
    """What whoever speaks to a Prefect server of these tests' own is told; the server runs."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    with chdir(place), ExitStack() as stack:
        server.HOME.mkdir(parents=True)
        environment = server.environment(port) | {"PYTHONPATH": str(ROOT), "PREFECT_WORKER_QUERY_SECONDS": "1"}
        started(stack, "server", environment, "flows.serve.server", str(port))
        end_s = time.monotonic() + UP_S
        while not server.answers(environment["PREFECT_API_URL"]):
            assert time.monotonic() < end_s, Path("server.log").read_text()
            time.sleep(0.1)
        yield environment


def labelled_on(where: str, place: Path, environment: dict[str, str]) -> dict[str, str]:
    """Label the clips there; the folder of each that was labelled."""
    command = [sys.executable, "-m", "flows.cli", "label", "clips", "--group", "lanterns", "--json", "--on", where]
    command += ["--out", where.partition(":")[0]]
    done = subprocess.run(
        command, cwd=place, env=os.environ | environment, capture_output=True, text=True, timeout=LABELLED_S
    )
    assert done.returncode == 0, done.stderr
    return {Path(one["video"]).name: one["folder"] for one in json.loads(done.stdout)}


def same_tables(folders: dict[str, str], place: Path) -> None:
    assert sorted(folders) == sorted(CLIPS)
    for name, folder in folders.items():
        plainly = pd.read_parquet(place / "plainly" / Path(name).stem / "faces.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(place / folder / "faces.parquet"), plainly)


@pytest.mark.skipif(os.name == "nt", reason="processes are ended as POSIX does it")
def test_two_workers_of_a_pool_label_as_this_machine_does(place: Path, prefect: dict[str, str], tmp_path: Path) -> None:
    """A worker has one run at a time, and a run waits until the other worker has one too."""
    (tmp_path / "sitecustomize.py").write_text(MEETING)
    met = tmp_path / "met"
    met.mkdir()
    path = os.pathsep.join([str(tmp_path), prefect["PYTHONPATH"]])
    with chdir(place), ExitStack() as stack:
        for name in WORKERS:
            work = ("worker", "start", "--pool", "two", "--type", "process", "--limit", "1", "--name", name)
            own = prefect | {"PYTHONPATH": path, "MEETING": str(met), "WORKER": name}
            started(stack, name, own, "prefect", *work)
        same_tables(labelled_on("pool:two", place, prefect), place)
    assert sorted(one.name for one in met.iterdir()) == sorted(WORKERS)
    assert "database is locked" not in (place / "server.log").read_text()


def test_a_dask_cluster_labels_as_this_machine_does(place: Path, prefect: dict[str, str]) -> None:
    pytest.importorskip("prefect_dask", reason="the extra 'dask' is not installed")
    same_tables(labelled_on("dask", place, prefect), place)
