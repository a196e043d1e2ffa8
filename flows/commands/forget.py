"""lineup forget: a member or a photo, out of everything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.completion import members
from flows.commands.options import Group
from flows.project import enter_project
from pipeline.errors import LineupError
from pipeline.words import counted

if TYPE_CHECKING:
    from flows.forgetting import Forgetting


def forget(
    group: Group,
    member: Annotated[
        str | None, typer.Argument(metavar="MEMBER", autocompletion=members, help="A member, by key or name shown.")
    ] = None,
    photo: Annotated[
        str | None,
        typer.Option("--photo", metavar="KEY", help="Forget this photo only; 8 characters of its key or more."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed and changed.")] = False,
) -> None:
    """Remove a member or a photo from photos, tables, decisions and models; if stopped, the same again goes on.

    Example: `lineup forget Mira --group lanterns --dry-run`
    """
    enter_project()
    from flows.forgetting import keys_of, left_to_do, planned

    if (member is None) == (photo is None):
        raise typer.BadParameter(f"name either a member ({', '.join(keys_of(group))}) or a photo, by --photo KEY")
    with planned(group, member, photo) as forgetting:
        whom = forgetting.person.member or "this photo"
        photos, things = counted(len(forgetting.person.keys), "photo"), counted(len(forgetting.steps), "thing")
        print(f"{whom}: {photos}, {things} to remove or change")
        for note in forgetting.notes:  # first: what they rest on is gone afterwards
            print(f"note: {note}", flush=True)
        _done(forgetting, yes, dry_run)
    if forgetting.notes:
        print(f"{counted(len(forgetting.notes), 'note')} above: look at them, nothing was done about what they name")
    if not dry_run:
        print(left_to_do(group))


def _done(forgetting: Forgetting, yes: bool, dry_run: bool) -> None:
    from flows.forgetting import carry_out

    if dry_run:
        for step in forgetting.steps:
            print(f"would {step.what}: {step.path}")
        return
    if forgetting.steps and not (yes or _confirmed()):
        raise LineupError("nothing was removed: answer 'y', or say --yes")
    for step in carry_out(forgetting):
        print(f"{step.what}: {step.path}", flush=True)


def _confirmed() -> bool:
    try:
        return typer.confirm("This cannot be undone. Go on?", err=True)
    except typer.Abort:  # nobody is there to answer
        print(file=sys.stderr)
        return False
