"""lineup rollback: an earlier model in use again."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import AsJson, Group, print_json, print_warnings
from flows.project import enter_project


def rollback(
    group: Group,
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            metavar="N",
            min=1,
            help="The number of a tag model/GROUP/N; the model before the present one if not given.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier model of a group in use, with its metrics and photos, as a new commit.

    Example: `lineup rollback --group lanterns --to 1`
    """
    enter_project()
    from flows.refresh.rollback import rolled_back

    report = rolled_back(group, to)
    print_warnings(report.warnings)
    if as_json:
        print_json(report)
        return
    print(f"{group}: {f'{report.tag} is in use again, by a new commit' if report.tag else 'that model is in use'}")
    for line in report.changes:
        print(f"  {line}")
