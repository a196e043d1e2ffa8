"""review.csv: a person's decisions, read back as written or refused in one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from pipeline.decisions import decisions_path, read_decisions, start_decisions
from pipeline.errors import DatasetError
from pipeline.roster import add_members


def write(data: Path, text: str | bytes) -> Path:
    decisions_path(data).write_bytes(text.encode() if isinstance(text, str) else text)
    return data


PHOTO, DANCE = "3c73d01e" + "1" * 56, "056af116" + "2" * 56
ALIKE = "3c73d01e" + "9" * 56
FACES = (PHOTO, f"{DANCE}.0", f"{DANCE}.2", f"{DANCE}.20", "a", "b", "c")


def read(data: Path, keys: Sequence[str] = FACES) -> pd.DataFrame:
    return read_decisions(data, keys).rows


def test_the_last_line_on_a_face_counts(tmp_path: Path) -> None:
    add_members(tmp_path, ["수아", "nan"])
    write(tmp_path, "key,decision,member\na,accept,수아\nb,reject,\na,reject,\nc,accept,nan\n")
    assert read(tmp_path).to_numpy().tolist() == [
        ["b", "reject", ""],
        ["a", "reject", ""],
        ["c", "accept", "nan"],
    ]


@pytest.mark.parametrize(
    "text", ["\ufeffkey,decision,member\na,accept,\n", "member,key,note,decision\n,a,why,accept\n"]
)
def test_spreadsheets_habits_do_no_harm(tmp_path: Path, text: str) -> None:
    [row] = read(write(tmp_path, text)).to_dict("records")
    assert (row["key"], row["decision"], row["member"]) == ("a", "accept", "")


def test_a_group_starts_without_decisions_and_keeps_what_it_has(tmp_path: Path) -> None:
    assert len(read(tmp_path)) == 0
    start_decisions(tmp_path)
    assert decisions_path(tmp_path).read_text() == "key,decision,member\n"
    assert len(read(tmp_path)) == 0
    write(tmp_path, "key,decision,member\na,reject,\n")
    start_decisions(tmp_path)
    assert len(read(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the columns key, decision, member"),
        ("key,member\na,b\n", "lacks the columns decision"),
        ("key,decision,member\na,maybe,\n", "line 2: a decision is 'accept', 'reject' or 'clear', not 'maybe'"),
        ("key,decision,member\na,,\n", "line 2: .* not ''"),
        ("key,decision,member\na,accept,b,c\n", "line 2: more fields"),
        ("key,decision,member\na,accept,b\na,accept,b,c\n", "line 3: more fields"),
        ('key,decision,member\n"a,accept,b\n', "not a table of decisions"),
        ("key,decision,member\na,accept,é\n".encode("latin-1"), "not a table of decisions"),
    ],
    ids=["empty", "no column", "maybe", "blank", "too long", "too long later", "open quote", "latin-1"],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read(write(tmp_path, text))
    assert "review.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (PHOTO, PHOTO),
        (PHOTO[:8], PHOTO),
        (PHOTO[:63], PHOTO),
        (f" {PHOTO[:8]} ", PHOTO),
        (f"{DANCE[:8]}.2", f"{DANCE}.2"),
        (f"{DANCE}.20", f"{DANCE}.20"),
        ("a", "a"),
    ],
    ids=["whole", "short", "nearly whole", "with spaces", "a frame", "a whole frame", "a short one whole"],
)
def test_a_key_may_be_as_short_as_captions_show_it(tmp_path: Path, written: str, meant: str) -> None:
    assert read(write(tmp_path, f"key,decision,member\n{written},reject,\n"))["key"].tolist() == [meant]


def test_short_and_whole_keys_of_one_face_are_one_face(tmp_path: Path) -> None:
    write(tmp_path, f"key,decision,member\n{PHOTO[:8]},reject,\n{PHOTO},accept,\n{PHOTO[:12]},reject,\n")
    assert read(tmp_path).to_numpy().tolist() == [[PHOTO, "reject", ""]]


def test_clear_takes_back_every_earlier_line_on_a_face(tmp_path: Path) -> None:
    lines = [f"{PHOTO[:8]},reject,", "b,reject,", f"{PHOTO},clear,", "c,clear,", "b,clear,", "b,accept,"]
    write(tmp_path, "\n".join(["key,decision,member", *lines, ""]))
    assert read(tmp_path).to_numpy().tolist() == [["b", "accept", ""]]


SEVERAL = (PHOTO, f"{ALIKE}@1", f"{ALIKE}@12", f"{DANCE}.2@1", f"{DANCE}.2", f"{DANCE}.3@1")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (PHOTO[:8], [PHOTO]),  # not ALIKE, which begins so too: a key without @ is no unlabelled face's
        (f"{PHOTO[:8]}@1", [f"{ALIKE}@1"]),
        (f"{ALIKE}@12", [f"{ALIKE}@12"]),
        (f"{ALIKE[:8]}@2", []),
        (f"{DANCE[:8]}.2@1", [f"{DANCE}.2@1"]),
        (f"{DANCE[:8]}.2", [f"{DANCE}.2"]),
        (f"{DANCE[:8]}@1", []),
    ],
)
def test_a_face_of_several_has_its_place_behind_an_at(tmp_path: Path, written: str, meant: list[str]) -> None:
    write(tmp_path, f"key,decision,member\n{written},reject,\n")
    assert read(tmp_path, SEVERAL)["key"].tolist() == meant


def test_a_face_of_several_is_accepted_with_a_member_only(tmp_path: Path) -> None:
    write(tmp_path, f"key,decision,member\n{ALIKE[:8]}@1,accept,\n")
    with pytest.raises(DatasetError, match=r"line 2: .*accept it with the member it shows"):
        read(tmp_path, SEVERAL)


def test_every_bad_line_is_told_with_its_number_and_why(tmp_path: Path) -> None:
    add_members(tmp_path, ["mira"])
    lines = [
        f"{DANCE[:8]},reject,",
        "c,maybe,",
        PHOTO[:8] + ",accept,",
        PHOTO[:7] + ",accept,",
        ",accept,",
        "a,accept,Mira",
    ]
    text = "key,decision,member\n\n" + "\n".join(lines) + "\nb,accept,mira\n"
    with pytest.raises(DatasetError) as caught:
        read(write(tmp_path, text), [*FACES, ALIKE])
    told = str(caught.value).split("review.csv: ")[1].split("; ")
    assert [line.partition(":")[0] for line in told] == [f"line {number}" for number in (3, 4, 5, 6, 7, 8)]
    reasons = ["any of 3 faces", "'maybe'", "any of 2 faces", "less than 8", "less than 8", "nobody's key"]
    assert [reason for reason, line in zip(reasons, told, strict=True) if reason not in line] == []
    assert PHOTO in told[2]
    assert ALIKE in told[2]


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "key,decision,member\n" + "a,maybe,\n" * 50)
    with pytest.raises(DatasetError, match=r"line 21: .*; and 30 more$"):
        read(tmp_path)


def test_keys_that_match_no_face_are_told_once_by_what_is_in_force(tmp_path: Path) -> None:
    taken_back = "feedcafe,reject,\nfeedcafe,clear,\n"
    lines = f"feedface,accept,\nfeedface,reject,\nb,reject,\n{DANCE[:8]}.7,accept,\n{taken_back}"
    write(tmp_path, f"key,decision,member\n{lines}")
    decisions = read_decisions(tmp_path, FACES)
    assert decisions.rows["key"].tolist() == ["b"]
    first, second = decisions.unmatched
    assert first.startswith("line 3: feedface is no face of this group")
    assert second.startswith(f"line 5: {DANCE[:8]}.7 ")
