"""Drift: what a refresh brought, against what there was: photos gone, fetches that fail, photos that are dropped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.forgotten import read_forgotten
from pipeline.keys import raw_key
from pipeline.manifest import read_fetches, read_manifest
from pipeline.params import Refresh
from pipeline.records import CURATED
from pipeline.tables import read_table


@dataclass(frozen=True, slots=True)
class Count:
    """Photos of a member before and after."""

    member: str
    before: int
    after: int


def counts(before: Path, after: Path) -> list[Count]:
    """The photos of each member in the group's folders `before` and `after`."""
    old, new = (Counter(read_manifest(data / "raw")["member"]) for data in (before, after))
    return [Count(member, old[member], new[member]) for member in sorted(old | new)]


def raw_drift(before: Path, after: Path, limits: Refresh) -> list[str]:
    """What is wrong with the photos in `after`/raw: a reason each, none when they can be learnt from."""
    return [*_lost(before, after, limits), *_failing(before, after, limits)]


def dropped_drift(before: Path, after: Path, limits: Refresh) -> list[str]:
    """What is wrong with what the stages left of the new photos, when all of them have run on both."""
    old, new = (set(read_manifest(data / "raw")["key"]) for data in (before, after))
    added = new - old
    if not old or len(added) < limits.least:
        return []
    earlier, now = _dropped(before, old), _dropped(after, added)
    if now - earlier <= limits.dropped_jump:
        return []
    return [f"{now:.0%} of {len(added)} new photos were dropped, of earlier ones {earlier:.0%}"]


def _lost(before: Path, after: Path, limits: Refresh) -> list[str]:
    forgotten = read_forgotten(after).photos  # they are gone because somebody wanted it
    old, new = read_manifest(before / "raw"), read_manifest(after / "raw")
    there = new["path"].map(lambda path: (after / "raw" / path).is_file()).astype(bool)
    left = set(zip(new["member"][there], new["key"][there], strict=True))
    reasons = []
    for member, keys in old.groupby("member")["key"]:
        wanted = [key for key in keys if key not in forgotten]
        gone = sum((member, key) not in left for key in wanted)
        if gone > limits.most_lost * len(wanted):
            reasons.append(f"{gone} of {len(wanted)} photos of {member} are gone")
    return reasons


def _failing(before: Path, after: Path, limits: Refresh) -> list[str]:
    old, new = read_fetches(before / "raw"), read_fetches(after / "raw")
    known = set(zip(old["member"], old["url"], old["fetched_at"], strict=True))
    fresh = [one not in known for one in zip(new["member"], new["url"], new["fetched_at"], strict=True)]
    now = new[fresh]
    if len(now) < limits.least or len(old) < limits.least:
        return []
    failed, earlier = _failed(now), _failed(old)
    if failed - earlier <= limits.failed_jump:
        return []
    commonest = now["reason"][now["reason"] != ""].mode()[0]
    return [f"{failed:.0%} of {len(now)} fetches brought no photo, most often '{commonest}'; earlier {earlier:.0%}"]


def _failed(fetches: pd.DataFrame) -> float:
    return float((fetches["key"] == "").mean())  # an identical file has a key: it did come


def _dropped(data: Path, keys: set[str]) -> float:
    curated = read_table(data / "curated.parquet", CURATED)["key"]
    kept = {raw_key(key) for key in curated}
    return 1.0 - len(keys & kept) / len(keys)
