"""Truth tables: which rows count, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import DatasetError
from pipeline.evaluation.truth import read_truth

COLUMNS = b"frame,member,x0,y0,x1,y1"
FACE = COLUMNS + b"\n0,mira,0,0,9,9\n"

NONE = {
    "absent": (None, "truth.csv is no file"),
    "empty": (b"", "not a table of true faces"),
    "columns": (b"frame,member,x0\n0,mira,1\n", "lacks the columns y0, x1, y1"),
    "semicolons": (FACE.replace(b",", b";"), "lacks the columns frame, member"),
    "frame": (FACE.replace(b"\n0", b"\nzero"), "zero"),
    "half a frame": (FACE.replace(b"\n0", b"\n0.5"), "0.5"),
    "frame below 0": (FACE + b"-1,mira,0,0,9,9\n", "row 2 has a frame below 0"),
    "frame too large": (FACE.replace(b"\n0", b"\n" + b"9" * 30), "not a table of true faces"),
    "word for a side": (FACE.replace(b"0,0", b"left,0"), "left"),
    "blank side": (FACE.replace(b"0,0", b",0"), "not a table of true faces"),
    "nan": (FACE.replace(b"9,9", b"nan,9"), "row 1 has a side of the box that is no number"),
    "infinite": (FACE.replace(b"9,9", b"inf,9"), "row 1 has a side of the box that is no number"),
    "width and height": (COLUMNS + b"\n0,mira,50,50,9,9\n", "row 1 has a box without area"),
    "nobody": (FACE + b"0, ,0,0,9,9\n", "row 2 has no member: write 'unknown'"),
    "latin-1": (FACE.replace(b"mira", b"\xe9"), "not a table of true faces"),
    "too long a row": (FACE + b"0,a,0,0,9,9,9,9\n", "not a table of true faces"),
    "a word for a shot": (b"shot," + FACE.replace(b"\n0", b"\nfirst,0"), "first"),
    "no time": (b"time_s," + FACE.replace(b"\n0", b"\nnan,0"), "row 1 has a time_s that is no number"),
    "two videos": (
        b"video," + COLUMNS + b"\na.mp4,0,mira,0,0,9,9\nb.mp4,0,mira,0,0,9,9\n",
        "it holds several videos",
    ),
}


@pytest.mark.parametrize(("content", "message"), NONE.values(), ids=NONE.keys())
def test_a_truth_that_is_none_is_refused_in_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_truth(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


TABLES = {
    "plain": (FACE, ["mira"]),
    "as some programs begin it": (b"\xef\xbb\xbf" + FACE, ["mira"]),
    "more columns": (b"video,name," + FACE.replace(b"\n0", b"\na.mp4,Mira,0"), ["mira"]),
    "no faces": (COLUMNS + b"\n", []),
    "a member called nan": (FACE.replace(b"mira", b"nan"), ["nan"]),
    "some nobody could recognise": (
        COLUMNS + b",recognisable\n0,a,0,0,9,9,true\n0,b,0,0,9,9,False\n0,c,0,0,9,9,\n",
        ["a", "c"],
    ),
}


@pytest.mark.parametrize(("content", "members"), TABLES.values(), ids=TABLES.keys())
def test_rows_that_count(content: bytes, members: list[str], tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_bytes(content)
    assert read_truth(path)["member"].tolist() == members
