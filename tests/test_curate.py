"""Stage curate: wrong labels out, right ones kept, and a person's word above the machine's."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE
from standins import DIMENSIONS, EMBEDDER, people, unit, write_embeddings

from pipeline import curate, split
from pipeline.curation import judging
from pipeline.decisions import decisions_path
from pipeline.errors import DatasetError
from pipeline.params import Params
from pipeline.records import CURATED, DROPPED, SUGGESTED, SUSPECTS, Float32, embeddings_schema
from pipeline.roster import add_members
from pipeline.side import read_side
from pipeline.tables import read_metadata, read_table, read_vectors, write_table
from pipeline.vectors import read_all_vectors

LABELS = {row.sha256: row for row in pd.read_csv(SAMPLE / "truth_photos.csv").itertuples()}
[WRONG] = [key for key, row in LABELS.items() if row.kind == "mislabelled"]


def run(data: Path, params: Params) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of curated.parquet by key, and the reason of every dropped key."""
    curate.main(data, params)
    kept = read_table(data / "curated.parquet", CURATED).set_index("key")
    dropped = read_table(data / "dropped" / "curate.parquet", DROPPED)
    faces, _ = read_vectors(data / "embeddings.parquet")
    assert sorted([*kept.index, *dropped["key"]]) == sorted(faces["key"])
    assert set(dropped["stage"]) <= {"curate"}
    return kept, dict(zip(dropped["key"], dropped["reason"], strict=True))


def decide(data: Path, *lines: str) -> None:
    decisions_path(data).write_text("\n".join(["key,decision,member", *lines, ""]), encoding="utf-8")


# The sample


def test_the_planted_wrong_label_is_dropped_and_no_right_one(lanterns: Path, params: Params) -> None:
    kept, dropped = run(lanterns, params)
    assert dropped[WRONG] == "another member"
    assert len(dropped) == 1
    assert set(kept["decided_by"]) == {"machine"}
    suspects = read_table(lanterns / "suspects.parquet", SUSPECTS).set_index("key")
    assert set(suspects.index) == set(dropped)
    suspect = suspects.loc[WRONG]
    assert (suspect["member"], suspect["looks_like"]) == ("tavi", "soren")
    assert (suspect["reason"], suspect["action"]) == ("another member", "drop")
    assert suspect["score"] > params.curate.swap_margin
    sheets = {path.stem for path in (lanterns / "sheets" / "curate").iterdir()}
    assert sheets == {reason.replace(" ", "-") for reason in dropped.values()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fifth_of_labels_swapped_is_found(lanterns: Path, params: Params, seed: int) -> None:
    curate.main(lanterns, params)
    faces, vectors = read_vectors(lanterns / "embeddings.parquet")
    right = ~faces["key"].eq(WRONG).to_numpy()
    rng = np.random.default_rng(seed)
    swapped = rng.permutation(len(faces))[: len(faces) // 5]
    names = faces["member"].to_numpy(object)
    for index in swapped:
        names[index] = rng.choice([name for name in set(names) if name != names[index]])
    metadata = read_metadata(lanterns / "embeddings.parquet")
    table = faces.assign(member=names, vector=list(vectors))
    write_table(lanterns / "embeddings.parquet", table, embeddings_schema(vectors.shape[1]), metadata)
    _, dropped = run(lanterns, params)
    out = faces["key"].isin(dropped).to_numpy()
    was_swapped = np.isin(np.arange(len(faces)), swapped)
    assert out[was_swapped & right].mean() >= 0.95
    assert out[~was_swapped & right].mean() <= 0.05


def good_key(data: Path, member: str) -> str:
    faces, _ = read_vectors(data / "embeddings.parquet")
    return str(faces["key"][faces["member"].eq(member) & ~faces["key"].eq(WRONG)].iloc[0])


def test_a_person_who_rejects_is_obeyed(lanterns: Path, params: Params) -> None:
    key = good_key(lanterns, "mira")
    decide(lanterns, f"{key},reject,")
    kept, dropped = run(lanterns, params)
    assert (dropped[key], dropped[WRONG]) == ("rejected by a person", "another member")
    assert set(kept["decided_by"]) == {"machine"}


@pytest.mark.parametrize(("member", "expected"), [("", "tavi"), ("soren", "soren"), ("tavi", "tavi")])
def test_a_person_who_accepts_or_reassigns_is_obeyed(
    lanterns: Path, params: Params, member: str, expected: str
) -> None:
    decide(lanterns, f"{WRONG},accept,{member}")
    kept, dropped = run(lanterns, params)
    assert not dropped
    assert kept.loc[WRONG, "member"] == expected
    assert kept.loc[WRONG, "decided_by"] == "person"
    assert (kept["decided_by"] == "person").sum() == 1


def test_a_good_face_given_to_another_member_stays_there(lanterns: Path, params: Params) -> None:
    key = good_key(lanterns, "kaia")
    decide(lanterns, f"{key},accept,mira")
    kept, _ = run(lanterns, params)
    assert kept.loc[key, "member"] == "mira"


@pytest.mark.parametrize("member", ["unknown", "Tavi"])
def test_a_face_cannot_be_given_to_nobody(lanterns: Path, params: Params, member: str) -> None:
    decide(lanterns, f"{WRONG},accept,{member}")
    with pytest.raises(DatasetError, match=f"'{member}' is nobody's key"):
        run(lanterns, params)


def test_decisions_on_faces_that_are_gone_are_told_and_do_nothing(
    lanterns: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run(lanterns, params)[1]
    assert capsys.readouterr().err == ""
    decide(lanterns, "feedface,accept,mira", f"{'0' * 64},reject,")
    assert run(lanterns, params)[1] == before
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("curate: warning: data/lanterns/review.csv: line 2: feedface is no face")
    assert "line 3: 0000" in second


def test_the_short_key_of_a_caption_will_do(lanterns: Path, params: Params) -> None:
    decide(lanterns, f"{WRONG[:8]},accept,soren")
    kept, dropped = run(lanterns, params)
    assert not dropped
    assert kept.loc[WRONG, ["member", "decided_by"]].tolist() == ["soren", "person"]


def test_the_same_faces_give_the_same_files(lanterns: Path, params: Params) -> None:
    tables = ("curated.parquet", "suspects.parquet", "dropped/curate.parquet")
    runs = []
    for _ in range(2):
        run(lanterns, params)
        runs.append([(lanterns / name).read_bytes() for name in tables])
    assert runs[0] == runs[1]


# Made faces


def group(data: Path, *faces: tuple[str, Float32]) -> dict[str, list[str]]:
    """Make a group of (member, vectors (n, d)); the keys of each."""
    members = [member for member, vectors in faces for _ in vectors]
    keys = iter(write_embeddings(data, np.concatenate([vectors for _, vectors in faces]), members))
    return {f"{position} {member}": [next(keys) for _ in vectors] for position, (member, vectors) in enumerate(faces)}


def of_person(person: int, count: int, seed: int = 0, spread: float = 0.1) -> Float32:
    return people([0] * person + [count], spread, seed)[0]


@pytest.mark.parametrize("few", [1, 2])
def test_a_member_with_few_faces_is_not_judged(tmp_path: Path, params: Params, few: int) -> None:
    wrong, right = of_person(0, 1, seed=1), of_person(1, few - 1)
    group(tmp_path, ("mira", of_person(0, 8)), ("tavi", wrong), ("tavi", right))
    assert run(tmp_path, params)[1] == {}


def test_three_faces_that_disagree_are_not_judged(tmp_path: Path, params: Params) -> None:
    group(tmp_path, ("mira", of_person(0, 8)), ("tavi", np.concatenate([of_person(person, 1) for person in (1, 2, 3)])))
    assert run(tmp_path, params)[1] == {}


def test_a_stranger_among_three_faces_is_found(tmp_path: Path, params: Params) -> None:
    right = of_person(1, 2, spread=0.02)
    stranger = unit(np.eye(32)[9:10] + 0.35 * right[:1])  # it would pass if it were compared with itself too
    keys = group(tmp_path, ("mira", of_person(0, 8)), ("tavi", right), ("tavi", stranger))
    assert run(tmp_path, params)[1] == {keys["2 tavi"][0]: "stranger"}


def test_three_faces_are_enough_to_judge_one(tmp_path: Path, params: Params) -> None:
    keys = group(tmp_path, ("mira", of_person(0, 8)), ("tavi", of_person(1, 2)), ("tavi", of_person(0, 1, seed=9)))
    assert run(tmp_path, params)[1] == {keys["2 tavi"][0]: "another member"}


def test_a_face_like_nobody_is_a_stranger(tmp_path: Path, params: Params) -> None:
    vectors = of_person(0, 8)
    stranger = unit(np.eye(32)[9:10] + 0.2 * vectors.mean(axis=0) - 0.2 * np.eye(32)[1])
    keys = group(tmp_path, ("mira", vectors), ("mira", stranger), ("tavi", of_person(1, 8)))
    assert run(tmp_path, params)[1] == {keys["1 mira"][0]: "stranger"}


def test_a_group_of_one_member_can_have_strangers(tmp_path: Path, params: Params) -> None:
    keys = group(tmp_path, ("mira", of_person(0, 10)), ("mira", of_person(5, 2)))
    assert run(tmp_path, params)[1] == dict.fromkeys(keys["1 mira"], "stranger")
    [first, _] = read_table(tmp_path / "suspects.parquet", SUSPECTS).to_dict("records")
    assert first["looks_like"] == "mira"


def test_odd_but_right_faces_stay(tmp_path: Path, params: Params) -> None:
    odd = of_person(0, 2, seed=3, spread=0.2)
    group(tmp_path, ("mira", of_person(0, 10)), ("mira", odd), ("tavi", of_person(1, 9)))
    assert run(tmp_path, params)[1] == {}


def test_two_members_swapped_whole_cannot_be_told_and_stay(tmp_path: Path, params: Params) -> None:
    group(tmp_path, ("mira", of_person(1, 6)), ("tavi", of_person(0, 6)))
    assert run(tmp_path, params)[1] == {}


def test_a_group_without_faces_has_nothing_to_judge(tmp_path: Path, params: Params) -> None:
    group(tmp_path, ("mira", of_person(0, 1)[:0]))
    kept, dropped = run(tmp_path, params)
    assert len(kept) == len(dropped) == 0


def test_everything_rejected_leaves_nothing(tmp_path: Path, params: Params) -> None:
    [keys] = group(tmp_path, ("mira", of_person(0, 4))).values()
    decide(tmp_path, *(f"{key},reject," for key in keys))
    kept, dropped = run(tmp_path, params)
    assert len(kept) == 0
    assert set(dropped.values()) == {"rejected by a person"}


def test_accepted_faces_teach_what_a_member_looks_like(tmp_path: Path, params: Params) -> None:
    """Most photos under a name may be wrong: the ones that a person stands by are always among those kept."""
    keys = group(tmp_path, ("mira", of_person(0, 3)), ("mira", of_person(7, 6)), ("tavi", of_person(1, 6)))
    decide(tmp_path, *(f"{key},accept," for key in keys["0 mira"]))
    kept, _ = run(tmp_path, params)
    assert set(keys["0 mira"]) <= set(kept.index)


@pytest.mark.parametrize("seed", range(6))
def test_faces_that_take_turns_in_dropping_each_other_are_judged_once_and_for_all(
    params: Params, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """They hardly resemble anybody: many are dropped, and taken back since those they were compared with are gone."""
    likeness = Mock(side_effect=judging.likeness)
    monkeypatch.setattr(judging, "likeness", likeness)
    vectors, labels = unit(np.random.default_rng(seed).normal(size=(13, 4))), np.arange(13) % 3
    nobody, bounds = np.zeros(len(labels), bool), judging.Bounds(0.3, 0.5)
    verdict = judging.judge(vectors, labels, nobody, params.curate, bounds)
    assert judging.FREE_ROUNDS < likeness.call_count <= judging.FREE_ROUNDS + 2 * len(labels) + 1
    order = np.random.default_rng(seed).permutation(len(labels))
    again = judging.judge(vectors[order], labels[order], nobody, params.curate, bounds)
    assert (again.kept == verdict.kept[order]).all()
    # Whoever is dropped is so by the faces that are kept in the end, and by no state in between.
    wrong = (verdict.best > verdict.own + params.curate.swap_margin) | (verdict.own < bounds.sure)
    assert wrong[~verdict.kept].all()


def test_without_vectors_it_says_what_to_run(tmp_path: Path, params: Params) -> None:
    with pytest.raises(DatasetError, match=r"embeddings\.parquet is not there: run 'dvc repro'"):
        curate.main(tmp_path, params)


# Doubt, and faces of pictures that show several people


def test_a_face_in_doubt_is_kept_and_flagged(tmp_path: Path, params: Params) -> None:
    between = unit([of_person(0, 8).mean(axis=0) + 0.97 * of_person(1, 8).mean(axis=0)])
    keys = group(tmp_path, ("mira", of_person(0, 8)), ("mira", between), ("tavi", of_person(1, 8)))
    kept, dropped = run(tmp_path, params)
    [doubted] = keys["1 mira"]
    assert dropped == {}
    assert doubted in kept.index
    [suspect] = read_table(tmp_path / "suspects.parquet", SUSPECTS).to_dict("records")
    assert (suspect["key"], suspect["action"]) == (doubted, "flag")
    assert (suspect["reason"], suspect["looks_like"]) == ("another member", "tavi")
    assert suspect["label_quality"] < 0.8
    assert {path.stem for path in (tmp_path / "sheets" / "curate").iterdir()} == {"another-member-flag"}
    decide(tmp_path, f"{doubted},accept,")
    run(tmp_path, params)
    assert len(read_table(tmp_path / "suspects.parquet", SUSPECTS)) == 0


def test_what_is_dropped_stands_before_what_is_flagged(tmp_path: Path, params: Params) -> None:
    between = unit([of_person(0, 8).mean(axis=0) + 0.97 * of_person(1, 8).mean(axis=0)])
    keys = group(tmp_path, ("mira", between), ("mira", of_person(0, 8)), ("mira", of_person(1, 1, seed=5)),
                 ("tavi", of_person(1, 8)))  # fmt: skip
    run(tmp_path, params)
    suspects = read_table(tmp_path / "suspects.parquet", SUSPECTS)
    assert suspects["key"].tolist() == [*keys["2 mira"], *keys["0 mira"]]
    assert suspects["action"].tolist() == ["drop", "flag"]
    assert suspects["score"].is_monotonic_decreasing
    assert suspects["label_quality"][0] < suspects["label_quality"][1]


def aside(data: Path, *faces: tuple[str, Float32]) -> None:
    """Make the table of unlabelled faces, (key, vector (d,)) each."""
    rows = [
        {"key": key, "member": "mira", "duplicate_group": key[:4], "quality": 1.0, "vector": vector}
        for key, vector in faces
    ]
    write_table(data / "unlabelled_embeddings.parquet", rows, embeddings_schema(DIMENSIONS), EMBEDDER)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Two members; a picture with both of them, one with a stranger and two faces that look like mira."""
    group(tmp_path, ("mira", of_person(0, 8)), ("tavi", of_person(1, 8)))
    mira, tavi = of_person(0, 2, seed=7), of_person(1, 1, seed=7)
    alike = unit(mira[1:] + 0.3 * np.eye(DIMENSIONS)[9])[0]
    faces = {"p001@1": tavi[0], "p001@2": mira[0], "p002@1": of_person(5, 1)[0], "p002@2": alike, "p002@3": mira[1]}
    aside(tmp_path, *faces.items())
    add_members(tmp_path, ["mira", "tavi"])
    return tmp_path


def suggestions(data: Path) -> dict[str, str]:
    rows = read_table(data / "suggested.parquet", SUGGESTED)
    assert rows["likeness"].is_monotonic_decreasing
    assert (rows["margin"] > 0).all()
    return dict(zip(rows["key"], rows["member"], strict=True))


def test_faces_that_look_like_one_member_are_suggested_once_a_picture(several: Path, params: Params) -> None:
    curate.main(several, params)
    assert suggestions(several) == {"p001@1": "tavi", "p001@2": "mira", "p002@3": "mira"}
    curated = read_table(several / "curated.parquet", CURATED)
    assert not curated["key"].str.contains("@").any()


def test_an_accepted_suggestion_joins_the_member_and_a_rejected_one_is_not_made_again(
    several: Path, params: Params
) -> None:
    decide(several, "p001@1,accept,tavi", "p001@2,reject,", "p002@1,accept,tavi")
    curate.main(several, params)
    curated = read_table(several / "curated.parquet", CURATED).set_index("key")
    joined = curated[curated.index.str.contains("@")]
    assert joined["member"].to_dict() == {"p001@1": "tavi", "p002@1": "tavi"}  # even one that looks like nobody
    assert set(joined["decided_by"]) == {"person"}
    assert set(suggestions(several)) == {"p002@3"}
    assert len(read_table(several / "dropped" / "curate.parquet", DROPPED)) == 0
    decide(several, "p001@1,accept,tavi", "p001@1,clear,")
    curate.main(several, params)
    assert len(suggestions(several)) == 3
    assert not read_table(several / "curated.parquet", CURATED)["key"].str.contains("@").any()


def test_what_was_accepted_is_learnt_from(several: Path, params: Params) -> None:
    decide(several, "p001@1,accept,tavi")
    curate.main(several, params)
    split.main(several, params)
    sides = [read_side(several, side) for side in ("train", "test")]
    [(side, place)] = [(side, list(side.keys).index("p001@1")) for side in sides if "p001@1" in side.keys]
    assert side.members[side.labels[place]] == "tavi"
    faces, vectors = read_all_vectors(several)
    assert np.array_equal(side.vectors[place], vectors[faces["key"].tolist().index("p001@1")])


def test_nobody_to_be_like_is_no_suggestion(several: Path, params: Params) -> None:
    write_embeddings(several, of_person(0, 1)[:0], [])
    curate.main(several, params)
    assert suggestions(several) == {}
