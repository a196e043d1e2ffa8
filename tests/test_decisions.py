"""review.csv: a person's decisions, read back as written or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.decisions import decisions_path, read_decisions, start_decisions
from pipeline.errors import DatasetError


def write(data: Path, text: str | bytes) -> Path:
    decisions_path(data).write_bytes(text.encode() if isinstance(text, str) else text)
    return data


def test_the_last_line_on_a_face_counts(tmp_path: Path) -> None:
    write(tmp_path, "key,decision,member\na,accept,수아\nb,reject,\na,reject,\nc,accept,nan\n")
    assert read_decisions(tmp_path).to_numpy().tolist() == [
        ["b", "reject", ""],
        ["a", "reject", ""],
        ["c", "accept", "nan"],
    ]


@pytest.mark.parametrize(
    "text", ["\ufeffkey,decision,member\na,accept,\n", "member,key,note,decision\n,a,why,accept\n"]
)
def test_spreadsheets_habits_do_no_harm(tmp_path: Path, text: str) -> None:
    [row] = read_decisions(write(tmp_path, text)).to_dict("records")
    assert (row["key"], row["decision"], row["member"]) == ("a", "accept", "")


def test_a_group_starts_without_decisions_and_keeps_what_it_has(tmp_path: Path) -> None:
    assert len(read_decisions(tmp_path)) == 0
    start_decisions(tmp_path)
    assert decisions_path(tmp_path).read_text() == "key,decision,member\n"
    assert len(read_decisions(tmp_path)) == 0
    write(tmp_path, "key,decision,member\na,reject,\n")
    start_decisions(tmp_path)
    assert len(read_decisions(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No columns"),
        ("key,member\na,b\n", "lacks the columns decision"),
        ("key,decision,member\na,maybe,\n", "a decision is 'accept' or 'reject', not 'maybe'"),
        ("key,decision,member\na,,\n", "not ''"),
        ("key,decision,member\na,accept,b,c\n", "more fields"),
        ("key,decision,member\na,accept,b\na,accept,b,c\n", "not a table of decisions"),
        ('key,decision,member\n"a,accept,b\n', "not a table of decisions"),
        ("key,decision,member\na,accept,é\n".encode("latin-1"), "not a table of decisions"),
    ],
    ids=["empty", "no column", "maybe", "blank", "too long", "too long later", "open quote", "latin-1"],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read_decisions(write(tmp_path, text))
    assert "review.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
