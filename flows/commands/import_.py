"""lineup import: photos of a group from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import AsJson, Group, print_json, print_warnings, stoppable
from flows.project import enter_project
from pipeline.words import counted


def import_(
    photos: Annotated[
        Path, typer.Argument(metavar="PHOTOS", help="A folder that holds one folder of photos per member.")
    ],
    group: Group,
    as_json: AsJson = False,
) -> None:
    """Bring a group's photos in. Again, with more photos: only what is new is added.

    Example: `lineup import ~/photos/lanterns --group lanterns`
    """
    photos = photos.resolve()
    enter_project()
    from flows.importing import import_group

    with stoppable("the same command goes on from there"):
        report = import_group(photos, group)
    print_warnings(report.warnings)
    if as_json:
        print_json(report)
        return
    print(
        f"{group}: {counted(len(report.members), 'member')}, {counted(report.added, 'photo')} added, "
        f"{report.present} were there already, {report.duplicates} found twice"
        + (f", {report.forgotten} left out: forgotten" if report.forgotten else "")
    )
    print(f"next: see data/{group}/roster.yaml for names and colours, then run 'dvc repro'")
