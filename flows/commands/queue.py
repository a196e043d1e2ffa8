"""lineup queue: videos that workers label, one after the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import (
    AsJson,
    FancamOf,
    Group,
    Only,
    Out,
    StyleWanted,
    Threshold,
    UnknownsWanted,
    print_json,
    print_outcome,
)
from flows.commands.request import requested
from flows.project import enter_project
from pipeline.errors import FAILED

if TYPE_CHECKING:
    from flows.label.request import Outcome
    from flows.queue.submit import Submitted

queue = typer.Typer(
    help="Queue videos that workers label.\n\nExample: `lineup queue add clips/ --group lanterns`", no_args_is_help=True
)

Ids = Annotated[list[str] | None, typer.Argument(metavar="JOB", help="The first letters of jobs' ids.")]


@queue.command()
def add(
    group: Group,
    videos: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO", help="Videos, folders of videos, or globs in quotes.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--watch",
            metavar="DIR",
            file_okay=False,
            help="Have the workers queue whatever comes to lie in this folder.",
        ),
    ] = None,
    priority: Annotated[
        int, typer.Option("--priority", metavar="N", help="Those with the highest are done first.")
    ] = 0,
    out: Out = None,
    threshold: Threshold = None,
    style: StyleWanted = None,
    only: Only = None,
    unknowns: UnknownsWanted = None,
    fancam: FancamOf = None,
    as_json: AsJson = False,
) -> None:
    """Queue videos, to be labelled with the model that the group has now. What is queued already stays as it is.

    Example: `lineup queue add clips/ "tour/**/*.mp4" --group lanterns --priority 5`
    """
    from flows.label.request import expand
    from flows.queue.store import Queue
    from flows.queue.submit import Submitted, submit
    from flows.queue.watch import watch
    from pipeline.progress import track

    if not videos and not folder:
        raise typer.BadParameter("name videos, or a folder to --watch")
    paths, refused = expand(videos or [])
    watched = folder.resolve() if folder else None
    request = requested(group, out, threshold, style, unknowns, only, fancam)
    with Queue() as jobs:
        if watched:
            watch(jobs, watched, request, priority)
        submitted = submit(jobs, track(paths, "reading"), request, priority) if videos else Submitted([], [], [])
    if watched and not as_json:
        print(f"{watched}: watched by 'lineup worker' from now on")
    if videos or as_json:
        _print_submitted(submitted, [*refused, *submitted.refused], as_json)
    if refused or submitted.refused:
        raise typer.Exit(FAILED)


def _print_submitted(submitted: Submitted, refused: list[Outcome], as_json: bool) -> None:
    if as_json:
        known = [{"id": job.id, "state": job.state} for job in submitted.known]
        print_json({"queued": [one.id for one in submitted.new], "known": known, "refused": refused})
        return
    states = Counter(job.state for job in submitted.known)
    there = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    print(f"{len(submitted.new)} queued" + (f", there already: {there}" if there else ""))
    for outcome in refused:
        print_outcome(outcome)


@queue.command("list")
def list_(
    as_json: AsJson = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep it up to date until Ctrl-C.")] = False,
) -> None:
    """Show what waits, what runs and how far it is, what is done and where, and what failed and why.

    Example: `lineup queue list --follow`
    """
    from flows.queue.job import STATES
    from flows.queue.store import Queue
    from flows.queue.table import followed, row_of, shown

    enter_project()
    with Queue() as jobs:
        if as_json:
            print_json([row_of(job) for job in jobs.jobs(*STATES)])
        elif follow:
            followed(jobs)
        else:
            shown(jobs)


@queue.command()
def retry(
    ids: Ids = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
) -> None:
    """Let jobs that failed, were cancelled or are done have another go, with the model they were queued with.

    Example: `lineup queue retry --failed`
    """
    from flows.queue.store import Queue

    if not ids and not failed:
        raise typer.BadParameter("name jobs, or say --failed")
    enter_project()
    with Queue() as jobs:
        wanted = [jobs.find(one) for one in ids or ()] + (jobs.jobs("failed") if failed else [])
        print(f"{jobs.retry(wanted)} queued again")


@queue.command()
def cancel(
    ids: Ids = None,
    folder: Annotated[
        Path | None, typer.Option("--watch", metavar="DIR", help="Watch this folder no longer; its jobs stay.")
    ] = None,
) -> None:
    """Take jobs out that wait or run; what they had begun is kept for another go.

    Example: `lineup queue cancel 3f9a20 --watch incoming/`
    """
    from flows.queue.store import Queue
    from flows.queue.watch import unwatch, watches

    if not ids and not folder:
        raise typer.BadParameter("name jobs, or a folder to --watch no longer")
    watched = folder.resolve() if folder else None
    enter_project()
    with Queue() as jobs:
        if watched:
            gone = [one for one in watches(jobs) if one.folder == watched]
            unwatch(jobs, gone)
            print(f"{watched}: {'not watched any more' if gone else 'was not watched'}")
        if ids:
            found = {job.id: job for job in map(jobs.find, ids)}.values()
            cancelled = jobs.cancel(found)
            ended = len(found) - cancelled
            print(f"{cancelled} cancelled" + (f", {ended} had ended already" if ended else ""))
