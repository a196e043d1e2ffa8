"""Labelling any number of videos: each in a process of its own, so that one that crashes costs only itself."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from flows.label.process import VideoProcess
from flows.label.request import Kind, Outcome, Request

POLL_S: Final = 0.1
LAST_WORDS: Final = 200  # characters of what a crashed process said that its error repeats
SIGKILL: Final = 9  # what the system ends a process with for want of memory
Watch = Callable[[Path, dict[str, Any]], bool]


def label_all(
    videos: Sequence[Path], request: Request, jobs: int = 1, watch: Watch = lambda *_: True, preview: Path | None = None
) -> Iterator[Outcome]:
    """Label videos, `jobs` at a time, and yield what became of each as soon as it is known; see label_one."""
    going_on = threading.Event()
    going_on.set()

    def watched(video: Path, progress: dict[str, Any]) -> bool:
        return going_on.is_set() and watch(video, progress)

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(label_one, video, request, watched, preview) for video in videos]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            going_on.clear()
            pool.shutdown(cancel_futures=True)


def label_one(video: Path, request: Request, watch: Watch = lambda *_: True, preview: Path | None = None) -> Outcome:
    """Label one video in a process of its own; `preview` is a folder in which to show the work.

    `watch` is told a few times a second what pipeline.video.preview writes, and says whether to go on. A process that
    tells nothing new for `request.silent_s` is ended.
    """
    started = time.perf_counter()
    holder = nullcontext(str(preview)) if preview else tempfile.TemporaryDirectory(prefix="lineup-progress-")
    with holder as folder:
        command = _command(video, request, f"--{'preview' if preview else 'progress'}={folder}")
        process = VideoProcess(command, Path(folder))
        try:
            cut_off = _wait(process, lambda: watch(video, process.progress()), request.silent_s)
        finally:
            process.stop()
        status, (printed, said) = process.status(), process.printed()
    outcome = Outcome(video, None, seconds=time.perf_counter() - started)
    if cut_off:
        error = (
            "stopped"
            if cut_off == "stopped"
            else f"no progress for {request.silent_s / 60:.3g} minutes: it was stopped"
        )
        return replace(outcome, error=error, kind=cut_off)
    return _told(outcome, status or 0, printed, said)


def _wait(process: VideoProcess, goes_on: Callable[[], bool], silent_s: float) -> Kind:
    """Wait until `process` ends; why it must be ended if it does not by itself."""
    while process.status() is None:
        if not goes_on():
            return "stopped"
        if process.silent_s() > silent_s:
            return "hung"
        time.sleep(POLL_S)
    return ""


def _command(video: Path, request: Request, channel: str) -> list[str]:
    command = [sys.executable, "-m", "pipeline.tether", "pipeline.video.label"]
    command += [f"--group={request.group}", f"--out={request.out}"]
    if request.threshold is not None:
        command += [f"--threshold={request.threshold}"]
    if request.model is not None:
        command += [f"--model={request.model}"]
    return [*command, *request.options, channel, "--", str(video)]


def _told(outcome: Outcome, status: int, printed: str, said: str) -> Outcome:
    """The outcome, with what the process of its video told on its last line; when it told nothing, what it said."""
    try:
        told = json.loads(printed.splitlines()[-1])
        if "folder" in told:
            return replace(outcome, folder=Path(told["folder"]), warnings=tuple(map(str, told["warnings"])))
        return replace(outcome, error=str(told["error"]), kind="passing" if told["kind"] == "passing" else "lasting")
    except (IndexError, ValueError, KeyError, TypeError):
        print(said, end="", file=sys.stderr, flush=True)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        last = said.strip().rpartition("\n")[2][:LAST_WORDS]
        error = f"its process crashed ({how}){': ' if last else ''}{last}"
        return replace(outcome, error=error, kind="killed" if status == -SIGKILL else "crashed")
