"""Refreshing a group: new photos, a new model, and the new model in use when it is not worse."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import LineupError


class RefusedError(LineupError):
    """A refresh that a check stopped: the model in use stays, and nothing has changed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a refresh did: `tag` of the model it put in use, '' when there was nothing new; and what changed, in words."""

    group: str
    tag: str
    changes: tuple[str, ...] = ()


def refreshed(group: str, crawl: bool = True) -> Report:
    """Refresh a group."""
    raise RefusedError(f"{group}: not built yet (crawl: {crawl})")
