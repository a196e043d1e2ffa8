"""What an earlier run left is used again, or not: by what made it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.incremental import FINGERPRINT, earlier_rows, fingerprint
from pipeline.params import Params
from pipeline.records import DROPPED, SPLIT
from pipeline.tables import write_table

ROW = {"key": "a", "stage": "faces", "reason": "no face", "detail": ""}


def test_a_fingerprint_is_that_of_all_its_parts(params: Params) -> None:
    parts = ("faces", 1, params.faces, "f" * 64)
    assert fingerprint(*parts) == fingerprint("faces", 1, replace(params.faces), "f" * 64)
    others = [
        ("embed", 1, params.faces, "f" * 64),
        ("faces", 2, params.faces, "f" * 64),
        ("faces", 1, replace(params.faces, min_score=0.81), "f" * 64),
        ("faces", 1, params.faces, "e" * 64),
        ("faces", 1, params.faces),
        ("faces1", params.faces, "f" * 64),
    ]
    assert len({fingerprint(*parts), *(fingerprint(*other) for other in others)}) == 1 + len(others)


def test_rows_made_the_same_way_are_used_again(tmp_path: Path) -> None:
    write_table(tmp_path / "table", [ROW], DROPPED, {FINGERPRINT: "same"})
    assert earlier_rows(tmp_path / "table", DROPPED, "same").to_dict("records") == [ROW]


@pytest.mark.parametrize("why", ["another way", "no word of how", "absent", "other columns", "empty", "text", "footer"])
def test_other_rows_are_not(tmp_path: Path, why: str) -> None:
    path = tmp_path / "table"
    metadata = {"another way": {FINGERPRINT: "other"}, "no word of how": None}.get(why, {FINGERPRINT: "same"})
    write_table(path, [ROW], DROPPED, metadata)
    if why == "absent":
        path.unlink()
    elif why == "other columns":
        write_table(path, [], SPLIT, metadata)
    elif why == "empty":
        path.write_bytes(b"")
    elif why == "text":
        path.write_bytes(b"no table")
    elif why == "footer":
        path.write_bytes(b"PAR1" + b"x" * 100 + (50).to_bytes(4, "little") + b"PAR1")
    rows = earlier_rows(path, DROPPED, "same")
    assert len(rows) == 0
    assert list(rows.columns) == DROPPED.names
