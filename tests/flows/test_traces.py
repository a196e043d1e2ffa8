"""What a refresh, the queue and its watches leave that names a member: all of it is found, and nothing else goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.label.request import Request
from flows.queue.database import PATH
from flows.queue.store import Queue
from flows.queue.watch import watch, watches
from flows.refresh import logged
from flows.refresh.ready import Report
from flows.traces import traces
from pipeline.forget import Person

ROSTER = """group: lanterns
members:
  - key: 모모
    name: Momo Ray
  - key: mira
"""


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A member of a group whose refresh has run, in a project that is the current folder."""
    monkeypatch.chdir(tmp_path)
    data = Path("data", "lanterns")
    data.mkdir(parents=True)
    (data / "roster.yaml").write_text(ROSTER, encoding="utf-8")
    for name, member in (("lanterns", "모모"), ("bridges", "miracle")):

        def refreshed(group: str, crawl: bool, step: object, show: object, member: str = member) -> Report:
            step(f"crawl {member}", lambda: None)  # type: ignore[operator]
            return Report(group, "model/1", (f"photos: 3 -> 4 ({member} +1)",), (f"{member}: no more",))

        monkeypatch.setattr(logged, "refreshed", refreshed)
        monkeypatch.setattr("flows.report.os.getpid", lambda name=name: name)  # else both are named alike
        logged.logged(name)
    Path("cache/logs/schedules.log").write_text("crawl 모모 is done\ncrawl MOMO RAY\ncrawl mira\n", encoding="utf-8")
    return Person(data, "모모", frozenset())


def test_what_names_the_member_goes_and_no_more(person: Person) -> None:
    with Queue() as queue:
        for options in (("--only=momo ray",), ("--fancam=모모", "--style=blur"), ("--only=mira",), ()):
            watch(queue, Path("incoming"), Request("lanterns", Path("labelled"), options=options))
        watch(queue, Path("incoming"), Request("bridges", Path("labelled"), options=("--only=모모",)))
    steps = list(traces(person))
    assert [step.what for step in steps] == [
        "remove 3 lines", "remove 2 lines", "remove", "watch incoming no longer", "watch incoming no longer",
    ]  # fmt: skip
    for step in steps:
        step.do()
    assert list(traces(person)) == []
    lines = [json.loads(line) for line in Path("cache/logs/refresh.jsonl").read_text().splitlines()]
    assert [line["group"] for line in lines] == ["bridges"] * 3
    assert Path("cache/logs/schedules.log").read_text() == "crawl mira\n"
    (report,) = Path("cache/reports").iterdir()
    assert json.loads(report.read_text())["group"] == "bridges"
    with Queue() as queue:
        left = [(one.request.group, one.request.options) for one in watches(queue)]
    assert left == [("lanterns", ("--only=mira",)), ("lanterns", ()), ("bridges", ("--only=모모",))]
    for file in PATH.parent.glob(f"{PATH.name}*"):
        assert b"momo ray" not in file.read_bytes()


def test_a_photo_leaves_no_such_trace(person: Person) -> None:
    assert list(traces(Person(person.data, "", frozenset({"a" * 64})))) == []
