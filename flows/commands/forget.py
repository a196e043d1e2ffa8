"""lineup forget: a member or a photo, out of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.completion import members
from flows.commands.options import Group
from flows.project import enter_project

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
    from flows.forgetting import left_to_do, planned

    with planned(group, member, photo) as forgetting:
        whom = forgetting.person.member or "this photo"
        print(f"{whom}: {len(forgetting.person.keys)} photos, {len(forgetting.steps)} things to remove or change")
        for note in forgetting.notes:  # first: what they rest on is gone afterwards
            print(f"note: {note}", flush=True)
        _done(forgetting, yes, dry_run)
    print(left_to_do(group))


def _done(forgetting: Forgetting, yes: bool, dry_run: bool) -> None:
    from flows.forgetting import carry_out

    if dry_run:
        for step in forgetting.steps:
            print(f"would {step.what}: {step.path}")
        return
    if forgetting.steps and not yes:
        typer.confirm("This cannot be undone. Go on?", abort=True)
    for step in carry_out(forgetting):
        print(f"{step.what}: {step.path}", flush=True)
