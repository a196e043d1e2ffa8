"""Groups: which there are, and what has to be there of one before a command begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import LineupError
from pipeline.names import RESERVED, check_group


def folder_of(group: str) -> Path:
    """The folder of a group that has a roster; LineupError tells which groups there are."""
    data = Path("data") / check_group(group)
    if not (data / "roster.yaml").is_file():
        raise _unknown(group)
    return data


def check_model(group: str) -> None:
    """LineupError when `group` has no model to label with, which says what to do."""
    if (Path("models") / check_group(group) / "model.json").is_file():
        return
    if (Path("data") / group / "roster.yaml").is_file():
        raise LineupError(f"{group} has no model yet: run 'dvc repro' first (or 'dvc pull' if somebody else built it)")
    raise _unknown(group)


def check_members(group: str, names: Iterable[str]) -> None:
    """LineupError when one of `names` is no member of `group`, before any work is done."""
    if not (wanted := list(names)):
        return
    from pipeline.roster import read_roster  # these load pandas, which the command line else does not wait for
    from pipeline.video.shown import member_keys

    member_keys(read_roster(Path("data") / group), wanted)


def _unknown(group: str) -> LineupError:
    found = (*Path("models").glob("*/model.json"), *Path("data").glob("*/roster.yaml"))
    groups = sorted({path.parent.name for path in found} - RESERVED)
    there = f"there are: {', '.join(groups)}" if groups else "there is none yet, 'lineup import' brings one in"
    return LineupError(f"no group is called {group!r}; {there}")
