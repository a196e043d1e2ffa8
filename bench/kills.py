"""Kills a batch and a refresh at moments spread over all their length, and looks what the next run makes of it.

    python bench/kills.py 20

A clone of the last commit gets a group of a few of the sample's photos, two short videos in its queue, one new photo to
be crawled, and a remote. In a copy of it 'lineup worker' is killed with SIGKILL, then 'lineup refresh', that one every
other time while it promotes: its last second, and the only one in which it touches the project. The same command again
must come to what an undisturbed run came to, with git and DVC clean, the remote complete, and no process left of the
one that was killed. Prints a table. One that had ended well before its moment says nothing: it counts as not tried. The
status is 1 when a row is not as it should be, or when one of the two was never tried.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from smallproject import GROUP, checked, environment, git, make_project, run

from flows.queue.store import Queue
from flows.refresh.staging import targets
from pipeline.classifiers.model import hashes
from pipeline.files import sha256_of
from pipeline.pinned import weights_folder

SEED = 5
LEFT_S = 5.0  # what the processes of one that was killed have to end
IN_ORDER = ("up to date.", "in sync.")  # how the answers of 'dvc status' end
GOOD = ("same", "clean", "clean", "none")
UNTRIED = ("not tried: it had ended", "", "", "")
PUSHED = ("--cloud", *targets(GROUP))

Result = dict[str, object]


@dataclass(frozen=True, slots=True)
class Work:
    """A command that is killed, what it has come to in a project, and the log of its steps, if it keeps one."""

    name: str
    command: tuple[str, ...]
    result: Callable[[Path], Result]
    log: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: `s` seconds after the start, or after the promotion has begun."""

    s: float
    promoting: bool

    def __str__(self) -> str:
        return f"{self.s:.2f} s{' into the promotion' if self.promoting else ''}"


def batch_result(project: Path) -> Result:
    """How each job stands, and all that lies beside its video but run.json, which tells how long it took.

    What was being written (.writing-*) is nobody's result; it is swept away when a day has passed.
    """
    files = [path for path in (project / "labelled").glob("[!.]*/**/*") if path.is_file() and path.name != "run.json"]
    with Queue(project / "cache" / "queue.sqlite") as queue:
        jobs = [(job.video.name, job.state, str(job.folder)) for job in queue.jobs("done", "failed", "waiting")]
    return {"jobs": jobs} | {path.relative_to(project).as_posix(): sha256_of(path) for path in files}


def refresh_result(project: Path) -> Result:
    """Photos, model, metrics without seconds, how many commits, and the tags."""
    metrics = json.loads((project / "metrics" / f"{GROUP}.json").read_text(encoding="utf-8"))
    for candidate in metrics["candidates"].values():
        del candidate["fit_s"]
    photos = sorted(path.name for path in (project / "data" / GROUP / "raw").rglob("*.jpg"))
    commits, tags = git(project, "rev-list", "--count", "HEAD"), git(project, "tag")
    model = hashes(project / "models" / GROUP)
    return {"photos": photos, "model": model, "metrics": metrics, "commits": commits, "tags": tags}


WORKS = (
    Work("batch", ("flows.cli", "worker", "--until-empty", "--jobs", "1"), batch_result),
    Work("refresh", ("flows.cli", "refresh", "--group", GROUP), refresh_result, "cache/logs/refresh.jsonl"),
)


def main(kills: int) -> None:
    os.environ["LINEUP_WEIGHTS"] = str(weights_folder().resolve())
    os.environ.pop("PREFECT_API_URL", None)
    bad, tried_of = 0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="lineup-kills-") as folder:
        prepared = make_project(Path(folder).resolve() / "prepared" / "project")
        print("| what | killed after | result | git | DVC | left running |\n|" + " --- |" * 6, flush=True)
        for work in WORKS:
            for row in tries(work, prepared, kills):
                bad += row[1:] not in (GOOD, UNTRIED)
                tried_of[work.name] += row[1:] != UNTRIED
                print(f"| {work.name} | {' | '.join(row)} |", flush=True)
    print(f"{tried_of.total()} of {kills * len(WORKS)} were tried", flush=True)
    if bad:
        sys.exit(f"{bad} came to something else")
    if never := [work.name for work in WORKS if not tried_of[work.name]]:
        sys.exit(f"never tried: {', '.join(never)}")


def tries(work: Work, prepared: Path, kills: int) -> Iterator[tuple[str, ...]]:
    """A row for each moment at which it is killed."""
    undisturbed = copied(prepared, work.name)
    took_s, promoting_s = timed(work, undisturbed)
    wanted = work.result(undisturbed)
    for number, moment in enumerate(moments(kills, took_s, promoting_s)):
        project = copied(prepared, f"{work.name}-{number}")  # DVC remembers by path what a remote has
        yield tried(work, project, moment, wanted)
        shutil.rmtree(project.parent)


def moments(kills: int, took_s: float, promoting_s: float) -> Iterator[Moment]:
    """One of each part of the whole, every other one of the promotion, if there is one; not the end, as runs differ."""
    draw = random.Random(SEED)
    for number in range(kills):
        share, promoting = 0.95 * (number + draw.random()) / kills, promoting_s > 0 and number % 2 == 1
        yield Moment(share * (promoting_s if promoting else took_s), promoting)


def tried(work: Work, project: Path, moment: Moment, wanted: Result) -> tuple[str, ...]:
    """What came of killing it: when, then result, git and DVC after the next run, and what was left running."""
    when = str(moment)
    ended = killed(work, project, moment)
    if ended is not None:
        return when, *((ended, "", "", "") if ended else UNTRIED)
    left = still_running(project)
    again = run(project, *work.command)
    if again.returncode:
        return when, failure("the next one", again.returncode, again.stderr), "", "", left
    found = work.result(project)
    others = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    changed = "dirty" if git(project, "status", "--porcelain") else "clean"
    looked = [(), PUSHED] if work.log else [()]
    told = [run(project, "dvc", "status", *what).stdout for what in looked]
    stale = " ".join(" ".join(told).split()) if any(not one.rstrip().endswith(IN_ORDER) for one in told) else ""
    return when, f"another: {', '.join(others)}" if others else "same", changed, stale or "clean", left


def killed(work: Work, project: Path, moment: Moment) -> str | None:
    """Start it and kill it at the moment; None, or how it had ended by then, '' if well."""
    command, variables = [sys.executable, "-m", *work.command], environment(project)
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, cwd=project, env=variables, stdout=subprocess.DEVNULL, stderr=told)
        while moment.promoting and process.poll() is None and not promotion(project / work.log):
            time.sleep(0.01)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment.s)
        process.send_signal(signal.SIGKILL)
        status = process.wait()
        if status == -signal.SIGKILL:
            return None
        told.seek(0)
        return failure("the killed one", status, told.read().decode(errors="replace")) if status else ""


def failure(what: str, status: int, told: str) -> str:
    """How a command ended, in a cell of the table."""
    return f"{what}: status {status}: {' '.join(told.split())[-300:].replace('|', '/')}"


def still_running(project: Path) -> str:
    """The commands that run in the project's folder also when LEFT_S have passed, or 'none'."""
    end_s = time.monotonic() + LEFT_S
    while left := [
        " ".join(one.info["cmdline"] or ())
        for one in psutil.process_iter(["cwd", "cmdline"])
        if one.info["cwd"] and Path(one.info["cwd"]).is_relative_to(project)
    ]:
        if time.monotonic() > end_s:
            break
        time.sleep(0.1)
    return ", ".join(left) or "none"


def timed(work: Work, project: Path) -> tuple[float, float]:
    """Seconds that it takes, and how many of them are the promotion's."""
    began_s = time.monotonic()
    checked(project, *work.command)
    took_s = time.monotonic() - began_s
    return took_s, sum(one["seconds"] for one in promotion(project / work.log) if one["event"] == "ended")


def promotion(log: Path) -> list[dict[str, Any]]:
    """What the log of a refresh tells of its last step."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return [one for one in map(json.loads, lines) if one.get("step") == "promote"]


def copied(prepared: Path, name: str) -> Path:
    """A copy of the prepared project, in the place of one that was there before."""
    project = prepared.parent.parent / name / prepared.name
    shutil.rmtree(project.parent, ignore_errors=True)
    shutil.copytree(prepared, project)
    return project


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="kills.py", description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, help="of each of the two, for example 20")
    main(parser.parse_args().kills)
