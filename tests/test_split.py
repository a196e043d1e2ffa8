"""Stage split: which side each photo is on, and that it stays there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline import split
from pipeline.params import Params
from pipeline.records import CURATED, SPLIT
from pipeline.split import sides
from pipeline.tables import read_table, write_table


def photos(counts: dict[str, int], copies: int = 1) -> pd.DataFrame:
    """So many photos of each member, every one `copies` times (frames of an animation)."""
    names = [(member, f"{member}{number}") for member, count in counts.items() for number in range(count)]
    return pd.DataFrame([name for name in names for _ in range(copies)], columns=["member", "duplicate_group"])


def by_photo(faces: pd.DataFrame, params: Params) -> dict[str, str]:
    side = sides(faces, params.split)
    assert set(side) <= {"train", "test"}
    return dict(zip(faces["duplicate_group"], side, strict=True))


def test_about_the_stated_share_is_tested_on(params: Params) -> None:
    side = sides(photos({"mira": 1000, "tavi": 1000}), params.split)
    assert (side == "test").mean() == pytest.approx(params.split.test_fraction, abs=0.03)


def test_a_photo_keeps_its_side_while_others_come_and_go(params: Params) -> None:
    before = by_photo(photos({"mira": 60, "tavi": 60}), params)
    after = by_photo(photos({"juno": 40, "tavi": 200, "mira": 300}).sample(frac=1, random_state=1), params)
    assert {photo: after[photo] for photo in before} == before


def test_copies_of_a_photo_are_on_one_side(params: Params) -> None:
    faces = photos({"mira": 40, "tavi": 4}, copies=3)
    side = sides(faces, params.split)
    assert (side.groupby(faces["duplicate_group"]).nunique() == 1).all()


def test_copies_that_a_person_gave_to_two_members_are_on_one_side(params: Params) -> None:
    mira = photos({"mira": 60})
    learnt_from = mira[sides(mira, params.split) == "train"]
    faces = pd.concat([mira, learnt_from.iloc[:5].assign(member="tavi")], ignore_index=True)
    alone = pd.concat([sides(rows, params.split) for _, rows in faces.groupby("member")])
    assert (alone.groupby(faces["duplicate_group"]).nunique() == 2).any()  # tavi must be tested on one of hers
    side = sides(faces, params.split)
    assert (side.groupby(faces["duplicate_group"]).nunique() == 1).all()
    assert set(side) == {"train", "test"}


def test_copies_are_no_more_photos_to_learn_from(params: Params) -> None:
    assert set(sides(photos({"mira": params.split.min_train}, copies=5), params.split)) == {"train"}


@pytest.mark.parametrize(
    ("count", "least", "most"), [(1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 1, 1), (5, 1, 2), (10, 1, 7)]
)
@pytest.mark.parametrize("member", ["mira", "tavi", "juno", "수아"])
def test_a_member_with_few_photos_learns_first_and_is_tested_next(
    params: Params, member: str, count: int, least: int, most: int
) -> None:
    tested = list(by_photo(photos({member: count}), params).values()).count("test")
    assert least <= tested <= most
    assert count - tested >= min(count, params.split.min_train)


@pytest.mark.parametrize(
    ("changes", "tested"),
    [
        ({"test_fraction": 0.0, "min_test": 0}, 0),
        ({"test_fraction": 0.0, "min_test": 4}, 4),
        ({"test_fraction": 1.0, "min_train": 6}, 14),
        ({"test_fraction": 1.0, "min_train": 30}, 0),
    ],
    ids=str,
)
def test_the_params_say_how_many(params: Params, changes: dict[str, float], tested: int) -> None:
    params = replace(params, split=replace(params.split, **changes))
    assert list(by_photo(photos({"mira": 20}), params).values()).count("test") == tested


def test_rows_on_one_index_twice_are_still_told_apart(params: Params) -> None:
    faces = photos({"mira": 30, "tavi": 30})
    shuffled = faces.sample(frac=1, random_state=3)
    assert by_photo(shuffled, params) == by_photo(faces, params)


def test_the_stage_writes_every_curated_face_with_its_side(tmp_path: Path, params: Params) -> None:
    faces = photos({"mira": 12, "tavi": 1}).assign(quality=1.0, decided_by="machine")
    faces["key"] = [f"k{number}" for number in range(len(faces))]
    write_table(tmp_path / "curated.parquet", faces, CURATED)
    split.main(tmp_path, params)
    rows = read_table(tmp_path / "split.parquet", SPLIT)
    assert rows["key"].tolist() == faces["key"].tolist()
    assert set(rows["side"]) == {"train", "test"}
    assert rows["side"].tolist() == sides(faces, params.split).tolist()


def test_a_group_without_faces_has_no_sides(tmp_path: Path, params: Params) -> None:
    write_table(tmp_path / "curated.parquet", [], CURATED)
    split.main(tmp_path, params)
    assert len(read_table(tmp_path / "split.parquet", SPLIT)) == 0
