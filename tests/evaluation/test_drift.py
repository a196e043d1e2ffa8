"""What stops a refresh before anything is compared: photos gone, fetches that fail, photos that are dropped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.evaluation.drift import Count, counts, dropped_drift, raw_drift
from pipeline.forgotten import remember
from pipeline.layout import FETCHES_FILE, MANIFEST_FILE
from pipeline.params import Params, Refresh
from pipeline.records import CURATED, FETCHES, MANIFEST
from pipeline.tables import write_table


@pytest.fixture
def limits(params: Params) -> Refresh:
    return replace(params.refresh, most_lost=0.2, least=20, failed_jump=0.3, dropped_jump=0.3)


def photo(key: str, member: str = "mira") -> dict[str, Any]:
    texts = dict.fromkeys(("source", "keyword", "page_url", "licence", "content_type"), "")
    row = {"key": key, "member": member, "path": f"{member}/{key}.jpg", "url": f"https://x.example/{key}"}
    return {**row, **texts, "fetched_at": "2026", "http_status": 200, "bytes": 1}


def fetch(number: int, reason: str = "") -> dict[str, Any]:
    key = "" if reason else f"fetched{number}"
    told = {"url": f"https://x.example/{number}", "reason": reason, "detail": "", "retry": False, "key": key}
    return photo(key) | told


def group(data: Path, keys: list[str], fetches: list[dict[str, Any]] = [], kept: list[str] = []) -> Path:  # noqa: B006
    """A group's folder with these photos ('tavi:x' is one of tavi's), fetches, and faces that curate kept."""
    rows = [photo(key.rpartition(":")[2], key.rpartition(":")[0] or "mira") for key in keys]
    write_table(data / "raw" / MANIFEST_FILE, rows, MANIFEST)
    write_table(data / "raw" / FETCHES_FILE, fetches, FETCHES)
    for row in rows:
        (data / "raw" / row["path"]).parent.mkdir(exist_ok=True)
        (data / "raw" / row["path"]).touch()
    faces = [{"key": key, "member": "mira", "duplicate_group": key, "quality": 1.0, "decided_by": ""} for key in kept]
    write_table(data / "curated.parquet", faces, CURATED)
    return data


def numbered(begin: int, end: int) -> list[str]:
    return [f"k{number}" for number in range(begin, end)]


LOST = {
    "none": (numbered(0, 10), numbered(0, 10), []),
    "more": (numbered(0, 10), numbered(0, 30), []),
    "as many as may be": (numbered(0, 10), numbered(2, 10), []),
    "too many": (numbered(0, 10), numbered(3, 10), ["3 of 10 photos of mira are gone"]),
    "others in their place": (numbered(0, 10), numbered(10, 40), ["10 of 10 photos of mira are gone"]),
    "under another member": (["a", "tavi:b"], ["tavi:a", "b"], ["1 of 1 photos of mira are gone",
                                                               "1 of 1 photos of tavi are gone"]),
    "a member": (["a", "tavi:b"], ["a"], ["1 of 1 photos of tavi are gone"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "reasons"), LOST.values(), ids=LOST.keys())
def test_photos_that_are_gone(
    old: list[str], new: list[str], reasons: list[str], limits: Refresh, tmp_path: Path
) -> None:
    assert raw_drift(group(tmp_path / "old", old), group(tmp_path / "new", new), limits) == reasons


def test_a_row_without_its_file_is_gone(limits: Refresh, tmp_path: Path) -> None:
    before, after = group(tmp_path / "old", ["a", "b"]), group(tmp_path / "new", ["a", "b"])
    (after / "raw" / "mira" / "a.jpg").unlink()
    assert raw_drift(before, after, limits) == ["1 of 2 photos of mira are gone"]


def test_forgotten_photos_are_not_missed(limits: Refresh, tmp_path: Path) -> None:
    before, after = group(tmp_path / "old", ["a", "b"]), group(tmp_path / "new", ["b"])
    remember(after, ["a"])
    assert raw_drift(before, after, limits) == []


def fetches(good: int, bad: int, begin: int = 0) -> list[dict[str, Any]]:
    return [fetch(begin + number, "" if number < good else "http error") for number in range(good + bad)]


FAILED = {
    "as ever": (fetches(20, 5), fetches(20, 5, 100), 0),
    "a little more": (fetches(20, 5), fetches(20, 15, 100), 0),
    "many more": (fetches(20, 5), fetches(5, 20, 100), 1),
    "too few to say": (fetches(20, 5), fetches(0, 10, 100), 0),
    "nothing to compare with": ([], fetches(0, 40, 100), 0),
}


@pytest.mark.parametrize(("old", "new", "reasons"), FAILED.values(), ids=FAILED.keys())
def test_fetches_that_fail(old: list[Any], new: list[Any], reasons: int, limits: Refresh, tmp_path: Path) -> None:
    before, after = group(tmp_path / "old", ["a"], old), group(tmp_path / "new", ["a"], [*old, *new])
    told = raw_drift(before, after, limits)
    assert len(told) == reasons
    assert all("of 25 fetches brought no photo, most often 'http error'; earlier 20%" in one for one in told)


DROPPED = {
    "as ever": (25, 23, []),
    "most": (25, 5, ["80% of 25 new photos were dropped, of earlier ones 10%"]),
    "most of a few": (15, 0, []),
}


@pytest.mark.parametrize(("added", "kept", "reasons"), DROPPED.values(), ids=DROPPED.keys())
def test_photos_that_are_dropped(added: int, kept: int, reasons: list[str], limits: Refresh, tmp_path: Path) -> None:
    before = group(tmp_path / "old", numbered(0, 10), kept=numbered(0, 9))
    after = group(tmp_path / "new", numbered(0, 10 + added), kept=[*numbered(0, 9), *numbered(10, 10 + kept)])
    assert dropped_drift(before, after, limits) == reasons


def test_counts_are_by_member(tmp_path: Path) -> None:
    before, after = group(tmp_path / "old", ["a", "b"]), group(tmp_path / "new", ["a", "tavi:c", "tavi:d"])
    assert counts(before, after) == [Count("mira", 2, 1), Count("tavi", 0, 2)]
