"""Findings: what a refresh brought, in words and numbers: for the commit, the command line and Prefect."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.refresh.staging import Staging, metrics_file
from pipeline.card.provenance import lost
from pipeline.evaluation.compare import Comparison
from pipeline.evaluation.drift import Count, counts


@dataclass(frozen=True, slots=True)
class Findings:
    """Photos of each member, dropped pictures by stage and reason, and metrics, before and after; what speaks against.

    `comparisons` are of the new model with the one in use; `confusion` is the new one's picture of it.
    """

    group: str
    photos: tuple[Count, ...]
    dropped: tuple[tuple[str, int, int], ...] = ()
    metrics: tuple[tuple[str, Any, Any], ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    confusion: Path | None = None
    reasons: tuple[str, ...] = ()

    def photos_line(self) -> str:
        """How many photos there were and are, and whose they are that came or went."""
        before, after = (sum(getattr(one, when) for one in self.photos) for when in ("before", "after"))
        by_member = ", ".join(
            f"{one.member} {one.after - one.before:+}" for one in self.photos if one.after != one.before
        )
        return f"photos: {before} -> {after}" + (f" ({by_member})" if by_member else "")

    def lines(self) -> Iterator[str]:
        """What changed, a line each."""
        yield self.photos_line()
        if self.metrics:
            measured = {name: values for name, *values in self.metrics}
            was, now = map(_share, measured["accuracy"], measured["n_test"])
            yield f"accuracy on the test side: {was} -> {now}"
        if self.comparisons:
            yield "on the test photos of both:"
            yield from (f"  {comparison}" for comparison in self.comparisons)


def of_photos(place: Staging, reasons: list[str]) -> Findings:
    """What there is to say before anything is built."""
    return Findings(place.group, tuple(_photos(place)), reasons=tuple(reasons))


def of_models(place: Staging, comparisons: list[Comparison], reasons: list[str]) -> Findings:
    """What there is to say when the new model is there."""
    old, new = (_dropped(root / "data" / place.group) for root in (place.before, place.project))
    dropped = tuple((name, old[name], new[name]) for name in sorted(old | new))
    was, now = (_metrics(root / metrics_file(place.group)) for root in (place.before, place.project))
    names = ("accuracy", "n_test", "n_train", "macro_f1", "named_right", "named_wrong", "false_name_rate", "classifier")
    metrics = tuple((name, was.get(name), now.get(name)) for name in names)
    picture = place.project / "metrics" / place.group / "pictures" / "confusion.png"
    return Findings(
        place.group, tuple(_photos(place)), dropped, metrics, tuple(comparisons), picture, tuple(reasons)
    )  # fmt: skip


def _photos(place: Staging) -> list[Count]:
    return counts(place.before / "data" / place.group, place.data)


def _dropped(data: Path) -> Counter[str]:
    return Counter({f"{one.stage}: {one.reason}": one.pictures for one in lost(data)})


def _metrics(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _share(share: float | None, count: int | None) -> str:
    return f"{share:.1%} of {count}" if share is not None else "not measured"
