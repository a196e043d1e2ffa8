"""lineup label: names on every face of videos."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import (
    AsJson,
    FancamOf,
    Group,
    Jobs,
    Only,
    Out,
    StyleWanted,
    Threshold,
    UnknownsWanted,
    drawing,
    print_json,
    print_outcome,
    stoppable,
)
from flows.project import enter_project
from pipeline.errors import FAILED
from pipeline.params import read_params


def label(
    videos: Annotated[
        list[str], typer.Argument(metavar="VIDEO", help="Videos, folders of videos, or globs in quotes.")
    ],
    group: Group,
    out: Out = None,
    threshold: Threshold = None,
    style: StyleWanted = None,
    only: Only = None,
    unknowns: UnknownsWanted = None,
    fancam: FancamOf = None,
    jobs: Jobs = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show the work live, one video at a time, on a page of this machine only.")
    ] = False,
    on: Annotated[
        str | None,
        typer.Option(
            help="Where, through Prefect: pool:NAME (a work pool), dask, or a Dask scheduler's tcp:// address."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name every face in videos. One that fails does not stop the others; the exit status is then 1.

    Example: `lineup label concert.mp4 clips/ --group lanterns --fancam Mira --show`
    """
    from flows.capacity import jobs_at_once
    from flows.labelling import Outcome, Request, check_members, check_model, expand, label_all
    from flows.lines import lines
    from flows.live import live_preview
    from flows.report import reported, rows

    if on and (show or jobs):
        raise typer.BadParameter("--on goes with neither --show nor --jobs: its workers say how many at once")
    paths, nothing = expand(videos)
    out = out.resolve() if out else Path("labelled")  # the latter in the project's folder, entered next
    enter_project()
    params = read_params()  # a slip in it is told once, before the first video
    check_model(group)
    check_members(group, [*(fancam or ()), *(only or ())])
    request = Request(
        group, out, threshold, drawing(style, unknowns, only, fancam), silent_s=60 * params.worker.silent_min
    )
    at_once = 1 if show else min(jobs or jobs_at_once(), max(1, len(paths)))
    outcomes: list[Outcome] = []
    with (
        reported("label", group=group) as report,
        live_preview(paths) if show else nullcontext() as live,
        lines() as shown,
        stoppable("the same command goes on from there"),
    ):
        try:
            if on:
                from flows.fleet import label_on

                found = iter(label_on(on, paths, request))
            else:
                found = label_all(paths, request, at_once, shown.watch, live.folder if live else None)
            for outcome in chain(nothing, found):
                outcomes.append(outcome)
                shown.done(outcome.video)
                if live:
                    live.done(outcome)
                if not as_json:
                    print_outcome(outcome)
        finally:
            report["videos"] = rows(outcomes)
    failed = sum(outcome.folder is None for outcome in outcomes)
    if as_json:
        print_json(outcomes)
    elif len(outcomes) > 1:
        print(f"{len(outcomes) - failed} labelled, {failed} failed")
    if failed:
        raise typer.Exit(FAILED)
