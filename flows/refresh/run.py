"""Refreshing a group: new photos, a new model, and the new model in use when it is not worse.

Nothing of the workspace changes before the promotion: the work is done in the folder of staging.py, where a refresh
that was refused or killed is gone on with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flows.project import dvc_heard, dvc_on_tether
from flows.refresh import git
from flows.refresh.blobs import new_blobs
from flows.refresh.findings import Findings, of_models, of_photos
from flows.refresh.promotion import finish, prefix, promote
from flows.refresh.ready import Report, printed_if_it_fails, ready
from flows.refresh.staging import SHARED, Staging, discard, kept_in_git, metrics_file, staged
from flows.refresh.turns import one_at_a_time
from pipeline.crawl.crawl import crawl_group
from pipeline.crawl.fetch import Fetcher
from pipeline.decisions import start_decisions
from pipeline.errors import LineupError
from pipeline.evaluation.compare import Comparison, compare, unlearnt
from pipeline.evaluation.drift import dropped_drift, raw_drift
from pipeline.names import check_group
from pipeline.params import Params, Refresh, read_params

Step = Callable[[str, Callable[[], Any]], Any]
"""Does a step, which has a name for whoever watches, and gives what it gives."""
Show = Callable[[Findings], None]


class RefusedError(LineupError):
    """A refresh that a check stopped: the model in use stays, and nothing in the workspace has changed."""


def plainly(_: str, work: Callable[[], Any]) -> Any:
    """Do a step that nobody watches."""
    return work()


def refreshed(group: str, crawl: bool = True, step: Step = plainly, show: Show = lambda _: None) -> Report:
    """Refresh a group: from a crawl, or from the photos and decisions that lie in its folder, committed or not.

    Raises RefusedError when a check stops it, and LineupError when it cannot begin or go on.
    """
    with one_at_a_time():
        done = finish(Staging(check_group(group)))
        if done and not done.promotion.only_push:
            return Report(group, done.promotion.tag, tuple(done.promotion.message.splitlines()))
        warnings = done.warnings if done else ()
        with printed_if_it_fails(warnings):
            report = _refreshed(group, crawl, step, show)
        return replace(report, warnings=(*warnings, *report.warnings))


def _refreshed(group: str, crawl: bool, step: Step, show: Show) -> Report:
    head, params = ready(group, take=not crawl), read_params()
    place: Staging = step("stage", partial(staged, group, head.commit))
    warnings = _crawl(place, params, step) if crawl else []
    step("add", partial(dvc_heard, place.project, "add", f"data/{group}/raw"))
    _stop(place, show, of_photos(place, _raw_faults(place, params.refresh)))
    step("build", partial(dvc_on_tether, place.project, "repro", f"validate@{group}", f"datasheet@{group}"))
    findings = step("compare", partial(_judged, place, params))
    _stop(place, show, findings)
    now = _still(head, group)
    blobs = new_blobs(place.project, group, (*kept_in_git(group), metrics_file(group)), now.commit)
    if not blobs:
        discard(place)
        return Report(group, "", warnings=tuple(warnings))
    tags = _next_tags(place, head.commit)
    tag, lines = list(tags)[-1], tuple(findings.lines())
    message = "\n".join([f"Refresh {group}: {tag}", "", *lines])
    step("promote", partial(promote, place, now, blobs, message, tags))
    return Report(group, tag, lines, tuple(warnings))


def _crawl(place: Staging, params: Params, step: Step) -> list[str]:
    """Crawl one member after the other: a host's delay holds for all of them, and what is down is down for all."""
    start_decisions(place.data)
    home = Path("data", place.group)

    def crawled(member: str, work: Callable[[], Any]) -> Any:
        return step(f"crawl {member}", work)

    tallies = list(crawl_group(home, params, Fetcher(params.crawl), into=place.data, step=crawled))
    warnings = [f"{tally.member}: {warning}" for tally in tallies for warning in tally.warnings]
    if warnings and not any(tally.brought for tally in tallies):
        raise LineupError(f"{place.group}: no source brought anything: {warnings[0]}")
    return warnings


def _raw_faults(place: Staging, limits: Refresh) -> list[str]:
    return raw_drift(place.before / "data" / place.group, place.data, limits) if place.has_model else []


def _judged(place: Staging, params: Params) -> Findings:
    """The new model against the one in use; without one there is nothing to compare."""
    if not place.has_model:
        return of_models(place, [], [])
    reasons = dropped_drift(place.before / "data" / place.group, place.data, params.refresh)
    compared: list[Comparison] = compare(place.before, place.project, place.group, params)
    if not compared:
        reasons.append("no test photo is left on which to compare the models: build and commit it by hand")
    reasons += [
        f"the new model does not know {one}" for one in unlearnt(place.before, place.project, place.group, params)
    ]
    reasons += [f"the new model is worse: {one}" for one in compared if one.is_worse(params.refresh)]
    return of_models(place, compared, reasons)


def _stop(place: Staging, show: Show, findings: Findings) -> None:
    """Show what was found, if there is something to say; RefusedError when something speaks against it."""
    if findings.reasons or findings.metrics:
        show(findings)
    if findings.reasons:
        kept = place.data.relative_to(Path.cwd())
        raise RefusedError(
            f"{place.group}: refused: {'; '.join(findings.reasons)}. "
            f"The model in use stays; {findings.photos_line()}, kept in {kept}"
        )


def _still(head: git.Head, group: str) -> git.Head:
    """Where the project stands now, if nothing that the model was built from was committed meanwhile."""
    now = git.head()
    watched = [*SHARED[1:], "pipeline", metrics_file(group), *kept_in_git(group)]
    if now.ref != head.ref or git.changed(head.commit, now.commit, watched):
        raise LineupError("the project has changed meanwhile: run the same again, what is done is kept")
    return now


def _next_tags(place: Staging, commit: str) -> dict[str, str]:
    """The tag of the model to come, '', and before the first one that of the model in use, so that one can go back."""
    begin = prefix(place.group)
    numbers = list(git.tags(begin))
    if numbers or not place.has_model:
        return {f"{begin}{max(numbers, default=0) + 1}": ""}
    return {f"{begin}1": commit, f"{begin}2": ""}
