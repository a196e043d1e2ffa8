"""lineup refresh: new photos and a new model, taken when it is not worse."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import Group
from flows.project import enter_project


def refresh(
    group: Group,
    crawl: Annotated[
        bool, typer.Option("--crawl/--no-crawl", help="Whether to crawl, or to take what was imported since.")
    ] = True,
) -> None:
    """Bring a group up to date: crawl, check, build, compare with the model in use, and take the new one if not worse.

    Example: `lineup refresh --group lanterns`
    """
    enter_project()
    from flows.refreshing import refreshed

    print(refreshed(group, crawl))
