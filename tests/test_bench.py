"""The measurements: that they measure what they say, on inputs whose figures are known."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SAMPLE
from excerpts import FRAMES, excerpt

from pipeline.classifiers.model import THRESHOLD, load
from pipeline.files import sha256_of
from pipeline.params import Params
from pipeline.records import CURATED, embeddings_schema
from pipeline.tables import read_vectors, write_table

BENCH = ROOT / "bench"
# They need none, or are no scripts.
NO_ARGUMENTS = {"duplicates.py", "photosets.py", "player.py", "sizes.py", "smallproject.py"}
EXCERPT_FROM = 132  # the frame of the sample at 5.5 s
HOG = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; held = b'1' * 150_000_000; time.sleep(0.7)"])
held = b'1' * 150_000_000
child.wait()
print("done")
"""


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The scripts of bench/ as modules."""
    monkeypatch.syspath_prepend(str(BENCH))
    names = (
        "accuracy",
        "alike",
        "boxes",
        "curation",
        "kills",
        "label",
        "photosets",
        "promise",
        "recipe",
        "recognition",
        "strangers",
    )
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.mark.parametrize("script", sorted(path.name for path in BENCH.glob("*.py") if path.name not in NO_ARGUMENTS))
def test_a_script_says_how_it_is_called(
    script: str, bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_path(str(BENCH / script), run_name="__main__")
    assert script in f"{leaving.value.code}{capsys.readouterr().err}"


def embedded(folder: Path, members: str, angles_deg: list[float], dropped: tuple[int, ...] | None) -> Path:
    """A group's table of photos whose vectors lie in a plane; `dropped` are those that curate took out."""
    angles = np.radians(angles_deg)
    rows = [
        {"key": f"k{n}", "member": member, "duplicate_group": f"k{n}", "quality": 1.0, "vector": vector}
        for n, (member, vector) in enumerate(zip(members, np.stack([np.cos(angles), np.sin(angles)], 1), strict=True))
    ]
    write_table(folder / "embeddings.parquet", rows, embeddings_schema(2))
    if dropped is not None:
        kept = [row | {"decided_by": "curate"} for n, row in enumerate(rows) if n not in dropped]
        write_table(folder / "curated.parquet", pd.DataFrame(kept), CURATED)
    return folder / "embeddings.parquet"


def test_how_alike_two_people_get(bench: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        embedded(tmp_path / "one", "aab", [0, 10, 62], None),  # cosines of 0.47 and 0.62, and of two photos of a
        embedded(tmp_path / "other", "abb", [0, 90, 2], (2,)),  # the likest pair was no pair of two people
    ]
    bench.alike.main(files)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "3 pairs of photos of two people, the most alike 0.616"
    counts = {line[9:13]: int(line.partition(":")[2].split()[0]) for line in lines}
    assert counts == {"0.50": 1, "0.55": 1, "0.60": 1, "0.65": 0}


def test_how_alike_strangers_get(bench: SimpleNamespace) -> None:
    group, others = np.float32([[1, 0], [0, 1]]), np.float32([[0.6, 0.8]])
    likeness = bench.strangers.alike([group, others], [np.array([0, 1]), np.array([0])], neighbours=3, photos=5)
    assert likeness == pytest.approx([0.8, 0.6, 0.8])  # the other to its most alike member, both to the other
    twins = np.concatenate([others, group[:1]])
    fewer = bench.strangers.alike([twins, others], [np.array([0, 0]), np.array([0])], neighbours=3, photos=1)
    assert fewer[0] in (pytest.approx(1.0), pytest.approx(0.6))  # of one photo drawn, not of both


def truth_of_excerpt(path: Path) -> Path:
    true = pd.read_csv(SAMPLE / "truth.csv", dtype={"recognisable": str})
    true["frame"] -= EXCERPT_FROM
    true[true["frame"].between(0, FRAMES - 1)].to_csv(path, index=False)
    return path


@pytest.fixture
def cases(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    row = {"set": "some", "group": "lanterns", "video": str(excerpt("plain.mp4"))}
    table = pd.DataFrame([row | {"truth": str(truth_of_excerpt(tmp_path / "truth.csv"))}] * 2)
    table.to_csv(tmp_path / "cases.csv", index=False)
    return tmp_path / "cases.csv"


def test_what_each_part_of_naming_adds(bench: SimpleNamespace, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.accuracy.main(cases)
    rows = re.findall(r"(\+? ?[a-z]+ ?[a-z]*) +(\d\.\d+) +(\d\.\d+) +(\d\.\d+) ", capsys.readouterr().out)
    parts = {what.strip(): [float(share) for share in shares] for what, *shares in rows}
    assert list(parts) == ["per frame", "+ tracks", "+ linking", "+ joint", "+ own faces"]
    for found, named, precision in parts.values():
        assert found == 1.0
        assert named > 0.9
        assert precision > 0.9


def test_the_parts_left_out_are_left_out(bench: SimpleNamespace, params: Params, project: Path) -> None:
    """Three faces of one member at one time: alone each has the name, jointly one."""
    model = load(project / "models" / "lanterns", params)
    rows, vector = range(3), read_vectors(project / "models" / "lanterns" / "gallery" / "nearest.parquet")[1][:1]
    faces = pd.DataFrame({"frame": 0, "shot": 0, "track": rows, "x0": 0.0, "y0": 0.0, "x1": 9.0, "y1": 9.0})
    analysis = SimpleNamespace(
        frames=pd.DataFrame({"frame": [0], "pts": 0, "time_s": 0.0, "shot": 0}),
        faces=faces.assign(detection_score=1.0, interpolated=False),
        samples=pd.DataFrame({"track": rows, "frame": 0, "quality": np.float32(1)}),
        vectors=vector.repeat(3, axis=0),
    )
    named = bench.accuracy.named_by_each(analysis, faces[["frame", "x0"]], analysis.vectors, model)
    counts = {what: int((one["member"] == model.members[0]).sum()) for what, one in named.items()}
    assert counts == {"per frame": 3, "+ tracks": 3, "+ linking": 3, "+ joint": 1, "+ own faces": 1}


def test_who_is_not_likely_enough_is_nobody(bench: SimpleNamespace) -> None:
    confidences = np.array([[0.1, THRESHOLD], [THRESHOLD - 0.01, 0.2]])
    assert bench.accuracy.most_likely(confidences).tolist() == [1, -1]


@pytest.mark.parametrize("late", [0, 1, 2])
def test_how_far_boxes_are_behind(late: int, bench: SimpleNamespace) -> None:
    at = np.float32([[10 * n, 0, 10 * n + 100, 100] for n in range(12)])
    pairs = pd.DataFrame(
        {"frame": range(2, 12), "track": 0, "ours": [*at[2 - late : 12 - late]], "detected": [*at[2:]]}
    )
    row = bench.boxes.row({"faces": 10}, pairs)
    assert row["faces"] == 10
    assert row["behind"] == pytest.approx(late)
    assert row["apart"] == pytest.approx(0.1 * late)


def test_how_much_boxes_tremble(bench: SimpleNamespace) -> None:
    still, jumps = np.float32([0, 0, 100, 100]), np.float32([1, 1, 101, 101])
    detected = [jumps if n % 2 else still for n in range(10)]
    pairs = pd.DataFrame({"frame": [*range(9), 20], "track": 0, "ours": [still] * 10, "detected": detected})
    assert len(bench.boxes.moves_of(pairs)) == 5  # where frames follow each other
    row = bench.boxes.row({}, pairs)
    assert (row["trembles"], row["detection"]) == (0, pytest.approx(0.02))


def test_memory_is_that_of_the_whole_tree_at_once(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing, told = bench.label.timed("hog", [sys.executable, "-c", HOG], tmp_path, 24)
    assert told == "done\n"
    assert 300 < timing.peak_mb < 500
    assert timing.wall_s > 0.7
    assert timing.fps == 24 / timing.wall_s


def test_what_fails_is_not_timed(bench: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="it failed: why"):
        bench.label.timed("it", [sys.executable, "-c", "print('why'); raise SystemExit(1)"], tmp_path, 1)


def test_another_model_is_another_and_whole(bench: SimpleNamespace, lanterns: Path, params: Params) -> None:
    folder = Path("models") / lanterns.name
    before = load(folder, params).classifier.name
    bench.label.change(folder)
    assert {before, load(folder, params).classifier.name} == {"nearest", "svm"}


def timing(module: ModuleType, what: str, wall_s: float, **phases: float) -> object:
    return module.Timing(what, wall_s, wall_s, 100.0, 240, phases)


@pytest.mark.parametrize("with_recipe", [True, False], ids=["with the recipe", "without"])
def test_the_report_has_the_ratios(
    with_recipe: bool, bench: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        timing(bench.label, "Lineup", 20.0, analyse=8.0, identify=1.0, render=9.0, export=1.0),
        timing(bench.label, "cached", 10.0, analyse=0.2, identify=0.2, render=9.0, export=0.2),
        timing(bench.label, "other", 10.0, analyse=0.2, identify=0.2, render=9.0, export=0.1),
    ]
    recipe = timing(bench.label, "recipe", 400.0) if with_recipe else None
    bench.label.report(timing(bench.label, "plain", 10.0), runs, recipe, 24.0)
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[2].split() == ["Lineup", "20.0", "20.0", "12.0", "0.50", "2.00", "100"]
    assert ["Lineup", "8.00", "1.00", "9.00", "1.00", "1.00"] in [line.split() for line in lines]
    assert "render left out, another model takes 0.050 of the first run's time" in lines
    assert ("20.0 times as fast as the recipe" in printed.out) == with_recipe
    assert ("pip install dlib-bin" in printed.err) != with_recipe
    assert [row["what"] for row in json.loads(lines[-1])][:4] == ["plain", "Lineup", "cached", "other"]


def faces_of(*groups: str) -> pd.DataFrame:
    """Rows of faces, each of a member 'a', with these groups of copies."""
    return pd.DataFrame({"key": [f"k{n}" for n in range(len(groups))], "member": "a", "duplicate_group": groups})


def test_no_copy_of_a_tested_photo_is_learnt(bench: SimpleNamespace, tmp_path: Path) -> None:
    rows = faces_of(*(f"g{n // 3}" for n in range(90)))
    tested, free = bench.photosets.divided(rows, tmp_path, None)
    assert tested.sum() == bench.photosets.TESTED
    assert free.any()
    assert not set(rows["duplicate_group"][tested]) & set(rows["duplicate_group"][free])


def test_only_checked_photos_are_tested_on(bench: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"checked")
    (tmp_path / "list").write_text("a/1.jpg\na/gone.jpg\n")
    rows = faces_of("g0", "g1", "g2").assign(key=["other", f"{sha256_of(tmp_path / 'a' / '1.jpg')}.0", "another"])
    tested, _ = bench.photosets.divided(rows, tmp_path, tmp_path / "list")
    assert tested.tolist() == [False, True, False]


def test_the_table_has_means_and_spreads(bench: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [{"photos": 5, "method": name, "accuracy": right} for name, right in (("x", 0.5), ("x", 1.0), ("y", 1.0))]
    bench.recognition.report(pd.DataFrame(runs), 20, {"others": 3})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "20 photos tested on; strangers: others 3"
    assert lines[3:] == ["| 5 | x | 75.0% ± 35.4 |", "| 5 | y | 100.0% |"]


def test_the_promise_stands_beside_what_became_of_it(
    bench: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [("", "a", 1), ("", "a", 1), ("crowd", "b", 1), ("crowd", "b", 0), ("crowd", "c", 0), ("crowd", "c", 0)]
    rows = [{"photos": 5, "seed": 0, "who": who, "person": one, "named": bool(name)} for who, one, name in told]
    bench.promise.report(pd.DataFrame(rows), 0.01)
    assert capsys.readouterr().out.splitlines()[2:] == ["| 5 | 100.0% | crowd | 2 | 4 | 1% | 25.0% | 50.0% |"]


def test_curation_measures_what_it_spoils(bench: SimpleNamespace, params: Params) -> None:
    rng = np.random.default_rng(0)
    members = np.repeat(["a", "b", "c"], 20)
    vectors = np.eye(128, dtype=np.float32)[np.repeat([0, 1, 2], 20)] + rng.normal(0, 0.02, (60, 128))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    keys = [f"k{n}" for n in range(60)]
    rows = pd.DataFrame({"key": keys, "member": members, "duplicate_group": keys, "quality": 1.0})
    group = bench.curation.Group(
        rows, vectors, {"embedder": "sface", "embedder_sha256": "", "strangers": "[0.26, 0.065]"}
    )
    strangers = np.eye(128, dtype=np.float32)[60:80]
    way = bench.curation.Way("", swapped=0.1, strange=0.1)
    caught, lost, _, as_it_was, _, curated = bench.curation.measured(group, strangers, way, params, rng)
    assert (caught, lost, as_it_was, curated) == (1.0, 0.0, 1.0, 1.0)


ENDS = {
    "it ended well before": ("import sys", 20.0, ""),
    "it failed before": ("import sys; sys.exit('it | broke')", 20.0, "the killed one: status 1: it / broke"),
    "it was killed": ("import time; time.sleep(60)", 0.2, None),
}


@pytest.mark.parametrize(("code", "after_s", "ended"), ENDS.values(), ids=ENDS.keys())
def test_only_one_that_ended_well_counts_as_not_killed(
    code: str, after_s: float, ended: str | None, bench: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text(code)
    work = bench.kills.Work("one", ("one",), lambda _: {})
    assert bench.kills.killed(work, tmp_path, bench.kills.Moment(after_s, False)) == ended


TRIES: dict[str, tuple[dict[str, list[str]], str | None]] = {
    "all as they should be": ({"batch": ["GOOD"], "refresh": ["GOOD", "UNTRIED"]}, None),
    "one was never tried": ({"batch": ["GOOD"], "refresh": ["UNTRIED"]}, "never tried: refresh"),
    "one failed": ({"batch": ["GOOD"], "refresh": ["FAILED"]}, "1 came to something else"),
}


@pytest.mark.parametrize(("rows", "says"), TRIES.values(), ids=TRIES.keys())
def test_kills_that_tried_nothing_are_no_success(
    rows: dict[str, list[str]], says: str | None, bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"GOOD": bench.kills.GOOD, "UNTRIED": bench.kills.UNTRIED, "FAILED": ("status 1", "", "", "")}
    monkeypatch.setattr(bench.kills, "make_project", lambda folder: folder)
    monkeypatch.setattr(bench.kills, "tries", lambda work, *_: [("1 s", *kinds[row]) for row in rows[work.name]])
    with nullcontext() if says is None else pytest.raises(SystemExit, match=says):
        bench.kills.main(1)
