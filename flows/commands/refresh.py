"""lineup refresh: new photos and a new model, taken when it is not worse."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from flows.commands.options import AsJson, Group, print_json, stoppable
from flows.project import enter_project
from pipeline.errors import REFUSED


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
    from flows.refreshing import RefusedError
    from flows.watched import watched

    try:
        with stoppable("the same command goes on from there"):
            if os.environ.get("PREFECT_API_URL"):
                from flows.batch import check_server
                from flows.refresh import refresh as in_prefect

                check_server()
                report = in_prefect(group, crawl)
            else:
                report = watched(group, crawl)
    except RefusedError as refusal:
        print(refusal, file=sys.stderr)
        if as_json:
            print(json.dumps({"group": group, "refused": str(refusal)}, indent=2))
        raise typer.Exit(REFUSED) from None
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        print_json(report)
        return
    print(f"{group}: {f'{report.tag} is in use' if report.tag else 'nothing new'}")
    for line in report.changes:
        print(f"  {line}")
