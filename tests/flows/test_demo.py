"""The demo in a fresh checkout: the whole job done, found done the second time, nothing odd left for git to show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from unittest.mock import Mock

import pandas as pd
import pytest
from clone import Clone, Step
from sync import verify_sync

from flows.demo import demo
from flows.label.request import Outcome

LABELLED = "labelled/paper_lanterns_-_northern_line"
SOURCE = "data/sample/videos/paper_lanterns_-_northern_line.mp4"


def score_in(printed: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^  (\w+) +([\d.]+)$", printed, re.MULTILINE)}


def test_every_member_is_named(story: dict[str, Step]) -> None:
    score = score_in(story["demo"].printed)
    assert score["face_frames"] == 1074
    assert score["found"] >= 0.99
    assert score["named"] >= 0.98
    assert score["precision"] >= 0.99
    assert (score["twice"], score["false"]) == (0, 0)


def test_every_place_it_names_is_there(story: dict[str, Step]) -> None:
    printed = story["demo"].printed
    places = re.findall(r"^  (\S+/\S+)  ", printed[printed.index("look at:") :], re.MULTILINE)
    assert len(places) >= 5
    assert set(places) <= story["demo"].files.keys()


def test_the_shots_are_the_true_ones(story: dict[str, Step], clone: Clone) -> None:
    true = pd.read_csv(clone.folder / "data" / "sample" / "truth_shots.csv")
    (cached,) = (clone.folder / "cache" / "analysis").glob("*/frames.parquet")
    frames = pd.read_parquet(cached).groupby("shot")["frame"]
    assert frames.min().tolist() == true["first_frame"].tolist()
    assert frames.max().tolist() == true["last_frame"].tolist()


def test_pictures_and_sound_keep_their_time(story: dict[str, Step], clone: Clone) -> None:
    report = verify_sync(clone.folder / SOURCE, clone.folder / LABELLED / "labelled.mp4")
    assert (report.frames, report.same_times) == (576, True)
    assert [(track.same_bytes, track.max_offset_s) for track in report.tracks] == [(True, 0.0)]


def test_git_shows_only_what_a_user_would_commit(story: dict[str, Step]) -> None:
    assert set(story["git status"].printed.splitlines()) == {
        " M params.yaml",
        "?? data/lanterns/raw.dvc",
        "?? data/lanterns/review.csv",
        "?? data/lanterns/roster.yaml",
        "?? dvc.lock",
        "?? metrics/lanterns.json",
    }


def test_a_second_demo_says_the_same_and_touches_nothing(story: dict[str, Step]) -> None:
    first, again = (story[name].printed for name in ("demo", "demo again"))
    assert again[again.index("score against") :] == first[first.index("score against") :]
    before, after = story["demo"].files, story["demo again"].files
    assert {name: file.sha256 for name, file in after.items()} == {name: file.sha256 for name, file in before.items()}
    rewritten = {name for name, file in after.items() if file != before[name]}
    assert rewritten <= {"data/lanterns/raw.dvc"}  # 'dvc add' writes it again as it was


def test_run_json_tells_what_the_tables_hold(story: dict[str, Step], clone: Clone) -> None:
    run = json.loads((clone.folder / LABELLED / "run.json").read_text(encoding="utf-8"))
    faces = pd.read_parquet(clone.folder / LABELLED / "faces.parquet")
    assert run["counts"]["frames"] == 576
    assert run["counts"]["faces"] == len(faces)
    assert run["counts"]["tracks"] == faces["track"].nunique()
    assert run["counts"]["members_seen"] == 5
    assert run["group"] == "lanterns"
    assert run["seconds"].keys() == {"analyse", "identify", "render", "export"}


FRESH = {
    "as the demo left it": (LABELLED, lambda run: json.dumps(run), True),
    "beside another group's": (f"{LABELLED}-lanterns", lambda run: json.dumps(run), True),
    "of another group": (LABELLED, lambda run: json.dumps(run | {"group": "other"}), False),
    "of another video": (LABELLED, lambda run: json.dumps(run | {"input_sha256": "0" * 64}), False),
    "made by another version": (LABELLED, lambda run: json.dumps(run | {"lineup": "0.0.1"}), False),
    "made with another model": (LABELLED, lambda run: json.dumps(run | {"model": {"model.json": "0"}}), False),
    "not ours": (LABELLED, lambda run: "{}", False),
    "a list": (LABELLED, lambda run: "[]", False),
    "cut short": (LABELLED, lambda run: "{", False),
    "not there": (LABELLED, lambda run: None, False),
}


@pytest.mark.parametrize(("place", "change", "fresh"), FRESH.values(), ids=FRESH.keys())
def test_only_what_the_present_model_made_is_kept(
    place: str,
    change: Callable[[dict], str | None],
    fresh: bool,
    story: dict[str, Step],
    clone: Clone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = json.loads((clone.folder / LABELLED / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "models" / "lanterns").mkdir(parents=True)
    (tmp_path / "models" / "lanterns" / "model.json").write_text("{}")
    told["model"] = {"model.json": sha256(b"{}").hexdigest()}
    for folder, text in ((LABELLED, json.dumps(told | {"group": "other"})), (place, change(told))):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        if text is not None:
            (tmp_path / folder / "run.json").write_text(text, encoding="utf-8")
    for name in ("data", "params.yaml"):
        (tmp_path / name).symlink_to(clone.folder / name)
    monkeypatch.chdir(tmp_path)
    for name in ("import_group", "dvc", "score"):
        monkeypatch.setattr(f"flows.demo.{name}", Mock())
    labels = Mock(return_value=Outcome(Path(SOURCE), Path("again"), "", 1.0))
    monkeypatch.setattr("flows.demo.label_one", labels)
    assert demo().folder == (Path(place) if fresh else Path("again"))
    assert labels.called != fresh
