"""What is asked of the labelling of videos, now or from the queue: checked once, before the first of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flows.project import enter_project
from pipeline.params import Style, Unknowns

if TYPE_CHECKING:
    from flows.label.request import Request


def requested(
    group: str,
    out: Path | None,
    threshold: float | None,
    style: Style | None,
    unknowns: Unknowns | None,
    only: list[str] | None,
    fancam: list[str] | None,
) -> Request:
    """Enter the project, and tell how its videos are to be labelled; LineupError when that cannot be done."""
    from flows.groups import check_members, check_model
    from flows.label.request import Request, patience_s

    out = out.resolve() if out else Path("labelled")  # the latter in the project's folder, entered next
    enter_project()
    silent_s = patience_s()  # a slip in params.yaml is told first
    check_model(group)
    check_members(group, [*(fancam or ()), *(only or ())])
    out.mkdir(parents=True, exist_ok=True)  # where it cannot be, that is told once, before any work
    given = [f"--{name}={value}" for name, value in (("style", style), ("unknowns", unknowns)) if value]
    given += [f"--only={member}" for member in only or ()]
    given += [f"--fancam={member}" for member in fancam or ()]
    return Request(group, out, threshold, tuple(given), silent_s=silent_s)
