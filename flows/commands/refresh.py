"""lineup refresh: new photos and a new model, taken when it is not worse."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, Group, print_json, print_warnings, stoppable
from flows.project import enter_project
from pipeline.errors import REFUSED

if TYPE_CHECKING:
    from flows.refresh.ready import Report


def refresh(
    group: Group,
    crawl: Annotated[
        bool,
        typer.Option(
            "--crawl/--no-crawl",
            help="Crawl what is new; or take photos, roster and decisions as they are in the group's folder.",
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Crawl a group, check the photos, build, compare with the model in use, and take the new one if it is not worse.

    Example: `lineup refresh --group lanterns`
    """
    enter_project()
    from flows.refresh.run import RefusedError

    try:
        with stoppable("the same command goes on from there"):
            report = _refreshed(group, crawl)
    except RefusedError as refusal:
        print(refusal, file=sys.stderr)
        if as_json:
            print(json.dumps({"group": group, "refused": str(refusal)}, indent=2))
        raise typer.Exit(REFUSED) from None
    print_warnings(report.warnings)
    if as_json:
        print_json(report)
        return
    print(f"{group}: {f'{report.tag} is in use' if report.tag else 'nothing new'}")
    for line in report.changes:
        print(f"  {line}")


def _refreshed(group: str, crawl: bool) -> Report:
    """Do it, as a run of Prefect if there is a server."""
    if not os.environ.get("PREFECT_API_URL"):
        from flows.refresh.logged import logged

        return logged(group, crawl)
    from flows.prefect_server import check_server
    from flows.refresh.flow import refresh as in_prefect

    check_server()
    return in_prefect(group, crawl)
