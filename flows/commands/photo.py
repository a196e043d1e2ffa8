"""lineup photo: names on every face of photos."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, Group, end, stoppable
from flows.project import enter_project
from pipeline.params import read_params

if TYPE_CHECKING:
    from flows.photos import Outcome


def photo(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Photos, folders of photos, or globs in quotes.")
    ],
    group: Group,
    everyone_once: Annotated[
        bool, typer.Option("--everyone-once", help="Every member is in each photo, once: give every name.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            file_okay=False,
            help="Where the results go; labelled/photos/ of the project if not given.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name every face in photos. One that fails does not stop the others; the exit status is then 1.

    Example: `lineup photo backstage.jpg holiday/ --group lanterns --everyone-once`
    """
    from flows.groups import check_model
    from flows.photos import expand, label_photos
    from pipeline.photo.label import PhotoLabeller
    from pipeline.progress import track

    paths, nothing = expand(images)
    out = out.resolve() if out else Path("labelled", "photos")  # the latter in the project's folder, entered next
    enter_project()
    params = read_params()
    check_model(group)
    out.mkdir(parents=True, exist_ok=True)  # where it cannot be, that is told once
    outcomes = []
    with stoppable("what is done is kept"):
        labelled = label_photos(paths, PhotoLabeller(group, params, everyone_once), out) if paths else ()
        for outcome in chain(nothing, track(labelled, "photos", len(paths))):
            outcomes.append(outcome)
            if not as_json:
                _print_outcome(outcome, f"{len(outcomes)}/{len(paths) + len(nothing)} ")
    end(outcomes, sum(outcome.picture is None for outcome in outcomes), as_json)


def _print_outcome(outcome: Outcome, place: str) -> None:
    from pipeline.records import UNKNOWN
    from pipeline.words import printable

    named = [member for member in outcome.members if member != UNKNOWN]
    unknown = len(outcome.members) - len(named)
    who = ", ".join([*named, *([f"{unknown} unknown"] if unknown else [])]) or "no face"
    what = f"{outcome.picture}: {who}" if outcome.picture else f"failed: {outcome.error}"
    print(printable(f"{place}{outcome.photo.name}: {what} ({outcome.seconds:.1f} s)"), flush=True)
    for warning in outcome.warnings:
        print(printable(f"  warning: {warning}"), flush=True)
