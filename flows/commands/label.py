"""lineup label: names on every face of videos."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
    end,
    print_outcome,
    stoppable,
)
from flows.commands.request import requested

LEFT: Final = "what was handed out may go on there, and the same command hands out every video anew"

if TYPE_CHECKING:
    from flows.label.request import Outcome, Request


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
            metavar="WHERE",
            help="Where, through Prefect: pool:NAME (a work pool), dask, or a Dask scheduler's tcp:// address.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name every face in videos. One that fails does not stop the others; the exit status is then 1.

    Example: `lineup label concert.mp4 clips/ --group lanterns --fancam Mira --show`
    """
    from flows.label.capacity import jobs_at_once
    from flows.label.request import expand
    from flows.report import reported, rows

    if on and (show or jobs):
        raise typer.BadParameter("--on goes with neither --show nor --jobs: its workers say how many at once")
    paths, nothing = expand(videos)
    request = requested(group, out, threshold, style, unknowns, only, fancam)
    found = _on(on, paths, request) if on else _here(paths, request, jobs or jobs_at_once(), show)
    outcomes: list[Outcome] = []
    with (
        stoppable(LEFT if on else "the same command goes on from there"),
        reported("label", group=group) as report,
        closing(found),
    ):
        try:
            for outcome in chain(nothing, found):
                outcomes.append(outcome)
                if not as_json:
                    print_outcome(outcome)
        finally:
            report["videos"] = rows(outcomes)
    end(outcomes, sum(outcome.folder is None for outcome in outcomes), as_json)


def _here(paths: list[Path], request: Request, jobs: int, show: bool) -> Generator[Outcome]:
    """Label on this machine, with a line for each video in hand; to `show`, one by one on a page."""
    from flows.label.lines import lines
    from flows.label.live import live_preview
    from flows.label.run import label_all

    with live_preview(paths) if show else nullcontext() as live, lines() as shown:
        at_once = 1 if show else min(jobs, max(1, len(paths)))
        for outcome in label_all(paths, request, at_once, shown.watch, live.folder if live else None):
            shown.done(outcome.video)
            if live:
                live.done(outcome)
            yield outcome


def _on(where: str, paths: list[Path], request: Request) -> Generator[Outcome]:
    from flows.label.fleet import label_on

    yield from label_on(where, paths, request)
