"""Two models on the same test faces: what counts as worse, and which faces are asked about."""

from __future__ import annotations

import shutil
from dataclasses import replace
from math import isclose
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from standins import EMBEDDER

from pipeline import train as training
from pipeline.classifiers.model import save
from pipeline.evaluation.compare import Comparison, compare, sign_test, unlearnt
from pipeline.forgotten import remember
from pipeline.params import Params
from pipeline.records import SPLIT, TEST, TRAIN
from pipeline.side import read_side
from pipeline.tables import read_table, write_table

GROUP = "lanterns"


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (0, 3), (2, 2), (9, 1), (40, 30)])
def test_the_chance_is_the_exact_one(lost: int, gained: int) -> None:
    wanted = binomtest(lost, lost + gained, alternative="greater").pvalue if lost + gained else 1.0
    assert isclose(sign_test(lost, gained), wanted)


VERDICTS = {
    "the same": (15, 0, 0, False),
    "better": (15, 0, 5, False),
    "one face of few, which may be chance": (5, 1, 0, False),
    "two faces of few, and none won": (5, 2, 0, True),
    "as many won as lost": (15, 4, 4, False),
    "a little less, for sure, of many": (1000, 15, 0, False),
    "more than is tolerated, of many": (1000, 25, 2, True),
    "more than is tolerated, but they differ a lot": (100, 13, 10, False),
    "everything": (5, 5, 0, True),
}


@pytest.mark.parametrize(("faces", "lost", "gained", "worse"), VERDICTS.values(), ids=VERDICTS.keys())
def test_worse_is_more_than_is_tolerated_and_hardly_chance(
    faces: int, lost: int, gained: int, worse: bool, params: Params
) -> None:
    limits = replace(params.refresh, tolerance=0.02, significance=0.25)
    assert Comparison("", faces, lost, gained, lost, gained, sign_test(lost, gained)).is_worse(limits) == worse


@pytest.fixture
def after(lanterns: Path, tmp_path: Path) -> Path:
    """A second project like that of `lanterns`, which is the current folder."""
    shutil.copytree(tmp_path / "project", tmp_path / "after")
    return tmp_path / "after"


def compared(after: Path, params: Params) -> dict[str, Comparison]:
    return {one.what: one for one in compare(Path(), after, GROUP, params)}


def test_a_model_is_not_worse_than_itself(after: Path, params: Params) -> None:
    told = compared(after, params)
    faces = len(read_side(Path("data", GROUP), TEST).keys)
    assert faces > 5
    for one in told.values():
        assert (one.faces, one.lost, one.gained, one.chance) == (faces, 0, 0, 1.0)
        assert not one.is_worse(params.refresh)


def test_a_model_that_learnt_swapped_names_is_worse(after: Path, params: Params) -> None:
    side = read_side(Path("data", GROUP), TRAIN)
    swapped = replace(side, labels=np.where(side.labels < 2, 1 - side.labels, side.labels))
    model, tried = training.train(swapped, params, EMBEDDER)
    save(after / "models" / GROUP, model, {name: one.classifier for name, one in tried.items()}, model.gallery)
    told = compared(after, params)
    assert told["named right"].lost >= 3
    assert told["named right"].is_worse(params.refresh)
    assert told["not named wrong"].is_worse(params.refresh)


@pytest.mark.parametrize("more", [False, True], ids=["as many faces", "more faces"])
def test_naming_more_strangers_is_worse_unless_more_faces_were_learnt(more: bool, after: Path, params: Params) -> None:
    model, tried = training.train(read_side(Path("data", GROUP), TRAIN), params, EMBEDDER)
    lenient = replace(model, open_set=replace(model.open_set, threshold=-1.0))
    save(after / "models" / GROUP, lenient, {name: one.classifier for name, one in tried.items()}, model.gallery)
    if more:
        learn(after, str(read_side(Path("data", GROUP), TEST).keys[0]))
    told = compared(after, params)["strangers unnamed"]
    assert told.lost >= 5
    assert told.is_worse(params.refresh) != more
    assert ("as more photos bring" in str(told)) == more


def test_a_member_whom_the_new_model_does_not_know_is_told(after: Path, params: Params) -> None:
    side = read_side(Path("data", GROUP), TRAIN)
    kept = side.labels > 0
    fewer = replace(
        side, vectors=side.vectors[kept], labels=side.labels[kept] - 1, groups=side.groups[kept], keys=side.keys[kept],
        crops=side.crops[kept], members=side.members[1:],
    )  # fmt: skip
    model, tried = training.train(fewer, params, EMBEDDER)
    save(after / "models" / GROUP, model, {name: one.classifier for name, one in tried.items()}, model.gallery)
    assert compared(after, params)["named right"].lost >= 1
    assert unlearnt(Path(), after, GROUP, params) == [side.members[0]]
    assert unlearnt(after, Path(), GROUP, params) == []


def learn(after: Path, key: str) -> None:
    path = after / "data" / GROUP / "split.parquet"
    rows = read_table(path, SPLIT)
    rows.loc[rows["key"] == key, "side"] = TRAIN
    write_table(path, rows, SPLIT)


def decide(after: Path, line: str) -> None:
    (after / "data" / GROUP / "review.csv").write_text(f"key,decision,member\n{line}\n")


LEFT_OUT = {
    "it was learnt": lambda after, key: learn(after, key),
    "a person rejected it": lambda after, key: decide(after, f"{key},reject,"),
    "a person gave it to another": lambda after, key: decide(after, f"{key},accept,{other(key)}"),
    "it was forgotten": lambda after, key: remember(after / "data" / GROUP, [key.partition(".")[0]]),
}


def other(key: str) -> str:
    rows = read_table(Path("data", GROUP, "split.parquet"), SPLIT)
    return min(set(rows["member"]) - set(rows["member"][rows["key"] == key]))


@pytest.mark.parametrize("do", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_face_is_left_out_when(do: object, after: Path, params: Params) -> None:
    side = read_side(Path("data", GROUP), TEST)
    do(after, str(side.keys[0]))  # type: ignore[operator]
    copies = int((side.groups == side.groups[0]).sum()) if do is LEFT_OUT["it was learnt"] else 1
    assert {one.faces for one in compared(after, params).values()} == {len(side.keys) - copies}


def test_what_curate_makes_of_a_face_changes_nothing(after: Path, params: Params) -> None:
    """It may drop the right faces where wrong ones are the majority."""
    path = after / "data" / GROUP / "split.parquet"
    rows = read_table(path, SPLIT)
    write_table(path, rows[rows["side"] != TEST], SPLIT)
    assert {one.faces for one in compared(after, params).values()} == {int((rows["side"] == TEST).sum())}


def test_without_a_common_face_there_is_nothing_to_say(after: Path, params: Params) -> None:
    path = after / "data" / GROUP / "split.parquet"
    write_table(path, read_table(path, SPLIT).assign(side=TRAIN), SPLIT)
    assert compare(Path(), after, GROUP, params) == []
