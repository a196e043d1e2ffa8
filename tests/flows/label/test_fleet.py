"""Where a batch may be labelled, what is wrong with a place that is none, and what a run leaves as its report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from flows.label.request import Outcome, Request
from flows.report import REPORTS, path_of, reported, rows
from pipeline.errors import LineupError

PLACES = {
    "none": ("nowhere", "not 'nowhere'"),
    "no address": ("http://127.0.0.1:8786", "tcp://HOST:PORT"),
    "a pool without a name": ("pool:", "names no work pool"),
    "Dask is not installed": ("dask", r"pip install 'lineup\[dask\]'"),
}


@pytest.mark.parametrize(("where", "says"), PLACES.values(), ids=PLACES.keys())
def test_places_that_are_none(where: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.label.fleet import label_on

    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    nowhere = temporary_settings(restore_defaults={PREFECT_API_URL})  # which would be told of next
    with nowhere, pytest.raises(LineupError, match=says):
        list(label_on(where, [], Request("lanterns", Path("labelled"))))


def test_nobody_waits_for_a_server_that_is_not_there() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.label.fleet import label_on

    nowhere = temporary_settings(restore_defaults={PREFECT_API_URL})
    with nowhere, pytest.raises(LineupError, match="no Prefect server is set"):
        list(label_on("pool:two", [], Request("lanterns", Path("labelled"))))


def test_a_run_reports_what_became_of_its_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes = [
        Outcome(Path("b.mp4"), None, "it is broken", 1.25, kind="lasting"),
        Outcome(Path("a\udcbf.mp4"), Path("labelled/a"), warnings=("no sound",)),
    ]
    with reported("label", "one", group="lanterns") as report:
        report["videos"] = rows(outcomes)
    told = json.loads(path_of("label", "one").read_text(encoding="utf-8"))
    assert {"run", "began", "seconds", "group", "error"} <= set(told)
    assert [(row["video"], row["folder"], row["error"], row["kind"]) for row in told["videos"]] == [
        ("a\\udcbf.mp4", "labelled/a", "", ""),
        ("b.mp4", None, "it is broken", "lasting"),
    ]


ENDS = {"an error": (LineupError("no such group"), "no such group"), "Ctrl-C": (KeyboardInterrupt(), "stopped")}


@pytest.mark.parametrize(("error", "says"), ENDS.values(), ids=ENDS.keys())
def test_a_run_that_ends_early_says_why(
    error: BaseException, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(type(error)), reported("label"):
        raise error
    (path,) = REPORTS.iterdir()
    assert json.loads(path.read_text())["error"] == says
