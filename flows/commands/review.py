"""lineup review: a page on which a person decides about doubtful faces."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import Group
from flows.project import enter_project


def review(
    group: Group,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The page's port; 0: a free one.")
    ] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the address.")] = False,
) -> None:
    """Open a page with the faces that are in doubt; decide by keyboard, mouse or touch. Ctrl-C ends it.

    Example: `lineup review --group lanterns`
    """
    enter_project()
    from flows.groups import folder_of
    from flows.reviewing import review as serve
    from pipeline.loopback import open_browser
    from pipeline.review.desk import Desk

    data = folder_of(group)

    def ready(url: str) -> None:
        print(f"review: {url}  (Ctrl-C ends it)", flush=True)
        if not no_open:
            open_browser(url)

    serve(data, port, ready)
    desk = Desk(data)
    standing = desk.standing(desk.cases())
    if waiting := standing.waiting:
        print(f"\n{waiting} {'decision is' if waiting == 1 else 'decisions are'} not built in yet: run 'dvc repro'")
    else:
        print("\nevery decision is built in" if standing.decided else "\nnothing is decided yet")
