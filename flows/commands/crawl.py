"""lineup crawl: photos of a group from the web."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.completion import members
from flows.commands.options import AsJson, Group, print_json, print_warnings, stoppable
from flows.project import enter_project
from pipeline.errors import DatasetError
from pipeline.words import counted

if TYPE_CHECKING:
    from pipeline.crawl.crawl import Tally


def crawl(
    group: Group,
    member: Annotated[
        list[str] | None,
        typer.Option(
            "--member", metavar="MEMBER", autocompletion=members, help="Only this member. May be given several times."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help="New photos per member at most; that of params.yaml if not given."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring in new photos of a group from the sources in its roster. Again: only what is new is fetched.

    Example: `lineup crawl --group lanterns --member mira --limit 20`
    """
    enter_project()
    from flows.crawling import crawl

    tallies = []
    with stoppable("what was fetched is kept, the same command goes on from there"):
        for tally in crawl(group, tuple(member or ()), limit):
            tallies.append(tally)
            if not as_json:
                _print_tally(tally)
            print_warnings(f"{tally.member}: {warning}" for warning in tally.warnings)
    kept = sum(tally.kept.total() for tally in tallies)
    if as_json:
        print_json(tallies)
    if any(tally.warnings for tally in tallies) and not any(tally.brought for tally in tallies):
        raise DatasetError(f"{group}: no photo was added; the warnings above say why")
    if not as_json:
        print(
            f"{group}: {counted(kept, 'photo')} added; data/{group}/raw/fetches.parquet says what came of every fetch"
        )
        print("next: run 'dvc repro'")


def _print_tally(tally: Tally) -> None:
    print(f"{tally.member}: {counted(tally.kept.total(), 'photo')} added, {tally.known} fetched before", flush=True)
    for source in sorted(tally.kept.keys() | tally.not_kept.keys()):
        reasons = tally.not_kept.get(source, Counter())
        why = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        print(f"  {source}: {tally.kept[source]} added, {reasons.total()} not" + (f" ({why})" if why else ""))
